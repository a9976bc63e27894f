"""The only writer of files.

A file that is made whole appears at once or not at all: it is written under another name in the
same folder, synced, and renamed. A row that is added to a file is on the disk when `append_line`
returns, and a row that was cut short by a crash is set aside by whoever opens the file next.

`os.replace` does not follow a link: an output that is a link is replaced by a file.
flock does not hold on some network disks, and no sync helps on a disk that lies about it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path

from vmafkit.errors import (
    OutputError,
    StoreError,
    StoreFull,
    StoreLocked,
    Unreadable,
    UsageError,
    VmafkitError,
)

TEMP_PREFIX = ".vmafkit-tmp-"
_PID_SPACE = Path("/proc/self/ns/pid")
_SCRATCH_AGE_S = 60.0

# Every call that changes a disk goes through a name of this module, so that a test can make the
# n-th one fail, or switch one off and see that the tests notice.
_open = os.open
_write = os.write
_fsync = os.fsync
_fdatasync = getattr(os, "fdatasync", os.fsync)
_ftruncate = os.ftruncate
_replace = os.replace
_unlink = os.unlink
_flock = fcntl.flock

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


def _temp_name(final: Path) -> Path:
    suffix = final.suffix if len(final.suffix) <= 16 else ""
    return final.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}{suffix}"


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


# -- whole files ----------------------------------------------------------------------------------


@contextlib.contextmanager
def atomic_path(final: Path, *, user_output: bool = False) -> Generator[Path]:
    """A name to write to; what is there at the end becomes `final`, and nothing on a failure.

    The name lies in the folder of `final`, starts with a dot and keeps the suffix.

    Raises: OutputError if `user_output`, else StoreError; what the body raises, unchanged.
    """
    if final.exists() and not final.is_file():
        wrong = OSError(errno.EISDIR if final.is_dir() else errno.EINVAL, "it is not a plain file")
        raise write_error(wrong, final, user_output=user_output)
    if not final.parent.is_dir():
        missing = FileNotFoundError(errno.ENOENT, "no such folder")
        raise write_error(missing, final, user_output=user_output)
    temp = _temp_name(final)
    try:
        yield temp
        try:
            publish(temp, final)
        except OSError as error:
            raise write_error(error, final, user_output=user_output) from error
    finally:
        with contextlib.suppress(OSError):
            _unlink(temp)


def write_atomic(path: Path, data: bytes | str, *, user_output: bool = False) -> None:
    """Writes a whole file (text as UTF-8), or leaves the old one as it was.

    Raises: OutputError if `user_output`, else StoreFull or StoreError.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    with atomic_path(path, user_output=user_output) as temp:
        try:
            handle = _open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                _write_all(handle, content)
            finally:
                os.close(handle)
        except OSError as error:
            raise write_error(error, path, user_output=user_output) from error


def write_chunks(path: Path, chunks: Iterable[bytes], *, append: bool = False) -> int:
    """Writes pieces to an unfinished file, never through a link; returns the bytes written.

    Raises: StoreFull, StoreError; what the iteration raises, unchanged.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    written = 0
    try:
        handle = _open(path, flags | (os.O_APPEND if append else os.O_TRUNC), 0o666)
    except OSError as error:
        raise write_error(error, path) from error
    try:
        for chunk in chunks:
            try:
                _write_all(handle, chunk)
            except OSError as error:
                raise write_error(error, path) from error
            written += len(chunk)
    finally:
        os.close(handle)
    return written


def publish(temp: Path, final: Path) -> None:
    """Syncs `temp` and renames it to `final`; both lie on one disk.

    Raises: OSError, with `final` as it was before.
    """
    handle = _open(temp, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _fsync(handle)
    finally:
        os.close(handle)
    _replace(temp, final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk. Raises: OSError."""
    handle = _open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _fsync(handle)
    finally:
        os.close(handle)


def copy_atomic(source: Path, final: Path, *, user_output: bool = False) -> None:
    """Copies a file that may lie on another disk.

    Raises: OutputError if `user_output`, else StoreFull or StoreError.
    """
    with atomic_path(final, user_output=user_output) as temp:
        try:
            shutil.copyfile(source, temp)
        except OSError as error:
            raise write_error(error, final, user_output=user_output) from error


def ensure_folder(folder: Path) -> None:
    """Makes a folder and those above it. Raises: StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error


@contextlib.contextmanager
def scratch_folder(*, within: Path | None = None) -> Generator[Path]:
    """A private folder for what an outside program reads and writes; gone at the end.

    Args:
        within: the folder it is made in; None for the system's, which is first rid of those
            that killed processes left.

    Raises: StoreError.
    """
    room = within or Path(tempfile.gettempdir())
    # Process ids of another container that shares this folder say nothing here.
    space = _PID_SPACE.stat().st_ino if _PID_SPACE.exists() else 0
    if within is None and space:
        _remove_left_folders(room, space)
    prefix = f"vmafkit-{os.getpid()}-{space}-"
    try:
        made = tempfile.TemporaryDirectory(None, prefix, room, ignore_cleanup_errors=True)
    except OSError as error:
        raise write_error(error, room) from error
    with made as name:
        yield Path(name)


def _remove_left_folders(room: Path, space: int) -> None:
    for folder in room.glob(f"vmafkit-*-{space}-*"):
        pid = folder.name.split("-")[1]
        with contextlib.suppress(OSError):
            facts = folder.lstat()
            ours = facts.st_uid == os.geteuid() and facts.st_mtime < time.time() - _SCRATCH_AGE_S
            if ours and pid.isdecimal() and not Path("/proc", pid).exists():
                shutil.rmtree(folder, ignore_errors=True)


def write_scratch(path: Path, data: bytes | str) -> None:
    """Writes a file (text as UTF-8) in a scratch folder; neither synced nor renamed.

    Raises: StoreFull, StoreError.
    """
    try:
        path.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    except OSError as error:
        raise write_error(error, path) from error


def touch(path: Path) -> None:
    """Notes that a file was used just now. Raises: OSError, on a read-only disk for one."""
    os.utime(path)


def move_aside(path: Path, label: str) -> Path:
    """Renames a file to `<name>.<label>-<UTC time>` and returns that name. Raises: StoreError."""
    aside = _aside_name(path, label)
    try:
        _replace(path, aside)
    except OSError as error:
        raise write_error(error, aside) from error
    return aside


def remove_folder(folder: Path) -> None:
    """Removes a folder and all that is in it, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)


def remove(path: Path) -> None:
    """Removes a file; one that is not there is no error. Raises: StoreError."""
    try:
        _unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror}") from error


def remove_strays(folder: Path, *, older_than_s: float = 86400.0) -> int:
    """Removes the unfinished files that killed runs left in a folder; returns how many."""
    count = 0
    limit = time.time() - older_than_s
    for stray in folder.glob(f"{TEMP_PREFIX}*"):
        with contextlib.suppress(OSError):
            if stray.stat().st_mtime <= limit:
                _unlink(stray)
                count += 1
    return count


# -- files of lines -------------------------------------------------------------------------------


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
                if _write(handle, line) != len(line):
                    raise OSError(errno.ENOSPC, "short write")
                _fdatasync(handle)
                if before == 0:
                    sync_folder(path.parent)
            except BaseException:
                with contextlib.suppress(OSError):
                    _ftruncate(handle, before)
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
        _write_all(handle, b"\n")
        _fsync(handle)
        return None
    aside = _aside_name(path, "torn")
    write_atomic(aside, tail)
    _ftruncate(handle, start)
    _fsync(handle)
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


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[_write(handle, view) :]


def _aside_name(path: Path, label: str) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return path.with_name(f"{path.name}.{label}-{now}")


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Generator[int]:
    """The open file under its own lock; opened anew if it was replaced while we waited."""
    while True:
        handle = _open(path, flags | os.O_CLOEXEC, 0o666)
        try:
            _flock(handle, fcntl.LOCK_EX)
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


# -- locks, names, hashes -------------------------------------------------------------------------


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
                handle = _open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
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
                _ftruncate(handle, 0)
                _write_all(handle, who.encode("utf-8", "replace"))
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
        _flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def refuse_same_file(output: Path, sources: Iterable[Path]) -> None:
    """Refuses an output that is one of the sources under whatever name.

    Links, hard links, `.` and `..`, other spellings and bind mounts are seen through; so is an
    output whose folders would first have to be made.

    Raises: UsageError.
    """
    lexical = Path(os.path.abspath(output))  # noqa: PTH100 (Path.absolute keeps `..`)
    names = {output, lexical, Path(os.path.realpath(output)), Path(os.path.realpath(lexical))}
    for source in sources:
        real = Path(os.path.realpath(source))
        for name in names:
            if name == real or _same(name, real) or (real in name.parents and real.is_file()):
                raise UsageError(
                    f"the output {output} is the source {source}", hint="name another output"
                )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes as 64 hex digits. Raises: Unreadable."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
