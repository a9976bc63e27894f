"""A lock that other processes see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from vmafkit.errors import StoreLocked
from vmafkit.fsio import disk
from vmafkit.fsio.disk import write_error
from vmafkit.fsio.urls import without_secrets

_LOCKS = Path("/proc/locks")


class FileLock:
    """A lock that ends with its process; the file stays and says who held it last.

    Args:
        path: the lock file, made if it is not there.
        timeout_s: seconds to wait for another holder, 0 to try once.
        shared: others may hold it so at the same time, and none of them is named.

    Raises: on entry, StoreLocked naming the holder's process id; StoreError.
    """

    def __init__(self, path: Path, *, timeout_s: float = 0.0, shared: bool = False) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self.shared = shared
        self._held = contextlib.ExitStack()

    def __enter__(self) -> FileLock:
        limit = time.monotonic() + self.timeout_s
        with contextlib.ExitStack() as opened:
            try:
                handle = disk.open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                opened.callback(os.close, handle)
                while not _try_lock(handle, shared=self.shared):
                    if time.monotonic() >= limit:
                        raise self._taken(handle)
                    time.sleep(0.02)
            except OSError as error:
                raise write_error(error, self.path) from error
            # The text is for a message only: a full disk must not keep anyone from the lock.
            if not self.shared:
                with contextlib.suppress(OSError):
                    disk.truncate(handle, 0)
                    disk.write_all(handle, _who().encode("utf-8", "replace"))
            self._held = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _taken(self, handle: int) -> StoreLocked:
        text = os.pread(handle, 1024, 0).decode("utf-8", "replace")
        match = re.match(r"(\d+) ?(.*)", text)
        who = f"process {match[1]} ({match[2]})" if match else "another process"
        return StoreLocked(f"{self.path} is held by {who}", hint="wait for it to end, or stop it")


def locked_by(paths: Iterable[Path]) -> int | None:
    """The process that has a part of one of these files for itself, by fcntl's locks.

    Returns: its id; None where it is this process, or cannot be told (other systems than Linux,
        containers of other process ids).
    """
    files: set[str] = set()
    for path in paths:
        with contextlib.suppress(OSError):
            files.add(str(path.stat().st_ino))
    try:
        listed = _LOCKS.read_text("ascii", "replace")
    except OSError:
        return None
    for line in listed.splitlines():
        # 1: POSIX  ADVISORY  WRITE 4242 08:01:1234567 120 120; the disk is not always stat's.
        words = line.split()
        if len(words) != 8 or (words[1], words[3]) != ("POSIX", "WRITE"):
            continue
        if words[5].rpartition(":")[2] in files and words[4].isdigit():
            pid = int(words[4])
            if pid not in (0, os.getpid()):
                return pid
    return None


def _who() -> str:
    words = shlex.join(without_secrets(word) for word in sys.argv)
    return f"{os.getpid()} {words[:500]}\n"


def _try_lock(handle: int, *, shared: bool) -> bool:
    try:
        disk.lock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
