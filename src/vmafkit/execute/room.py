"""Memory that things running beside each other share."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from vmafkit.decide.workers import MEMORY_SHARE, trial_bytes
from vmafkit.errors import Cancelled
from vmafkit.execute.cluster.current import current
from vmafkit.execute.machine import free_memory_bytes
from vmafkit.media.source import Source

_POLL_S = 0.1


class Room:
    """Lets a thing start once those that run leave it enough memory; one may always run.

    Args:
        most_bytes: what all take together; None for no bound.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted_bytes: int, cancel: threading.Event) -> Generator[None]:
        """Hold so much while the body runs.

        Raises:
            Cancelled: `cancel` was set before there was room.
        """
        if self._most_bytes is None:
            yield
            return
        with self._changed:
            while self._held_bytes and self._held_bytes + wanted_bytes > self._most_bytes:
                if cancel.is_set():
                    raise Cancelled("the work was stopped")
                self._changed.wait(_POLL_S)
            self._held_bytes += wanted_bytes
        try:
            yield
        finally:
            with self._changed:
                self._held_bytes -= wanted_bytes
                self._changed.notify_all()


def room_here() -> Room:
    """What this machine and the user's bound leave; no bound where a cluster does the work."""
    free = None if current() is not None else free_memory_bytes()
    return Room(None if free is None else int(free * MEMORY_SHARE))


def pair_bytes(reference: Source, distorted: Source) -> int:
    """About the most memory that scoring a pair takes, in bytes."""
    sizes = [side.display_size for side in (reference, distorted)]
    depth = max(reference.bit_depth, distorted.bit_depth)
    return trial_bytes(max(w for w, _ in sizes), max(h for _, h in sizes), depth)
