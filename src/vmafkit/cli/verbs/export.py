"""`vmaf-tune export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output

HELP = """Write a corpus as Parquet, CSV or JSON Lines, by the output's suffix.

Examples:

  vmaf-tune export corpus.jsonl corpus.parquet

  vmaf-tune export corpus.jsonl corpus.csv
"""


def export(
    corpus_file: Annotated[Path, typer.Argument(help="The corpus file.")],
    output_file: Annotated[Path, typer.Argument(help=".parquet, .csv or .jsonl.")],
) -> int:
    from vmafkit import api

    rows = api.export(corpus_file, output_file)
    output.result(f"{output_file}: {rows} rows")
    return 0
