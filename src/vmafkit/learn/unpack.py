"""Unpacks ZIP and tar archives of data sets, and nothing outside the root.

Refused: names that leave the root (`..`, absolute, drives, backslashes), links and devices, two
names that differ only by case, too many entries, and archives that grow past a cap while they
are unpacked, whatever their headers say.
"""

from __future__ import annotations

import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from vmafkit import fsio
from vmafkit.errors import Refused, TooLarge, Unreadable, VmafkitError
from vmafkit.media.hashing import show

MAX_ENTRIES = 100_000
MAX_BYTES = 1 << 40
MAX_RATIO = 200
_CHUNK_BYTES = 1 << 20
_RATIO_FROM_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    handle: Any


def unpack(archive: Path, root: Path, *, max_bytes: int = MAX_BYTES) -> list[str]:
    """Unpack an archive into a folder; every file appears whole.

    All names are judged before anything is written.

    Args:
        max_bytes: of all files together.

    Returns:
        The names that were written, in the archive's order.

    Raises:
        Refused: a name, a link or a kind of entry is not accepted.
        TooLarge: too many entries, or more bytes than the cap or than 200 for each packed one.
        Unreadable: it is no archive, or damaged.
        StoreError, StoreFull: a file cannot be written.
    """
    try:
        fsio.ensure_regular(archive)
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return _unpack(_zip_entries(opened), opened.open, archive, root, max_bytes)
        with tarfile.open(archive, mode="r:*") as opened:
            return _unpack(_tar_entries(opened), opened.extractfile, archive, root, max_bytes)
    except VmafkitError:
        raise
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, ValueError,
            RuntimeError, NotImplementedError) as error:  # fmt: skip
        raise Unreadable(
            f"{show(archive)} is not a whole archive", hint="fetch it again", detail=str(error)
        ) from None


def _zip_entries(opened: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in opened.infolist():
        kind = (info.external_attr >> 16) & 0o170000
        if info.is_dir():
            continue
        if kind not in (0, 0o100000):
            raise Refused(f"{info.filename!r} is a link or a device")
        # ZipFile cuts a name at a NUL, so the original is what is judged.
        yield _Entry(info.orig_filename, info)


def _tar_entries(opened: tarfile.TarFile) -> Iterator[_Entry]:
    for info in opened:
        if info.isdir():
            continue
        if not info.isreg():
            raise Refused(f"{info.name!r} is a link or a device")
        yield _Entry(info.name, info)


def _unpack(
    entries: Iterator[_Entry], opener: Any, archive: Path, root: Path, max_bytes: int
) -> list[str]:
    judged: list[_Entry] = []
    seen: set[str] = set()
    for entry in entries:
        if len(judged) >= MAX_ENTRIES:
            raise TooLarge(f"{show(archive)} holds more than {MAX_ENTRIES} files")
        _check_name(entry.name)
        folded = unicodedata.normalize("NFC", entry.name).casefold()
        if folded in seen:
            raise Refused(f"{entry.name!r} is there twice")
        seen.add(folded)
        judged.append(entry)
    cap = min(max_bytes, max(_RATIO_FROM_BYTES, MAX_RATIO * archive.stat().st_size))
    fsio.ensure_folder(root)
    left = cap
    for entry in judged:
        left -= _write(entry, opener, root, left)
    return [entry.name for entry in judged]


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    bad = (
        not name
        or path.is_absolute()
        or ".." in path.parts
        or any(mark in name for mark in ("\\", "\0", ":"))
        or any(unicodedata.category(c) == "Cc" for c in name)
    )
    if bad:
        raise Refused(f"{name!r} is not a name below the root", hint="the archive is not unpacked")


def _write(entry: _Entry, opener: Any, root: Path, left: int) -> int:
    final = root / entry.name
    fsio.ensure_folder(final.parent)
    if not final.parent.resolve().is_relative_to(root.resolve()):
        raise Refused(f"{entry.name!r} leads out of {show(root)} over a link")
    stream: IO[bytes] = opener(entry.handle)
    with stream, fsio.atomic_path(final) as temp:
        return fsio.write_chunks(temp, _bounded(stream, left))


def _bounded(stream: IO[bytes], left: int) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise TooLarge("the archive grows past what is accepted")
        yield chunk
