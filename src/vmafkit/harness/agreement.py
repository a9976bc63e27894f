"""How well a metric agrees with people: figures raw and after the logistic mapping.

The mapping is the monotonic logistic with four parameters of the VQEG reports (ITU-T P.1401
speaks of it as one choice). It flatters a metric, so every figure exists in both forms and
says which it is. The outlier ratio counts errors above two standard errors of the opinion
score. Pair analysis (AUC) follows Krasula et al., "On the accuracy of objective image and
video quality models" (QoMEX 2016); resolving power follows ITU-T J.149.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit import stats

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]
_SIGNIFICANT = 0.95
_BINS = 10
FIGURES = ("plcc", "srocc", "krocc", "rmse")
_IN_ITS_UNIT = ("rmse",)


@dataclass(frozen=True, slots=True)
class Logistic:
    """y = low + (high - low) / (1 + exp(-(x - middle) / width)).

    Attributes:
        high, low: in the unit of the opinion scores.
        middle, width: in the unit of the metric; width is above 0.
    """

    high: float
    low: float
    middle: float
    width: float

    def of(self, scores: npt.ArrayLike) -> FloatArray:
        """Mapped scores, shape as given."""
        x = (np.asarray(scores, dtype=np.float64) - self.middle) / self.width
        return self.low + (self.high - self.low) / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))


def fit_logistic(scores: npt.ArrayLike, truth: npt.ArrayLike) -> Logistic | None:
    """The logistic with the least squared error; None where it cannot be fitted.

    Args:
        scores, truth: shape (n,), finite, n at least 5.
    """
    from scipy.optimize import curve_fit

    x = np.asarray(scores, dtype=np.float64)
    y = np.asarray(truth, dtype=np.float64)
    if x.size < 5 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return None
    rises = float((x - x.mean()) @ (y - y.mean())) >= 0.0
    ends = (y.max(), y.min()) if rises else (y.min(), y.max())
    # Fitted on a scale of its own, so that the steps of the search fit any metric.
    centre, scale = float(x.mean()), float(x.std())

    def curve(z: FloatArray, high: float, low: float, middle: float, width: float) -> FloatArray:
        return Logistic(high, low, middle, abs(width) + 1e-9).of(z)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, _ = cast(
                "tuple[FloatArray, Any]",
                curve_fit(curve, (x - centre) / scale, y, p0=(*ends, 0.0, 1.0), maxfev=20000),
            )
    except RuntimeError:
        return None
    high, low, middle, width = (float(value) for value in found)
    made = Logistic(high, low, centre + scale * middle, scale * (abs(width) + 1e-9))
    return made if np.isfinite(made.of(x)).all() else None


def figures(
    scores: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    errors: npt.ArrayLike | None = None,
    groups: Sequence[object] | None = None,
    higher_is_better: bool = True,
    rounds: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Every figure, JSON-ready; what is not defined is None with the reason in `notes`.

    Args:
        scores: of the metric, shape (n,).
        truth: opinion scores, shape (n,).
        errors: standard errors of the opinion scores, or None.
        groups: the content of each, for the bootstrap.
        higher_is_better: of the metric; where not, pairs are analysed on the negated scores.
        rounds: draws for the intervals; 0 for none.

    Raises:
        ValueError: the shapes differ, or a value is not finite.
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    notes: list[str] = []
    mapping = fit_logistic(x, y)
    found: dict[str, Any] = {
        "n": int(x.size),
        "raw": stats.agreement(x, y).record(),
        "mapped": None,
        "mapping": None,
        "intervals_95": {},
    }
    if mapping is None:
        notes.append("the logistic mapping could not be fitted; there are no mapped figures")
    else:
        found["mapped"] = stats.agreement(mapping.of(x), y).record()
        parts = {name: getattr(mapping, name) for name in ("high", "low", "middle", "width")}
        found["mapping"] = {"kind": "logistic with 4 parameters", **parts}
        notes += _ran_off(mapping, x, y)
    if rounds and _is_one(groups):
        notes.append("there is one content only, so there are no intervals over contents")
        rounds = 0
    for name in FIGURES if rounds else ():
        low, high = stats.bootstrap_interval(
            getattr(stats, name), x, y, groups=groups, rounds=rounds, seed=seed
        )
        found["intervals_95"][name] = [_plain(low), _plain(high)]
    known = None if errors is None else np.asarray(errors, dtype=np.float64)
    if known is None or not np.isfinite(known).all():
        notes.append("no standard errors of the opinion scores: no outlier ratio, AUC or power")
        known = None
    best = x if mapping is None else mapping.of(x)
    found["outlier_ratio"] = None if known is None else outlier_ratio(best, y, known)
    rising = x if higher_is_better else -x
    found["pairs"] = None if known is None else pair_analysis(rising, y, known)
    found["resolving_power"] = None if known is None else _plain(resolving_power(x, y, known))
    return {**found, "notes": notes}


def _ran_off(mapping: Logistic, x: FloatArray, y: FloatArray) -> list[str]:
    """A note on each parameter that lies beyond the data by more than their width."""
    sides = (
        ("high", "the opinion scores", y),
        ("low", "the opinion scores", y),
        ("middle", "the metric's scores", x),
    )
    return [
        f"the logistic fit ran off: its parameter {name} is {getattr(mapping, name):.4g}, "
        f"{what} are {data.min():.4g} to {data.max():.4g}; mapped figures hold for these data only"
        for name, what, data in sides
        if not data.min() - np.ptp(data) <= getattr(mapping, name) <= data.max() + np.ptp(data)
    ][:1]


def outlier_ratio(scores: npt.ArrayLike, truth: npt.ArrayLike, errors: npt.ArrayLike) -> float:
    """The share of scores more than two standard errors off, 0 to 1."""
    x, y, e = (np.asarray(values, dtype=np.float64) for values in (scores, truth, errors))
    return float(np.mean(np.abs(x - y) > 2.0 * e))


def pair_analysis(
    scores: npt.ArrayLike, truth: npt.ArrayLike, errors: npt.ArrayLike
) -> dict[str, Any]:
    """Krasula's analysis over all pairs of stimuli.

    Args:
        scores: of a metric for which higher is better, shape (n,).
        truth, errors: opinion scores and their standard errors, shape (n,).

    Returns:
        `auc_ds`: how well the metric's distance tells different from similar pairs;
        `auc_bw`: how well its sign tells the better of different pairs; `cc_0`: the share of
        different pairs that it orders rightly; counts of both kinds. None where undefined.
    """
    x, y, e = (np.asarray(values, dtype=np.float64) for values in (scores, truth, errors))
    first, second = np.triu_indices(x.size, 1)
    delta, gap = x[first] - x[second], y[first] - y[second]
    chance = _normal(np.abs(gap) / _spread(e, first, second))
    differs = chance > _SIGNIFICANT
    signed = np.where(gap[differs] >= 0.0, delta[differs], -delta[differs])
    correct = (signed > 0.0).mean() if signed.size else math.nan
    # Each different pair counts in both orders, as better and as worse.
    return {
        "different": int(differs.sum()),
        "similar": int((~differs).sum()),
        "auc_ds": _plain(auc(np.abs(delta)[differs], np.abs(delta)[~differs])),
        "auc_bw": _plain(auc(signed, -signed)),
        "cc_0": _plain(float(correct)),
    }


def auc(above: npt.ArrayLike, below: npt.ArrayLike) -> float:
    """The chance that a value of `above` is larger than one of `below`, ties counting half."""
    a, b = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    if not a.size or not b.size:
        return math.nan
    ranks = stats.ranks(np.concatenate([a, b]))
    return float((ranks[: a.size].sum() - a.size * (a.size + 1) / 2.0) / (a.size * b.size))


def resolving_power(scores: npt.ArrayLike, truth: npt.ArrayLike, errors: npt.ArrayLike) -> float:
    """The least difference of the metric at which people agree at 95 % that one is better.

    The confidence of all pairs, ordered by the metric, is averaged in windows of its
    differences: a tenth of their range wide, each half over the next. The answer lies where the
    average passes 0.95 for the last time, in the metric's unit (ITU-T J.149, and the NTIA's
    TR-09-457). NaN where it does not pass.
    """
    x, y, e = (np.asarray(values, dtype=np.float64) for values in (scores, truth, errors))
    if np.corrcoef(x, y)[0, 1] < 0:
        x = -x
    first, second = np.triu_indices(x.size, 1)
    sign = np.where(x[first] >= x[second], 1.0, -1.0)
    delta = sign * (x[first] - x[second])
    chance = _normal(sign * (y[first] - y[second]) / _spread(e, first, second))
    if not delta.size or np.ptp(delta) == 0.0:
        return math.nan
    half = float(np.ptp(delta)) / (2 * _BINS)
    points: list[tuple[float, float]] = []
    for window in range(2 * _BINS - 1):
        low = float(delta.min()) + window * half
        inside = (delta >= low) & (delta < low + 2 * half)
        if inside.any():
            points.append((low + half, float(chance[inside].mean())))
    below = [i for i, (_, mean) in enumerate(points) if mean < _SIGNIFICANT]
    if not below or below[-1] + 1 == len(points):
        return math.nan
    (x0, mean0), (x1, mean1) = points[below[-1]], points[below[-1] + 1]
    return x0 + (_SIGNIFICANT - mean0) / (mean1 - mean0) * (x1 - x0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of one metric less that of another, over the same draws.

    Attributes:
        name: of FIGURES.
        is_mapped: it is of scores after each metric's logistic mapping, else of raw scores.
        difference: on all data; NaN where a metric cannot be mapped.
        low, high: the 95 % interval.
        p_value: two-sided, of no difference.
    """

    name: str
    is_mapped: bool
    difference: float
    low: float
    high: float
    p_value: float


def compare_metrics(
    one: npt.ArrayLike,
    other: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    rounds: int = 1000,
    seed: int = 0,
) -> list[Comparison]:
    """Two metrics on the same stimuli, paired: each draw takes the same stimuli for both.

    Args:
        one, other, truth: shape (n,), higher is better in each. RMSE is in the unit of the
            opinion scores, so it is taken after each metric's own logistic mapping, which is
            fitted once, on all data.
        groups: the content of each; whole contents are drawn, so of one there is no interval.
    """
    a, b, y = (np.asarray(values, dtype=np.float64) for values in (one, other, truth))
    members: list[IndexArray] = [
        np.flatnonzero([group == each for group in groups or ()])
        for each in dict.fromkeys(groups or ())
    ]
    rounds = 0 if _is_one(groups) else rounds
    fits = fit_logistic(a, y), fit_logistic(b, y)
    blank = np.full(y.size, math.nan)
    mapped = tuple(blank if f is None else f.of(v) for f, v in zip(fits, (a, b), strict=True))
    sides = {name: mapped if name in _IN_ITS_UNIT else (a, b) for name in FIGURES}
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in FIGURES}
    for _ in range(rounds):
        count = len(members) or y.size
        drawn = rng.integers(count, size=count)
        index = np.concatenate([members[int(i)] for i in drawn]) if members else drawn
        for name in FIGURES:
            found = _difference(name, [v[index] for v in sides[name]], y[index])
            if math.isfinite(found):
                draws[name].append(found)
    return [_compared(name, _difference(name, sides[name], y), draws[name]) for name in FIGURES]


def _is_one(groups: Sequence[object] | None) -> bool:
    return groups is not None and len(set(groups)) == 1


def _difference(name: str, sides: Sequence[FloatArray], y: FloatArray) -> float:
    a, b = sides
    if np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    figure = getattr(stats, name)
    return float(figure(a, y) - figure(b, y))


def _compared(name: str, difference: float, draws: list[float]) -> Comparison:
    is_mapped = name in _IN_ITS_UNIT
    if not draws:
        return Comparison(name, is_mapped, difference, math.nan, math.nan, math.nan)
    values = np.asarray(draws)
    low, high = np.percentile(values, [2.5, 97.5])
    # One draw is added to each side, so that no finite number of draws gives 0.
    below = (np.count_nonzero(values <= 0.0) + 1) / (values.size + 1)
    above = (np.count_nonzero(values >= 0.0) + 1) / (values.size + 1)
    p_value = min(1.0, 2.0 * min(below, above))
    return Comparison(name, is_mapped, difference, float(low), float(high), p_value)


def _normal(z: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(ndtr(z), dtype=np.float64)


def _spread(e: FloatArray, first: IndexArray, second: IndexArray) -> FloatArray:
    return np.maximum(np.sqrt(e[first] ** 2 + e[second] ** 2), 1e-12)


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
