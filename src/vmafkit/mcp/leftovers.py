"""What a killed server leaves in the output folder: folders of jobs that wrote nothing whole.

A running job holds a lock on its folder, and the system lets go of it when the server ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Generator
from pathlib import Path

from vmafkit import fsio

_JOB = re.compile(r"job-[0-9a-f]{12}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def making_folder(out: int) -> Generator[None]:
    """Keep other servers from tidying while a job's folder is made and marked.

    Args:
        out: handle of the output folder.
    """
    with _locked(out, fcntl.LOCK_SH):
        yield


def mark(folder: int) -> None:
    """Say that a job runs which writes there, until this handle of its folder is closed."""
    # Some network disks have no locks; then nobody tidies there either.
    with contextlib.suppress(OSError):
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)


def tidy(out: int, path: Path) -> int:
    """Remove the folders of jobs that no longer run and hold no finished file; gives how many.

    Args:
        out: handle of the output folder.
        path: of the same.
    """
    count = 0
    with contextlib.suppress(OSError), _locked(out, fcntl.LOCK_EX | fcntl.LOCK_NB):
        for name in filter(_JOB.fullmatch, os.listdir(out)):
            with contextlib.suppress(OSError):
                count += _remove_if_left(out, path / name)
    return count


def _remove_if_left(out: int, folder: Path) -> bool:
    handle = os.open(folder.name, _FOLDER, dir_fd=out)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        names = os.listdir(handle)  # noqa: PTH208
        if not all(name.startswith(fsio.TEMP_PREFIX) for name in names):
            return False
        fsio.remove_folder(folder)
        return True
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(folder: int, how: int) -> Generator[None]:
    # A handle of its own, since threads that share one would share its lock.
    handle = os.open(".", _FOLDER, dir_fd=folder)
    try:
        try:
            fcntl.flock(handle, how)
        except OSError:
            if how != fcntl.LOCK_SH:
                raise
        yield
    finally:
        os.close(handle)
