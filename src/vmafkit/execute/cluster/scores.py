"""Scores of pairs, here or on the cluster that this process is connected to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit import settings
from vmafkit.errors import CapabilityMissing, Refused
from vmafkit.execute.cluster import worker
from vmafkit.execute.cluster.current import current
from vmafkit.ffmpeg.run import Job
from vmafkit.media.hashing import content_hash
from vmafkit.proc import Limits
from vmafkit.scoring.pair import Pair, Scorer, score_pair
from vmafkit.scoring.score import Score, ScoreRequest
from vmafkit.store.hashes import StoredHashes


@dataclass(frozen=True, slots=True)
class _Order:
    pair: Pair
    reference: worker.Located
    distorted: worker.Located
    request: ScoreRequest
    scorer: Scorer
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
    order = _Order(pair, reference, distorted, request, scorer, job.limits)
    data = [cluster.data_of(each) for each in (reference, distorted)]
    return cluster.run(job.cancel or threading.Event(), _score_order, order, *data)


def _score_order(
    order: _Order,
    reference: bytes | None,
    distorted: bytes | None,
    *,
    cancel: threading.Event,
) -> Score:
    capabilities = worker.worker_capabilities()
    # These results are remembered under this machine's version, so there is no mixing them.
    if capabilities.version != order.scorer.tool_version:
        raise Refused(
            f"a worker has ffmpeg {capabilities.version}, this machine {order.scorer.tool_version}",
            hint="install the same versions on every machine",
        )
    pair = replace(
        order.pair,
        reference=worker.place(order.reference, reference),
        distorted=worker.place(order.distorted, distorted),
    )
    scorer = replace(
        order.scorer, program=Path(capabilities.path), tool_version=capabilities.version
    )
    job = Job(cancel=cancel, limits=order.limits)
    return score_pair(scorer, pair, order.request, job=job)
