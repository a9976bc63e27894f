"""Which file this is: its name for people, its fingerprint, its content hash."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vmafkit import fsio
from vmafkit.errors import Changed, InputError, Refused, Unreadable
from vmafkit.media.source import Source

HashKey = tuple[str, int, int, int]
_CHUNK_BYTES = 1 << 20
# A file rewritten within one clock tick keeps its mtime, so a hash is remembered only
# when the file had been at rest; 2 s is the coarsest clock of a common file system.
_RACY_NS = 2_000_000_000


class HashCache(Protocol):
    """Remembers content hashes by (absolute path, size, mtime_ns, inode)."""

    def get(self, key: HashKey) -> str | None:
        """The hash stored for this key, or None."""
        ...

    def put(self, key: HashKey, value: str) -> None:
        """Store a hash."""
        ...


class MemoryHashCache:
    """A HashCache that lives as long as the process."""

    def __init__(self) -> None:
        self._known: dict[HashKey, str] = {}

    def get(self, key: HashKey) -> str | None:
        """The hash stored for this key, or None."""
        return self._known.get(key)

    def put(self, key: HashKey, value: str) -> None:
        """Store a hash."""
        self._known[key] = value


_in_process = MemoryHashCache()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the file system says of a file; a hint that it changed, never its identity."""

    size_bytes: int
    mtime_ns: int
    inode: int


def show(path: Path) -> str:
    """The path as printable text, whatever bytes its name holds."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def fingerprint(path: Path) -> Fingerprint:
    """Size, time and inode of a regular file.

    Raises:
        Unreadable: it is missing or may not be looked at.
        Refused: it is a folder, a pipe, a device or a socket.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise _unreachable(path, error) from None
    if stat.S_ISDIR(found.st_mode):
        raise Refused(f"{show(path)} is a folder", hint="name one video file in it")
    if not stat.S_ISREG(found.st_mode):
        raise Refused(
            f"{show(path)} is a pipe, a device or a socket",
            hint="save the video to a regular file first; it is read more than once",
        )
    return Fingerprint(found.st_size, found.st_mtime_ns, found.st_ino)


def _unreachable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        url = fsio.url_of_path(path)
        if url is not None:
            return Unreadable(
                f"{url} is no file of this machine", hint="a URL is fetched only with --cluster"
            )
        return Unreadable(
            f"{fsio.without_secrets(show(path))} does not exist", hint="check the path"
        )
    if isinstance(error, PermissionError):
        return Unreadable(f"{show(path)} may not be read", hint="check its permissions")
    return Unreadable(f"{show(path)} cannot be opened", hint="check the path", detail=str(error))


def content_hash(path: Path, cache: HashCache | None = None) -> str:
    """SHA-256 of the file's bytes, 64 lower-case hexadecimal digits.

    Args:
        path: a regular file.
        cache: asked after the in-process one; gets what had to be computed.

    Raises:
        Unreadable: it is missing or cannot be read.
        Refused: it is not a regular file.
        Changed: it changed while it was read.
    """
    path = path.absolute()
    before = fingerprint(path)
    key = (show(path), before.size_bytes, before.mtime_ns, before.inode)
    known = _in_process.get(key) or (cache.get(key) if cache is not None else None)
    if known is not None:
        return known
    digest = _digest(path)
    if fingerprint(path) != before:
        raise Changed(f"{show(path)} changed while it was read", hint="wait until it is written")
    if time.time_ns() - before.mtime_ns > _RACY_NS:
        _in_process.put(key, digest)
        if cache is not None:
            cache.put(key, digest)
    return digest


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise _unreachable(path, error) from None
    return digest.hexdigest()


def ensure_unchanged(source: Source) -> None:
    """Check that the file is still the one that was probed.

    Raises:
        Changed: it was removed, replaced or written to.
    """
    try:
        now = fingerprint(source.path)
    except InputError:
        raise Changed(f"{show(source.path)} was removed or replaced during the work") from None
    if now != Fingerprint(source.size_bytes, source.mtime_ns, source.inode):
        raise Changed(
            f"{show(source.path)} changed since it was probed", hint="start again with it at rest"
        )
