"""`vmafkit verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmafkit.cli import output

if TYPE_CHECKING:
    from vmafkit.decide.verify import Checked, Difference

HELP = """Run a sample of a corpus again, without the store, and compare.

Bytes, bits and scores have to come out the same; a difference is shown with the versions that
differ. Exit code 0: every row did. 1: at least one differs, could not be run, or its source is
missing or has changed.

Examples:

  vmafkit verify corpus.jsonl

  vmafkit verify corpus.jsonl --sample 20 --seed 7 --json

  vmafkit verify corpus.jsonl --model path=mine.json
"""


def verify(
    corpus_file: Annotated[Path, typer.Argument(help="The corpus file.")],
    sample: Annotated[int, typer.Option(help="Rows to run again; 0 for all.")] = 5,
    seed: Annotated[int, typer.Option(help="Equal seeds pick equal rows.")] = 0,
    tolerance: Annotated[float, typer.Option(help="Of a score, in points.")] = 1e-4,
    model: Annotated[
        list[str] | None,
        typer.Option(help="path=FILE of a model the rows were scored with; repeatable."),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch the sources that rows name by a URL.")
    ] = False,
    ffmpeg_bin: Annotated[str | None, typer.Option(help="The ffmpeg to use.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for each ffmpeg run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No lines about the work.")] = False,
) -> int:
    from vmafkit import api

    def tell(checked: Checked, number: int, total: int) -> None:
        if not quiet:
            output.note(f"vmafkit: row {number} of {total}: {checked.outcome}")

    found = api.verify(
        corpus_file,
        sample=sample,
        seed=seed,
        tolerance=tolerance,
        model=model or [],
        fetch=fetch,
        ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout,
        on_event=tell,
    )
    if as_json:
        output.json_line(found.record())
    else:
        for each in found.checked:
            _print(each)
        same = sum(each.outcome == "same" for each in found.checked)
        output.result(
            f"{corpus_file}: {same} of {len(found.checked)} rows came out the same "
            f"({found.rows} measured rows in the file)"
        )
    return 0 if found.holds else 1


def _print(checked: Checked) -> None:
    if checked.outcome == "same" and not checked.versions:
        return
    row = checked.row
    name = f"{Path(row.src).name} {row.encoder} {row.preset or ''} {row.crf:g}"
    why = f": {checked.message}" if checked.message else ""
    output.result(f"{checked.outcome:15}{name}{why}")
    for each in checked.differences:
        output.result(_line("", each))
    for each in checked.versions:
        output.result(_line("version: ", each))


def _line(before: str, each: Difference) -> str:
    return f"{'':15}{before}{each.name} {each.recorded} in the corpus, {each.found} now"
