"""A lock that other processes see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import sys
import time
from pathlib import Path

from vmafkit.errors import StoreLocked
from vmafkit.fsio import disk
from vmafkit.fsio.disk import write_error


class FileLock:
    """A lock that ends with its process; the file stays and says who held it last.

    Args:
        path: the lock file, made if it is not there.
        timeout_s: seconds to wait for another holder, 0 to try once.

    Raises: on entry, StoreLocked naming the holder's process id; StoreError.
    """

    def __init__(self, path: Path, *, timeout_s: float = 0.0) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self._held = contextlib.ExitStack()

    def __enter__(self) -> FileLock:
        limit = time.monotonic() + self.timeout_s
        with contextlib.ExitStack() as opened:
            try:
                handle = disk.open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                opened.callback(os.close, handle)
                while not _try_lock(handle):
                    if time.monotonic() >= limit:
                        raise self._taken(handle)
                    time.sleep(0.02)
            except OSError as error:
                raise write_error(error, self.path) from error
            # The text is for a message only: a full disk must not keep anyone from the lock.
            with contextlib.suppress(OSError):
                who = f"{os.getpid()} {shlex.join(sys.argv)[:500]}\n"
                disk.truncate(handle, 0)
                disk.write_all(handle, who.encode("utf-8", "replace"))
            self._held = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _taken(self, handle: int) -> StoreLocked:
        text = os.pread(handle, 1024, 0).decode("utf-8", "replace")
        match = re.match(r"(\d+) ?(.*)", text)
        who = f"process {match[1]} ({match[2]})" if match else "another process"
        return StoreLocked(f"{self.path} is held by {who}", hint="wait for it to end, or stop it")


def _try_lock(handle: int) -> bool:
    try:
        disk.lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
