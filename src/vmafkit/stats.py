"""Agreement between two series of scores: pure functions of one-dimensional arrays.

PLCC is Pearson's linear correlation of the raw values, with no logistic mapping before it;
SROCC is Spearman's rank correlation with ties averaged; KROCC is Kendall's tau-b. RMSE, bias
and the largest error are in the unit of the scores; bias is prediction minus truth.
Intervals come from the percentile bootstrap (Efron and Tibshirani, 1993), drawn over groups
when groups are given, since frames of one clip are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
Metric = Callable[[FloatArray, FloatArray], float]
_MOST_PAIRED = 1000


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well predictions agree with the truth.

    Attributes:
        n: pairs of values.
        plcc, srocc, krocc: -1 to 1; NaN where a side does not vary or n is below 2.
        rmse, max_abs_error, bias: in the unit of the scores.
    """

    n: int
    plcc: float
    srocc: float
    krocc: float
    rmse: float
    max_abs_error: float
    bias: float

    def record(self) -> dict[str, float | int | None]:
        """JSON-ready: what is not defined is None."""
        return {k: (None if math.isnan(v) else v) for k, v in asdict(self).items()}


def agreement(predicted: npt.ArrayLike, truth: npt.ArrayLike, *, kendall: bool = True) -> Agreement:
    """Every measure at once.

    Args:
        predicted, truth: shape (n,), n at least 1, all finite.
        kendall: False leaves KROCC out (NaN).

    Raises:
        ValueError: the shapes differ, there is nothing, or a value is not finite.
    """
    p, t = _pair(predicted, truth)
    return Agreement(
        n=int(p.size),
        plcc=plcc(p, t),
        srocc=srocc(p, t),
        krocc=krocc(p, t) if kendall else math.nan,
        rmse=rmse(p, t),
        max_abs_error=max_abs_error(p, t),
        bias=bias(p, t),
    )


def plcc(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Pearson's correlation, -1 to 1; NaN where a side does not vary. Raises: ValueError."""
    p, t = _pair(predicted, truth)
    a, b = p - p.mean(), t - t.mean()
    # A constant side leaves only the rounding of its mean behind, which would correlate.
    if _is_flat(a, p) or _is_flat(b, t):
        return math.nan
    return float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1.0, 1.0))


def srocc(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Spearman's rank correlation, ties averaged; NaN where a side does not vary."""
    p, t = _pair(predicted, truth)
    return plcc(ranks(p), ranks(t))


def krocc(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Kendall's tau-b; NaN where a side does not vary."""
    p, t = _pair(predicted, truth)
    if p.size > _MOST_PAIRED:
        from scipy.stats import kendalltau  # pyright: ignore[reportUnknownVariableType]

        return float(kendalltau(p, t).statistic)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportAttributeAccessIssue]
    # All pairs at once: loading scipy.stats takes longer than anything it computes here.
    a, b = (np.sign(values[:, None] - values) for values in (p, t))
    untied = float(np.count_nonzero(a)) * float(np.count_nonzero(b))
    return float((a * b).sum()) / math.sqrt(untied) if untied else math.nan


def rmse(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Root of the mean squared error. Raises: ValueError."""
    p, t = _pair(predicted, truth)
    return float(np.sqrt(np.mean((p - t) ** 2)))


def max_abs_error(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """The largest absolute error. Raises: ValueError."""
    p, t = _pair(predicted, truth)
    return float(np.abs(p - t).max())


def bias(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean of prediction minus truth. Raises: ValueError."""
    p, t = _pair(predicted, truth)
    return float((p - t).mean())


def ranks(values: npt.ArrayLike) -> FloatArray:
    """Ranks from 1; equal values share the mean of their ranks."""
    x = np.asarray(values, dtype=np.float64)
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2.0)[inverse]


def bootstrap_interval(
    metric: Metric,
    predicted: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    rounds: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """A percentile interval of a metric.

    Args:
        metric: of (predicted, truth).
        groups: of each pair, such as its clip; whole groups are drawn. None draws single pairs.
        rounds: draws, at least 1.
        level: of the interval, above 0 and below 1.
        seed: the same seed gives the same interval.

    Returns:
        (low, high); NaN where no draw gave a finite value.

    Raises:
        ValueError: as `agreement`, or a wrong number of groups, rounds or level.
    """
    p, t = _pair(predicted, truth)
    if rounds < 1 or not 0.0 < level < 1.0 or (groups is not None and len(groups) != p.size):
        raise ValueError("a bootstrap needs rounds, a level within 0..1 and one group per pair")
    members = None if groups is None else _members(groups)
    rng = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(rounds):
        count = int(p.size) if members is None else len(members)
        index: IndexArray = rng.integers(count, size=count)
        if members is not None:
            index = np.concatenate([members[int(i)] for i in index])
        value = metric(p[index], t[index])
        if math.isfinite(value):
            found.append(value)
    if not found:
        return math.nan, math.nan
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(found, [tail, 100.0 - tail])
    return float(low), float(high)


def _members(groups: Sequence[object]) -> list[IndexArray]:
    by_group: dict[object, list[int]] = {}
    for index, group in enumerate(groups):
        by_group.setdefault(group, []).append(index)
    return [np.array(found, dtype=np.int64) for found in by_group.values()]


def _is_flat(centred: FloatArray, values: FloatArray) -> bool:
    scale = max(float(np.abs(values).max()), 1e-300)
    return float(np.abs(centred).max()) <= 1e-13 * scale


def _pair(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    p = np.asarray(predicted, dtype=np.float64)
    t = np.asarray(truth, dtype=np.float64)
    if p.ndim != 1 or p.shape != t.shape or p.size == 0:
        raise ValueError("agreement needs two one-dimensional arrays of one length, not empty")
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise ValueError("agreement needs finite values")
    return p, t
