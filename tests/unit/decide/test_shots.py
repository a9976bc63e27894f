"""Sharing bits among shots, against exhaustive search."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.decide.shots import (
    ShotCurve,
    ShotSetting,
    constant_quality,
    constant_slope,
    with_steps_between,
)
from vmafkit.errors import TargetUnreached, UsageError


def _curve(frames: int, complexity: float) -> ShotCurve:
    values = (20.0, 24.0, 28.0, 32.0, 36.0, 40.0)
    settings_ = tuple(
        ShotSetting(
            v, frames * complexity * 2 ** ((40 - v) / 5), 99 - (v - 18) ** 1.45 * complexity**0.2
        )
        for v in values
    )
    return ShotCurve(frames, settings_)


CURVES = st.lists(
    st.builds(_curve, st.integers(5, 200), st.floats(0.05, 20)), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(CURVES, st.floats(75, 95))
def test_constant_slope_is_close_to_the_best_of_all_choices(shots, target) -> None:
    frames = sum(shot.frames for shot in shots)
    best = min(
        (
            sum(s.bits for s in choice)
            for choice in itertools.product(*(shot.settings for shot in shots))
            if sum(s.quality * shot.frames for s, shot in zip(choice, shots, strict=True))
            >= target * frames
        ),
        default=None,
    )
    if best is None:
        with pytest.raises(TargetUnreached, match="at most"):
            constant_slope(shots, target)
        return
    found = constant_slope(shots, target)
    assert found.quality >= target - 1e-6
    assert found.bits >= best - 1e-6
    # What is lost to whole steps is less than one step of one shot.
    largest_step = max(
        abs(a.bits - b.bits)
        for shot in shots
        for a, b in itertools.pairwise(sorted(shot.settings, key=lambda s: s.bits))
    )
    assert found.bits <= best + largest_step


@settings(max_examples=60, deadline=None)
@given(CURVES, st.floats(70, 90))
def test_constant_slope_never_needs_more_than_constant_quality(shots, target) -> None:
    try:
        even = constant_quality(shots, target)
    except TargetUnreached:
        return
    assert even.worst >= target
    sloped = constant_slope(shots, even.quality)
    largest = max(s.bits for shot in shots for s in shot.settings)
    assert sloped.bits <= even.bits + largest * 0.5
    floored = constant_slope(shots, even.quality, worst=target)
    assert floored.worst >= target


def test_bits_go_where_they_buy_most() -> None:
    easy = ShotCurve(100, (ShotSetting(30, 100, 80), ShotSetting(20, 200, 95)))
    hard = ShotCurve(100, (ShotSetting(30, 1000, 80), ShotSetting(20, 9000, 85)))
    found = constant_slope([easy, hard], 87)
    assert [s.value for s in found.chosen] == [20, 30]
    assert found.bits == 1200
    assert constant_slope([easy, hard], 87, worst=85).bits == 9200


def test_steps_between_are_interpolated_and_said_so() -> None:
    curve = ShotCurve(10, (ShotSetting(20, 400, 90), ShotSetting(30, 100, 70)))
    filled = with_steps_between(curve, range(18, 33))
    assert sorted(s.value for s in filled.settings) == [float(v) for v in range(20, 31)]
    middle = next(s for s in filled.settings if s.value == 25)
    assert not middle.measured
    assert middle.bits == pytest.approx(200)
    assert middle.quality == pytest.approx(80)
    lone = ShotCurve(10, (ShotSetting(20, 400, 90),))
    assert with_steps_between(lone, [21, 22]) == lone


def test_what_cannot_be_reached_says_how_far_it_gets() -> None:
    shot = ShotCurve(10, (ShotSetting(20, 400, 90), ShotSetting(30, 100, 70)))
    with pytest.raises(TargetUnreached, match=r"shot 1 reaches 90\.00"):
        constant_quality([shot], 91)
    with pytest.raises(TargetUnreached, match=r"mean of 90\.00"):
        constant_slope([shot], 91)
    with pytest.raises(TargetUnreached, match="no setting of at least 95"):
        constant_slope([shot], 80, worst=95)
    with pytest.raises(UsageError, match="no shots"):
        constant_slope([], 80)
