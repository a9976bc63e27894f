"""Windows that stand for a title, and the error they are said to add."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.decide import samples as module
from vmafkit.decide.samples import (
    choose,
    first_samples,
    full,
    half_width,
    pooled_error,
    widened,
)
from vmafkit.errors import UsageError

RATE = Fraction(25)


def weights(frames: int, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).gamma(2.0, size=frames)
    return made / made.mean()


@given(
    frames=st.integers(1, 3000),
    count=st.integers(1, 12),
    each=st.integers(1, 200),
    seed=st.integers(0, 50),
)
@settings(max_examples=150, deadline=None)
def test_windows_lie_in_the_title_and_do_not_touch(
    frames: int, count: int, each: int, seed: int
) -> None:
    chosen = choose(weights(frames, seed), count, each)
    if chosen.is_full:
        assert chosen.windows[0].frames == frames and chosen.share == 1.0
        return
    ordered = sorted(chosen.windows)
    assert len(ordered) == count and all(window.frames == each for window in ordered)
    assert ordered[0].start_frame >= 0 and ordered[-1].end_frame <= frames
    for one, two in pairwise(ordered):
        assert one.end_frame <= two.start_frame
    assert chosen.share == pytest.approx(count * each / frames)
    assert chosen == choose(weights(frames, seed), count, each)


def test_easy_and_hard_parts_come_in_the_shares_of_the_title() -> None:
    hard = np.zeros(4000)
    hard[1000:2000] = 9.0
    chosen = choose(hard + 1.0, 8, 50)
    inside = [window for window in chosen.windows if 1000 <= window.start_frame < 2000]
    assert len(inside) == 2
    starts = sorted(window.start_frame for window in chosen.windows)
    assert starts[0] < 1000 and starts[-1] > 3000


def test_more_windows_keep_those_before() -> None:
    costs = weights(6000, 3)
    first = choose(costs, 6, 50)
    wider = widened(first, costs)
    assert set(first.windows) <= set(wider.windows)
    assert 11 <= len(wider.windows) <= 13
    assert widened(choose(costs, 60, 50), costs).is_full


def test_short_titles_are_measured_whole_and_long_ones_are_not() -> None:
    assert first_samples(np.ones(25 * 59), RATE).is_full
    long = first_samples(weights(25 * 600), RATE)
    assert len(long.windows) == 10 and all(window.frames == 100 for window in long.windows)
    assert len(first_samples(weights(25 * 7200), RATE).windows) == 20
    assert first_samples(weights(25 * 600), RATE, is_full=True).is_full
    asked = first_samples(weights(25 * 30), RATE, count=3, sample_s=2.0)
    assert len(asked.windows) == 3 and asked.is_fixed and asked.windows[0].frames == 50


@pytest.mark.parametrize(
    "words",
    [
        {"count": 0},
        {"sample_s": 0.0},
        {"sample_s": float("nan")},
        {"sample_s": 11.0},
        {"is_full": True, "count": 2},
        {"is_full": True, "sample_s": 2.0},
    ],
)
def test_samples_that_make_no_sense_are_refused(words: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        first_samples(np.ones(250), RATE, **words)  # type: ignore[arg-type]


def test_the_error_of_a_mean_by_hand() -> None:
    per_window = [np.full(10, value) for value in (90.0, 92.0, 91.0)]
    by_hand = np.sqrt((1 - 0.25) * (2.0**2 + 1.0**2) / (2 * 2 * 3))
    assert pooled_error(per_window, "mean", 0.25) == pytest.approx(by_hand)
    assert pooled_error(per_window, "mean", 1.0) == 0.0
    assert pooled_error(per_window[:1], "mean", 0.1) is None


def test_the_jackknife_of_a_mean_is_the_usual_standard_error() -> None:
    means = np.array([90.0, 92.0, 91.0, 95.0])
    per_window = [np.full(7, value) for value in means]
    variance = module._jackknife(per_window, lambda all_: float(all_.mean()))
    assert variance == pytest.approx(means.var(ddof=1) / means.size)
    assert pooled_error(per_window, "p5", 0.1) > 0.0  # type: ignore[operator]


def test_the_stated_interval_holds_the_whole_title_most_of_the_time() -> None:
    """Titles of scenes whose score follows their complexity with noise; 95 % is claimed."""
    held = 0
    rounds = 120
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        levels = np.repeat(random.normal(0.0, 1.0, 120), 100)
        costs = np.exp(0.6 * levels + np.repeat(random.normal(0.0, 0.5, 120), 100))
        scores = 92.0 - 3.0 * levels + random.normal(0.0, 1.0, levels.size)
        chosen = choose(costs, 10, 100)
        parts = [scores[w.start_frame : w.end_frame] for w in chosen.windows]
        error = half_width(pooled_error(parts, "mean", chosen.share), len(parts))
        assert error is not None
        held += abs(float(np.concatenate(parts).mean()) - float(scores.mean())) <= error
    assert held / rounds >= 0.92


def test_a_whole_title_has_no_error() -> None:
    assert full(100).is_full and full(100).word() == "full"
    assert half_width(0.0, 1) == 0.0 and half_width(None, 1) is None
    assert half_width(1.0, 2) == pytest.approx(12.706, abs=0.001)
