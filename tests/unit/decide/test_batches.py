"""Which trials are scored together."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.decide.test_sweep import plan, source

from vmafkit.decide import batches as module
from vmafkit.decide.batches import batches
from vmafkit.decide.sweep import Cell, Scoring
from vmafkit.scoring.backend import Backend

ENGINE = Scoring(backend=Backend("auto", engine="aa"))


def cells(count: int, scoring: Scoring = ENGINE, path: str = "/in/film.mkv") -> tuple[Cell, ...]:
    return plan(source(path), values=tuple(map(float, range(count))), scoring=scoring)


def sizes(group: tuple[Cell, ...], workers: int) -> list[int]:
    return [len(each) for each in batches(group, workers)]


def test_only_the_engine_scores_several_at_once() -> None:
    assert sizes(cells(8), 2) == [4, 4]
    assert sizes(cells(8, Scoring()), 2) == [1] * 8


def test_no_worker_is_left_idle_and_parts_are_even() -> None:
    assert sizes(cells(6), 2) == [3, 3]
    assert sizes(cells(3), 4) == [1, 1, 1]
    assert sizes(cells(9), 1) == [3, 3, 3]


def test_other_frames_sizes_and_models_are_apart() -> None:
    base = cells(2)
    others = (
        cells(2, path="/in/other.mkv"),
        cells(2, replace(ENGINE, display=(1280, 720))),
        tuple(replace(c, spec=replace(c.spec, window="1+9")) for c in base),
        tuple(replace(c, pix_fmt="yuv420p10le") for c in base),
    )
    for other in others:
        assert sizes((*base, *other), 1) == [2, 2]


def test_long_videos_are_alone() -> None:
    long = plan(source(frame_count=module.MOST_FRAMES), values=(20.0, 30.0, 40.0), scoring=ENGINE)
    assert sizes(long, 1) == [1, 1, 1]
    half = plan(source(frame_count=module.MOST_FRAMES // 2), values=(20.0, 30.0), scoring=ENGINE)
    assert sizes(half, 1) == [2]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 23), st.integers(1, 9))
def test_every_cell_is_in_one_group_in_order(count: int, workers: int) -> None:
    found = batches(cells(count), workers)
    assert [index for group in found for index in group] == list(range(count))
    assert max(map(len, found)) <= module.MOST
    assert len(found) >= min(count, workers)
