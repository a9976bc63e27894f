"""Files that are made whole, and folders."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path

from vmafkit.errors import OutputError, StoreError
from vmafkit.fsio import disk
from vmafkit.fsio.disk import write_error

TEMP_PREFIX = ".vmafkit-tmp-"


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
            disk.unlink(temp)


def write_atomic(path: Path, data: bytes | str, *, user_output: bool = False) -> None:
    """Writes a whole file (text as UTF-8), or leaves the old one as it was.

    Raises: OutputError if `user_output`, else StoreFull or StoreError.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    with atomic_path(path, user_output=user_output) as temp:
        try:
            handle = disk.open_file(
                temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666
            )
            try:
                disk.write_all(handle, content)
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
        handle = disk.open_file(path, flags | (os.O_APPEND if append else os.O_TRUNC), 0o666)
    except OSError as error:
        raise write_error(error, path) from error
    try:
        for chunk in chunks:
            try:
                disk.write_all(handle, chunk)
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
    handle = disk.open_file(temp, os.O_RDONLY | os.O_CLOEXEC)
    try:
        disk.fsync(handle)
    finally:
        os.close(handle)
    disk.replace(temp, final)
    disk.sync_folder(final.parent)


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


def ensure_output_folder(folder: Path, flag: str) -> None:
    """Makes a folder that the user named by a flag, if it is not there, and looks if it is open.

    Raises: OutputError.
    """
    try:
        ensure_folder(folder)
    except StoreError as error:
        raise OutputError(error.message, hint=f"name another {flag}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write to {folder}: permission denied", hint=f"name another {flag}"
        )


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
    aside = aside_name(path, label)
    try:
        disk.replace(path, aside)
    except OSError as error:
        raise write_error(error, aside) from error
    return aside


def remove_folder(folder: Path) -> None:
    """Removes a folder and all that is in it, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)


def remove(path: Path) -> None:
    """Removes a file; one that is not there is no error. Raises: StoreError."""
    try:
        disk.unlink(path)
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
                disk.unlink(stray)
                count += 1
    return count


def aside_name(path: Path, label: str) -> Path:
    """`<name>.<label>-<UTC time>`: what a file that is set aside is called."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return path.with_name(f"{path.name}.{label}-{now}")


def _temp_name(final: Path) -> Path:
    suffix = final.suffix if len(final.suffix) <= 16 else ""
    return final.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}{suffix}"
