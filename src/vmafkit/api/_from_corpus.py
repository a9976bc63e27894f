"""`recommend --from-corpus`: the decision from rows alone."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vmafkit import encoders, fsio, settings
from vmafkit.api._recommendation import bracket_record
from vmafkit.api._searching import Goal, caps_of, targets_of, tolerance_of
from vmafkit.decide.from_rows import probes_of, rows_for
from vmafkit.decide.search import decide_from_rows
from vmafkit.errors import UsageError
from vmafkit.media.hashing import content_hash, show
from vmafkit.schema.corpus import CorpusRow
from vmafkit.schema.recommendation import ProbeRecord, QualityValue, Recommendation
from vmafkit.store.corpus_file import read_corpus
from vmafkit.store.hashes import StoredHashes
from vmafkit.version import __version__


def recommend_from_corpus(
    path: Path, source: str | Path | None, encoder: str, preset: str | None, goal: Goal
) -> Recommendation:
    """Decide by the rule of the search, from the rows of a corpus file.

    Raises:
        UsageError: no row is of this source, encoder and preset, or none has the scores.
        Unreadable, StoreCorrupt, SchemaTooNew: the corpus cannot be read.
    """
    if goal.max_encoded_percent is not None:
        raise UsageError("--max-encoded-percent needs the source's size, which rows do not hold")
    targets, _ = targets_of(goal)
    chosen = encoders.get(encoder)
    hashes = StoredHashes(settings.cache_folder())
    sha256 = content_hash(Path(source), hashes) if source is not None else None
    rows = rows_for(read_corpus(path), sha256=sha256, encoder=chosen.name, preset=preset)
    last = rows[-1]
    targets = tuple(
        replace(target, model=last.vmaf_model)
        if target.metric == "vmaf" and target.model is None
        else target
        for target in targets
    )
    probes = probes_of(rows, targets)
    caps, tolerance = caps_of(goal, None), tolerance_of(goal, targets)
    decision = decide_from_rows(probes, chosen.quality, targets, caps=caps, tolerance=tolerance)
    best = decision.best_attempt
    return Recommendation(
        source=fsio.url_of_path(Path(last.src)) or show(Path(last.src)),
        encoder=chosen.name,
        preset=last.preset,
        quality=QualityValue(knob=chosen.quality.knob, value=best.quality) if best else None,
        target=" and ".join(str(target) for target in targets) or str(caps),
        score=best.scores[0] if best and best.scores else None,
        met=decision.met,
        exact=decision.exact,
        bracket=bracket_record(decision.bracket),
        bitrate_kbps=best.bitrate_kbps if best else None,
        probes=[
            ProbeRecord(
                quality=probe.quality,
                score=probe.scores[0] if probe.scores else None,
                scores=list(probe.scores),
                bitrate_kbps=probe.bitrate_kbps,
                known=True,
            )
            for probe in probes
        ],
        window="full",
        model=last.vmaf_model,
        versions={
            "vmafkit": __version__,
            "ffmpeg": last.ffmpeg_version,
            "encoder": last.encoder_version,
            "libvmaf": last.libvmaf_version,
            **({"score_backend": last.score_backend} if last.score_backend else {}),
        },
        command=_encoder_words(rows, best.quality, best.key) if best else "",
        reason=decision.reason,
        targets=[str(target) for target in targets],
        scores=list(best.scores) if best else [],
        caps=str(caps),
        size_bytes=round(best.size_bytes) if best else None,
        tolerance=tolerance,
        strategy="rows",
    )


def _encoder_words(rows: Sequence[CorpusRow], quality: float, key: str) -> str:
    """The encoder's words of the row that a probe was made of, the newest where several are."""
    for row in reversed(rows):
        if row.crf == quality and (row.trial_key or "") == key and row.argv:
            return shlex.join(row.argv)
    return ""
