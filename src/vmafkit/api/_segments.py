"""The files that `tune-per-shot` leaves in `--segment-dir`, and the commands that make them."""

from __future__ import annotations

import os
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.execute.encode import encode_words
from vmafkit.execute.join import LIST_NAME, concat_words, list_text
from vmafkit.execute.per_shot import Shots, measure_shots
from vmafkit.execute.title import Made


def prepare_segments(folder: Path, source: Path, shots: int, container: str) -> None:
    """Refuse, before any work, a folder where a name to be written is the source's.

    Raises:
        UsageError: it is.
    """
    names = [_shot_name(number, container) for number in range(shots)]
    for name in (*names, LIST_NAME, _title_name(container)):
        if not os.path.lexists(folder / name):
            continue
        try:
            fsio.refuse_same_file(folder / name, [source])
        except UsageError as error:
            raise UsageError(error.message, hint="name another --segment-dir") from error


def write_segments(work: Shots, made: Made, folder: Path, *, copies: bool) -> None:
    """Write the list that joins the segments, and on request the chosen encodes.

    Args:
        copies: the encodes too; without them `segment_commands` makes them.

    Raises:
        OutputError: it cannot be written.
        UsageError: a file to write is the source.
    """
    source, container = work.setup.known.source.path, work.setup.encoder.container
    prepare_segments(folder, source, len(made.chosen), container)
    fsio.ensure_folder(folder)
    names = [_shot_name(number, container) for number in range(len(made.chosen))]
    if copies:
        measure_shots(work, [(n, s.value) for n, s in enumerate(made.chosen)], keep=True)
        for number, setting in enumerate(made.chosen):
            segment = work.segment(number, setting.value)
            fsio.copy_atomic(segment, folder / names[number], user_output=True)
    text = list_text(names, work.shots, work.times_s)
    fsio.write_atomic(folder / LIST_NAME, text, user_output=True)


def segment_commands(work: Shots, made: Made | None, folder: Path | None) -> list[list[str]]:
    """What encodes each segment, into the folder or without one into the current folder."""
    if made is None:
        return []
    container, source = work.setup.encoder.container, work.setup.known.source.path
    # Copies of the encodes may lie in the folder already; elsewhere nothing is written over.
    start = [str(work.setup.bench.program), *(["-y"] if folder else [])]
    commands: list[list[str]] = []
    for number, setting in enumerate(made.chosen):
        output = (folder or Path()) / _shot_name(number, container)
        if output.absolute() == source.absolute():
            output = output.with_stem(f"{output.stem}-again")
        commands.append([*start, *encode_words(work.cell(number, setting.value), output)])
    return commands


def concat_command(work: Shots, made: Made | None, folder: Path | None) -> list[str]:
    """What joins the segments of the folder; empty without one, as there is no list to read."""
    if made is None or folder is None:
        return []
    output = folder / _title_name(work.setup.encoder.container)
    return [str(work.setup.bench.program), *concat_words(folder / LIST_NAME, output)]


def _shot_name(number: int, container: str) -> str:
    return f"shot{number + 1:05d}.{container}"


def _title_name(container: str) -> str:
    return f"title.{container}"
