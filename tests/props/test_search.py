"""Laws of the search on any curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.decide.search import STRATEGIES, Decision, Probe, Search
from vmafkit.decide.target import Caps, parse_target
from vmafkit.encoders.base import Quality

COUNT = 40
KNOBS = st.sampled_from(
    [
        Quality("crf", 0, COUNT - 1, 1, 20, higher_is_better=False),
        Quality("crf", 0, (COUNT - 1) / 4, 0.25, 5, higher_is_better=False),
        Quality("q", 0, COUNT - 1, 1, 20, higher_is_better=True),
    ]
)
SCORES = st.lists(st.floats(0, 100), min_size=COUNT, max_size=COUNT)
GOALS = st.sampled_from(["80", "90", "97", "0", "100"])


def solve(
    knob: Quality,
    scores: list[float],
    goal: str | None,
    caps: Caps | None = None,
    *,
    tolerance: float | None = None,
    strategy: str = "interpolate",
    at_once: int = 1,
) -> tuple[Decision, list[float]]:
    """Runs a search over scores from best to cheapest; also gives what was asked."""
    targets = [parse_target(goal)] if goal else []
    search = Search(
        knob, targets, caps=caps, tolerance=tolerance, strategy=strategy, max_probes=COUNT + 5
    )
    asked: list[float] = []
    while several := search.ask_several(at_once):
        assert len(several) <= (at_once if strategy == "interpolate" else 1)
        for quality in several:
            asked.append(quality)
            step = round(quality / knob.step)
            index = COUNT - 1 - step if knob.higher_is_better else step
            kbps = 10000.0 * 0.85**index
            told = (scores[index],) if goal else ()
            search.tell(Probe(knob.check(quality), told, kbps, kbps * 100))
        assert len(asked) <= COUNT
    return search.decision(), asked


@settings(max_examples=60, deadline=None)
@given(
    KNOBS,
    SCORES,
    GOALS,
    st.sampled_from(STRATEGIES),
    st.sampled_from([None, 0.0, 2.0]),
    st.integers(1, 4),
)
def test_any_curve(
    knob: Quality,
    scores: list[float],
    goal: str,
    strategy: str,
    tolerance: float | None,
    at_once: int,
) -> None:
    found, asked = solve(
        knob, scores, goal, tolerance=tolerance, strategy=strategy, at_once=at_once
    )
    target = parse_target(goal)
    assert len(set(asked)) == len(asked)
    assert found.measured == len(asked)
    passing = [probe for probe in found.probes if target.met_by(probe.scores[0])]
    if found.met:
        assert found.probe in passing
        assert found.best_attempt == found.probe
    else:
        # Nothing that was measured meets it, and the best end was measured.
        assert not passing
        assert (knob.hi if knob.higher_is_better else knob.lo) in asked
        assert found.best_attempt is not None
        # Margins to the target are compared, so scores that differ by a rounding are equal.
        best = max(probe.scores[0] for probe in found.probes)
        assert found.best_attempt.scores[0] == pytest.approx(best, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(KNOBS, SCORES, GOALS, st.sampled_from(STRATEGIES), st.integers(1, 4))
def test_falling_curve_is_solved_exactly(
    knob: Quality, scores: list[float], goal: str, strategy: str, at_once: int
) -> None:
    falling = sorted(scores, reverse=True)
    found, _ = solve(knob, falling, goal, tolerance=0.0, strategy=strategy, at_once=at_once)
    meets = [index for index, score in enumerate(falling) if score >= float(goal)]
    assert found.met == bool(meets)
    if meets:
        step = COUNT - 1 - meets[-1] if knob.higher_is_better else meets[-1]
        assert found.quality == step * knob.step
        assert found.exact


@settings(max_examples=40, deadline=None)
@given(KNOBS, SCORES, GOALS, st.floats(1, 20000), st.sampled_from(STRATEGIES))
def test_caps_are_never_broken(
    knob: Quality, scores: list[float], goal: str, limit: float, strategy: str
) -> None:
    falling = sorted(scores, reverse=True)
    caps = Caps(max_bitrate_kbps=limit)
    found, _ = solve(knob, falling, goal, caps, strategy=strategy)
    rates = 10000.0 * 0.85 ** np.arange(COUNT)
    possible = any(s >= float(goal) and r <= limit for s, r in zip(falling, rates, strict=True))
    assert found.met == possible
    if found.probe is not None:
        assert found.probe.bitrate_kbps <= limit
    alone, _ = solve(knob, falling, None, caps, tolerance=0.0, strategy=strategy)
    assert alone.met == bool((rates <= limit).any())
    if alone.probe is not None:
        assert alone.probe.bitrate_kbps == rates[rates <= limit].max()
