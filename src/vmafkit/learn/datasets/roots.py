"""Which folder a data set lies in: flags first, then the environment."""

from __future__ import annotations

from pathlib import Path

from vmafkit import settings
from vmafkit.errors import UsageError
from vmafkit.learn.confine import data_root
from vmafkit.learn.datasets.base import Query


def flag_or_environment(query: Query) -> Path:
    """`--data-root`, else `VMAF_DATA_ROOT`.

    Raises:
        UsageError: neither is given.
        Unreadable: it is not a folder that can be read.
    """
    root = query.root or settings.data_root_from_environment()
    if root is None:
        raise UsageError("no data root was named", hint="give --data-root or set VMAF_DATA_ROOT")
    return data_root(root, flag="--data-root" if query.root else "VMAF_DATA_ROOT")


def own_or_child(query: Query, name: str) -> Path:
    """The data root itself, or its folder of that name when there is one."""
    root = flag_or_environment(query)
    child = root / name
    return data_root(child) if child.is_dir() else root
