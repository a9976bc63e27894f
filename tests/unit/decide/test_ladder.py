"""The ladder's search and choice, on curves whose shape is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.decide.hull import RatePoint, upper_hull
from vmafkit.decide.ladder import LadderCell, LadderSearch
from vmafkit.decide.rungs import RungRule, pick_rungs
from vmafkit.errors import UsageError

RENDITIONS = [(1280, 720), (960, 540), (640, 360), (320, 180)]
VALUES = [float(value) for value in range(18, 43, 2)]


def _measure(cell: LadderCell, complexity: float, ceiling: float) -> tuple[float, float]:
    """A model of an encoder: small pictures need fewer bits and have a lower ceiling."""
    pixels = cell.width * cell.height / (1280 * 720)
    rate = 6000 * complexity * pixels**0.75 * 2 ** ((18 - cell.value) / 5.5)
    best = 99 - ceiling * (1 - pixels) ** 2
    loss = 4 + 70 / (1 + math.exp((38 + 3 * math.log2(pixels) / -2 - cell.value) / 4))
    return rate, best - loss


def _run(search: LadderSearch, complexity: float, ceiling: float) -> int:
    rounds = 0
    while cells := search.ask():
        rounds += 1
        assert rounds < 20
        for cell in cells:
            search.tell(cell, *_measure(cell, complexity, ceiling))
    return len(search.measured)


def _exhaustive(complexity: float, ceiling: float) -> LadderSearch:
    search = LadderSearch(RENDITIONS, VALUES, RungRule())
    for width, height in RENDITIONS:
        for value in VALUES:
            cell = LadderCell(height, width, value)
            search.tell(cell, *_measure(cell, complexity, ceiling))
    return search


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 5), st.floats(30, 60))
def test_half_of_the_grid_finds_the_rungs_of_the_whole(complexity, ceiling) -> None:
    search = LadderSearch(RENDITIONS, VALUES, RungRule())
    used = _run(search, complexity, ceiling)
    assert used <= len(RENDITIONS) * len(VALUES) / 2
    whole = _exhaustive(complexity, ceiling)
    hull = whole.hull()
    rates = [point.bitrate_kbps for point in hull]
    for rung in search.rungs():
        at = np.interp(rung.bitrate_kbps, rates, [point.quality for point in hull])
        assert rung.quality >= at - 0.25
    for ours, theirs in zip(search.takeovers(), whole.takeovers(), strict=False):
        assert ours.bitrate_kbps == pytest.approx(theirs.bitrate_kbps, rel=0.15)


def test_rungs_by_quality_steps() -> None:
    hull = [RatePoint(100 * 2**n, 60 + 7 * n - n * n / 2, f"p{n}") for n in range(6)]
    rungs = pick_rungs(hull, RungRule())
    # 82.5, then at most 76.5, then at most 70.5 (66.5), then at most 60.5.
    assert [rung.key for rung in rungs] == ["p5", "p3", "p1", "p0"]
    for high, low in itertools.pairwise(rungs):
        assert high.quality - low.quality >= 6


def test_caps_floors_and_lists() -> None:
    hull = [RatePoint(100 * 2**n, 50 + 9 * n, f"p{n}") for n in range(6)]
    assert [r.key for r in pick_rungs(hull, RungRule(max_kbps=900))] == ["p3", "p2", "p1", "p0"]
    assert pick_rungs(hull, RungRule(max_quality=75))[0].key == "p3"
    assert pick_rungs(hull, RungRule(min_quality=70))[-1].key == "p3"
    assert len(pick_rungs(hull, RungRule(count=2))) == 2
    listed = pick_rungs(hull, RungRule("list", bitrates_kbps=(3200, 1000, 850, 150)))
    assert [r.key for r in listed] == ["p5", "p3", "p0"]
    ratio = pick_rungs(hull, RungRule("bitrate", step=3))
    assert [r.key for r in ratio] == ["p5", "p3", "p1"]
    with pytest.raises(UsageError, match="caps and floors"):
        pick_rungs(hull, RungRule(max_kbps=50))
    with pytest.raises(UsageError, match="not below the highest"):
        RungRule(min_kbps=10, max_kbps=5)
    with pytest.raises(UsageError, match="not above 1"):
        RungRule("bitrate", step=1.0)
    with pytest.raises(UsageError, match="no rung bitrates"):
        RungRule("list")


@given(
    st.lists(st.tuples(st.floats(10, 1e4), st.floats(1, 99)), min_size=2, max_size=25),
    st.floats(0.5, 20),
)
def test_rungs_are_hull_points_and_fall(raw, step) -> None:
    hull = upper_hull([RatePoint(rate, quality, str(n)) for n, (rate, quality) in enumerate(raw)])
    rungs = pick_rungs(hull, RungRule(step=step))
    assert set(rungs) <= set(hull)
    for high, low in itertools.pairwise(rungs):
        assert high.quality - low.quality >= step - 1e-9
        assert high.bitrate_kbps > low.bitrate_kbps
