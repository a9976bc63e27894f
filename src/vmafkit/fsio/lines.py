"""Files of lines: a row is added whole, and one that was cut short is set aside."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from vmafkit.errors import StoreCorrupt
from vmafkit.fsio import disk
from vmafkit.fsio.disk import write_error
from vmafkit.fsio.whole import aside_name, write_atomic


@dataclass(frozen=True, slots=True)
class Rows:
    """What tells a file of rows from any other, whose unfinished last line is not to be touched.

    Attributes:
        head: every row's first bytes.
        is_row: whether a line, without its newline, is a whole row.
    """

    head: bytes
    is_row: Callable[[bytes], bool]


def append_line(
    path: Path,
    line: bytes,
    *,
    unless: Callable[[int], bool] | None = None,
    rows: Rows | None = None,
) -> bool:
    """Adds one line (ending in a newline, its only one); it is on the disk on return.

    A torn tail of a killed writer is set aside first. A line that cannot be written whole is
    taken back.

    Args:
        unless: asked under the lock with the open file; True leaves the file as it is.
        rows: what the file holds; None for JSON objects of any kind.

    Returns: whether the line was added.
    Raises: StoreCorrupt: its unfinished last line is not of such rows, and left as it is;
        StoreFull, StoreError; ValueError for a line that is not one.
    """
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise ValueError("a line ends in a newline and holds no other")
    try:
        with _locked(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as handle:
            _set_tail_aside(handle, path, rows or _ANY)
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


def recover_tail(path: Path, rows: Rows | None = None) -> Path | None:
    """Sets aside the last line of a file if it was cut short.

    A last line that only lacks its newline but is whole gets the newline.

    Args:
        rows: as for `append_line`.

    Returns: the file `<name>.torn-<UTC time>` with what was cut, or None when nothing was.
    Raises: StoreCorrupt, as `append_line`; StoreFull, StoreError.
    """
    if not path.exists():
        return None
    try:
        with _locked(path, os.O_RDWR | os.O_APPEND) as handle:
            return _set_tail_aside(handle, path, rows or _ANY)
    except OSError as error:
        raise write_error(error, path) from error


def _set_tail_aside(handle: int, path: Path, rows: Rows) -> Path | None:
    size = os.fstat(handle).st_size
    start = _tail_start(handle, size)
    if start == size:
        return None
    foreign = StoreCorrupt(
        f"{path}: its last line is unfinished, and it is no file of such rows",
        hint="name another file; this one was left as it is",
    )
    # Only then is the line read, which may be anything of any length.
    if not _begins_with_a_row(handle, rows):
        raise foreign
    tail = os.pread(handle, size - start, start)
    is_row, is_object = rows.is_row(tail), _is_object(tail)
    if start == 0 and is_object and not is_row:
        raise foreign
    if is_row or is_object:
        disk.write_all(handle, b"\n")
        disk.fsync(handle)
        return None
    aside = aside_name(path, "torn")
    write_atomic(aside, tail)
    disk.truncate(handle, start)
    disk.fsync(handle)
    return aside


def _begins_with_a_row(handle: int, rows: Rows) -> bool:
    begin = os.pread(handle, 65536, 0)
    # A first row that was cut short may be shorter than the head of one.
    if begin.startswith(rows.head) or rows.head.startswith(begin):
        return True
    # Other writers put the keys in another order.
    return rows.is_row(begin.partition(b"\n")[0])


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


_ANY = Rows(b"{", _is_object)


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
