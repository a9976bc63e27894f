"""Remembers content hashes of large files between runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import StoreError

_HashKey = tuple[str, int, int, int]


class StoredHashes:
    """Hashes by (path, size, mtime_ns, inode), one small file each; a failed write is no loss.

    Args:
        folder: the cache folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "hashes"

    def get(self, key: _HashKey) -> str | None:
        """The hash stored for this key, or None."""
        try:
            record: object = json.loads(self._path(key).read_bytes())
        except (OSError, ValueError):
            return None
        if isinstance(record, list) and len(record) == 2 and record[0] == list(key):  # pyright: ignore[reportUnknownArgumentType]
            value: object = record[1]  # pyright: ignore[reportUnknownVariableType]
            return value if isinstance(value, str) and len(value) == 64 else None
        return None

    def put(self, key: _HashKey, value: str) -> None:
        """Store a hash."""
        path = self._path(key)
        try:
            fsio.ensure_folder(path.parent)
            fsio.write_atomic(path, json.dumps([list(key), value]))
        except StoreError:
            return

    def _path(self, key: _HashKey) -> Path:
        text = json.dumps(list(key)).encode()
        return self._folder / f"{hashlib.sha256(text).hexdigest()[:32]}.json"
