"""Files of lines: a row is added whole, and one that was cut short is set aside."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable, Generator
from pathlib import Path

from vmafkit.fsio import disk
from vmafkit.fsio.disk import write_error
from vmafkit.fsio.whole import aside_name, write_atomic


def append_line(path: Path, line: bytes, *, unless: Callable[[int], bool] | None = None) -> bool:
    """Adds one line (ending in a newline, its only one); it is on the disk on return.

    A torn tail of a killed writer is set aside first. A line that cannot be written whole is
    taken back.

    Args:
        unless: asked under the lock with the open file; True leaves the file as it is.

    Returns: whether the line was added.
    Raises: StoreFull, StoreError; ValueError for a line that is not one.
    """
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise ValueError("a line ends in a newline and holds no other")
    try:
        with _locked(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as handle:
            _set_tail_aside(handle, path)
            if unless is not None and unless(handle):
                return False
            before = os.fstat(handle).st_size
            try:
                if disk.write(handle, line) != len(line):
                    raise OSError(errno.ENOSPC, "short write")
                disk.fdatasync(handle)
                if before == 0:
                    disk.sync_folder(path.parent)
            except BaseException:
                with contextlib.suppress(OSError):
                    disk.truncate(handle, before)
                raise
    except OSError as error:
        raise write_error(error, path) from error
    return True


def recover_tail(path: Path) -> Path | None:
    """Sets aside the last line of a file if it was cut short.

    A last line that only lacks its newline but is a whole JSON object gets the newline.

    Returns: the file `<name>.torn-<UTC time>` with what was cut, or None when nothing was.
    Raises: StoreFull, StoreError.
    """
    if not path.exists():
        return None
    try:
        with _locked(path, os.O_RDWR | os.O_APPEND) as handle:
            return _set_tail_aside(handle, path)
    except OSError as error:
        raise write_error(error, path) from error


def _set_tail_aside(handle: int, path: Path) -> Path | None:
    size = os.fstat(handle).st_size
    start = _tail_start(handle, size)
    if start == size:
        return None
    tail = os.pread(handle, size - start, start)
    if _is_object(tail):
        disk.write_all(handle, b"\n")
        disk.fsync(handle)
        return None
    aside = aside_name(path, "torn")
    write_atomic(aside, tail)
    disk.truncate(handle, start)
    disk.fsync(handle)
    return aside


def _tail_start(handle: int, size_bytes: int) -> int:
    """Where the last line without a newline starts; `size_bytes` when there is none."""
    block = 65536
    end = size_bytes
    while end > 0:
        begin = max(0, end - block)
        cut = os.pread(handle, end - begin, begin).rfind(b"\n")
        if cut >= 0:
            return begin + cut + 1
        end = begin
    return 0


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Generator[int]:
    """The open file under its own lock; opened anew if it was replaced while we waited."""
    while True:
        handle = disk.open_file(path, flags | os.O_CLOEXEC, 0o666)
        try:
            disk.lock(handle, fcntl.LOCK_EX)
            if not _is_at(handle, path):
                continue
            yield handle
            return
        finally:
            os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
