"""Compares encoders and presets over measured rows: curves, Bjontegaard deltas, equal quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.interpolate import PchipInterpolator

from vmafkit import encoders
from vmafkit.decide.bd_rate import BdDelta, Interpolation, bd_quality, bd_rate
from vmafkit.decide.compare_rows import Curve, Measured
from vmafkit.decide.hull import RatePoint, pareto
from vmafkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Delta:
    """A curve against the anchor, on one source.

    Attributes:
        rate: the BD-rate; None where it was refused.
        gain: the BD-quality, such as BD-VMAF; None where it was refused.
        reason: why something is None; empty otherwise.
    """

    source: str
    name: str
    rate: BdDelta | None
    gain: BdDelta | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    """What a curve needs for one score, on one source.

    Attributes:
        measured: the cheapest measured setting that reaches the score, else the best one.
        meets: whether it reaches it.
        interpolated_kbps: bitrate at exactly that score, by PCHIP over the logarithm of the
            bitrate between measured settings; None outside of what was measured.
        interpolated_value: of the encoder's knob, likewise.
        change_percent: the interpolated bitrate against the anchor's.
        reason: why something is None; empty otherwise.
    """

    source: str
    name: str
    measured: Measured
    meets: bool
    interpolated_kbps: float | None
    interpolated_value: float | None
    change_percent: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mean:
    """A curve's name over all sources.

    Attributes:
        sources: how many it was measured on.
        rate_percent: arithmetic mean of the BD-rates, over `rate_sources` sources.
        gain: arithmetic mean of the BD-qualities, over `gain_sources` sources.
        change_percent: geometric mean at equal score, over `change_sources` sources.
        frames_per_s: all frames over all seconds of encoding.
    """

    name: str
    sources: int
    rate_percent: float | None
    rate_sources: int
    gain: float | None
    gain_sources: int
    change_percent: float | None
    change_sources: int
    frames_per_s: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Encoders and presets, compared.

    Attributes:
        metric: what the scores are, such as `vmaf_v0.6.1 mean`.
        anchor: the name that the others are held against.
        target: the score of `matched`; None without one.
        deltas: of every curve but the anchor's.
        means: one for each name, in the curves' order.
        versions: of what made the rows.
        notes: what a reader must know, such as mixed versions.
        failed: what could not be measured, by encoder and preset, and why.
    """

    metric: str
    anchor: str
    target: float | None
    curves: tuple[Curve, ...]
    deltas: tuple[Delta, ...]
    matched: tuple[Matched, ...]
    means: tuple[Mean, ...]
    versions: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def compare(
    curves: Sequence[Curve],
    *,
    metric: str,
    anchor: str | None = None,
    target: float | None = None,
    interpolation: Interpolation = "pchip",
    versions: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare curves on each source and in the mean.

    Args:
        anchor: the name of a curve, or of an encoder with one preset; None for the first.
        target: a score to compare bitrates at.

    Raises:
        UsageError: there are no curves, or the anchor is none of them.
    """
    if not curves:
        raise UsageError("there is nothing to compare", hint="no row has a score and a bitrate")
    names = list(dict.fromkeys(curve.name for curve in curves))
    chosen = names[0] if anchor is None else find_anchor(curves, anchor)
    anchors = {curve.source: curve for curve in curves if curve.name == chosen}
    deltas = [
        _delta(curve, anchors.get(curve.source), interpolation)
        for curve in curves
        if curve.name != chosen
    ]
    matched: list[Matched] = []
    if target is not None:
        at_anchor = {source: at_score(curve, target)[0] for source, curve in anchors.items()}
        matched = [_matched(curve, target, at_anchor.get(curve.source)) for curve in curves]
    means = [_mean(name, curves, deltas, matched) for name in names]
    return Comparison(metric, chosen, target, tuple(curves), tuple(deltas), tuple(matched),
                      tuple(means), tuple(versions), tuple(notes))  # fmt: skip


def find_anchor(curves: Sequence[Curve], word: str) -> str:
    """The name that `libx264`, `libx264:medium` or `libx264 medium` means.

    Raises:
        UsageError: no curve, or more than one, is meant.
    """
    wanted = " ".join(word.replace(":", " ", 1).split())
    names = list(dict.fromkeys(curve.name for curve in curves))
    if wanted in names:
        return wanted
    found = list(dict.fromkeys(curve.name for curve in curves if curve.encoder == wanted))
    if not found:
        alias, _, rest = wanted.partition(" ")
        for curve in curves:
            if alias in encoders.get(curve.encoder).aliases:
                return find_anchor(curves, f"{curve.encoder} {rest}")
    if len(found) == 1:
        return found[0]
    hint = ", ".join((found or names)[:12])
    wrong = "is none of the curves" if not found else f"means {len(found)} curves"
    raise UsageError(f"--baseline-encoder {word} {wrong}", hint=f"name one of: {hint}")


def at_score(curve: Curve, score: float) -> tuple[float | None, float | None, str]:
    """The interpolated bitrate in kbps and knob value at a score, and the reason if None."""
    front = _front(curve)
    scores = [point.score for point in front]
    if len(front) < 2:
        return None, None, "there are fewer than two settings to interpolate between"
    if not scores[0] <= score <= scores[-1]:
        side = "below" if score < scores[0] else "above"
        end = scores[0] if score < scores[0] else scores[-1]
        return None, None, f"{score:g} is {side} what was measured, which ends at {end:.2f}"
    rates = PchipInterpolator(scores, [math.log(point.bitrate_kbps) for point in front])
    values = PchipInterpolator(scores, [point.value for point in front])
    return math.exp(float(rates(score))), float(values(score)), ""


def points_of(curve: Curve) -> list[RatePoint]:
    """A curve's settings as points of rate and quality."""
    return [
        RatePoint(each.bitrate_kbps, each.score, f"{curve.knob} {each.value:g}")
        for each in curve.points
    ]


def _front(curve: Curve) -> list[Measured]:
    numbered = [
        RatePoint(each.bitrate_kbps, each.score, str(index))
        for index, each in enumerate(curve.points)
    ]
    return [curve.points[int(point.key)] for point in pareto(numbered)]


def _delta(curve: Curve, anchor: Curve | None, interpolation: Interpolation) -> Delta:
    if anchor is None:
        reason = "the anchor was not measured on this source"
        return Delta(curve.source, curve.name, None, None, reason)
    ours, theirs = points_of(anchor), points_of(curve)
    reasons: list[str] = []

    def judged(function: Callable[..., BdDelta]) -> BdDelta | None:
        try:
            return function(ours, theirs, interpolation=interpolation)
        except UsageError as error:
            reasons.append(error.message)
            return None

    rate, gain = judged(bd_rate), judged(bd_quality)
    return Delta(curve.source, curve.name, rate, gain, "; ".join(dict.fromkeys(reasons)))


def _matched(curve: Curve, target: float, anchor_kbps: float | None) -> Matched:
    reaching = [point for point in curve.points if point.score >= target]
    if reaching:
        measured = min(reaching, key=lambda point: point.bitrate_kbps)
    else:
        measured = max(curve.points, key=lambda point: point.score)
    kbps, value, reason = at_score(curve, target)
    change = None
    if kbps is not None and anchor_kbps is not None:
        change = (kbps / anchor_kbps - 1) * 100
    elif kbps is not None:
        reason = "the anchor has no bitrate at this score"
    return Matched(curve.source, curve.name, measured, bool(reaching), kbps, value, change, reason)


def _mean(
    name: str, curves: Sequence[Curve], deltas: Sequence[Delta], matched: Sequence[Matched]
) -> Mean:
    own = [curve for curve in curves if curve.name == name]
    rates = [d.rate.value for d in deltas if d.name == name and d.rate is not None]
    gains = [d.gain.value for d in deltas if d.name == name and d.gain is not None]
    changes = [
        math.log1p(m.change_percent / 100)
        for m in matched
        if m.name == name and m.change_percent is not None
    ]
    timed = [p for curve in own for p in curve.points if p.frames and p.encode_s]
    seconds = sum(point.encode_s or 0.0 for point in timed)
    return Mean(
        name=name,
        sources=len(own),
        rate_percent=fmean(rates) if rates else None,
        rate_sources=len(rates),
        gain=fmean(gains) if gains else None,
        gain_sources=len(gains),
        change_percent=math.expm1(fmean(changes)) * 100 if changes else None,
        change_sources=len(changes),
        frames_per_s=sum(point.frames or 0 for point in timed) / seconds if seconds else None,
    )
