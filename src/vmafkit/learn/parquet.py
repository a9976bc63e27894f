"""Parquet in and out, with a bound on what a file may claim."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit import fsio
from vmafkit.errors import TooLarge, Unreadable
from vmafkit.media.hashing import show

if TYPE_CHECKING:
    import polars as pl

MAX_ROWS = 20_000_000
MAX_CELLS = 400_000_000
_HINT = "make it again with `vmaf-train extract-features`"
_MAGIC = b"PAR1"


def read_parquet(path: Path) -> pl.DataFrame:
    """A whole Parquet file.

    Only numbers, texts and booleans are read; a column of another kind is refused, so that
    nothing in a file can be more than data.

    Raises:
        Unreadable: it is missing, no Parquet file, or damaged.
        TooLarge: it says that it holds more than `MAX_ROWS` rows or `MAX_CELLS` cells.
    """
    import polars as pl

    try:
        with fsio.open_regular(path) as stream:
            if stream.read(4) != _MAGIC:
                raise Unreadable(f"{show(path)} is not a Parquet file", hint=_HINT)
        lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        schema = lazy.collect_schema()
        for name, kind in schema.items():
            if not (kind.is_numeric() or isinstance(kind, pl.String | pl.Boolean | pl.Null)):
                raise Unreadable(f"column {name} of {show(path)} holds {kind}", hint=_HINT)
        rows = int(lazy.select(pl.len()).collect().item())
        if rows > MAX_ROWS or rows * len(schema) > MAX_CELLS:
            raise TooLarge(f"{show(path)} says that it holds {rows} rows", hint=_HINT)
        return lazy.collect()
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}", hint=_HINT) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Unreadable(
            f"{show(path)} is not a whole Parquet file", hint=_HINT, detail=str(error)
        ) from None


def write_parquet(table: pl.DataFrame, path: Path, *, user_output: bool = False) -> None:
    """Write a whole Parquet file, or leave the old one.

    Raises:
        OutputError if `user_output`, else StoreError or StoreFull.
    """
    with fsio.atomic_path(path, user_output=user_output) as temp:
        try:
            table.write_parquet(temp, compression="zstd")
        except OSError as error:
            raise fsio.write_error(error, path, user_output=user_output) from error
