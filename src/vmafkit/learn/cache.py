"""Feature tables that were computed before, by the content of what they were computed from.

While a run goes on, each pair is a small file of its own beside the cache, so that a run that is
killed loses nothing; `merge` then joins them into one Parquet file.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmafkit import fsio
from vmafkit.errors import VmafkitError
from vmafkit.learn.parquet import read_parquet, write_parquet

if TYPE_CHECKING:
    import polars as pl

KEY_COLUMN = "cache_key"
TABLE_VERSION = 1


def cache_key(facts: dict[str, Any]) -> str:
    """The key of a pair: SHA-256 over everything that its numbers depend on."""
    text = json.dumps({"table_version": TABLE_VERSION, **facts}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class FrameCache:
    """Per-frame tables by key, in `folder/name` and in parts beside it.

    A damaged file is a miss, never an error: everything in it can be computed again.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self._parts = folder / f"{name}.parts"
        self._known: dict[str, pl.DataFrame] = {}
        self._read_merged()

    def get(self, key: str) -> pl.DataFrame | None:
        """The table of a key, without the key's column, or None."""
        if key not in self._known:
            part = self._parts / f"{key}.parquet"
            table = _read(part) if part.is_file() else None
            if table is None:
                return None
            self._known[key] = table
        return self._known[key]

    def put(self, key: str, table: pl.DataFrame) -> None:
        """Keep a table; it is on the disk on return.

        Raises:
            StoreError, StoreFull: it cannot be written.
        """
        fsio.ensure_folder(self._parts)
        write_parquet(table, self._parts / f"{key}.parquet")
        self._known[key] = table

    def merge(self) -> None:
        """Join the parts into the one file.

        Raises:
            StoreError, StoreFull: it cannot be written.
        """
        import polars as pl

        parts = sorted(self._parts.glob("*.parquet")) if self._parts.is_dir() else []
        if not parts:
            return
        for part in parts:
            self.get(part.stem)
        tables = [
            table.with_columns(pl.lit(key).alias(KEY_COLUMN)) for key, table in self._known.items()
        ]
        if tables:
            write_parquet(pl.concat(tables, how="diagonal"), self.path)
        for part in parts:
            fsio.remove(part)

    def _read_merged(self) -> None:
        table = _read(self.path) if self.path.is_file() else None
        if table is None or KEY_COLUMN not in table.columns:
            return
        for (key,), rows in table.group_by(KEY_COLUMN, maintain_order=True):
            kept = rows.drop(KEY_COLUMN)
            empty = [name for name in kept.columns if kept[name].null_count() == kept.height]
            self._known[str(key)] = kept.drop(empty)


def _read(path: Path) -> pl.DataFrame | None:
    try:
        return read_parquet(path)
    except VmafkitError:
        return None
