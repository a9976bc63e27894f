"""The hull and the crossings of rate-quality curves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.hull import RatePoint, crossovers, pareto, slope, upper_hull

POINTS = st.lists(
    st.builds(RatePoint, st.floats(1, 1e5), st.floats(0, 100)), min_size=1, max_size=30
)


@given(POINTS)
def test_the_front_is_what_nothing_beats(points) -> None:
    front = pareto(points)
    for point in points:
        beaten = any(
            other.bitrate_kbps <= point.bitrate_kbps and other.quality >= point.quality
            for other in front
        )
        assert beaten
    for low, high in itertools.pairwise(front):
        assert low.bitrate_kbps < high.bitrate_kbps
        assert low.quality < high.quality


@given(POINTS)
def test_no_point_lies_above_the_hull_and_slopes_fall(points) -> None:
    hull = upper_hull(points)
    slopes = [slope(low, high) for low, high in itertools.pairwise(hull)]
    assert all(a > b for a, b in itertools.pairwise(slopes))
    rates = [point.bitrate_kbps for point in hull]
    for point in points:
        if rates[0] <= point.bitrate_kbps <= rates[-1]:
            at = np.interp(point.bitrate_kbps, rates, [vertex.quality for vertex in hull])
            assert point.quality <= at + 1e-6


def test_the_crossing_of_two_known_curves() -> None:
    # quality = 20 log10(rate) - 2 and 30 log10(rate) - 27 meet at 10 ** 2.5.
    rates = np.geomspace(50, 3000, 40)
    small = [RatePoint(float(r), float(20 * np.log10(r) - 2)) for r in rates]
    large = [RatePoint(float(r), float(30 * np.log10(r) - 27)) for r in rates]
    (found,) = crossovers("360p", small, "720p", large)
    assert found.bitrate_kbps == pytest.approx(10**2.5, rel=1e-3)
    assert found.quality == pytest.approx(48.0, abs=0.01)
    assert (found.below, found.above) == ("360p", "720p")
    (mirrored,) = crossovers("720p", large, "360p", small)
    assert mirrored.below == "360p"


def test_curves_apart_do_not_cross() -> None:
    one = [RatePoint(100, 50), RatePoint(200, 60)]
    assert crossovers("a", one, "b", [RatePoint(300, 50), RatePoint(400, 60)]) == []
    assert crossovers("a", one, "b", [RatePoint(100, 10), RatePoint(200, 20)]) == []
    assert crossovers("a", one, "b", [RatePoint(100, 10)]) == []
