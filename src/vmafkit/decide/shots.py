"""How bits are shared among the shots of a title.

Constant slope: every shot is encoded where one more kilobit buys the same quality, so bits
go where they buy most. Source: Y. Shoham and A. Gersho, "Efficient bit allocation for an
arbitrary set of quantizers", 1988; A. Ortega and K. Ramchandran, "Rate-distortion methods
for image and video compression", 1998.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from vmafkit.decide.hull import RatePoint, slope, upper_hull
from vmafkit.errors import TargetUnreached, UsageError


@dataclass(frozen=True, slots=True)
class ShotSetting:
    """One way to encode one shot.

    Attributes:
        value: of the encoder's quality knob.
        bits: of the shot's video packets; above 0.
        quality: mean over the shot's frames.
        measured: False where it was interpolated between measurements.
        worst: the lowest mean of a shot, where several shots are encoded as one.
    """

    value: float
    bits: float
    quality: float
    measured: bool = True
    worst: float | None = None

    @property
    def least(self) -> float:
        """The quality that every shot in it reaches."""
        return self.quality if self.worst is None else self.worst


@dataclass(frozen=True, slots=True)
class ShotCurve:
    """What is known of one shot.

    Attributes:
        frames: the shot's length; above 0.
        settings: at least one, in any order.
    """

    frames: int
    settings: tuple[ShotSetting, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """One setting a shot, in the order of the shots.

    Attributes:
        chosen: the settings.
        quality: mean over all frames of the title.
        worst: the lowest quality of a shot.
        bits: of the whole title.
    """

    chosen: tuple[ShotSetting, ...]
    quality: float
    worst: float
    bits: float


def with_steps_between(curve: ShotCurve, values: Sequence[float]) -> ShotCurve:
    """Add settings interpolated at knob values between the measured ones.

    PCHIP of the quality and of the logarithm of the bits over the knob; nothing outside the
    measured values is invented.
    """
    known = sorted(curve.settings, key=lambda setting: setting.value)
    if len(known) < 2:
        return curve
    axis = [setting.value for setting in known]
    quality = PchipInterpolator(axis, [setting.quality for setting in known])
    least = PchipInterpolator(axis, [setting.least for setting in known])
    log_bits = PchipInterpolator(axis, np.log([setting.bits for setting in known]))
    added = [
        ShotSetting(
            value,
            float(np.exp(log_bits(value))),
            float(quality(value)),
            measured=False,
            worst=float(least(value)),
        )
        for value in values
        if axis[0] < value < axis[-1] and value not in axis
    ]
    return ShotCurve(curve.frames, (*known, *added))


def constant_quality(shots: Sequence[ShotCurve], target: float) -> Allocation:
    """The cheapest setting of each shot that reaches the target by itself.

    Raises:
        TargetUnreached: a shot has no such setting.
    """
    chosen: list[ShotSetting] = []
    for number, shot in enumerate(shots):
        enough = [setting for setting in shot.settings if setting.least >= target]
        if not enough:
            best = max(setting.least for setting in shot.settings)
            raise TargetUnreached(
                f"shot {number + 1} reaches {best:.2f} at most, below the target {target:g}",
                hint="lower the target, or allow better quality values",
            )
        chosen.append(min(enough, key=lambda setting: setting.bits))
    return _total(shots, chosen)


def constant_slope(
    shots: Sequence[ShotCurve], target: float, *, worst: float | None = None
) -> Allocation:
    """The fewest bits with which the mean over all frames reaches the target.

    Args:
        target: the mean over the frames of the title.
        worst: no shot may lie below; None for no such floor.

    Raises:
        TargetUnreached: the title cannot reach it with the settings at hand.
    """
    if not shots:
        raise UsageError("there are no shots to share the bits among")
    hulls = [_hull(shot, worst, number) for number, shot in enumerate(shots)]
    levels = [0] * len(shots)
    frames = sum(shot.frames for shot in shots)
    needed = target * frames - sum(
        hull[0][0].quality * shot.frames for hull, shot in zip(hulls, shots, strict=True)
    )
    upgrades = [_upgrade(hulls[n], 0, n) for n in range(len(shots)) if len(hulls[n]) > 1]
    heapq.heapify(upgrades)
    while needed > 1e-9 * frames and upgrades:
        _, number = heapq.heappop(upgrades)
        low, high = hulls[number][levels[number]], hulls[number][levels[number] + 1]
        needed -= (high[0].quality - low[0].quality) * shots[number].frames
        levels[number] += 1
        if levels[number] + 1 < len(hulls[number]):
            heapq.heappush(upgrades, _upgrade(hulls[number], levels[number], number))
    if needed > 1e-9 * frames:
        raise TargetUnreached(
            f"the shots reach a mean of {target - needed / frames:.2f} at most, below the target "
            f"{target:g}",
            hint="lower the target, or allow better quality values",
        )
    chosen = [hull[level][1] for hull, level in zip(hulls, levels, strict=True)]
    return _total(shots, _trimmed(shots, chosen, target, worst))


_Vertex = tuple[RatePoint, ShotSetting]


def _hull(shot: ShotCurve, worst: float | None, number: int) -> list[_Vertex]:
    """The vertices by rising bits a frame; the bitrate axis is bits a frame."""
    allowed = [s for s in shot.settings if worst is None or s.least >= worst]
    if not allowed:
        raise TargetUnreached(
            f"shot {number + 1} has no setting of at least {worst:g}",
            hint="lower the floor of the worst shot, or allow better quality values",
        )
    points = [RatePoint(s.bits / shot.frames, s.quality, str(i)) for i, s in enumerate(allowed)]
    return [(point, allowed[int(point.key)]) for point in upper_hull(points)]


def _upgrade(hull: Sequence[_Vertex], level: int, number: int) -> tuple[float, int]:
    return -slope(hull[level][0], hull[level + 1][0]), number


def _trimmed(
    shots: Sequence[ShotCurve], chosen: Sequence[ShotSetting], target: float, worst: float | None
) -> list[ShotSetting]:
    """Give back what the last step took too much: the largest saving that still meets it."""
    result = list(chosen)
    frames = sum(shot.frames for shot in shots)
    while True:
        spare = sum(
            (s.quality - target) * shot.frames for s, shot in zip(result, shots, strict=True)
        )
        savings = [
            (result[number].bits - setting.bits, number, setting)
            for number, shot in enumerate(shots)
            for setting in shot.settings
            if setting.bits < result[number].bits
            and (worst is None or setting.least >= worst)
            and (result[number].quality - setting.quality) * shot.frames <= spare + 1e-9 * frames
        ]
        if not savings:
            return result
        _, number, setting = max(savings, key=lambda saving: (saving[0], -saving[1]))
        result[number] = setting


def _total(shots: Sequence[ShotCurve], chosen: Sequence[ShotSetting]) -> Allocation:
    frames = sum(shot.frames for shot in shots)
    quality = sum(s.quality * shot.frames for s, shot in zip(chosen, shots, strict=True)) / frames
    return Allocation(
        tuple(chosen), quality, min(s.least for s in chosen), sum(s.bits for s in chosen)
    )
