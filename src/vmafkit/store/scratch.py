"""Private folders for half-made files.

They lie in the cache folder, named after the process that made them, so that the next run can
tell which ones a killed process left behind and remove those.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Generator
from pathlib import Path

from vmafkit import fsio
from vmafkit.store import claims

_NAME = re.compile(r"(\d+)-(\d*)-([0-9a-f]{8})-[0-9a-f]{8}")


@contextlib.contextmanager
def scratch_folder(cache: Path) -> Generator[Path]:
    """A new folder of this process; it is removed with all that is in it.

    Args:
        cache: the cache folder.

    Raises: StoreError, StoreFull.
    """
    room = cache / "scratch"
    remove_left_behind(cache)
    pid = os.getpid()
    name = f"{pid}-{claims.start_of(pid)}-{claims.host_word()}-{secrets.token_hex(4)}"
    folder = room / name
    fsio.ensure_folder(folder)
    try:
        yield folder
    finally:
        fsio.remove_folder(folder)


def remove_left_behind(cache: Path) -> int:
    """Removes the folders of processes of this machine that have ended; returns how many."""
    count = 0
    for folder in (cache / "scratch").glob("*"):
        found = _NAME.fullmatch(folder.name)
        if found is None or found[3] != claims.host_word():
            continue
        if not claims.is_running(int(found[1]), found[2]):
            fsio.remove_folder(folder)
            count += 1
    return count
