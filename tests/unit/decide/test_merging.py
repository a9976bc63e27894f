"""Which neighbouring shots are tried as one, and what is expected of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.merging import (
    Run,
    apart_from_each_other,
    exchange,
    price,
    runs,
    shaped,
    together,
)
from vmafkit.decide.per_shot import Aim
from vmafkit.decide.shots import ShotCurve, ShotSetting
from vmafkit.errors import TargetUnreached

SLOPE = Aim("constant-slope", 90.0)
VALUES = [float(v) for v in range(20, 41)]


def curve(frames: int, start: float, fall: float, weight: float = 1.0) -> ShotCurve:
    """Bits halve every 6 steps; the quality falls from `start` faster and faster."""
    return ShotCurve(
        frames,
        tuple(
            ShotSetting(v, weight * frames * 1000 * 2 ** ((20 - v) / 6),
                        start - fall * (v - 20) ** 1.5)
            for v in VALUES
        ),
    )  # fmt: skip


def test_the_exchange_rate_reaches_the_target_with_the_fewest_bits() -> None:
    shots = [curve(50, 98, 0.2), curve(30, 96, 0.3, 3.0), curve(80, 99, 0.1, 0.5)]
    rate = exchange(shots, SLOPE)

    def at(rate: float) -> tuple[float, float]:
        chosen = [
            min(s.settings, key=lambda x, s=s: x.bits - rate * x.quality * s.frames) for s in shots
        ]
        quality = sum(c.quality * s.frames for c, s in zip(chosen, shots, strict=True)) / 160
        return quality, sum(c.bits for c in chosen)

    assert at(rate)[0] >= 90.0 > at(rate * 0.999)[0]
    # The allocation by steps finds no less than the relaxed one, and little more.
    assert at(rate)[1] == pytest.approx(SLOPE.allocate(shots).bits, rel=0.05)
    assert exchange(shots, Aim("constant-quality", 90.0)) == 0.0
    with pytest.raises(TargetUnreached):
        exchange(shots, Aim("constant-slope", 99.5))


def test_neighbours_that_want_the_same_setting_come_first() -> None:
    shots = [curve(50, 98, 0.2), curve(50, 98, 0.05), curve(50, 98, 0.05), curve(50, 97, 0.3)]
    for aim in (SLOPE, Aim("constant-quality", 90.0)):
        rate = exchange(shots, aim)
        found = runs(shots, aim, rate)
        assert found[0].first == 1 and found[0].loss == pytest.approx(0.0, abs=1e-6)
        assert [pair.loss for pair in found] == sorted(pair.loss for pair in found)
        assert found[-1].loss > 0
        (whole,) = runs(shots, aim, rate, 4)
        assert whole.count == 4 and whole.loss >= max(pair.loss for pair in found)
        alone = price(shots[1], aim, rate)
        assert alone is not None and found[0].apart == pytest.approx(2 * alone)


def test_a_floor_that_a_shot_cannot_reach_leaves_it_alone() -> None:
    shots = [curve(50, 98, 0.2), curve(50, 80, 0.2)]
    assert runs(shots, Aim("constant-slope", 70.0, 85.0), 1.0) == []


def test_two_shots_as_one_add_up() -> None:
    both = together([curve(10, 98, 0.2), curve(30, 90, 0.1, 2.0)])
    assert both.frames == 40
    first = both.settings[0]
    assert first.bits == pytest.approx(10 * 1000 + 2 * 30 * 1000)
    assert first.quality == pytest.approx((10 * 98 + 30 * 90) / 40)
    assert (first.least, first.measured) == (90, False)


@given(
    known=st.dictionaries(
        st.sampled_from(VALUES), st.tuples(st.floats(0.3, 3.0), st.floats(-5, 5)), min_size=1
    )
)
def test_a_guess_goes_through_what_was_measured(known: dict[float, tuple[float, float]]) -> None:
    guess = curve(50, 95, 0.1)
    base = {setting.value: setting for setting in guess.settings}
    measured = [
        ShotSetting(v, base[v].bits * share, base[v].quality + gain)
        for v, (share, gain) in known.items()
    ]
    found = {setting.value: setting for setting in shaped(guess, measured).settings}
    assert set(found) == set(base)
    for each in measured:
        assert found[each.value] is each
    shares = [share for share, _ in known.values()]
    gains = [gain for _, gain in known.values()]
    for value, setting in found.items():
        ratio = setting.bits / base[value].bits
        assert min(shares) - 1e-9 <= ratio <= max(shares) + 1e-9
        rise = setting.quality - base[value].quality
        assert min(gains) - 1e-9 <= rise <= max(gains) + 1e-9
    assert shaped(guess, []).settings == ()


def test_no_shot_is_in_two_runs_at_once() -> None:
    found = [Run(n, 2, 30.0, 0.0, 1.0) for n in (1, 2, 0, 3, 5)]
    assert [run.first for run in apart_from_each_other(found, 9)] == [1, 3, 5]
    assert [run.first for run in apart_from_each_other(found, 2)] == [1, 3]
    longer = [Run(n, 3, 30.0, 0.0, 1.0) for n in (1, 3, 4)]
    assert [run.first for run in apart_from_each_other(longer, 9)] == [1, 4]
