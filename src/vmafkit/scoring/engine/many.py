"""Scores one reference against many encodes at once, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from vmafkit import settings
from vmafkit.errors import Cancelled, CapabilityMissing, FrameCount, UsageError
from vmafkit.ffmpeg.progress import Progress
from vmafkit.ffmpeg.run import Job
from vmafkit.media import pixfmt
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.scoring.engine.decode import StackReader
from vmafkit.scoring.engine.engine import Engine, Features
from vmafkit.scoring.engine.models import EngineModel, gains_of, read_model
from vmafkit.scoring.engine.native import Library, find_library, load, version
from vmafkit.scoring.engine.proven import unproven
from vmafkit.scoring.score import Score

if TYPE_CHECKING:
    from vmafkit.scoring.pair import Prepared, Scorer

ARITHMETIC = "3.2"
"""The version of libvmaf whose integer arithmetic the engine follows."""
_TELL_EVERY_S = 0.5


def why_not(prepared: Prepared) -> str:
    """Why the engine does not score this pair, in words; empty when it does."""
    request = prepared.request
    why = unproven(
        prepared.models,
        prepared.display,
        has_features=bool(request.features),
        subsample=request.subsample,
    )
    return why or ("the engine is not built" if find_library() is None else "")


def score_many(
    scorer: Scorer, many: Sequence[Prepared], *, job: Job | None = None, threads: int = 0
) -> tuple[Score, ...]:
    """Score encodes of one reference, which is decoded and worked on once.

    Args:
        scorer: its ffmpeg decodes, and carries the models.
        many: the pairs, of one reference and window and with equal requests.
        job: how it can be stopped, who is told how far it is, and its time limit.
        threads: frames that are worked on at the same time; 0 for all cores.

    Returns:
        One score a pair, in their order.

    Raises:
        UsageError: the pairs do not share their reference.
        CapabilityMissing: the engine is not built, or not proven for a pair.
        ScoreFailed: a video cannot be decoded.
        FrameCount, ResultInvalid: a video does not give its frames.
        Changed: a file changed while it was scored.
        Cancelled, ToolTimeout: the job was stopped, or took too long.
    """
    first = _shared(many)
    started = time.monotonic()
    library = load()
    models = [read_model(model, scorer.program) for model in first.models]
    features, cpu_s = _features(
        scorer, library, many, models, job or Job(), threads or settings.core_count()
    )
    for prepared in many:
        for source in (prepared.pair.reference, prepared.pair.distorted):
            ensure_unchanged(source)
    cost = ((time.monotonic() - started) / len(many), cpu_s / len(many))
    return tuple(
        _score(prepared, library, models, features, n, cost) for n, prepared in enumerate(many)
    )


def _shared(many: Sequence[Prepared]) -> Prepared:
    if not many:
        raise UsageError("there is nothing to score")
    first = many[0]
    for prepared in many:
        # A converted or scaled reference must be converted and scaled alike for all.
        same = (
            prepared.sides[0] == first.sides[0]
            and prepared.pair.reference == first.pair.reference
            and prepared.models == first.models
            and prepared.display == first.display
            and prepared.passes[0].pix_fmt == first.passes[0].pix_fmt
        )
        if not same:
            raise UsageError("encodes scored together must share reference, frames and models")
        reason = why_not(prepared)
        if reason:
            raise CapabilityMissing(
                f"the engine does not score {show(prepared.pair.distorted.path)}: {reason}",
                hint="--score-backend libvmaf scores it",
            )
    return first


def _features(
    scorer: Scorer,
    library: Library,
    many: Sequence[Prepared],
    models: Sequence[EngineModel],
    job: Job,
    threads: int,
) -> tuple[Features, float]:
    """The features of all, and the CPU seconds of the whole work."""
    first = many[0]
    pix_fmt = first.passes[0].pix_fmt
    sides = [first.sides[0], *(prepared.sides[1] for prepared in many)]
    width, height = first.display
    wanted, tell = first.frame_count, _teller(job)
    before = time.thread_time()
    with ExitStack() as stack:
        reader = StackReader(
            scorer.program, sides, first.display, pix_fmt, threads=threads, job=job
        )
        stack.callback(reader.close)
        engine = stack.enter_context(
            Engine(
                width, height, distorted=len(many), bit_depth=pixfmt.bit_depth(pix_fmt),
                gains=gains_of(models), threads=threads, library=library,
            )
        )  # fmt: skip
        count = 0
        while (pictures := reader.next()) is not None:
            if job.cancel is not None and job.cancel.is_set():
                raise Cancelled("scoring was stopped")
            engine.push(pictures[0], list(pictures[1:]))
            count += 1
            tell(count, False)
        if count != wanted:
            raise FrameCount(
                f"{show(first.pair.reference.path)} gave {count} frames where {wanted} were"
                " expected"
            )
        features = engine.finish()
        tell(count, True)
        return features, time.thread_time() - before + engine.cpu_s + reader.cpu_s


def _teller(job: Job) -> Callable[[int, bool], None]:
    told = started = time.monotonic()

    def tell(count: int, is_last: bool) -> None:
        nonlocal told
        now = time.monotonic()
        if job.on_progress is not None and (is_last or now - told >= _TELL_EVERY_S):
            told = now
            job.on_progress(Progress(count, count / max(now - started, 1e-9), is_last))

    return tell


def _score(
    prepared: Prepared,
    library: Library,
    models: Sequence[EngineModel],
    features: Features,
    number: int,
    cost: tuple[float, float],
) -> Score:
    columns = {
        name: values
        for gain in features.gains
        for name, values in features.columns(number, gain).items()
    }
    for model in models:
        columns |= model.scores(features, number)
    return Score(
        frame_numbers=np.arange(features.frame_count, dtype=np.int64),
        columns=columns,
        models=prepared.models,
        model_note=prepared.note,
        backend="engine",
        libvmaf_version=f"{ARITHMETIC} (vmafkit engine {version()})",
        tool_version=f"vmafkit engine {version()} {library.machine}",
        display=prepared.display,
        pix_fmt=prepared.passes[0].pix_fmt,
        steps=tuple(dict.fromkeys(prepared.steps)),
        wall_s=cost[0],
        cpu_s=cost[1],
        statistic=prepared.request.statistic,
    )
