"""The ladder's search and choice, on curves whose shape is known."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.decide import ladder
from vmafkit.decide.hull import RatePoint, upper_hull
from vmafkit.decide.ladder import LadderCell, LadderSearch
from vmafkit.decide.rungs import NoRungs, RungRule, pick_rungs, unmet
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
    # 82.5, then nearest to 76.5 (76.5), to 70.5 (72), to 66 (66.5), to 60.5 (60).
    assert [rung.key for rung in rungs] == ["p5", "p3", "p2", "p1", "p0"]


def test_a_rung_is_as_near_as_can_be_to_a_step_below() -> None:
    hull = [RatePoint(100 * 2**n, quality, f"{quality:g}") for n, quality in enumerate(
        (70.0, 76.25, 82.5, 89.5, 93.0, 95.0)
    )]  # fmt: skip
    rungs = pick_rungs(hull, RungRule())
    # 5.5 is nearer to 6 than 12.5 is; 2 would not be a step.
    assert [rung.key for rung in rungs] == ["95", "89.5", "82.5", "76.25", "70"]
    ratio = pick_rungs(hull, RungRule("bitrate", step=1.9))
    assert len(ratio) == len(hull)
    close = [RatePoint(100.0, 60.0), RatePoint(101.0, 62.0), RatePoint(102.0, 63.5)]
    assert pick_rungs(close, RungRule()) == [close[2], close[0]]
    assert pick_rungs(close[1:], RungRule()) == [close[2]]


def test_caps_floors_and_lists() -> None:
    hull = [RatePoint(100 * 2**n, 50 + 9 * n, f"p{n}") for n in range(6)]
    assert [r.key for r in pick_rungs(hull, RungRule(max_kbps=900))] == ["p3", "p2", "p1", "p0"]
    assert pick_rungs(hull, RungRule(max_quality=75))[0].key == "p3"
    assert pick_rungs(hull, RungRule(min_quality=70))[-1].key == "p3"
    assert len(pick_rungs(hull, RungRule(count=2))) == 2
    listed = pick_rungs(hull, RungRule("list", bitrates_kbps=(3200, 1000, 850, 150)))
    assert [r.key for r in listed] == ["p5", "p3", "p0"]
    ratio = pick_rungs(hull, RungRule("bitrate", step=3))
    # 4 is nearer to 3 than 2 is, on a scale of ratios; at the end there is only 2.
    assert [r.key for r in ratio] == ["p5", "p3", "p1", "p0"]
    with pytest.raises(NoRungs, match="at 60 kbps or below"):
        pick_rungs(hull, RungRule("list", bitrates_kbps=(60, 30)))
    capped = RungRule("list", bitrates_kbps=(3200, 850, 60), max_quality=75)
    assert [r.key for r in pick_rungs(hull, capped)] == ["p3"]
    assert unmet(hull, capped) == ["no rung for 60 kbps: the lowest bitrate within the floors is "
                                   "100.0 kbps"]  # fmt: skip
    reached = RungRule("targets", qualities=(97, 60), max_kbps=900)
    assert [r.key for r in pick_rungs(hull, reached)] == ["p3", "p2"]
    assert unmet(hull, reached) == ["nothing within the caps reaches 97; the best is 77.00"]
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
        assert high.quality - low.quality >= step / 2 - 1e-9
        assert high.bitrate_kbps > low.bitrate_kbps
        for point in hull:
            gap = high.quality - point.quality
            if gap >= step / 2:
                assert abs(gap - step) >= abs(high.quality - low.quality - step) - 1e-6


def _on_windows(
    rule: RungRule, ratio: Callable[[LadderCell], float], gap: float
) -> tuple[LadderSearch, int]:
    """A search on windows whose figures are off; and how many whole encodes it took."""
    search = LadderSearch(RENDITIONS, VALUES, rule, is_sampled=True)
    encodes = 0
    _tell_windows(search)
    while (cell := search.ask_whole()) is not None:
        encodes += 1
        rate, quality = _measure(cell, 1, 40)
        search.tell_whole(cell, rate * ratio(cell), quality + gap)
        _tell_windows(search)
    return search, encodes


def _tell_windows(search: LadderSearch) -> None:
    while cells := search.ask():
        for cell in cells:
            search.tell(cell, *_measure(cell, 1, 40))


@pytest.mark.parametrize("factor", [0.4, 0.9, 1.1, 2.5])
@pytest.mark.parametrize(
    "rule",
    [
        RungRule(max_kbps=900, min_quality=30),
        RungRule(min_kbps=300, max_kbps=900),
        RungRule("even", count=4, min_kbps=200, max_quality=95),
        RungRule("list", bitrates_kbps=(2000, 900, 300)),
        RungRule("targets", qualities=(90, 75, 60), min_quality=30),
    ],
)
def test_caps_and_floors_hold_for_the_whole_source(rule: RungRule, factor: float) -> None:
    search, encodes = _on_windows(rule, lambda cell: factor * 1.01 ** (30 - cell.value), -2.0)
    rungs = search.rungs()
    cells = {cell.key: cell for cell in search.whole}
    for rung in rungs:
        assert rung == search.whole[cells[rung.key]]
        assert rule.min_kbps <= rung.bitrate_kbps <= rule.max_kbps
        assert rung.quality >= rule.min_quality
    for high, low in itertools.pairwise(rungs):
        assert high.bitrate_kbps > low.bitrate_kbps and high.quality > low.quality
    for rung, limit in zip(rungs, rule.bitrates_kbps, strict=False):
        assert rung.bitrate_kbps <= limit
    for rung, quality in zip(rungs, rule.qualities, strict=False):
        assert rung.quality >= quality
    assert not search.is_spent and encodes <= len(rungs) + 6


def test_windows_that_leave_no_rung_are_corrected_first() -> None:
    # By the windows everything lies above 100 kbps.
    search, _ = _on_windows(RungRule(max_kbps=20), lambda _: 0.1, 0.0)
    assert search.rungs() and all(rung.bitrate_kbps <= 20 for rung in search.rungs())
    with pytest.raises(NoRungs):
        _on_windows(RungRule(max_kbps=2), lambda _: 1.1, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_whole_encodes_are_bounded(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def wild(cell: LadderCell) -> float:
        return random.Random(f"{seed}{cell.key}").choice((0.2, 1.0, 5.0))

    rule = RungRule(max_kbps=900, min_quality=30)
    search, encodes = _on_windows(rule, wild, 0.0)
    assert encodes <= len(RENDITIONS) * len(VALUES) / 3 and not search.is_spent
    assert all(rung.bitrate_kbps <= 900 for rung in search.rungs())

    monkeypatch.setattr(ladder, "_SPARE", 0)
    search, fewer = _on_windows(rule, wild, 0.0)
    assert search.is_spent and fewer < encodes
    assert set(search.rungs()) <= set(search.whole.values())
    assert all(rung.bitrate_kbps <= 900 and rung.quality >= 30 for rung in search.rungs())
