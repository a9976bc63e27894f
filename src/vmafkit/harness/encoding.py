"""Makes the distorted videos of a data set: encodes references and writes their recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmafkit import fsio
from vmafkit.decide.sweep import Cell
from vmafkit.execute.encode import encode_cell
from vmafkit.ffmpeg.run import Job
from vmafkit.harness.results import EncodeResultStore
from vmafkit.store.trials import TrialRecord

OnEncode = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """One encode.

    Attributes:
        cell: what was asked for.
        path: where it lies.
        known: it was in the store.
    """

    cell: Cell
    path: Path
    known: bool


def encode_all(
    program: Path,
    cells: Sequence[Cell],
    store: EncodeResultStore,
    folder: Path,
    scratch: Path,
    *,
    job: Job | None = None,
    on_encode: OnEncode | None = None,
) -> list[Made]:
    """Encode every cell into a folder, from the store where it is known.

    Raises:
        EncodeFailed, FrameCount, Truncated, Changed, StoreFull, Cancelled: as `encode_cell`.
        OutputError: the folder cannot be written.
    """
    made: list[Made] = []
    for number, cell in enumerate(cells, 1):
        made.append(_encode(program, cell, store, folder, scratch, job))
        if on_encode is not None:
            on_encode(number, len(cells))
    return made


def _encode(
    program: Path,
    cell: Cell,
    store: EncodeResultStore,
    folder: Path,
    scratch: Path,
    job: Job | None,
) -> Made:
    final = folder / cell.file_name
    kept = store.get(cell.spec.key)
    known = kept is not None
    if kept is None:
        with fsio.scratch_folder(within=scratch) as room:
            output = room / f"encode.{cell.encoder.container}"
            encode_cell(program, cell, output, job=job)
            record = TrialRecord(
                key=cell.spec.key,
                source_sha256=cell.spec.source_sha256,
                encoder=cell.spec.encoder,
                preset=cell.spec.preset,
                quality=cell.quality,
                spec_json=cell.spec.canonical(),
                row_json="",
            )
            kept = store.put(record, output)
    if not (final.is_file() and fsio.sha256_file(final) == fsio.sha256_file(kept)):
        fsio.copy_atomic(kept, final, user_output=True)
    return Made(cell, final, known)


def recipe_of(made: Sequence[Made], dataset: str) -> dict[str, Any]:
    """A recipe of the encodes, without opinion scores, ready to be written as YAML.

    Its paths are absolute, since a recipe's own folder is where relative ones start.
    """
    sources = list(dict.fromkeys(each.cell.source.path for each in made))
    geometry: dict[Path, dict[str, Any]] = {}
    for each in made:
        raw = each.cell.source.raw
        if raw is not None:
            facts = {"yuv_fmt": raw.pix_fmt, "width": raw.width, "height": raw.height}
            geometry[each.cell.source.path] = facts
    return {
        "dataset_name": dataset,
        "yuv_fmt": "notyuv",
        "ref_videos": [
            {"content_id": i, "path": str(path.absolute()), **geometry.get(path, {})}
            for i, path in enumerate(sources)
        ],
        "dis_videos": [
            {
                "content_id": sources.index(each.cell.source.path),
                "asset_id": i,
                "asset_name": each.path.stem,
                "path": str(each.path.absolute()),
            }
            for i, each in enumerate(made)
        ],
    }
