"""Decides which neighbouring shots are encoded as one.

A cut costs bits: a key frame, and an encoder that starts anew. It pays where the shots want
different settings by more than that. What a cut costs is measured: two shots are encoded as one at
the setting that suits both best, and are kept so when that is cheaper at the same price of quality.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmafkit.decide.per_shot import Aim
from vmafkit.decide.shots import ShotCurve, ShotSetting

_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbours that could be one.

    Attributes:
        first: number of the first of them.
        value: of the knob, the best for both together.
        loss: what they lose by sharing it before the saved cut is counted, in bits; 0 or above.
        apart: the price of both, each with its own setting.
    """

    first: int
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


def pairs(curves: Sequence[ShotCurve], aim: Aim, rate: float) -> list[Pair]:
    """All neighbours that have a setting in common, those that lose least by it first."""
    found: list[Pair] = []
    for number, (one, two) in enumerate(itertools.pairwise(curves)):
        alone, joint = [price(each, aim, rate) for each in (one, two)], together(one, two)
        if alone[0] is None or alone[1] is None:
            continue
        setting = _cheapest(joint, aim, rate)
        if setting is not None:
            apart = alone[0] + alone[1]
            loss = max(0.0, _cost(setting, joint.frames, rate) - apart)
            found.append(Pair(number, setting.value, loss, apart))
    return sorted(found, key=lambda pair: (pair.loss, pair.first))


def together(one: ShotCurve, two: ShotCurve) -> ShotCurve:
    """Both at each value that they share, as if the cut between them stayed."""
    other = {setting.value: setting for setting in two.settings}
    frames = one.frames + two.frames
    return ShotCurve(
        frames,
        tuple(
            ShotSetting(
                setting.value,
                setting.bits + other[setting.value].bits,
                (setting.quality * one.frames + other[setting.value].quality * two.frames) / frames,
                measured=False,
                worst=min(setting.least, other[setting.value].least),
            )
            for setting in one.settings
            if setting.value in other
        ),
    )


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


def apart_from_each_other(found: Sequence[Pair], most: int) -> list[Pair]:
    """The first pairs of a list that have no shot in common."""
    chosen: list[Pair] = []
    taken: set[int] = set()
    for pair in found:
        if len(chosen) < most and not taken & {pair.first, pair.first + 1}:
            chosen.append(pair)
            taken |= {pair.first, pair.first + 1}
    return chosen


def _cost(setting: ShotSetting, frames: int, rate: float) -> float:
    return setting.bits - rate * setting.quality * frames


def _cheapest(curve: ShotCurve, aim: Aim, rate: float) -> ShotSetting | None:
    floor = aim.target if aim.mode == "constant-quality" else aim.worst
    allowed = [s for s in curve.settings if floor is None or s.least >= floor]
    return min(allowed, key=lambda s: _cost(s, curve.frames, rate), default=None)
