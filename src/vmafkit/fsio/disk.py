"""The calls that change a disk, and what a failed one is told as.

Every such call of this room goes through a name of this module, so that a test can make the n-th
one fail, or switch one off and see that the tests notice.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from vmafkit.errors import OutputError, StoreError, StoreFull, VmafkitError

open_file = os.open
write = os.write
fsync = os.fsync
fdatasync = getattr(os, "fdatasync", os.fsync)
truncate = os.ftruncate
replace = os.replace
unlink = os.unlink
lock = fcntl.flock

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REASONS = {
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the disk is read-only",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EFBIG: "it grows past the size that is allowed",
}


def write_error(error: OSError, path: Path, *, user_output: bool = False) -> VmafkitError:
    """What a failed write of `path` is told as.

    Returns: OutputError for a file that the user named, else StoreFull or StoreError.
    """
    full = error.errno in _FULL
    reason = "the disk is full" if full else _REASONS.get(error.errno or 0, error.strerror)
    message = f"cannot write {path}: {reason or error}"
    if user_output:
        return OutputError(message, hint="free some space" if full else "name another output")
    if full:
        return StoreFull(message, hint="free some space, then run the same command again")
    return StoreError(message)


def write_all(handle: int, data: bytes) -> None:
    """Writes all bytes to an open file. Raises: OSError."""
    view = memoryview(data)
    while view:
        view = view[write(handle, view) :]


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk. Raises: OSError."""
    handle = open_file(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync(handle)
    finally:
        os.close(handle)
