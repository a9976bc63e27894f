"""Statistics against scipy, scikit-learn and cases worked by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats
from sklearn.metrics import roc_auc_score

from vmafkit import stats
from vmafkit.harness import agreement, testing
from vmafkit.harness.assets import Asset, SideSpec
from vmafkit.harness.measuring import Measured
from vmafkit.harness.metrics import Metric, metric_by_name


def _case(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(10, 95, n)
    y = 1 + 4 / (1 + np.exp(-(x - 55) / 12)) + rng.normal(0, 0.15, n)
    return x, y, np.full(n, 0.15)


def test_figures_equal_scipy_raw_and_mapped() -> None:
    x, y, e = _case(1)
    found = agreement.figures(x, y, errors=e, rounds=50)
    mapped = agreement.fit_logistic(x, y)
    assert mapped is not None
    for key, values in (("raw", x), ("mapped", mapped.of(x))):
        part = found[key]
        assert part["plcc"] == pytest.approx(scipy.stats.pearsonr(values, y).statistic, abs=1e-12)
        assert part["srocc"] == pytest.approx(scipy.stats.spearmanr(values, y).statistic, abs=1e-12)
        assert part["krocc"] == pytest.approx(scipy.stats.kendalltau(values, y).statistic)
        assert part["rmse"] == pytest.approx(float(np.sqrt(np.mean((values - y) ** 2))))
    assert found["raw"]["srocc"] == pytest.approx(found["mapped"]["srocc"], abs=1e-9)
    assert found["mapped"]["rmse"] < found["raw"]["rmse"]
    low, high = found["intervals_95"]["plcc"]
    assert low < found["raw"]["plcc"] < high


def test_a_published_example_of_rank_correlation() -> None:
    """Ten people's IQ and hours of television a week: rho is -29/165 (the common textbook case)."""
    points = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    found = agreement.figures(points, hours, rounds=0)
    assert found["raw"]["srocc"] == pytest.approx(-29 / 165, abs=1e-12)
    # 45 pairs, of which 20 are concordant and 25 discordant.
    assert found["raw"]["krocc"] == pytest.approx((20 - 25) / 45, abs=1e-12)


@pytest.mark.parametrize("falls", [False, True])
def test_a_logistic_without_noise_is_found_again(falls: bool) -> None:
    x = np.linspace(0, 100, 50)
    true = agreement.Logistic(high=92.0, low=8.0, middle=47.0, width=9.0)
    found = agreement.fit_logistic(-x if falls else x, true.of(x))
    assert found is not None
    np.testing.assert_allclose(found.of(-x if falls else x), true.of(x), atol=1e-6)


def test_one_content_gives_no_interval() -> None:
    x, y, _ = _case(2)
    found = agreement.figures(x, y, groups=["a"] * x.size, rounds=20)
    assert found["intervals_95"] == {}
    assert any("one content" in note for note in found["notes"])
    compared = agreement.compare_metrics(x, np.sin(x), y, groups=["a"] * x.size, rounds=20)
    assert all(math.isnan(each.low) and each.difference for each in compared)
    two = agreement.figures(x, y, groups=["a", "b"] * (x.size // 2), rounds=20)
    assert set(two["intervals_95"]) == set(agreement.FIGURES)


def test_what_cannot_be_mapped_is_said() -> None:
    found = agreement.figures([1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0], rounds=0)
    assert found["mapped"] is None
    assert found["raw"]["plcc"] is None
    assert any("mapping" in note for note in found["notes"])
    assert any("standard errors" in note for note in found["notes"])


def test_the_outlier_ratio_by_hand() -> None:
    # Errors of 0, 1, 3 and 5 against limits of 2: two of four are past them.
    assert agreement.outlier_ratio([1, 2, 3, 4], [1, 1, 0, -1], [1, 1, 1, 1]) == 0.5
    assert agreement.outlier_ratio([1, 3], [1, 1], [1, 1]) == 0.0


def test_auc_equals_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(3)
    above, below = rng.integers(0, 12, 70), rng.integers(0, 9, 50)
    labels = np.r_[np.ones(70), np.zeros(50)]
    wanted = roc_auc_score(labels, np.r_[above, below])
    assert agreement.auc(above, below) == pytest.approx(wanted, abs=1e-12)
    assert math.isnan(agreement.auc([], below))


def test_pair_analysis_by_hand() -> None:
    # Stimuli 0 and 1 are alike; 2 is far better. The metric puts them in order 0, 1, 2.
    found = agreement.pair_analysis([10, 12, 30], [1.0, 1.1, 4.0], [0.1, 0.1, 0.1])
    assert (found["different"], found["similar"]) == (2, 1)
    assert (found["auc_ds"], found["auc_bw"], found["cc_0"]) == (1.0, 1.0, 1.0)
    turned = agreement.pair_analysis([30, 28, 10], [1.0, 1.1, 4.0], [0.1, 0.1, 0.1])
    assert (turned["auc_bw"], turned["cc_0"]) == (0.0, 0.0)


def test_resolving_power_shrinks_with_the_error_and_follows_the_scale() -> None:
    x, y, _ = _case(5, 60)
    sharp = agreement.resolving_power(x, y, np.full(60, 0.1))
    blunt = agreement.resolving_power(x, y, np.full(60, 0.3))
    assert 0 < sharp < blunt < np.ptp(x)
    assert agreement.resolving_power(2 * x, y, np.full(60, 0.1)) == pytest.approx(2 * sharp)
    assert agreement.resolving_power(-x, y, np.full(60, 0.1)) == pytest.approx(sharp)
    assert math.isnan(agreement.resolving_power(x, y, np.full(60, 50.0)))


def test_resolving_power_equals_the_published_example() -> None:
    """Netflix/vmaf, python/test/perf_metric_test.py, after the NTIA's vqm_accuracy.m."""
    np.random.seed(0)
    votes = np.random.normal(0, 10.0, [100, 30]) + np.arange(100)[:, None]
    errors = votes.std(axis=1) / np.sqrt(30)
    found = agreement.resolving_power(np.arange(100), votes.mean(axis=1), errors)
    assert found == pytest.approx(9.0014569671225111, abs=1e-9)


def test_pair_analysis_equals_plain_loops_over_the_definitions() -> None:
    """Golden: loops over Krasula's definitions with math.erfc; AUC by roc_auc_score too.

    71 pairs differ at 95 %; one of them, (11, 13), has equal scores and counts as wrong.
    """
    truth = [1.5, 3.0, 3.4, 1.1, 1.6, 4.7, 1.3, 1.5, 4.8, 3.5, 2.5, 3.0, 3.7, 2.1]
    error = [0.13, 0.26, 0.23, 0.2, 0.26, 0.21, 0.3, 0.14, 0.21, 0.2, 0.17, 0.22, 0.15, 0.26]
    score = [17, 60, 76, 20, 25, 97, 32, 27, 101, 79, 48, 53, 77, 53]
    found = agreement.pair_analysis(score, truth, error)
    assert (found["different"], found["similar"]) == (71, 20)
    assert found["auc_ds"] == pytest.approx(0.9330985915492958, abs=1e-12)
    assert found["auc_bw"] == pytest.approx(0.9993056933148184, abs=1e-12)
    assert found["cc_0"] == pytest.approx(69 / 71, abs=1e-12)


def test_two_metrics_are_compared_in_pairs() -> None:
    x, y, _ = _case(7, 80)
    rng = np.random.default_rng(0)
    worse = x + rng.normal(0, 25, x.size)
    by_name = {each.name: each for each in agreement.compare_metrics(x, worse, y, rounds=300)}
    srocc = by_name["srocc"]
    assert srocc.difference == pytest.approx(stats.srocc(x, y) - stats.srocc(worse, y))
    assert 0 < srocc.low < srocc.difference < srocc.high
    assert srocc.p_value < 0.02
    same = agreement.compare_metrics(x, x, y, groups=[i // 8 for i in range(80)], rounds=50)
    assert all((each.difference, each.low, each.p_value) == (0.0, 0.0, 1.0) for each in same)


def test_the_rmse_of_two_metrics_is_compared_on_the_scale_of_the_opinions() -> None:
    x, y, _ = _case(8, 80)
    other = 20 + x / 4 + np.random.default_rng(2).normal(0, 3, x.size)
    rmse = next(e for e in agreement.compare_metrics(x, other, y, rounds=200) if e.name == "rmse")
    wanted = [
        float(np.sqrt(np.mean((fit.of(values) - y) ** 2)))
        for values in (x, other)
        if (fit := agreement.fit_logistic(values, y)) is not None
    ]
    assert rmse.is_mapped
    assert rmse.difference == pytest.approx(wanted[0] - wanted[1])
    # Raw, the first would seem far worse, since its numbers are larger.
    assert rmse.high < 0.0 < stats.rmse(x, y) - stats.rmse(other, y)
    flat = agreement.compare_metrics(x, np.ones(x.size), y, rounds=5)
    assert [each.name for each in flat if each.is_mapped] == ["rmse"]
    assert all(math.isnan(each.difference) for each in flat if each.is_mapped)


def test_a_logistic_fit_that_ran_off_is_said() -> None:
    x, y, _ = _case(9)
    assert not [note for note in agreement.figures(x, y, rounds=0)["notes"] if "ran off" in note]
    # The foot of an S alone: its upper end lies far above all that was seen.
    foot = agreement.Logistic(high=400.0, low=1.0, middle=200.0, width=30.0).of(x)
    assert foot.max() < 20.0
    found = agreement.figures(x, foot, rounds=0)
    assert found["mapping"]["high"] > foot.max() + np.ptp(foot)
    (note,) = [note for note in found["notes"] if "ran off" in note]
    assert f"its parameter high is {found['mapping']['high']:.4g}" in note


def test_a_metric_that_falls_is_judged_as_its_negation() -> None:
    x, y, e = _case(4)
    plain = agreement.figures(x, y, errors=e, rounds=0)
    turned = agreement.figures(-x, y, errors=e, rounds=0, higher_is_better=False)
    assert turned["pairs"] == plain["pairs"]
    assert turned["pairs"]["auc_bw"] > 0.9
    assert turned["raw"]["plcc"] == pytest.approx(-plain["raw"]["plcc"])


def _report(metric: Metric, scores: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    side = SideSpec(Path("a.mkv"), None)
    measured = [
        Measured(
            Asset("made", str(i // 8), str(i), side, side),
            pl.DataFrame({"frame": [0], metric.column: [score]}),
            known=False,
        )
        for i, score in enumerate(scores)
    ]
    said = testing.Truth(truth, np.full(truth.size, 0.15), "mos")
    return testing.report(metric, measured, said, dataset="made", statistic="mean", rounds=0)


def test_metrics_of_two_directions_are_compared() -> None:
    x, y, _ = _case(6, 40)
    worse = x + np.random.default_rng(1).normal(0, 20, x.size)
    rises, falls = metric_by_name("PSNR"), metric_by_name("CAMBI")
    assert not falls.higher_is_better
    first, other = _report(falls, 100 - worse, y), _report(rises, x, y)
    found = {each["figure"]: each["difference"] for each in testing.paired(first, other)}
    for name in ("plcc", "srocc", "krocc"):
        wanted = getattr(stats, name)(worse, y) - getattr(stats, name)(x, y)
        assert found[name] == pytest.approx(wanted, abs=1e-9)
    assert -0.5 < found["plcc"] < 0.0
    back = {each["figure"]: each["difference"] for each in testing.paired(other, first)}
    assert back["plcc"] == pytest.approx(-found["plcc"])
    assert first["raw"]["plcc"] < 0.0
    assert first["pairs"]["auc_bw"] > 0.8
    assert any("negated" in note for note in first["notes"])
    assert not any("negated" in note for note in other["notes"])
