"""Writes corpus rows in other formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.schema.corpus import CORPUS_ROW_KEYS, CorpusRow, to_line


def export_rows(rows: Sequence[CorpusRow], output: Path) -> int:
    """Write rows as `.parquet`, `.csv` or `.jsonl`; returns how many.

    Nested columns (`scores`, `features`) are JSON text in Parquet and CSV, so that every
    corpus gives the same columns.

    Raises:
        UsageError: another suffix.
        OutputError: it cannot be written.
    """
    suffix = output.suffix.lower()
    if suffix == ".jsonl":
        fsio.write_atomic(output, b"".join(to_line(row) for row in rows), user_output=True)
        return len(rows)
    if suffix not in (".parquet", ".csv"):
        raise UsageError(
            f"{output} has no known suffix", hint="name a .parquet, .csv or .jsonl file"
        )
    import polars as pl

    table = pl.DataFrame([_flat(row) for row in rows], infer_schema_length=None)
    with fsio.atomic_path(output, user_output=True) as temporary:
        try:
            if suffix == ".parquet":
                table.write_parquet(temporary, compression="zstd")
            else:
                table.write_csv(temporary)
        except OSError as error:
            raise fsio.write_error(error, output, user_output=True) from error
    return len(rows)


def _flat(row: CorpusRow) -> dict[str, Any]:
    values = row.model_dump()
    flat: dict[str, Any] = {}
    for name in (*CORPUS_ROW_KEYS, *(row.model_extra or {})):
        value = values[name]
        flat[name] = json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
    return flat
