"""The cluster that this process measures on, while it is connected to one."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmafkit.execute.cluster.client import Cluster

_connected: list[Cluster] = []


def current() -> Cluster | None:
    """The cluster, or None to measure on this machine."""
    return _connected[-1] if _connected else None


@contextlib.contextmanager
def use(cluster: Cluster) -> Generator[None]:
    """Measure on this cluster from now on, in every thread of the process."""
    _connected.append(cluster)
    try:
        yield
    finally:
        _connected.remove(cluster)
