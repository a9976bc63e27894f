"""The plan: which candidate is chosen, and what is said of it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.auto import Candidate, plan, rungs
from vmafkit.decide.expect import Expected
from vmafkit.decide.target import Caps, parse_target

TARGET = parse_target("93")


def candidate(codec: str, score: float, kbps: float, *, known: bool = True) -> Candidate:
    expected = Expected(
        quality=30.0,
        scores=(score,),
        score_intervals=((score - 3, min(100.0, score + 3)),),
        bitrate_kbps=kbps,
        bitrate_interval=(kbps / 2, kbps * 2),
        reaches=score >= 93,
    )
    return Candidate(codec, "medium", "crf", (1280, 720), expected if known else None, 30.0, "test")


def chosen(*candidates: Candidate, caps: Caps | None = None) -> tuple[str | None, str]:
    cells, winner = plan(candidates, [TARGET], caps or Caps(), 60.0)
    marked = [cell.codec for cell in cells if cell.selected]
    assert marked == ([winner.codec] if winner.codec else [])
    return winner.codec, winner.status


def test_the_fewest_bits_win_among_those_that_reach_the_target() -> None:
    found = chosen(candidate("a", 93.5, 900), candidate("b", 93.1, 700), candidate("c", 80, 100))
    assert found == ("b", "expected")


def test_a_cap_comes_after_the_target() -> None:
    caps = Caps(max_bitrate_kbps=500)
    both = candidate("a", 94, 900), candidate("b", 93.2, 700), candidate("c", 92, 400)
    assert chosen(*both, caps=caps) == ("b", "expected_over_budget")
    assert chosen(*both, candidate("d", 93.1, 480), caps=caps) == ("d", "expected")


def test_without_one_that_reaches_it_the_nearest_is_taken() -> None:
    assert chosen(candidate("a", 90, 100), candidate("b", 92, 900)) == ("b", "expected_short")


def test_what_nothing_is_known_of_is_never_chosen() -> None:
    assert chosen(candidate("a", 99, 1, known=False)) == (None, "none")
    cells, _ = plan([candidate("a", 99, 1, known=False)], [TARGET], Caps(), 60.0)
    assert cells[0].estimated_vmaf is None and "before they are measured" in cells[0].why


def test_ties_go_by_name_and_no_estimate_is_called_met() -> None:
    twins = candidate("b", 94, 500), candidate("a", 94, 500)
    assert chosen(*twins)[0] == "a"
    cells, winner = plan(twins, [TARGET], Caps(max_bitrate_kbps=600), 60.0)
    text = json.dumps([cell.model_dump() for cell in cells]) + winner.model_dump_json()
    assert '"met"' not in text and "expected to reach" in text
    assert winner.quality_margin == 1.0 and winner.budget_margin_kbps == 100.0


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.floats(50, 99.9), st.floats(10, 9000)),
        min_size=1,
        max_size=6,
        unique_by=lambda each: each[0],
    )
)
def test_the_choice_does_not_depend_on_the_order(found: list[tuple[str, float, float]]) -> None:
    candidates = [candidate(*each) for each in found]
    assert chosen(*candidates) == chosen(*reversed(candidates))


def test_large_sources_have_smaller_rungs() -> None:
    assert rungs((1920, 1080)) == ((1920, 1080),)
    assert rungs((3840, 2160)) == ((3840, 2160), (2560, 1440), (1920, 1080), (1280, 720))
    assert all(width % 8 == 0 for width, _ in rungs((4096, 2160), 8))
