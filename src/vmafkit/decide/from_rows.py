"""Probes from the rows of a corpus, for decisions without any encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vmafkit import pooling
from vmafkit.decide.probes import Probe
from vmafkit.decide.target import METRICS, Target
from vmafkit.errors import UsageError
from vmafkit.schema.corpus import CorpusRow

_OWN_COLUMNS = {
    "mean": "vmaf_score",
    "min": "vmaf_min",
    "harmonic_mean": "vmaf_harmonic_mean",
    "p1": "vmaf_p1",
    "p5": "vmaf_p5",
    "p10": "vmaf_p10",
    "median": "vmaf_median",
}

# What a row keeps of a feature, and of a VMAF model.
_OF_FEATURE = ("mean", "min", "max")
_OF_MODEL = tuple(name for name in pooling.STATISTICS if name != "stddev")
# Rows that differ in one of these are points of different curves.
_CURVE = {
    "extra_params": "encoder options",
    "threads": "thread counts",
    "display_width": "display widths",
    "display_height": "display heights",
    "pix_fmt": "pixel formats",
    "score_backend": "score backends",
}


def rows_for(
    rows: Sequence[CorpusRow],
    *,
    sha256: str | None,
    encoder: str,
    preset: str | None,
) -> list[CorpusRow]:
    """The whole results of one source, encoder and preset.

    Args:
        sha256: of the source; None where the corpus has only one.

    Raises:
        UsageError: there are none, or they are of several sources, presets, encoder options,
            thread counts, display sizes or pixel formats.
    """
    found = [row for row in rows if row.exit_status == 0 and row.encoder == encoder]
    if sha256 is not None:
        found = [row for row in found if row.src_sha256 == sha256]
    if preset is not None:
        found = [row for row in found if row.preset == preset]
    found = [row for row in found if row.window in (None, "full")]
    if not found:
        known = sorted({f"{row.encoder} {row.preset}" for row in rows if row.exit_status == 0})
        raise UsageError(
            f"the corpus holds no row of this source with {encoder} {preset or ''}".rstrip(),
            hint=f"it holds: {', '.join(known) or 'nothing'}",
        )
    sources = {row.src_sha256 or row.src for row in found}
    if len(sources) > 1:
        raise UsageError(
            f"the corpus holds {len(sources)} sources", hint="name the source to decide for"
        )
    presets = sorted({str(row.preset) for row in found})
    if len(presets) > 1:
        raise UsageError(
            f"the corpus holds {encoder} with the presets {', '.join(presets)}",
            hint="name one with --preset",
        )
    _refuse_several_curves(found)
    return found


def _refuse_several_curves(rows: Sequence[CorpusRow]) -> None:
    for field, words in _CURVE.items():
        values = sorted({_word(_value(row, field)) for row in rows})
        if len(values) > 1:
            raise UsageError(
                f"the corpus holds rows of several {words} ({field}): {', '.join(values)}",
                hint="put the rows of one of them in a corpus file of their own",
            )


def _value(row: CorpusRow, field: str) -> object:
    # Rows of older schemas say no backend; there was one.
    return row.score_backend or "libvmaf" if field == "score_backend" else getattr(row, field)


def _word(value: object) -> str:
    if isinstance(value, list):
        return f"'{' '.join(map(str, cast('list[object]', value)))}'"
    return "unset" if value is None else str(value)


def probes_of(rows: Sequence[CorpusRow], targets: Sequence[Target]) -> list[Probe]:
    """One probe for each setting, from the newest row that has every score.

    Raises:
        UsageError: no row has a score for a target.
    """
    found: dict[float, Probe] = {}
    missing: Target | None = None
    for row in rows:
        scores = [score_of(row, target) for target in targets]
        for target, score in zip(targets, scores, strict=True):
            missing = target if score is None else missing
        kbps, size = row.bitrate_kbps, row.video_bytes or row.encode_size_bytes
        if None in scores or kbps is None or size is None:
            continue
        known = tuple(score for score in scores if score is not None)
        found[row.crf] = Probe(row.crf, known, kbps, float(size), known=True,
                               key=row.trial_key or "")  # fmt: skip
    if not found:
        raise UsageError(
            f"the corpus has no score for {missing}" if missing else "the corpus has no bitrates",
            hint="measure it with `vmaf-tune corpus`, with --model or --feature",
        )
    return [found[quality] for quality in sorted(found)]


def statistics_of(metric: str) -> tuple[str, ...]:
    """The statistics that rows hold of a metric."""
    return _OF_FEATURE if METRICS[metric].column else _OF_MODEL


def score_of(row: CorpusRow, target: Target) -> float | None:
    """What a row scored on a target's metric, statistic and model; None where it was not."""
    if target.metric == "vmaf":
        return _vmaf(row, target)
    feature = (row.features or {}).get(METRICS[target.metric].column, {})
    return feature.get(target.statistic)


def _vmaf(row: CorpusRow, target: Target) -> float | None:
    model = target.model or row.vmaf_model
    pooled = (row.scores or {}).get(model or "", {})
    if target.statistic in pooled:
        return pooled[target.statistic]
    if model not in (None, row.vmaf_model):
        return None
    column = _OWN_COLUMNS.get(target.statistic)
    return getattr(row, column) if column else None
