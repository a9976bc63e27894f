"""Kept encodes, each under the SHA-256 of its bytes, up to a limit."""

from __future__ import annotations

import contextlib
import errno
import logging
import re
from collections.abc import Collection
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import ResultInvalid

_log = logging.getLogger(__name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ObjectStore:
    """Files at `objects/<first two digits>/<sha256><suffix>`.

    Args:
        folder: the cache folder; made when the first file is kept.
        limit_bytes: what all files together may take; the longest unused go first.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder / "objects"
        self.limit_bytes = limit_bytes

    def path_of(self, sha256: str, suffix: str) -> Path:
        """Where a file lies or would lie. Raises: ValueError for what is no SHA-256 or suffix."""
        if not _SHA256.fullmatch(sha256) or not re.fullmatch(r"(\.[A-Za-z0-9]{1,8})?", suffix):
            raise ValueError(f"not the name of an object: {sha256}{suffix}")
        return self.folder / sha256[:2] / f"{sha256}{suffix}"

    def put(self, temp: Path, sha256: str, *, keep: Collection[str] = ()) -> Path:
        """Moves a finished file in; it is on the disk on return.

        Args:
            temp: the file; it is gone afterwards.
            keep: hashes that must not be removed to make room.

        Raises: ResultInvalid when the bytes do not have that hash; StoreFull, StoreError.
        """
        final = self.path_of(sha256, temp.suffix)
        if fsio.sha256_file(temp) != sha256:
            raise ResultInvalid(f"{temp} changed before it could be kept")
        fsio.ensure_folder(final.parent)
        try:
            fsio.publish(temp, final)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise fsio.write_error(error, final) from error
            fsio.copy_atomic(temp, final)
            fsio.remove(temp)
        self._touch(final)
        self.evict(keep={*keep, sha256})
        return final

    def get(self, sha256: str, suffix: str, *, size_bytes: int | None = None) -> Path | None:
        """The file, read and found whole; or None.

        A file with another size or hash is renamed to `….damaged-<time>` with a warning.

        Raises: StoreError, Unreadable.
        """
        path = self.path_of(sha256, suffix)
        if not path.is_file():
            return None
        wrong_size = size_bytes is not None and path.stat().st_size != size_bytes
        if wrong_size or fsio.sha256_file(path) != sha256:
            aside = fsio.move_aside(path, "damaged")
            _log.warning("the kept encode %s is damaged; it was moved to %s", path, aside)
            return None
        self._touch(path)
        return path

    def evict(self, *, keep: Collection[str] = ()) -> list[Path]:
        """Removes the longest unused files until the rest fits; returns what was removed.

        Unfinished files that killed runs left a day ago or earlier go first.
        """
        for folder in self.folder.glob("??"):
            fsio.remove_strays(folder)
        entries: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                facts = path.stat()
                entries.append((facts.st_mtime, facts.st_size, path))
        total = sum(size for _, size, _ in entries)
        removed: list[Path] = []
        for _, size, path in sorted(entries):
            if total <= self.limit_bytes:
                break
            if path.name[:64] not in keep and not path.name.startswith("."):
                fsio.remove(path)
                removed.append(path)
                total -= size
        return removed

    def _touch(self, path: Path) -> None:
        # On a read-only cache the file is as good; only its turn to go is not noted.
        with contextlib.suppress(OSError):
            fsio.touch(path)
