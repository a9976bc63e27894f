"""Rate-quality points, what dominates what, and the upper convex hull."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RatePoint:
    """One measured setting.

    Attributes:
        bitrate_kbps: of the video packets; above 0.
        quality: on the scale of one metric and statistic; higher is better.
        key: names the setting within its decision, such as `1280x720 crf 28`.
    """

    bitrate_kbps: float
    quality: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class Crossover:
    """Where one curve takes over from another as the bitrate rises.

    Attributes:
        bitrate_kbps: where both have the same quality.
        quality: that quality.
        below, above: the curve that is better below and above it.
    """

    bitrate_kbps: float
    quality: float
    below: str
    above: str


def pareto(points: Sequence[RatePoint]) -> list[RatePoint]:
    """The points that no other beats: bitrate and quality both rise strictly."""
    front: list[RatePoint] = []
    for point in sorted(points, key=lambda p: (p.bitrate_kbps, -p.quality)):
        if not front or point.quality > front[-1].quality:
            front.append(point)
    return front


def upper_hull(points: Sequence[RatePoint]) -> list[RatePoint]:
    """The vertices of the upper convex hull over linear bitrate, by rising bitrate.

    The slope between neighbours, quality per kbps, falls strictly: these are the settings
    that a Lagrangian choice can reach. Source: Andrew's monotone chain (1979).
    """
    hull: list[RatePoint] = []
    for point in pareto(points):
        while len(hull) >= 2 and slope(hull[-2], hull[-1]) <= slope(hull[-2], point):
            hull.pop()
        hull.append(point)
    return hull


def slope(low: RatePoint, high: RatePoint) -> float:
    """Quality gained per kbps from one point to a dearer one."""
    return (high.quality - low.quality) / (high.bitrate_kbps - low.bitrate_kbps)


def crossovers(
    name: str, points: Sequence[RatePoint], other_name: str, other: Sequence[RatePoint]
) -> list[Crossover]:
    """Where two measured curves cross, by PCHIP over the logarithm of the bitrate.

    Returns:
        The crossings within the bitrates that both cover, by rising bitrate; none where
        they share less than two points' width.
    """
    one, two = pareto(points), pareto(other)
    if len(one) < 2 or len(two) < 2:
        return []
    low = max(one[0].bitrate_kbps, two[0].bitrate_kbps)
    high = min(one[-1].bitrate_kbps, two[-1].bitrate_kbps)
    if low >= high:
        return []
    first, second = _over_log_rate(one), _over_log_rate(two)
    grid: _Array = np.linspace(math.log(low), math.log(high), 400)
    gap: _Array = np.asarray(first(grid)) - np.asarray(second(grid))
    found: list[Crossover] = []
    for index in np.flatnonzero(np.sign(gap[:-1]) * np.sign(gap[1:]) < 0):
        share = gap[index] / (gap[index] - gap[index + 1])
        at = float(grid[index] + share * (grid[index + 1] - grid[index]))
        below, above = (name, other_name) if gap[index] > 0 else (other_name, name)
        found.append(Crossover(float(np.exp(at)), float(first(at)), below, above))
    return found


def _over_log_rate(front: Sequence[RatePoint]) -> PchipInterpolator:
    rates = [math.log(point.bitrate_kbps) for point in front]
    return PchipInterpolator(rates, [point.quality for point in front])
