"""What a setting is expected to give before anything is measured: estimates with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit.curve import FloatArray
from vmafkit.decide.belief import Belief, Curve, infer
from vmafkit.decide.predict import interval_factor
from vmafkit.decide.prior import Prior, grid, scale_of
from vmafkit.decide.target import Caps, Target

# Half-width of a 90 % interval, in standard deviations.
_HALF_90 = 1.645
Interval = tuple[float, float]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Expected:
    """A setting and what is expected of it; nothing of this was measured.

    Attributes:
        quality: on the encoder's knob.
        scores: one for each target.
        score_intervals: 90 % intervals of the scores.
        bitrate_kbps, bitrate_interval: of the video, with its 90 % interval.
        reaches: every target is met by what is expected, and every cap kept.
    """

    quality: float
    scores: tuple[float, ...]
    score_intervals: tuple[Interval, ...]
    bitrate_kbps: float
    bitrate_interval: Interval
    reaches: bool


def expect(prior: Prior, targets: Sequence[Target], caps: Caps, duration_s: float) -> Expected:
    """The cheapest setting that is expected to meet every target within the caps.

    Where none is, the nearest to it: the best quality that keeps the caps, or the best at all.
    Without targets, the best quality within the caps.

    Args:
        prior: with a pixel rate.
        duration_s: of the title, for caps on its size.

    Raises:
        ValueError: the prior has no pixel rate.
    """
    if prior.pixel_rate is None:
        raise ValueError("an expectation of bitrates needs the pixel rate")
    settings = grid(prior.knob)
    bits = _at(prior, prior.bits_curve(), settings)
    kbps = _kbps(bits.mean, prior.pixel_rate)
    affordable = np.array(
        [caps.kept_by(float(rate), float(rate) * duration_s * 125.0) for rate in kbps]
    )
    beliefs = [_at(prior, prior.score_curve(target), settings) for target in targets]
    meets = np.ones(settings.size, dtype=bool)
    for target, belief in zip(targets, beliefs, strict=True):
        scores = scale_of(target).back(belief.mean)
        meets &= np.array([target.met_by(float(score)) for score in scores])
    number = _choice(meets, affordable, has_targets=bool(targets))
    return _expected(
        prior, targets, settings, number, beliefs, bits, bool(meets[number] and affordable[number])
    )


def _choice(meets: _Flags, affordable: _Flags, *, has_targets: bool) -> int:
    both = np.flatnonzero(meets & affordable)
    if both.size:
        return int(both[-1] if has_targets else both[0])
    kept = np.flatnonzero(affordable)
    if kept.size:
        return int(kept[0])
    passing = np.flatnonzero(meets) if has_targets else kept
    return int(passing[-1]) if passing.size else (0 if has_targets else meets.size - 1)


def _at(prior: Prior, curve: Curve, settings: FloatArray) -> Belief:
    return infer(curve, settings, prior.points(), prior.start())


def _kbps(line: FloatArray, pixel_rate: float) -> FloatArray:
    return np.exp2(-line) * pixel_rate / 1000.0


def _expected(
    prior: Prior,
    targets: Sequence[Target],
    settings: FloatArray,
    number: int,
    beliefs: Sequence[Belief],
    bits: Belief,
    reaches: bool,
) -> Expected:
    wider = interval_factor(prior.family, prior.encoder)
    scores: list[float] = []
    intervals: list[Interval] = []
    for target, belief in zip(targets, beliefs, strict=True):
        scale, mean = scale_of(target), float(belief.mean[number])
        half = wider * _HALF_90 * float(belief.sd[number])
        ends = sorted(float(scale.back(mean + sign * half)) for sign in (-1.0, 1.0))
        scores.append(float(scale.back(mean)))
        intervals.append((ends[0], ends[1]))
    half = _HALF_90 * float(bits.sd[number])
    rate = prior.pixel_rate or 0.0
    mean = float(bits.mean[number])
    low, middle, high = _kbps(np.array([mean + half, mean, mean - half]), rate)
    return Expected(
        quality=float(settings[number]),
        scores=tuple(scores),
        score_intervals=tuple(intervals),
        bitrate_kbps=float(middle),
        bitrate_interval=(float(low), float(high)),
        reaches=reaches,
    )
