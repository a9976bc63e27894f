import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit import pooling

SCORES = st.lists(st.floats(0, 100), min_size=1, max_size=200)


@given(SCORES)
def test_every_statistic_lies_between_the_worst_and_the_best_frame(scores: list[float]) -> None:
    for statistic in ("mean", "harmonic_mean", "median", "p1", "p5", "p10", "p37.5"):
        value = pooling.pool(scores, statistic)
        assert min(scores) - 1e-9 <= value <= max(scores) + 1e-9


@given(SCORES)
def test_mean_median_and_deviation_equal_the_standard_library(scores: list[float]) -> None:
    assert math.isclose(pooling.pool(scores, "mean"), statistics.fmean(scores), abs_tol=1e-9)
    assert math.isclose(pooling.pool(scores, "median"), statistics.median(scores), abs_tol=1e-9)
    assert math.isclose(pooling.pool(scores, "stddev"), statistics.pstdev(scores), abs_tol=1e-6)


@given(SCORES)
def test_harmonic_mean_is_of_the_shifted_scores(scores: list[float]) -> None:
    expected = statistics.harmonic_mean([score + 1 for score in scores]) - 1
    assert math.isclose(pooling.pool(scores, "harmonic_mean"), expected, abs_tol=1e-6)


@pytest.mark.parametrize("statistic", ["p", "p101", "p-1", "avg", "", "pmean"])
def test_an_unknown_statistic_is_refused(statistic: str) -> None:
    with pytest.raises(ValueError, match="not a statistic"):
        pooling.pool([1.0], statistic)


@pytest.mark.parametrize("scores", [[], [math.nan], [math.inf, 1.0]])
def test_scores_that_are_not_numbers_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        pooling.pool(scores, "mean")
