"""Ends its process at the n-th passage of a named point, as a loss of power would."""

from __future__ import annotations

import os
import threading
from typing import Any

from vmafkit import fsio
from vmafkit.execute import measuring
from vmafkit.fsio import disk
from vmafkit.store import claims
from vmafkit.store.trials import TrialStore

# Where each point lies: the owner of the function, its name, and before, inside or after it.
POINTS: dict[str, tuple[Any, str, str]] = {
    "before-write": (disk, "write", "before"),
    "mid-write": (disk, "write", "inside"),
    "after-write": (disk, "write", "after"),
    "after-row-sync": (disk, "fdatasync", "after"),
    "before-file-sync": (disk, "fsync", "before"),
    "before-replace": (disk, "replace", "before"),
    "after-replace": (disk, "replace", "after"),
    "before-folder-sync": (disk, "sync_folder", "before"),
    "claim-not-committed": (claims, "take", "after"),
    "claimed": (TrialStore, "claim", "after"),
    "record-not-committed": (claims, "drop", "before"),
    "recorded": (TrialStore, "put", "after"),
    "before-encode": (measuring, "encode_cell", "before"),
    "encoded": (measuring, "encode_cell", "after"),
    "scored": (measuring, "score_cell", "after"),
    "before-keeping": (fsio, "copy_atomic", "before"),
    "kept": (fsio, "copy_atomic", "after"),
}
MARK = "killpoint reached\n"


def install(point: str, nth: int) -> None:
    """End at the n-th passage, after saying so on standard error."""
    owner, name, where = POINTS[point]
    real = getattr(owner, name)
    guard = threading.Lock()
    passed = 0

    def end() -> None:
        nonlocal passed
        with guard:
            passed += 1
            if passed == nth:
                os.write(2, MARK.encode())
                os.kill(os.getpid(), 9)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if where == "before":
            end()
        if where == "inside" and passed + 1 == nth:
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            end()
        result = real(*arguments, **named)
        if where != "before":
            end()
        return result

    setattr(owner, name, wrapped)
