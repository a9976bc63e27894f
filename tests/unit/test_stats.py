"""Agreement figures against scipy, and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit import stats

# Few distinct values, so that ties are the rule.
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=60).filter(
    lambda pairs: len({p for p, _ in pairs}) > 1 and len({t for _, t in pairs}) > 1
)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_correlations_equal_scipys_with_ties(pairs: list[tuple[int, int]]) -> None:
    p, t = np.array(pairs, dtype=float).T
    assert stats.plcc(p, t) == pytest.approx(scipy.stats.pearsonr(p, t).statistic, abs=1e-9)
    assert stats.srocc(p, t) == pytest.approx(scipy.stats.spearmanr(p, t).statistic, abs=1e-9)
    assert stats.krocc(p, t) == pytest.approx(scipy.stats.kendalltau(p, t).statistic, abs=1e-9)
    assert stats.ranks(p) == pytest.approx(scipy.stats.rankdata(p))


def test_errors_by_hand() -> None:
    found = stats.agreement([1.0, 2.0, 5.0], [1.0, 3.0, 3.0])
    assert (found.n, found.max_abs_error) == (3, 2.0)
    assert found.rmse == pytest.approx(math.sqrt(5 / 3))
    assert found.bias == pytest.approx(1 / 3)


def test_a_constant_side_has_no_correlation() -> None:
    found = stats.agreement([97.4] * 5, [90.0, 91.0, 92.0, 93.0, 94.0])
    assert math.isnan(found.plcc)
    assert math.isnan(found.srocc)
    assert found.record()["plcc"] is None


@pytest.mark.parametrize("bad", [([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0])])
def test_what_cannot_be_compared_is_refused(bad: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError):
        stats.agreement(*bad)


def test_an_interval_holds_the_truth_and_widens_with_groups() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(50, 10, 400)
    groups = [index // 20 for index in range(400)]
    shared = np.repeat(rng.normal(0, 1, 20), 20)
    predicted = truth + shared
    single = stats.bootstrap_interval(stats.rmse, predicted, truth, rounds=100)
    grouped = stats.bootstrap_interval(stats.rmse, predicted, truth, groups=groups, rounds=100)
    assert single[0] <= stats.rmse(predicted, truth) <= single[1]
    assert grouped[1] - grouped[0] > 2 * (single[1] - single[0])
    again = stats.bootstrap_interval(stats.rmse, predicted, truth, groups=groups, rounds=100)
    assert grouped == again
