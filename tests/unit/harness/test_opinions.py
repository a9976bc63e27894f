"""Subjective models against worked cases and known truths."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from vmafkit.errors import Refused, UsageError
from vmafkit.harness import opinions


def _given(table: np.ndarray) -> list[dict[str, tuple[float, ...]]]:
    return [
        {f"s{i}": (float(value),) for i, value in enumerate(row) if np.isfinite(value)}
        for row in table
    ]


def _panel(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 5, 80)
    bias = rng.normal(0, 0.4, 24)
    bias -= bias.mean()
    spread = rng.uniform(0.2, 0.9, 24)
    table = truth[:, None] + bias + spread * rng.normal(size=(80, 24))
    return truth, bias, spread, table


def test_mos_and_its_error_by_hand() -> None:
    found = opinions.recover([{"a": (1.0,), "b": (3.0,)}, {"a": (2.0,), "c": (5.0,)}], "MOS")
    assert found.scores.tolist() == [2.0, 3.5]
    np.testing.assert_allclose(found.errors, [1.0, 1.5])
    assert found.subjects == ("a", "b", "c")


def test_dmos_takes_each_subject_against_the_same_subject() -> None:
    table = [{"a": (5.0,), "b": (3.0,)}, {"a": (4.0,), "b": (1.0,)}]
    found = opinions.recover(table, "DMOS", references=[0, 0], ref_score=5.0)
    assert found.scores.tolist() == [5.0, 3.5]
    with pytest.raises(Refused, match="ref_score"):
        opinions.recover(table, "DMOS", references=[0, 0])
    with pytest.raises(Refused, match="reference"):
        opinions.recover(table, "DMOS", references=[None, 0], ref_score=5.0)


def test_bt500_rejects_the_one_who_votes_at_random() -> None:
    truth, _, _, _ = _panel(2)
    rng = np.random.default_rng(2)
    table = np.clip(truth[:, None] + rng.normal(0, 0.3, (80, 20)), 1, 5)
    table[:, 4] = rng.permutation(table[:, 4])
    out = np.flatnonzero(opinions.screened(table)).tolist()
    assert 4 in out
    assert len(out) <= 2
    found = opinions.recover(_given(table), "BT500")
    assert found.left_out == tuple(f"s{i}" for i in out)
    np.testing.assert_allclose(found.scores, np.delete(table, out, axis=1).mean(axis=1))


def test_the_kurtosis_decides_the_limit() -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(0, 1, (60, 15)) ** 3
    mean = table.mean(axis=1, keepdims=True)
    kurtosis = scipy.stats.kurtosis(table, axis=1, fisher=False)
    limit = np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, np.sqrt(20.0))
    limit = limit * table.std(axis=1, ddof=1)
    above = (table - mean >= limit[:, None]).sum(axis=0)
    below = (table - mean <= -limit[:, None]).sum(axis=0)
    both = above + below
    wanted = (both / 60 > 0.05) & (np.abs(above - below) / np.maximum(both, 1) < 0.3)
    assert opinions.screened(table).tolist() == wanted.tolist()


def test_p913_takes_the_bias_away_first() -> None:
    _, bias, _, table = _panel(3)
    found = opinions.recover(_given(table), "P913")
    assert np.corrcoef(found.bias, bias)[0, 1] > 0.95
    assert found.bias.mean() == pytest.approx(0.0, abs=1e-9)


def test_p910_recovers_truth_bias_and_inconsistency() -> None:
    truth, bias, spread, table = _panel(6)
    found = opinions.recover(_given(table), "MLE_CO_AP2")
    plain = opinions.recover(_given(table), "MOS")
    np.testing.assert_allclose(found.bias, bias, atol=0.3)
    np.testing.assert_allclose(found.inconsistency, spread, rtol=0.35)
    ours = np.sqrt(np.mean((found.scores - truth) ** 2))
    assert ours < 0.9 * np.sqrt(np.mean((plain.scores - truth) ** 2))
    assert (np.abs(found.scores - truth) < 1.96 * found.errors).mean() > 0.85


def test_p910_is_where_its_own_equations_hold() -> None:
    _, _, _, table = _panel(8)
    table[3, 2] = np.nan
    found = opinions.recover(_given(table))
    rest = table - found.scores[:, None]
    np.testing.assert_allclose(np.nanmean(rest, axis=0), found.bias, atol=1e-6)
    spread = np.sqrt(np.nanmean((rest - found.bias) ** 2, axis=0))
    np.testing.assert_allclose(spread, found.inconsistency, atol=1e-6)
    weight = np.where(np.isfinite(table), 1 / spread**2, 0)
    wanted = np.nansum((table - found.bias) * weight, axis=1) / weight.sum(axis=1)
    np.testing.assert_allclose(wanted, found.scores, atol=1e-6)


def test_a_model_that_is_not_known() -> None:
    with pytest.raises(UsageError, match="MLE"):
        opinions.recover([{"a": (1.0,)}], "MLE")
    with pytest.raises(Refused, match="no opinion"):
        opinions.recover([{}])
