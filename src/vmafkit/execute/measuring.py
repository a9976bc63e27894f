"""Encodes and scores cells, here or on a cluster; asks no store and remembers nothing."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmafkit import fsio
from vmafkit.decide.sweep import Cell
from vmafkit.errors import Cancelled, ClusterLost, OutputError, StoreError, VmafkitError
from vmafkit.execute.cluster.current import current
from vmafkit.execute.encode import Encode, encode_cell
from vmafkit.execute.rows import measured_facts
from vmafkit.ffmpeg.progress import Progress
from vmafkit.ffmpeg.run import Job
from vmafkit.proc import Limits
from vmafkit.scoring.pair import Pair, Scorer, prepare, score_pair
from vmafkit.scoring.score import EncodeGeometry, Score, ScoreRequest

if TYPE_CHECKING:
    from vmafkit.execute.cluster.client import Cluster

Facts = dict[str, Any]
OnFrames = Callable[[str, Progress], None]
OnCellFrames = Callable[[int, str, Progress], None]

# What no other trial would fare better with.
FOR_ALL = (Cancelled, ClusterLost, StoreError, OutputError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """What measures.

    Attributes:
        program: an ffmpeg with libvmaf.
        version: how it names itself.
        score_threads: of libvmaf in each trial.
        limits: bounds of each process.
        cancel: stops everything when set.
        scratch: folder for private work; None for the system's.
        cluster: other machines that measure instead; the one this process is connected to.
    """

    program: Path
    version: str
    score_threads: int = 1
    limits: Limits = field(default_factory=Limits)
    cancel: threading.Event = field(default_factory=threading.Event)
    scratch: Path | None = None
    cluster: Cluster | None = field(default_factory=current)


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """What was measured of a cell.

    Attributes:
        cell: as measured; only a cluster of mixed versions makes it differ from the one asked for.
        facts: the row's columns that do not belong to one run.
        frames: the scores of its frames, as Parquet.
        video: the encode, in the folder that was given; None where it was not wanted and lies
            on another machine.
    """

    cell: Cell
    facts: Facts
    frames: bytes
    video: Path | None


def measure(
    rig: Rig,
    cells: Sequence[Cell],
    folder: Path,
    *,
    wanted: Sequence[bool],
    on_frames: OnCellFrames | None = None,
) -> list[MeasuredCell | VmafkitError]:
    """Encode cells of one reference one by one, and score them in one go where that is possible.

    Args:
        folder: where their encodes are made.
        wanted: which encodes are needed here afterwards.
        on_frames: told how far `encode` and `score` of the n-th cell are; not by a cluster.

    Returns: for each cell in order what was measured, or why it failed.

    Raises:
        StoreError, OutputError, Cancelled, ClusterLost: no other trial would fare better.
    """
    if rig.cluster is not None:
        from vmafkit.execute.cluster.trials import measure_there

        return measure_there(rig, rig.cluster, cells, folder, wanted)
    outcomes: list[MeasuredCell | VmafkitError | None] = [None] * len(cells)
    made: list[tuple[int, Encode]] = []
    for number, cell in enumerate(cells):
        job = job_of(rig, "encode", partial(on_frames, number) if on_frames else None)
        output = folder / f"encode{number}.{cell.encoder.container}"
        try:
            made.append((number, encode_cell(rig.program, cell, output, job=job)))
        except FOR_ALL:
            raise
        except VmafkitError as error:
            outcomes[number] = error
    pairs = [(cells[number], encode) for number, encode in made]
    numbers = [number for number, _ in made]
    for (number, encode), score in zip(made, _scores(rig, pairs, numbers, on_frames), strict=True):
        outcomes[number] = (
            score if isinstance(score, VmafkitError) else _measured(cells[number], encode, score)
        )
    return [outcome for outcome in outcomes if outcome is not None]


def score_cell(rig: Rig, cell: Cell, encode: Encode, job: Job | None = None) -> Score:
    """Score an encode against the frames of the source it was made from."""
    pair, request = _asked(rig, cell, encode)
    return score_pair(_scorer(rig, cell), pair, request, job=job)


def job_of(rig: Rig, stage: str, on_frames: OnFrames | None) -> Job:
    """How one process of a trial is watched."""

    def report(progress: Progress) -> None:
        if on_frames is not None:
            on_frames(stage, progress)

    return Job(on_progress=report, cancel=rig.cancel, limits=rig.limits)


def _measured(cell: Cell, encode: Encode, score: Score) -> MeasuredCell:
    facts = measured_facts(cell, encode, score)
    facts["encode_sha256"] = fsio.sha256_file(encode.path)
    buffer = io.BytesIO()
    score.table().write_parquet(buffer, compression="zstd")
    return MeasuredCell(cell, facts, buffer.getvalue(), encode.path)


def _scores(
    rig: Rig,
    pairs: Sequence[tuple[Cell, Encode]],
    numbers: Sequence[int],
    on_frames: OnCellFrames | None,
) -> Sequence[Score | VmafkitError]:
    def tell(stage: str, progress: Progress) -> None:
        for number in numbers:
            if on_frames is not None:
                on_frames(number, stage, progress)

    job = job_of(rig, "score", tell)
    if len(pairs) > 1 and all(cell.scorer.name == "engine" for cell, _ in pairs):
        wall_s = job.limits.wall_s
        longer = replace(job.limits, wall_s=wall_s * len(pairs) if wall_s is not None else None)
        try:
            return _scored_together(rig, pairs, replace(job, limits=longer))
        except FOR_ALL:
            raise
        except VmafkitError:
            # Each on its own shows which of them it was.
            pass
    found: list[Score | VmafkitError] = []
    for cell, encode in pairs:
        try:
            found.append(score_cell(rig, cell, encode, job))
        except FOR_ALL:
            raise
        except VmafkitError as error:
            found.append(error)
    return found


def _scored_together(rig: Rig, pairs: Sequence[tuple[Cell, Encode]], job: Job) -> tuple[Score, ...]:
    from vmafkit.scoring.engine.many import score_many

    ready = [prepare(*_asked(rig, cell, encode)) for cell, encode in pairs]
    scorer = _scorer(rig, pairs[0][0])
    return score_many(scorer, ready, job=job, threads=rig.score_threads)


def _asked(rig: Rig, cell: Cell, encode: Encode) -> tuple[Pair, ScoreRequest]:
    source = cell.source
    window = None if cell.window.is_full else cell.window
    request = ScoreRequest(
        models=cell.models,
        features=cell.features,
        display=cell.spec.display,
        subsample=cell.spec.subsample,
        threads=rig.score_threads,
        encode_geometry=EncodeGeometry(
            encode.source.width, encode.source.height, encode.source.bit_depth
        ),
    )
    pair = Pair(source, encode.source, reference_window=window, allow_hdr=cell.allow_hdr)
    return pair, request


def _scorer(rig: Rig, cell: Cell) -> Scorer:
    chosen = cell.scorer
    if chosen.tool is not None:
        return Scorer(rig.program, chosen.tool_version, chosen.tool)
    name = "engine" if chosen.name == "engine" else "libvmaf"
    return Scorer(rig.program, rig.version, backend=name)
