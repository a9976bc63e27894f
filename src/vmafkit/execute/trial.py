"""Runs one trial: asks the store first, else encodes and scores, and remembers."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.decide.sweep import Cell
from vmafkit.errors import VmafkitError
from vmafkit.execute.encode import Encode, accept_encode, encode_cell
from vmafkit.execute.rows import measured_facts
from vmafkit.ffmpeg.progress import Progress
from vmafkit.ffmpeg.run import Job
from vmafkit.proc import Limits
from vmafkit.scoring.pair import Pair, Scorer, prepare, score_pair
from vmafkit.scoring.score import EncodeGeometry, Score, ScoreRequest
from vmafkit.store.trials import TrialRecord, TrialStore

Facts = dict[str, Any]
OnFrames = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """What trials run on.

    Attributes:
        program: an ffmpeg with libvmaf.
        version: how it names itself.
        store: where trials are remembered.
        score_threads: of libvmaf in each trial.
        limits: bounds of each process.
        cancel: stops everything when set.
        scratch: folder for private work; None for the system's.
    """

    program: Path
    version: str
    store: TrialStore
    score_threads: int = 1
    limits: Limits = field(default_factory=Limits)
    cancel: threading.Event = field(default_factory=threading.Event)
    scratch: Path | None = None


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
            output = folder / f"encode.{cell.encoder.container}"
            job = job_of(bench, "encode", on_frames)
            encode = encode_cell(bench.program, cell, output, job=job)
            score = score_cell(bench, cell, encode, job_of(bench, "score", on_frames))
            return finish_trial(bench, cell, encode, score, keep, spare)
    except BaseException:
        bench.store.release(key, owner)
        raise


def finish_trial(
    bench: Bench, cell: Cell, encode: Encode, score: Score, keep: Path | None, spare: Path | None
) -> Trial:
    """Keep the encode where it is wanted, then remember the trial, which ends its claim.

    Raises:
        StoreError, OutputError: something cannot be written; nothing is remembered then.
    """
    facts = measured_facts(cell, encode, score)
    facts["encode_sha256"] = fsio.sha256_file(encode.path)
    keep = _place(keep, spare, facts)
    if keep is not None:
        fsio.copy_atomic(encode.path, keep, user_output=True)
    bench.store.put(
        TrialRecord(
            key=cell.spec.key,
            source_sha256=cell.spec.source_sha256,
            encoder=cell.spec.encoder,
            preset=cell.spec.preset,
            quality=cell.quality,
            spec_json=cell.spec.canonical(),
            row_json=json.dumps(facts, allow_nan=False),
            frames=_parquet(score),
        )
    )
    return Trial(facts, known=False, kept=keep)


def score_cell(bench: Bench, cell: Cell, encode: Encode, job: Job | None = None) -> Score:
    """Score an encode against the frames of the source it was made from."""
    pair, request = _asked(bench, cell, encode)
    return score_pair(_scorer(bench, cell), pair, request, job=job)


def score_cells(
    bench: Bench, made: Sequence[tuple[Cell, Encode]], job: Job | None = None
) -> tuple[Score, ...]:
    """Score encodes of the same frames with the engine, which reads the source once.

    Raises:
        VmafkitError: one of them cannot be scored; which one is not said.
    """
    from vmafkit.scoring.engine.many import score_many

    ready = [prepare(*_asked(bench, cell, encode)) for cell, encode in made]
    scorer = _scorer(bench, made[0][0])
    return score_many(scorer, ready, job=job, threads=bench.score_threads)


def _asked(bench: Bench, cell: Cell, encode: Encode) -> tuple[Pair, ScoreRequest]:
    source = cell.source
    window = None if cell.window.is_full else cell.window
    request = ScoreRequest(
        models=cell.models,
        features=cell.features,
        display=cell.spec.display,
        subsample=cell.spec.subsample,
        threads=bench.score_threads,
        encode_geometry=EncodeGeometry(
            encode.source.width, encode.source.height, encode.source.bit_depth
        ),
    )
    pair = Pair(source, encode.source, reference_window=window, allow_hdr=cell.allow_hdr)
    return pair, request


def _scorer(bench: Bench, cell: Cell) -> Scorer:
    chosen = cell.scorer
    if chosen.tool is not None:
        return Scorer(bench.program, chosen.tool_version, chosen.tool)
    name = "engine" if chosen.name == "engine" else "libvmaf"
    return Scorer(bench.program, bench.version, backend=name)


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


def job_of(bench: Bench, stage: str, on_frames: OnFrames | None) -> Job:
    """How one process of a trial is watched."""

    def report(progress: Progress) -> None:
        if on_frames is not None:
            on_frames(stage, progress)

    return Job(on_progress=report, cancel=bench.cancel, limits=bench.limits)


def _facts(record: TrialRecord) -> Facts:
    return cast("Facts", json.loads(record.row_json))


def _parquet(score: Score) -> bytes:
    buffer = io.BytesIO()
    score.table().write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
