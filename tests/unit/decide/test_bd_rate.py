"""Bjontegaard deltas against a published implementation and hand-made curves."""

from __future__ import annotations

import bjontegaard
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.bd_rate import bd_quality, bd_rate
from vmafkit.decide.hull import RatePoint
from vmafkit.errors import UsageError

# The worked example of the reference implementation's documentation, and two more tables.
TABLES = [
    (
        ([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]),
        ([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]),
    ),
    (
        ([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
        ([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
    ),
    (
        ([8153, 2923, 1807, 866, 416, 223], [97.1, 96.9, 95.26, 89.11, 76.59, 54.68]),
        ([6400, 2300, 1500, 620, 340, 170], [97.3, 96.2, 95.00, 88.20, 77.10, 57.80]),
    ),
]


def _points(table: tuple[list[float], list[float]]) -> list[RatePoint]:
    return [RatePoint(rate, quality) for rate, quality in zip(*table, strict=True)]


@pytest.mark.parametrize("interpolation", ["pchip", "akima"])
@pytest.mark.parametrize(("anchor", "test"), TABLES)
def test_equals_the_published_implementation(anchor, test, interpolation) -> None:
    # It wants rising rates for Akima; the order of points must not matter to ours.
    (ra, qa), (rt, qt) = (tuple(np.flip(axis) for axis in table) for table in (anchor, test))
    rate = bd_rate(_points(anchor), _points(test), interpolation=interpolation)
    expected = bjontegaard.bd_rate(ra, qa, rt, qt, method=interpolation, min_overlap=0)
    assert rate.value == pytest.approx(expected, abs=0.01)
    quality = bd_quality(_points(anchor), _points(test), interpolation=interpolation)
    expected = bjontegaard.bd_psnr(ra, qa, rt, qt, method=interpolation, min_overlap=0)
    assert quality.value == pytest.approx(expected, abs=0.01)


def test_twice_the_bits_is_plus_100_percent() -> None:
    anchor = _points(([100, 200, 400, 800], [50, 65, 80, 90]))
    test = [RatePoint(2 * point.bitrate_kbps, point.quality) for point in anchor]
    delta = bd_rate(anchor, test)
    assert delta.value == pytest.approx(100.0)
    assert delta.overlap == pytest.approx(1.0)
    assert (delta.low, delta.high) == (50, 90)


def test_curves_without_common_quality_are_refused() -> None:
    low = _points(([100, 200, 400, 800], [20, 30, 40, 50]))
    high = _points(([100, 200, 400, 800], [60, 70, 80, 90]))
    with pytest.raises(UsageError, match="share 0%"):
        bd_rate(low, high)
    touching = _points(([100, 200, 400, 800], [48, 60, 80, 100]))
    with pytest.raises(UsageError, match="share 2%"):
        bd_rate(low, touching)
    assert bd_rate(low, touching, min_overlap=0.0).overlap == pytest.approx(0.025)


def test_too_few_points_are_refused() -> None:
    three = _points(([100, 200, 400], [20, 30, 40]))
    with pytest.raises(UsageError, match="anchor curve has 3 points"):
        bd_rate(three, three)


def test_dominated_points_are_left_out_and_counted() -> None:
    anchor = _points(([100, 200, 400, 800], [50, 65, 80, 90]))
    assert bd_rate(anchor, [*anchor, RatePoint(300, 60)]).dropped == 1
    assert bd_rate(anchor, [*anchor, RatePoint(300, 60)]).value == pytest.approx(0.0)


@given(
    st.lists(st.floats(1.05, 3.0), min_size=4, max_size=9),
    st.lists(st.floats(0.5, 15.0), min_size=4, max_size=9),
    st.floats(0.2, 5.0),
)
def test_a_uniform_saving_is_found_whatever_the_curve(ratios, steps, factor) -> None:
    count = min(len(ratios), len(steps))
    rates = 100 * np.cumprod(ratios[:count])
    quality = 10 + np.cumsum(steps[:count])
    anchor = _points((list(rates), list(quality)))
    test = _points((list(rates * factor), list(quality)))
    forward = bd_rate(anchor, test)
    assert forward.value == pytest.approx((factor - 1) * 100, rel=1e-6, abs=1e-6)
    backward = bd_rate(test, anchor)
    assert (1 + forward.value / 100) * (1 + backward.value / 100) == pytest.approx(1.0)
