"""Tests a metric on a data set: each asset's score against what people said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit import pooling
from vmafkit.errors import Refused, UsageError
from vmafkit.harness import agreement, opinions
from vmafkit.harness.assets import Asset
from vmafkit.harness.measuring import Measured
from vmafkit.harness.metrics import Metric
from vmafkit.scoring.score import pool_frames

FloatArray = npt.NDArray[np.float64]
LEAST_ASSETS = 3
_ALONE = 1e-2
_FALLS = (
    "a lower score of this metric is better: correlations are of its scores as they are; "
    "AUC and comparisons with other metrics take the negated scores"
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What people said of a list of assets.

    Attributes:
        scores: shape (assets,).
        errors: standard errors, shape (assets,), or None where one is not known.
        model: the subjective model, or how the recipe calls its scores.
        left_out: subjects that a screening rejected.
        notes: what a reader must know of it.
    """

    scores: FloatArray
    errors: FloatArray | None
    model: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def truth_of(
    assets: Sequence[Asset], subj_model: str, *, ref_score: float | None = None, kind: str = ""
) -> Truth:
    """The opinion scores of assets; raw ones go through a subjective model.

    Raises:
        Refused: there are none, or the model lacks what it needs.
        UsageError: the model is not known.
    """
    if any(asset.opinions is None for asset in assets):
        given = [asset.score for asset in assets]
        if any(score is None for score in given):
            raise Refused("the recipe has no opinion scores", hint="give dmos, mos or os")
        errors = [asset.score_error for asset in assets]
        known = None if None in errors else np.asarray(errors, dtype=np.float64)
        return Truth(np.asarray(given, dtype=np.float64), known, kind or "given")
    own = {asset.content: i for i, asset in enumerate(assets) if asset.is_reference}
    found = opinions.recover(
        [asset.opinions or {} for asset in assets],
        subj_model,
        references=[own.get(asset.content) for asset in assets],
        ref_score=ref_score,
    )
    is_whole = np.isfinite(found.errors).all()
    name = opinions.model_name(subj_model)
    errors = found.errors if is_whole else None
    return Truth(found.scores, errors, name, found.left_out, tuple(notes_on(found)))


def notes_on(found: opinions.Recovered) -> list[str]:
    """What a reader must know of recovered scores.

    The likelihood has no bound where a subject is taken to make no error at all, so with few
    opinions the recovery may run away to one subject.
    """
    spread = found.inconsistency[np.isfinite(found.inconsistency)]
    if not spread.size or spread.min() > _ALONE * np.median(spread):
        return []
    name = found.subjects[int(np.nanargmin(found.inconsistency))]
    return [
        f"the recovered scores follow subject {name} alone, since there are too few opinions; "
        "--subj-model BR_SR_MOS or MOS weighs all alike"
    ]


def votes_of(asset: Asset) -> tuple[float, ...]:
    """Every opinion score of an asset, one after the other."""
    return tuple(value for values in (asset.opinions or {}).values() for value in values)


def pool_word(word: str) -> str:
    """The statistic that a word names; `perc5`, as older scripts have it, is `p5`.

    Raises:
        UsageError: there is none.
    """
    statistic = f"p{word.removeprefix('perc')}" if word.startswith("perc") else word
    if statistic not in pooling.STATISTICS:
        try:
            pooling.percentile_rank(statistic)
        except ValueError:
            known = ", ".join(pooling.STATISTICS)
            raise UsageError(
                f"--pool {word[:40]} is not a statistic", hint=f"{known}, or pN with N up to 100"
            ) from None
    return statistic


def pooled(frames: Measured, column: str, statistic: str) -> float:
    """One number of an asset. Raises: UsageError."""
    try:
        return pool_frames(np.asarray(frames.values(column), dtype=np.float64), statistic)
    except ValueError as error:
        raise UsageError(
            f"--pool {statistic}: {error}", hint="mean, min, median or perc5"
        ) from None


def report(
    metric: Metric,
    measured: Sequence[Measured],
    truth: Truth,
    *,
    dataset: str,
    statistic: str,
    rounds: int = 200,
) -> dict[str, Any]:
    """The result of a test, JSON-ready.

    Args:
        measured: in the order of `truth`.

    Raises:
        Refused: too few assets have a finite score.
    """
    scores = np.asarray([pooled(each, metric.column, statistic) for each in measured])
    whole = np.isfinite(scores)
    notes: list[str] = []
    if not whole.all():
        notes.append(f"{int((~whole).sum())} assets have no finite score and are left out")
    if int(whole.sum()) < LEAST_ASSETS:
        raise Refused(f"{int(whole.sum())} assets are too few to test on")
    kept = [each for each, is_in in zip(measured, whole, strict=True) if is_in]
    found = agreement.figures(
        scores[whole],
        truth.scores[whole],
        errors=None if truth.errors is None else truth.errors[whole],
        groups=[each.asset.content for each in kept],
        higher_is_better=metric.higher_is_better,
        rounds=rounds,
    )
    if not metric.higher_is_better:
        notes.append(_FALLS)
    found["notes"] = [*notes, *truth.notes, *found["notes"]]
    return {
        "type": "test",
        "metric": metric.id,
        "dataset": dataset,
        "statistic": statistic,
        "subjective_model": truth.model,
        "subjects_left_out": list(truth.left_out),
        "higher_is_better": metric.higher_is_better,
        **found,
        "known": sum(each.known for each in measured),
        "assets": [
            {
                "asset": each.asset.label,
                "content": each.asset.content,
                "truth": float(value),
                "score": float(score) if math.isfinite(score) else None,
                **_spread(each, metric.column, statistic),
            }
            for each, value, score in zip(measured, truth.scores, scores, strict=True)
        ],
    }


def _spread(each: Measured, column: str, statistic: str) -> dict[str, Any]:
    """Of an ensemble: the pooled deviation of its members, and their 95 % interval."""
    if f"{column}_stddev" not in each.frames.columns:
        return {}
    deviation, low, high = (
        _plain(pooled(each, f"{column}_{part}", statistic))
        for part in ("stddev", "ci_p95_lo", "ci_p95_hi")
    )
    return {"stddev": deviation, "interval_95": [low, high]}


def paired(one: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    """Two test reports of the same data set, compared on the assets that both have.

    Where a metric's lower score is the better one, its negated scores are compared.
    """
    theirs = {each["asset"]: each for each in other["assets"] if each["score"] is not None}
    both = [each for each in one["assets"] if each["score"] is not None and each["asset"] in theirs]
    found = agreement.compare_metrics(
        _rising(one, [each["score"] for each in both]),
        _rising(other, [theirs[each["asset"]]["score"] for each in both]),
        [each["truth"] for each in both],
        groups=[each["content"] for each in both],
    )
    return [
        {
            "figure": each.name,
            "scores": "mapped" if each.is_mapped else "raw",
            "difference": _plain(each.difference),
            "interval_95": [_plain(each.low), _plain(each.high)],
            "p_value": _plain(each.p_value),
        }
        for each in found
    ]


def _rising(of: dict[str, Any], scores: Sequence[float]) -> list[float]:
    return [score if of["higher_is_better"] else -score for score in scores]


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
