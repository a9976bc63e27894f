"""The verb `query_corpus`: rows of a corpus file that fit, by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vmafkit import encoders
from vmafkit.errors import UsageError
from vmafkit.schema.corpus import CorpusRow
from vmafkit.store.corpus_file import read_corpus

_COLUMNS = (
    "src", "width", "height", "encoder", "preset", "quality_knob", "crf", "bitrate_kbps",
    "vmaf_score", "vmaf_model", "vmaf_pooling", "vmaf_p5", "encode_time_ms", "window",
    "encoder_version", "libvmaf_version", "tool_version", "exit_status",
)  # fmt: skip


def query_corpus(
    corpus: str | Path,
    *,
    encoder: str | None = None,
    preset: str | None = None,
    min_vmaf: float | None = None,
    max_bitrate_kbps: float | None = None,
    page: int = 1,
    page_rows: int = 25,
) -> dict[str, Any]:
    """Rows of a corpus file that fit, in the file's order.

    Args:
        encoder: a name or an alias; None for any.
        min_vmaf, max_bitrate_kbps: rows without such a value do not fit.
        page: counted from 1.

    Returns:
        `rows` that fit, `rows_in_file`, and the page's `items`, JSON-ready.

    Raises:
        UsageError: a number is below 1, or there is no such encoder.
        Unreadable, StoreCorrupt, SchemaTooNew: the corpus cannot be read.
    """
    if page < 1 or page_rows < 1:
        raise UsageError("pages and their rows are counted from 1")
    known = encoders.get(encoder).name if encoder else None
    rows = read_corpus(Path(corpus))
    fits = [
        row
        for row in rows
        if known in (None, row.encoder)
        and preset in (None, row.preset)
        and (min_vmaf is None or (row.vmaf_score is not None and row.vmaf_score >= min_vmaf))
        and (max_bitrate_kbps is None or _is_within(row, max_bitrate_kbps))
    ]
    start = (page - 1) * page_rows
    items = [row.model_dump(mode="json") for row in fits[start : start + page_rows]]
    return {
        "type": "corpus-rows",
        "rows_in_file": len(rows),
        "rows": len(fits),
        "page": page,
        "pages": -(-len(fits) // page_rows),
        "items": [{name: row.get(name) for name in _COLUMNS} for row in items],
    }


def _is_within(row: CorpusRow, most_kbps: float) -> bool:
    return row.bitrate_kbps is not None and row.bitrate_kbps <= most_kbps
