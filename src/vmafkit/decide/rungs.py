"""Which settings of a hull become the rungs of a bitrate ladder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vmafkit.decide.hull import RatePoint
from vmafkit.errors import UsageError

Spacing = Literal["quality", "bitrate", "list", "targets", "even"]
Axis = Literal["quality", "log_bitrate", "bitrate"]

# About one just noticeable difference: the source is the practice of Netflix and of J. Ozer,
# 6 VMAF a rung.
QUALITY_STEP = 6.0
BITRATE_RATIO = 1.7
# A rung nearer than this share of a step to the one above serves nobody.
_LEAST_STEP = 0.5
# Estimated bitrates within this factor may be on the other side of a cap.
_NEAR = 1.25


class NoRungs(UsageError):
    """No setting lies within the caps and floors."""


@dataclass(frozen=True, slots=True)
class RungRule:
    """How rungs are chosen.

    Attributes:
        spacing: `quality`: each rung as near as can be to `step` below the one above;
            `bitrate`: as near as can be to its bitrate divided by `step`; never less than half
            of such a step apart; `list`: the best at each of `bitrates_kbps` or below;
            `targets`: the cheapest that reach `qualities`; `even`: `count` rungs from end to
            end, evenly spaced on `axis`.
        step: points of quality, or a ratio above 1; None for 6 points or a ratio of 1.7.
        bitrates_kbps: for `list`.
        qualities: for `targets`.
        axis: for `even`.
        min_kbps, max_kbps: no rung lies outside.
        max_quality: the top rung is the cheapest that reaches this; None for the best.
        min_quality: no rung lies below.
        count: at most so many rungs, kept from the top; None for all.
    """

    spacing: Spacing = "quality"
    step: float | None = None
    bitrates_kbps: tuple[float, ...] = ()
    qualities: tuple[float, ...] = ()
    axis: Axis = "quality"
    min_kbps: float = 0.0
    max_kbps: float = float("inf")
    max_quality: float | None = None
    min_quality: float = 0.0
    count: int | None = None

    def __post_init__(self) -> None:
        least = 1.0 if self.spacing == "bitrate" else 0.0
        if self.step is not None and not self.step > least:
            raise UsageError(
                f"a rung step of {self.step:g} is not above {least:g}",
                hint="6 points of quality, or a bitrate ratio of 1.7, are usual",
            )
        if self.spacing == "list" and not self.bitrates_kbps:
            raise UsageError("no rung bitrates were given", hint="name them in kbps")
        if self.spacing == "targets" and not self.qualities:
            raise UsageError("no rung qualities were given", hint="such as 95,90,80")
        if self.count is not None and self.count < 1:
            raise UsageError(f"a ladder of {self.count} rungs is none", hint="ask for 1 at least")
        if self.spacing == "even" and self.count is None:
            raise UsageError("evenly spaced rungs need their number")
        if self.min_kbps >= self.max_kbps:
            raise UsageError(
                f"the lowest bitrate {self.min_kbps:g} kbps is not below the highest "
                f"{self.max_kbps:g} kbps"
            )


def pick_rungs(hull: Sequence[RatePoint], rule: RungRule) -> list[RatePoint]:
    """The rungs, best first; each one is a point of the hull.

    Args:
        hull: by rising bitrate, as `hull.upper_hull` or `hull.pareto` give it.

    Raises:
        NoRungs: caps and floors leave nothing.
    """
    allowed = _allowed(hull, rule)
    if not allowed:
        raise NoRungs(
            "no setting lies within the caps and floors of the ladder",
            hint=_nearest(hull),
        )
    if rule.spacing == "list":
        rungs = _at_bitrates(allowed, rule)
        if not rungs:
            highest = max(rule.bitrates_kbps)
            raise NoRungs(
                f"no setting within the floors lies at {highest:g} kbps or below",
                hint=_nearest(hull),
            )
    elif rule.spacing == "targets":
        rungs = _reaching(allowed, rule.qualities)
    elif rule.spacing == "even":
        rungs = _evenly(allowed, rule)
    else:
        rungs = _spaced(allowed, rule)
    return rungs[: rule.count]


def unmet(hull: Sequence[RatePoint], rule: RungRule) -> list[str]:
    """What was asked for by name and no rung can give, in words."""
    allowed = _allowed(hull, rule)
    if not allowed:
        return []
    low, best = allowed[0], allowed[-1]
    bitrates = [each for each in rule.bitrates_kbps if each < low.bitrate_kbps]
    told = [
        f"no rung for {bitrate:g} kbps: the lowest bitrate within the floors is "
        f"{low.bitrate_kbps:.1f} kbps"
        for bitrate in bitrates
    ]
    short = [quality for quality in rule.qualities if quality > best.quality]
    return [
        *told,
        *(f"nothing within the caps reaches {q:g}; the best is {best.quality:.2f}" for q in short),
    ]


def beyond(point: RatePoint, rule: RungRule) -> float:
    """How far a point lies outside of the caps and floors; 0 within them.

    In doublings of the bitrate, and in steps of quality.
    """
    highest = min(rule.max_kbps, max(rule.bitrates_kbps, default=math.inf))
    over = math.log2(point.bitrate_kbps / highest) if highest < math.inf else 0.0
    under = math.log2(rule.min_kbps / point.bitrate_kbps) if rule.min_kbps > 0 else 0.0
    short = (rule.min_quality - point.quality) / QUALITY_STEP
    return max(over, 0.0) + max(under, 0.0) + max(short, 0.0)


def loosened(rule: RungRule) -> RungRule:
    """The rule with caps and floors that an estimate near them would not break."""
    return replace(
        rule,
        min_kbps=rule.min_kbps / _NEAR,
        max_kbps=rule.max_kbps * _NEAR,
        min_quality=rule.min_quality - QUALITY_STEP / 3,
    )


def _allowed(hull: Sequence[RatePoint], rule: RungRule) -> list[RatePoint]:
    return [
        point
        for point in hull
        if rule.min_kbps <= point.bitrate_kbps <= rule.max_kbps
        and point.quality >= rule.min_quality
    ]


def _nearest(hull: Sequence[RatePoint]) -> str:
    low, high = hull[0], hull[-1]
    return (
        f"what was measured goes from {low.bitrate_kbps:.0f} kbps ({low.quality:.1f}) "
        f"to {high.bitrate_kbps:.0f} kbps ({high.quality:.1f})"
    )


def _at_bitrates(allowed: Sequence[RatePoint], rule: RungRule) -> list[RatePoint]:
    top = _top(allowed, rule.max_quality)
    rungs: list[RatePoint] = []
    for limit in sorted(rule.bitrates_kbps, reverse=True):
        limit = min(limit, top.bitrate_kbps)
        within = [point for point in allowed if point.bitrate_kbps <= limit]
        if within and within[-1] not in rungs:
            rungs.append(within[-1])
    return rungs


def _reaching(allowed: Sequence[RatePoint], qualities: Sequence[float]) -> list[RatePoint]:
    rungs: list[RatePoint] = []
    for quality in sorted(qualities, reverse=True):
        rung = _top(allowed, quality)
        if rung not in rungs:
            rungs.append(rung)
    return rungs


def _evenly(allowed: Sequence[RatePoint], rule: RungRule) -> list[RatePoint]:
    """The points nearest to even steps between the top and the lowest."""
    places: dict[Axis, Callable[[RatePoint], float]] = {
        "quality": lambda point: point.quality,
        "log_bitrate": lambda point: math.log(point.bitrate_kbps),
        "bitrate": lambda point: point.bitrate_kbps,
    }
    place, count = places[rule.axis], rule.count or 1
    top = _top(allowed, rule.max_quality)
    within = [point for point in allowed if point.bitrate_kbps <= top.bitrate_kbps]
    span = place(top) - place(within[0])
    rungs: list[RatePoint] = []
    for number in range(count):
        wanted = place(top) - span * number / max(1, count - 1)
        rung = min(within, key=lambda point: abs(place(point) - wanted))
        if rung not in rungs:
            rungs.append(rung)
    return rungs


def _spaced(allowed: Sequence[RatePoint], rule: RungRule) -> list[RatePoint]:
    rungs = [_top(allowed, rule.max_quality)]
    while True:
        last = rungs[-1]
        steps = {
            point: _steps_below(point, last, rule)
            for point in allowed
            if point.bitrate_kbps < last.bitrate_kbps
        }
        enough = [point for point, steps in steps.items() if steps >= _LEAST_STEP]
        if not enough:
            return rungs
        rungs.append(min(enough, key=lambda point: abs(steps[point] - 1)))


def _top(allowed: Sequence[RatePoint], max_quality: float | None) -> RatePoint:
    if max_quality is not None:
        for point in allowed:
            if point.quality >= max_quality:
                return point
    return allowed[-1]


def _steps_below(point: RatePoint, rung: RatePoint, rule: RungRule) -> float:
    if rule.spacing == "quality":
        return (rung.quality - point.quality) / (rule.step or QUALITY_STEP)
    ratio = rung.bitrate_kbps / point.bitrate_kbps
    return math.log(ratio) / math.log(rule.step or BITRATE_RATIO)
