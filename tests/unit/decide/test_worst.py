"""The frames worth a look are the worst ones, not one bad stretch again and again."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.worst import worst_frames


def test_neighbours_of_a_bad_frame_give_way() -> None:
    scores = [90.0] * 60
    scores[10:14] = [20.0, 10.0, 15.0, 30.0]
    scores[50] = 40.0
    assert worst_frames(range(60), scores, count=2) == [11, 50]


def test_no_frames_give_none() -> None:
    assert worst_frames([], []) == []
    assert worst_frames([1, 2], [math.inf, math.nan]) == []


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.integers(1, 6))
def test_the_worst_frame_is_first_and_all_are_apart(scores: list[float], count: int) -> None:
    chosen = worst_frames(range(len(scores)), scores, count=count, apart=5)
    assert scores[chosen[0]] == min(scores)
    assert 1 <= len(chosen) <= count
    assert all(abs(a - b) >= 5 for a in chosen for b in chosen if a != b)
