"""The door for reading files that a user names: regular files alone, and no more than a bound.

A named pipe waits for ever for its writer, and a device gives bytes without end.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from vmafkit.errors import Refused, TooLarge, Unreadable

MOST_BYTES = 64 << 20


def open_regular(path: Path) -> BufferedReader:
    """Opens a regular file, also behind a link, for reading; nothing is waited for.

    Raises: Refused: it is a pipe, a device or a socket; Unreadable: a folder; OSError.
    """
    # A socket cannot be opened at all, and would have the words of a missing driver.
    ensure_regular(path)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _ensure_regular(os.fstat(handle).st_mode, path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def ensure_regular(path: Path) -> None:
    """Refuses what is no regular file, for libraries that open files themselves.

    Raises: as `open_regular`.
    """
    _ensure_regular(path.stat().st_mode, path)


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file.

    Raises: TooLarge: there are more than `most_bytes`; as `open_regular`.
    """
    with open_regular(path) as file:
        # A read sets aside all that it may give.
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, most_bytes) + 1)
    if len(data) > most_bytes:
        raise TooLarge(
            f"{path} is larger than {_size(most_bytes)}", hint="is it the file you meant?"
        )
    return data


def read_text(path: Path, most_bytes: int = MOST_BYTES, encoding: str = "utf-8") -> str:
    """The text of a regular file, with every end of a line as a newline.

    Raises: UnicodeDecodeError; as `read_bytes`.
    """
    text = read_bytes(path, most_bytes).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _ensure_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise Unreadable(f"{path} is a folder", hint="name a file")
    if not stat.S_ISREG(mode):
        raise Refused(
            f"{path} is a pipe, a device or a socket", hint="save it to a regular file first"
        )


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count} bytes"
