"""Decides how each shot of a title is encoded, and whether that beats one setting for all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from vmafkit.curve import pchip
from vmafkit.decide.shots import (
    Allocation,
    ShotCurve,
    ShotSetting,
    constant_quality,
    constant_slope,
    with_steps_between,
)
from vmafkit.encoders.base import Quality
from vmafkit.errors import UsageError

Mode = Literal["constant-quality", "constant-slope"]
MODES: dict[str, Mode] = {each: each for each in ("constant-quality", "constant-slope")}
# Steps finer than this share of the knob move the quality by less than a search can see.
_FINEST = 250
_PROBE_SPAN = 0.36


@dataclass(frozen=True, slots=True)
class Aim:
    """What a title has to reach.

    Attributes:
        mode: `constant-quality`: each shot by itself; `constant-slope`: the mean over all frames.
        target: in the metric's unit; higher is better.
        worst: in constant slope no shot may lie below; None for no such floor.
    """

    mode: Mode
    target: float
    worst: float | None = None

    def reached(self, mean: float, worst: float) -> float:
        """One number for a title, on the target's scale: it holds when this is >= target.

        Args:
            mean: over all frames.
            worst: the lowest mean of a shot.
        """
        if self.mode == "constant-quality":
            return worst
        return mean if self.worst is None else min(mean, worst - self.worst + self.target)

    def shifted(self, by: float) -> Aim:
        """The same aim, so much higher."""
        floor = None if self.worst is None else self.worst + by
        return replace(self, target=self.target + by, worst=floor)

    def allocate(self, shots: Sequence[ShotCurve]) -> Allocation:
        """A setting for each shot.

        Raises:
            TargetUnreached: there is none within the settings at hand.
        """
        if self.mode == "constant-quality":
            return constant_quality(shots, self.target)
        return constant_slope(shots, self.target, worst=self.worst)


@dataclass(frozen=True, slots=True)
class Range:
    """The values of an encoder's knob that may be used.

    Attributes:
        lo, hi: both allowed.
        step: between two values that shots may take.
    """

    lo: float
    hi: float
    step: float

    def values(self) -> list[float]:
        """All of them, rising."""
        count = math.floor((self.hi - self.lo) / self.step + 1e-9)
        return [round(self.lo + i * self.step, 6) for i in range(count + 1)]

    def snapped(self, value: float) -> float:
        """The nearest allowed value."""
        steps = round((min(max(value, self.lo), self.hi) - self.lo) / self.step)
        last = math.floor((self.hi - self.lo) / self.step + 1e-9)
        return round(self.lo + min(steps, last) * self.step, 6)


def range_of(knob: Quality, lo: float | None, hi: float | None) -> Range:
    """The knob's range, narrowed by the user.

    Raises:
        UsageError: an end is no value of the knob, or the range is empty.
    """
    low = knob.lo if lo is None else knob.check(lo, "--crf-min:")
    high = knob.hi if hi is None else knob.check(hi, "--crf-max:")
    if low >= high:
        raise UsageError(f"--crf-min {low:g} is not below --crf-max {high:g}")
    step = knob.step * max(1, math.ceil((knob.hi - knob.lo) / _FINEST / knob.step - 1e-9))
    # The lowest multiple of the step, so that every value is one that the encoder takes.
    first = math.ceil(low / step - 1e-9) * step
    return Range(first if first < high else low, high, step)


def first_values(allowed: Range, expected: float, count: int) -> tuple[float, ...]:
    """Values to measure in every shot: evenly about the one expected for the title."""
    width = (allowed.hi - allowed.lo) * _PROBE_SPAN
    middle = min(max(expected, allowed.lo + width / 2), allowed.hi - width / 2)
    shares = np.linspace(-0.5, 0.5, count)
    return tuple(dict.fromkeys(allowed.snapped(middle + share * width) for share in shares))


def curve_of(frames: int, measured: Sequence[ShotSetting], allowed: Range) -> ShotCurve:
    """The curve of a shot: what was measured, and every value between."""
    return with_steps_between(ShotCurve(frames, tuple(measured)), allowed.values())


def beyond(
    measured: Sequence[ShotSetting], chosen: ShotSetting | None, allowed: Range, knob: Quality
) -> float | None:
    """A value to measure next to a shot's known ones, or None where they suffice.

    Args:
        chosen: by the allocation; None where no known setting is good enough.
    """
    known = sorted(setting.value for setting in measured)
    width = max((allowed.hi - allowed.lo) * _PROBE_SPAN / 3, allowed.step)
    best_end = known[-1] if knob.higher_is_better else known[0]
    value = best_end if chosen is None else chosen.value
    if value == known[0]:
        further = allowed.snapped(known[0] - width)
    elif value == known[-1]:
        further = allowed.snapped(known[-1] + width)
    else:
        return None
    return further if further not in known else None


def uniform(shots: Sequence[ShotCurve], aim: Aim) -> float | None:
    """The one value that all shots would need, after their curves; None where none reaches it."""
    tables = [{setting.value: setting for setting in shot.settings} for shot in shots]
    frames = sum(shot.frames for shot in shots)
    fit: list[tuple[float, float]] = []
    for value in tables[0]:
        if not all(value in table for table in tables):
            continue
        chosen = [table[value] for table in tables]
        mean = sum(s.quality * shot.frames for s, shot in zip(chosen, shots, strict=True)) / frames
        if aim.reached(mean, min(s.quality for s in chosen)) >= aim.target:
            fit.append((sum(s.bits for s in chosen), value))
    return min(fit)[1] if fit else None


@dataclass(frozen=True, slots=True)
class Title:
    """A whole title as it was measured.

    Attributes:
        reached: on the aim's scale.
        mean: over all frames.
        worst: the lowest mean of a shot.
        bits: of the video packets.
    """

    reached: float
    mean: float
    worst: float
    bits: float


def at_score(titles: Sequence[Title], reached: float) -> float | None:
    """Bits that one setting needs to reach a score, between those measured; None outside.

    PCHIP of the logarithm of the bits over the score.
    """
    rising: list[Title] = []
    for title in sorted(titles, key=lambda each: each.bits):
        if not rising or title.reached > rising[-1].reached:
            rising.append(title)
    if len(rising) < 2 or not rising[0].reached <= reached <= rising[-1].reached:
        return None
    scores = [title.reached for title in rising]
    return float(np.exp(pchip(scores, [math.log(title.bits) for title in rising], reached)))


def verdict(aim: Aim, shots: Title | None, single: Title | None) -> tuple[str | None, str]:
    """(which is kept: `per-shot`, `single` or None, the reason in a sentence)."""
    by_shot = shots is not None and shots.reached >= aim.target
    by_one = single is not None and single.reached >= aim.target
    if by_shot and shots is not None and single is not None and by_one:
        change = 100.0 * (shots.bits / single.bits - 1.0)
        if shots.bits < single.bits:
            return "per-shot", f"settings by shot need {-change:.1f} % fewer bits than one setting"
        return "single", (
            f"settings by shot do not pay here: they need {change:.1f} % more bits than one "
            "setting, which is kept"
        )
    if by_shot:
        return "per-shot", "no single setting meets the target"
    if by_one:
        return "single", "settings by shot missed the target; the single setting meets it"
    return None, "nothing that was measured meets the target"
