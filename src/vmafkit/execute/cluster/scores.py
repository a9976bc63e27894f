"""Scores of pairs, here or on the cluster that this process is connected to."""

from __future__ import annotations

import contextlib
import platform
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit import fsio, proc, settings
from vmafkit.errors import CapabilityMissing
from vmafkit.execute.cluster import answers, worker
from vmafkit.execute.cluster.current import current
from vmafkit.ffmpeg.run import Job
from vmafkit.media.hashing import content_hash
from vmafkit.proc import Limits
from vmafkit.scoring.pair import Pair, Scorer, score_pair
from vmafkit.scoring.score import Score, ScoreRequest
from vmafkit.scoring.vmaf_models import model_key
from vmafkit.store.hashes import StoredHashes


@dataclass(frozen=True, slots=True)
class _Order:
    pair: Pair
    reference: worker.Located
    distorted: worker.Located
    request: ScoreRequest
    scorer: Scorer
    models: tuple[str, ...]
    versions: worker.Versions
    limits: Limits


def score_somewhere(scorer: Scorer, pair: Pair, request: ScoreRequest, job: Job) -> Score:
    """`score_pair` on this machine, or on a worker while this process is connected to a cluster.

    Raises:
        VmafkitError: as `score_pair`, and as `Cluster.run`.
        CapabilityMissing: a vmaf binary, which workers do not have.
    """
    cluster = current()
    if cluster is None:
        return score_pair(scorer, pair, request, job=job)
    if scorer.vmaf_binary is not None:
        raise CapabilityMissing(
            "workers of a cluster score with their own ffmpeg", hint="leave out --vmaf-binary"
        )
    hashes = StoredHashes(settings.cache_folder())
    reference, distorted = (
        worker.locate(source, content_hash(source.path, hashes))
        for source in (pair.reference, pair.distorted)
    )
    order = _Order(
        pair=pair,
        reference=reference,
        distorted=distorted,
        request=request,
        scorer=scorer,
        models=tuple(model_key(model) for model in request.models),
        versions=cluster.versions,
        limits=replace(job.limits, memory_bytes=proc.memory_bound()),
    )
    sides = (reference, distorted)
    try:
        return cluster.run(
            job.cancel or threading.Event(), _score_order, order, sides, needs=_needs(order)
        )
    finally:
        cluster.forget(sides)


def _score_order(
    order: _Order,
    reference: bytes | None,
    distorted: bytes | None,
    *,
    cancel: threading.Event,
) -> Score:
    with answers.fit_for(every_task=True):
        # These results are remembered under this machine's versions, so there is no mixing them.
        order.versions.require(worker.versions(), platform.node())
        capabilities = worker.worker_capabilities()
    with contextlib.ExitStack() as until:
        with answers.fit_for():
            worker.require_models(order.request.models, order.models)
            folder = until.enter_context(fsio.scratch_folder(within=settings.scratch_room()))
            pair = replace(
                order.pair,
                reference=worker.place(order.reference, folder, reference, until=until),
                distorted=worker.place(order.distorted, folder, distorted, until=until),
            )
        scorer = replace(
            order.scorer, program=Path(capabilities.path), tool_version=capabilities.version
        )
        job = Job(cancel=cancel, limits=order.limits)
        with answers.fit_for(answers.FAULTS):
            return score_pair(scorer, pair, order.request, job=job)


def _needs(order: _Order) -> str:
    sides = (order.reference.sha256, order.distorted.sha256)
    return " ".join((*sides, order.scorer.backend, *order.models))
