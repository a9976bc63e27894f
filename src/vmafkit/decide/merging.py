"""Decides which neighbouring shots are encoded as one.

A cut costs bits: a key frame, and an encoder that starts anew. It pays where the shots want
different settings by more than that. What a cut costs is measured: neighbours are encoded as one at
the setting that suits all best, and are kept so when that is cheaper at the same price of quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmafkit.decide.per_shot import Aim
from vmafkit.decide.shots import ShotCurve, ShotSetting

_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours that could be one.

    Attributes:
        first: number of the first of them.
        count: how many they are, at least 2.
        value: of the knob, the best for all together.
        loss: what they lose by sharing it before the saved cuts are counted, in bits; 0 or above.
        apart: the price of all, each with its own setting.
    """

    first: int
    count: int
    value: float
    loss: float
    apart: float


def exchange(curves: Sequence[ShotCurve], aim: Aim) -> float:
    """Bits that one point of quality in one frame is worth where the title reaches its aim.

    0 in constant quality, where no shot may give for another.

    Raises:
        TargetUnreached: the settings at hand do not reach it.
    """
    if aim.mode == "constant-quality":
        return 0.0
    aim.allocate(curves)
    frames = sum(curve.frames for curve in curves)
    low, high = 1e-6, 1e9
    for _ in range(_ROUNDS):
        middle = float(np.sqrt(low * high))
        chosen = [_cheapest(curve, aim, middle) for curve in curves]
        mean = sum(
            setting.quality * curve.frames
            for setting, curve in zip(chosen, curves, strict=True)
            if setting is not None
        )
        low, high = (low, middle) if mean >= aim.target * frames else (middle, high)
    return high


def price(curve: ShotCurve, aim: Aim, rate: float) -> float | None:
    """The least bits less what the quality is worth; None where no setting will do.

    Args:
        rate: from `exchange`.
    """
    setting = _cheapest(curve, aim, rate)
    return None if setting is None else _cost(setting, curve.frames, rate)


def runs(curves: Sequence[ShotCurve], aim: Aim, rate: float, count: int = 2) -> list[Run]:
    """All so many neighbours that have a setting in common, those that lose least by it first."""
    found: list[Run] = []
    for first in range(len(curves) - count + 1):
        own = curves[first : first + count]
        alone = [cost for each in own if (cost := price(each, aim, rate)) is not None]
        joint = together(own)
        setting = _cheapest(joint, aim, rate)
        if len(alone) == count and setting is not None:
            apart = sum(alone)
            loss = max(0.0, _cost(setting, joint.frames, rate) - apart)
            found.append(Run(first, count, setting.value, loss, apart))
    return sorted(found, key=lambda run: (run.loss, run.first))


def together(curves: Sequence[ShotCurve]) -> ShotCurve:
    """All of them at each value that they share, as if the cuts between them stayed."""
    tables = [{setting.value: setting for setting in curve.settings} for curve in curves]
    frames = sum(curve.frames for curve in curves)
    settings: list[ShotSetting] = []
    for value in tables[0]:
        if not all(value in table for table in tables):
            continue
        chosen = [table[value] for table in tables]
        quality = sum(s.quality * c.frames for s, c in zip(chosen, curves, strict=True)) / frames
        settings.append(
            ShotSetting(
                value,
                sum(s.bits for s in chosen),
                quality,
                measured=False,
                worst=min(s.least for s in chosen),
            )
        )
    return ShotCurve(frames, tuple(settings))


def shaped(guess: ShotCurve, measured: Sequence[ShotSetting]) -> ShotCurve:
    """A curve that was guessed, moved through what was measured.

    The share of bits and the difference in quality are interpolated between measured values and
    held beyond them.
    """
    known = sorted(measured, key=lambda setting: setting.value)
    base = {setting.value: setting for setting in guess.settings}
    known = [setting for setting in known if setting.value in base]
    if not known:
        return ShotCurve(guess.frames, tuple(measured))
    axis = [setting.value for setting in known]
    shares = [np.log(setting.bits / base[setting.value].bits) for setting in known]
    gains = [setting.quality - base[setting.value].quality for setting in known]
    least = [setting.least - base[setting.value].least for setting in known]
    own = {setting.value: setting for setting in measured}
    return ShotCurve(
        guess.frames,
        tuple(
            own.get(value)
            or ShotSetting(
                value,
                setting.bits * float(np.exp(np.interp(value, axis, shares))),
                setting.quality + float(np.interp(value, axis, gains)),
                measured=False,
                worst=setting.least + float(np.interp(value, axis, least)),
            )
            for value, setting in {**base, **own}.items()
        ),
    )


def apart_from_each_other(found: Sequence[Run], most: int) -> list[Run]:
    """The first runs of a list that have no shot in common."""
    chosen: list[Run] = []
    taken: set[int] = set()
    for run in found:
        own = set(range(run.first, run.first + run.count))
        if len(chosen) < most and not taken & own:
            chosen.append(run)
            taken |= own
    return chosen


def _cost(setting: ShotSetting, frames: int, rate: float) -> float:
    return setting.bits - rate * setting.quality * frames


def _cheapest(curve: ShotCurve, aim: Aim, rate: float) -> ShotSetting | None:
    floor = aim.target if aim.mode == "constant-quality" else aim.worst
    allowed = [s for s in curve.settings if floor is None or s.least >= floor]
    return min(allowed, key=lambda s: _cost(s, curve.frames, rate), default=None)
