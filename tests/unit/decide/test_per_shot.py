"""Aims, ranges and verdicts of per-shot tuning."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.per_shot import (
    Aim,
    Range,
    Title,
    at_score,
    beyond,
    curve_of,
    first_values,
    range_of,
    uniform,
    verdict,
)
from vmafkit.decide.shots import ShotCurve, ShotSetting
from vmafkit.encoders import get
from vmafkit.errors import UsageError

CRF = get("libx264").quality


def shot(frames: int, hardness: float, step: float = 4.0) -> ShotCurve:
    """A shot whose quality falls and whose bits halve with the knob."""
    settings = tuple(
        ShotSetting(v, 1000.0 * hardness * 2 ** (-v / 6), 100.0 - hardness * (v - 10.0) ** 2 / 20)
        for v in [10.0 + step * n for n in range(8)]
    )
    return ShotCurve(frames, settings)


def title(reached: float, bits: float) -> Title:
    return Title(reached, reached, reached, bits)


def test_an_aim_asks_for_the_mean_or_for_every_shot() -> None:
    assert Aim("constant-slope", 90.0).reached(91.0, 20.0) == 91.0
    assert Aim("constant-quality", 90.0).reached(95.0, 89.0) == 89.0
    floor = Aim("constant-slope", 90.0, 80.0)
    assert floor.reached(91.0, 85.0) == 91.0
    assert floor.reached(91.0, 79.0) == 89.0
    assert floor.shifted(1.0) == Aim("constant-slope", 91.0, 81.0)


@given(
    st.floats(0, 51), st.integers(2, 12), st.sampled_from(["libx264", "libsvtav1", "libvpx-vp9"])
)
def test_first_values_are_ones_that_the_encoder_takes(
    expected: float, count: int, name: str
) -> None:
    knob = get(name).quality
    values = first_values(range_of(knob, None, None), expected, count)
    assert len(values) >= 2 and list(values) == sorted(set(values))
    for value in values:
        knob.check(value)


@given(st.floats(-10, 80))
def test_a_snapped_value_is_allowed(value: float) -> None:
    allowed = range_of(CRF, 20.3, 33.0)
    snapped = allowed.snapped(value)
    assert snapped in allowed.values() and 20.3 <= snapped <= 33.0
    CRF.check(snapped)


def test_a_range_that_is_empty_or_not_the_encoders_is_refused() -> None:
    for lo, hi in ((30.0, 20.0), (20.0, 20.0), (-1.0, None), (None, 52.0), (20.05, None)):
        with pytest.raises(UsageError, match="--crf-m"):
            range_of(CRF, lo, hi)


def test_curves_are_carried_on_past_their_ends() -> None:
    allowed = Range(10.0, 40.0, 1.0)
    known = [ShotSetting(v, 1.0, 90.0) for v in (20.0, 25.0, 30.0)]
    assert beyond(known, known[1], allowed, CRF) is None
    low, high = beyond(known, known[0], allowed, CRF), beyond(known, known[2], allowed, CRF)
    assert low is not None and low < 20.0 and high is not None and high > 30.0
    # Nothing known is good enough: better is lower here.
    nothing = beyond(known, None, allowed, CRF)
    assert nothing is not None and nothing < 20.0
    ends = [ShotSetting(v, 1.0, 90.0) for v in (10.0, 40.0)]
    assert beyond(ends, ends[0], allowed, CRF) is None
    assert beyond(ends, ends[1], allowed, CRF) is None


def test_constant_slope_needs_no_more_bits_than_one_setting() -> None:
    allowed = Range(10.0, 38.0, 0.5)
    shots = [shot(50, 0.4), shot(20, 2.0), shot(80, 1.0)]
    curves = [curve_of(each.frames, each.settings, allowed) for each in shots]
    for target in (80.0, 88.0, 93.0):
        aim = Aim("constant-slope", target)
        value = uniform(curves, aim)
        assert value is not None
        one = sum(next(s.bits for s in c.settings if s.value == value) for c in curves)
        found = aim.allocate(curves)
        assert found.quality >= target - 1e-9
        assert found.bits <= one + 1e-9
    assert uniform(curves, Aim("constant-quality", 100.5)) is None


def test_uniform_is_the_cheapest_value_for_all() -> None:
    shots = [shot(10, 1.0), shot(10, 2.0)]
    aim = Aim("constant-quality", 90.0)
    value = uniform(shots, aim)
    fits = [
        v
        for v in (s.value for s in shots[0].settings)
        if min(s.quality for c in shots for s in c.settings if s.value == v) >= 90.0
    ]
    assert value == max(fits)


def test_bits_at_a_score_are_between_those_measured() -> None:
    titles = [title(80.0, 100.0), title(90.0, 200.0), title(95.0, 400.0), title(85.0, 300.0)]
    assert at_score(titles, 90.0) == pytest.approx(200.0)
    between = at_score(titles, 92.0)
    assert between is not None and 200.0 < between < 400.0
    assert at_score(titles, 96.0) is None and at_score(titles, 79.0) is None
    assert at_score(titles[:1], 80.0) is None
    straight = [title(10.0 * n, math.exp(n)) for n in range(5)]
    assert at_score(straight, 25.0) == pytest.approx(math.exp(2.5))


@pytest.mark.parametrize(
    ("shots", "single", "kept", "told"),
    [
        (title(90.1, 80.0), title(90.0, 100.0), "per-shot", "20.0 % fewer"),
        (title(90.1, 110.0), title(90.0, 100.0), "single", "do not pay"),
        (title(90.1, 100.0), title(90.0, 100.0), "single", "do not pay"),
        (title(89.9, 50.0), title(90.0, 100.0), "single", "missed"),
        (None, title(90.0, 100.0), "single", "missed"),
        (title(90.0, 50.0), None, "per-shot", "no single setting"),
        (title(90.0, 50.0), title(89.0, 10.0), "per-shot", "no single setting"),
        (None, None, None, "nothing"),
    ],
)
def test_the_verdict_never_keeps_the_dearer(
    shots: Title | None, single: Title | None, kept: str | None, told: str
) -> None:
    found, reason = verdict(Aim("constant-slope", 90.0), shots, single)
    assert found == kept and told in reason
