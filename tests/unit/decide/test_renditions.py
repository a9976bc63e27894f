"""Sizes and values that a ladder or a comparison takes when none are named."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vmafkit import encoders
from vmafkit.decide.hull import RatePoint
from vmafkit.decide.renditions import renditions
from vmafkit.decide.rungs import RungRule, pick_rungs
from vmafkit.decide.spread import spread_values
from vmafkit.errors import UsageError


@given(st.integers(16, 8192), st.integers(16, 8192), st.sampled_from([2, 8]))
@example(271, 271, 8)
def test_sizes_are_even_of_the_sources_shape_and_never_above_it(
    width: int, height: int, multiple: int
) -> None:
    found = renditions((width, height), multiple=multiple)
    assert found and list(found) == sorted(set(found), reverse=True)
    for w, h in found:
        assert 0 < w <= width and 0 < h <= height
        assert w % multiple == h % multiple == 0
        # Rounding moves each side by less than one step.
        assert abs(w * height - h * width) < multiple * (width + height)


def test_usual_sizes() -> None:
    assert renditions((1280, 720)) == (
        (1280, 720), (960, 540), (768, 432), (640, 360), (480, 270), (416, 234), (320, 180),
    )  # fmt: skip
    assert renditions((720, 1280), ["360,180p"]) == ((360, 640), (180, 320))
    assert renditions((1920, 1080), ["854x480", "1920x1080"]) == ((1920, 1080), (854, 480))


@pytest.mark.parametrize("word", ["0x0", "1280X", "x720", "-2x720", "720i", "1281x720", "1"])
def test_what_is_no_size_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--resolutions"):
        renditions((1920, 1080), [word])


@pytest.mark.parametrize("name", encoders.names())
@pytest.mark.parametrize("count", [1, 6, 9])
def test_spread_values_are_the_knobs_own(name: str, count: int) -> None:
    encoder = encoders.get(name)
    values = spread_values(encoder, count)
    assert len(values) == count
    for value in values:
        encoder.check_quality(value)
    assert list(values) == sorted(values, reverse=encoder.quality.higher_is_better)
    if count == 9:
        gaps = [abs(b - a) for a, b in itertools.pairwise(values)]
        assert max(gaps) <= min(gaps) + max(1.0, encoder.quality.step) + 1e-9


HULL = [RatePoint(100 * 2**n, 20 * math.log2(n + 2), str(n)) for n in range(9)]


def test_rungs_at_qualities_are_the_cheapest_that_reach_them() -> None:
    rungs = pick_rungs(HULL, RungRule("targets", qualities=(40.0, 60.0, 99.0)))
    assert [rung.key for rung in rungs] == ["8", "6", "2"]
    with pytest.raises(UsageError):
        RungRule("targets")


def test_even_rungs_reach_from_end_to_end() -> None:
    rungs = pick_rungs(HULL, RungRule("even", count=3, axis="log_bitrate"))
    assert [rung.key for rung in rungs] == ["8", "4", "0"]
    rungs = pick_rungs(HULL, RungRule("even", count=3, axis="bitrate"))
    assert [rung.key for rung in rungs] == ["8", "7", "0"]
    rungs = pick_rungs(HULL, RungRule("even", count=2, max_quality=50.0))
    assert [rung.key for rung in rungs] == ["4", "0"]
    assert len(pick_rungs(HULL, RungRule("even", count=30))) == len(HULL)
    for count in (0, None):
        with pytest.raises(UsageError):
            RungRule("even", count=count)
