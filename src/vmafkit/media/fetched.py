"""The folder of fetched copies: which of them are in use, and which go when it grows too large.

A copy is in use as long as somebody holds its lock, which ends with the process at the latest.
The locks lie beside the copies and stay, so that no one waits for a lock that was removed.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import StoreError

_LOCKS = ".locks"
_FETCH_S = 3600.0
_HOLD_S = 60.0
_guard = threading.Lock()
_held: dict[Path, fsio.FileLock] = {}


@dataclass(frozen=True, slots=True)
class _Copy:
    name: str
    size_bytes: int
    used_s: float


def fetching(room: Path, name: str) -> fsio.FileLock:
    """The lock under which a copy is fetched, taken into use, or removed."""
    fsio.ensure_folder(room / _LOCKS)
    return fsio.FileLock(room / _LOCKS / f"{name}.lock", timeout_s=_FETCH_S)


def hold(room: Path, name: str, until: contextlib.ExitStack | None) -> None:
    """Say that a copy is in use, inside of `fetching`.

    Args:
        until: its end ends the use; None for the end of this process.

    Raises: StoreError.
    """
    use = room / _LOCKS / f"{name}.use"
    lock = fsio.FileLock(use, timeout_s=_HOLD_S, shared=True)
    if until is not None:
        until.enter_context(lock)
    else:
        with _guard:
            if use not in _held:
                _held[use] = lock.__enter__()
    # Only the order of removal depends on it.
    with contextlib.suppress(OSError):
        fsio.touch(use)


def trim(room: Path, most_bytes: int) -> None:
    """Remove the copies that were not used for longest, until the rest is no larger than this.

    What is in use stays, however large it is.
    """
    copies = sorted(_copies(room), key=lambda each: each.used_s)
    total = sum(each.size_bytes for each in copies)
    for each in copies:
        if total <= most_bytes:
            return
        locks = room / _LOCKS
        # A copy that is in use, or cannot be removed, does not stop the run.
        with (
            contextlib.suppress(StoreError),
            fsio.FileLock(locks / f"{each.name}.lock"),
            fsio.FileLock(locks / f"{each.name}.use"),
        ):
            fsio.remove_folder(room / each.name)
            total -= each.size_bytes


def _copies(room: Path) -> list[_Copy]:
    found: list[_Copy] = []
    for folder in room.iterdir():
        if folder.name == _LOCKS or not folder.is_dir():
            continue
        use = room / _LOCKS / f"{folder.name}.use"
        # Another process may remove them meanwhile.
        with contextlib.suppress(FileNotFoundError):
            size_bytes = sum(file.stat().st_size for file in folder.iterdir())
            used = use if use.exists() else folder
            found.append(_Copy(folder.name, size_bytes, used.stat().st_mtime))
    return found
