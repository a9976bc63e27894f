"""Scores one reference against many encodes at once, in this process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from vmafkit import settings
from vmafkit.errors import Cancelled, CapabilityMissing, FrameCount, UsageError
from vmafkit.ffmpeg.run import Job
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.scoring.engine.decode import LumaReader, Picture, plain_depth
from vmafkit.scoring.engine.engine import SMALLEST, Engine, Features
from vmafkit.scoring.engine.models import EngineModel, gains_of, is_proven, read_model
from vmafkit.scoring.engine.native import Library, find_library, load, source_hash
from vmafkit.scoring.score import Score

if TYPE_CHECKING:
    from vmafkit.scoring.pair import Prepared, Scorer

ARITHMETIC = "3.2"
"""The version of libvmaf whose integer arithmetic the engine follows."""


def why_not(prepared: Prepared) -> str:
    """Why the engine is not proven for this pair, in words; empty when it is."""
    pair, request = prepared.pair, prepared.request
    depths = {plain_depth(side.pix_fmt) for side in (pair.reference, pair.distorted)}
    turned = pair.reference.rotation or pair.distorted.rotation
    sizes = {pair.reference.display_size, pair.distorted.display_size, prepared.display}
    unproven = [model.id for model in prepared.models if not is_proven(model)]
    reasons = (
        ("features beside the models are asked for", bool(request.features)),
        (f"model {', '.join(unproven)} is not proven", bool(unproven)),
        ("only every n-th frame is asked for", request.subsample != 1),
        ("a side has to be scaled or turned", len(sizes) > 1 or bool(turned)),
        ("the samples have to be converted", len(depths) > 1 or depths == {0}),
        (f"the picture is below {SMALLEST} samples", min(prepared.display) < SMALLEST),
        ("the engine is not built", find_library() is None),
    )
    return next((reason for reason, holds in reasons if holds), "")


def score_many(
    scorer: Scorer, many: Sequence[Prepared], *, job: Job | None = None, threads: int = 0
) -> tuple[Score, ...]:
    """Score encodes of one reference, which is decoded and worked on once.

    Args:
        scorer: its ffmpeg carries the models.
        many: the pairs, of one reference and window and with equal requests.
        job: how it can be stopped.
        threads: frames that are worked on at the same time; 0 for all cores.

    Returns:
        One score a pair, in their order.

    Raises:
        UsageError: the pairs do not share their reference.
        CapabilityMissing: the engine is not built, or not proven for a pair.
        ScoreFailed: a video cannot be decoded.
        FrameCount: a video does not give its frames.
        Changed: a file changed while it was scored.
        Cancelled: the job was stopped.
    """
    first = _shared(many)
    wall, cpu = time.monotonic(), time.process_time()
    library = load()
    models = [read_model(model, scorer.program) for model in first.models]
    features = _features(library, many, models, job, threads or settings.core_count())
    for prepared in many:
        for source in (prepared.pair.reference, prepared.pair.distorted):
            ensure_unchanged(source)
    share = len(many)
    cost = ((time.monotonic() - wall) / share, (time.process_time() - cpu) / share)
    return tuple(
        _score(prepared, library, models, features, n, cost) for n, prepared in enumerate(many)
    )


def _shared(many: Sequence[Prepared]) -> Prepared:
    if not many:
        raise UsageError("there is nothing to score")
    first = many[0]
    for prepared in many:
        pair = prepared.pair
        same = (
            pair.reference == first.pair.reference
            and pair.reference_window == first.pair.reference_window
            and prepared.models == first.models
        )
        if not same:
            raise UsageError("encodes scored together must share reference, frames and models")
        reason = why_not(prepared)
        if reason:
            raise CapabilityMissing(
                f"the engine does not score {show(pair.distorted.path)}: {reason}",
                hint="--score-backend libvmaf scores it",
            )
    return first


def _features(
    library: Library,
    many: Sequence[Prepared],
    models: Sequence[EngineModel],
    job: Job | None,
    threads: int,
) -> Features:
    first = many[0]
    width, height = first.display
    wanted = first.frame_count
    with ExitStack() as stack:
        pair = first.pair
        readers = [LumaReader(pair.reference, pair.reference_window)]
        stack.callback(readers[0].close)
        for prepared in many:
            reader = LumaReader(prepared.pair.distorted, prepared.pair.distorted_window)
            readers.append(reader)
            stack.callback(reader.close)
        engine = stack.enter_context(
            Engine(
                width, height, distorted=len(many), bit_depth=plain_depth(pair.reference.pix_fmt),
                gains=gains_of(models), threads=threads, library=library,
            )
        )  # fmt: skip
        for number in range(wanted):
            if job is not None and job.cancel is not None and job.cancel.is_set():
                raise Cancelled("scoring was stopped")
            reference, *distorted = (_next(r, number, wanted) for r in readers)
            engine.push(reference, distorted)
        for reader in readers:
            if reader.next() is not None:
                raise FrameCount(f"a video has more than its {wanted} frames")
        return engine.finish()


def _next(reader: LumaReader, number: int, wanted: int) -> Picture:
    picture = reader.next()
    if picture is None:
        raise FrameCount(f"{show(reader.path)} gave {number} frames where {wanted} were expected")
    return picture


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
        libvmaf_version=ARITHMETIC,
        tool_version=f"vmafkit engine {source_hash()} {library.machine}",
        display=prepared.display,
        pix_fmt=prepared.passes[0].pix_fmt,
        steps=tuple(dict.fromkeys(prepared.steps)),
        wall_s=cost[0],
        cpu_s=cost[1],
        statistic=prepared.request.statistic,
    )
