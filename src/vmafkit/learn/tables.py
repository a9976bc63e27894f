"""Feature tables: what `extract-features` writes, and what may be read as one.

Columns: `key`, `source`, `clip`, `dis_basename`, `frame_index`, `codec`, the features, and the
teacher's score `vmaf`. Older names are read: `dis_basename` for the key, `frame` for the frame
index, `mos` for the target; a table without `source` takes the key's first name part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vmafkit.errors import Unreadable
from vmafkit.learn.parquet import read_parquet
from vmafkit.media.hashing import show

if TYPE_CHECKING:
    import polars as pl

FloatArray = npt.NDArray[np.float64]
META_COLUMNS = ("key", "source", "clip", "dis_basename", "frame_index", "codec")
TARGET = "vmaf"
_TARGETS = ("vmaf", "mos")
_HINT = "make it again with `vmaf-train extract-features`"
_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Rows to learn from.

    Attributes:
        path: of the file.
        columns: the features, in order.
        features: shape (rows, features), finite.
        target: shape (rows,), the teacher's score, finite.
        keys: of each row; rows of one clip share it.
        sources: the content of each row.
        rows: the whole table as it was read.
    """

    path: Path
    columns: tuple[str, ...]
    features: FloatArray
    target: FloatArray
    keys: tuple[str, ...]
    sources: tuple[str, ...]
    rows: pl.DataFrame


def read_features(path: Path, columns: Sequence[str]) -> FeatureTable:
    """Read a feature table, with every number checked.

    Args:
        path: a Parquet file.
        columns: the features wanted, in the order wanted.

    Raises:
        Unreadable: no Parquet, a column is missing or holds no numbers, or a value is empty,
            not finite or absurd.
        TooLarge: it claims too many rows.
    """
    rows = read_parquet(path)
    if rows.height == 0:
        raise Unreadable(f"{show(path)} holds no rows", hint=_HINT)
    target = next((name for name in _TARGETS if name in rows.columns), None)
    if target is None:
        raise Unreadable(f"{show(path)} has no column vmaf", hint=_HINT)
    values = [_numbers(rows, name, path) for name in (*columns, target)]
    keys = _texts(rows, ("key", "dis_basename"), path)
    if "source" in rows.columns:
        sources = _texts(rows, ("source",), path)
    else:
        sources = tuple(key.rsplit("/", 1)[-1].split("_", 1)[0] for key in keys)
    return FeatureTable(
        path=path,
        columns=tuple(columns),
        features=np.column_stack(values[:-1]),
        target=values[-1],
        keys=keys,
        sources=sources,
        rows=rows,
    )


def clip_means(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per clip: the mean of every number over its frames, and `frames`, their count."""
    import polars as pl

    meta = [name for name in META_COLUMNS if name in rows.columns and name != "frame_index"]
    numbers = [
        name for name, kind in rows.schema.items() if kind.is_numeric() and name not in META_COLUMNS
    ]
    return rows.group_by(meta, maintain_order=True).agg(
        pl.len().alias("frames"), *(pl.col(name).mean() for name in numbers)
    )


def _numbers(rows: pl.DataFrame, name: str, path: Path) -> FloatArray:
    if name not in rows.columns:
        raise Unreadable(f"{show(path)} has no column {name}", hint=_HINT)
    if not rows.schema[name].is_numeric():
        raise Unreadable(f"column {name} of {show(path)} does not hold numbers", hint=_HINT)
    if rows[name].null_count():
        raise Unreadable(f"column {name} of {show(path)} has empty values", hint=_HINT)
    values = rows[name].to_numpy().astype(np.float64)
    if not np.isfinite(values).all() or np.abs(values).max() > _LARGEST:
        raise Unreadable(
            f"column {name} of {show(path)} holds values that are no scores", hint=_HINT
        )
    return values


def _texts(rows: pl.DataFrame, names: Sequence[str], path: Path) -> tuple[str, ...]:
    import polars as pl

    for name in names:
        if name in rows.columns:
            series = rows[name]
            if series.null_count() or series.dtype.is_float():
                raise Unreadable(f"column {name} of {show(path)} does not name rows", hint=_HINT)
            return tuple(series.cast(pl.String).to_list())
    raise Unreadable(
        f"{show(path)} has no column {names[0]}, so that its clips cannot be told apart",
        hint=_HINT,
    )
