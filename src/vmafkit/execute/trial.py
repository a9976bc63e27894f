"""Runs one trial: asks the store first, else encodes and scores, and remembers."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.decide.sweep import Cell
from vmafkit.errors import VmafkitError
from vmafkit.execute.encode import accept_encode, encode_cell
from vmafkit.execute.measuring import Facts, MeasuredCell, OnFrames, Rig, job_of, measure
from vmafkit.ffmpeg.progress import Progress
from vmafkit.store.trials import TrialRecord, TrialStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench(Rig):
    """What trials run on.

    Attributes:
        store: where trials are remembered.
    """

    store: TrialStore


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial gave.

    Attributes:
        facts: the row's columns that do not belong to one run.
        known: it was in the store already.
        kept: where its encode lies, or None when it was dropped.
    """

    facts: Facts
    known: bool
    kept: Path | None = None


def run_trial(
    bench: Bench,
    cell: Cell,
    *,
    keep: Path | None = None,
    spare: Path | None = None,
    on_frames: OnFrames | None = None,
) -> Trial:
    """One trial's facts, from the store or measured now.

    Args:
        keep: where the encode is to lie afterwards, or None to drop it.
        spare: where it is to lie when another file has that place; None to replace that file.
        on_frames: told how far `encode` and `score` are.

    Raises:
        VmafkitError: the trial failed; nothing is remembered of it.
    """
    key = cell.spec.key
    owner = f"{os.getpid()}-{threading.get_ident()}"
    record = bench.store.obtain(key, owner, cancel=bench.cancel)
    if record is not None:
        facts = _facts(record)
        keep = _place(keep, spare, facts)
        if keep is not None and not is_kept(keep, facts):
            _encode_again(bench, cell, keep, facts, on_frames)
        return Trial(facts, known=True, kept=keep)
    try:
        with fsio.scratch_folder(within=bench.scratch) as folder:
            frames = partial(_of_one, on_frames) if on_frames else None
            (outcome,) = measure(bench, [cell], folder, wanted=[keep is not None], on_frames=frames)
            if isinstance(outcome, VmafkitError):
                raise outcome
            trial = finish_trial(bench, outcome, keep, spare)
    except BaseException:
        bench.store.release(key, owner)
        raise
    if outcome.cell.spec.key != key:
        bench.store.release(key, owner)
    return trial


def finish_trial(
    bench: Bench, measured: MeasuredCell, keep: Path | None, spare: Path | None
) -> Trial:
    """Keep the encode where it is wanted, then remember the trial, which ends its claim.

    Raises:
        StoreError, OutputError: something cannot be written; nothing is remembered then.
    """
    facts, spec = measured.facts, measured.cell.spec
    keep = _place(keep, spare, facts)
    if keep is not None:
        assert measured.video is not None
        fsio.copy_atomic(measured.video, keep, user_output=True)
    bench.store.put(
        TrialRecord(
            key=spec.key,
            source_sha256=spec.source_sha256,
            encoder=spec.encoder,
            preset=spec.preset,
            quality=measured.cell.quality,
            spec_json=spec.canonical(),
            row_json=json.dumps(facts, allow_nan=False),
            frames=measured.frames,
        )
    )
    return Trial(facts, known=False, kept=keep)


def _of_one(on_frames: OnFrames, number: int, stage: str, progress: Progress) -> None:
    on_frames(stage, progress)


def _place(keep: Path | None, spare: Path | None, facts: Facts) -> Path | None:
    if keep is None or spare is None or not os.path.lexists(keep) or is_kept(keep, facts):
        return keep
    return spare


def _encode_again(
    bench: Bench, cell: Cell, keep: Path, facts: Facts, on_frames: OnFrames | None
) -> None:
    with fsio.scratch_folder(within=bench.scratch) as folder:
        output = folder / f"encode.{cell.encoder.container}"
        job = job_of(bench, "encode", on_frames)
        encode = encode_cell(bench.program, cell, output, job=job)
        if encode.source.video_bits != facts["video_bits"]:
            raise VmafkitError(
                f"{cell.encoder.name} gave {encode.source.video_bits} bits where the store has "
                f"{facts['video_bits']}: the encoder does not repeat itself with these settings",
                hint="use --threads 1",
            )
        fsio.copy_atomic(output, keep, user_output=True)


def is_kept(keep: Path, facts: Mapping[str, Any]) -> bool:
    """Whether the file holds the encode of these facts: as many frames and bits of video."""
    if not keep.is_file():
        return False
    try:
        made = accept_encode(keep, facts["source_frame_count"])
    except VmafkitError:
        return False
    return made.video_bits == facts["video_bits"]


def _facts(record: TrialRecord) -> Facts:
    return cast("Facts", json.loads(record.row_json))
