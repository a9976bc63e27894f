"""Pooling of per-frame scores: pure functions of a one-dimensional array.

Definitions follow libvmaf: the harmonic mean is taken of x + 1, so that zero scores
stay finite; percentiles interpolate linearly between frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STATISTICS = ("mean", "harmonic_mean", "min", "max", "median", "p1", "p5", "p10", "stddev")


def pool(values: npt.ArrayLike, statistic: str) -> float:
    """One number for a clip.

    Args:
        values: per-frame scores, shape (frames,), at least one, all finite.
        statistic: one of STATISTICS, or `pN` with 0 <= N <= 100.

    Raises:
        ValueError: no frames, a value that is not finite, or an unknown statistic.
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError("pooling needs a one-dimensional array of finite scores")
    if statistic == "mean":
        return float(scores.mean())
    if statistic == "harmonic_mean":
        return _harmonic_mean(scores)
    if statistic == "min":
        return float(scores.min())
    if statistic == "max":
        return float(scores.max())
    if statistic == "median":
        return float(np.median(scores))
    if statistic == "stddev":
        return float(scores.std())
    return float(np.percentile(scores, percentile_rank(statistic)))


def percentile_rank(statistic: str) -> float:
    """The N of `pN`, 0 to 100.

    Raises:
        ValueError: it is not a percentile.
    """
    try:
        rank = float(statistic[1:]) if statistic.startswith("p") else -1.0
    except ValueError:
        rank = -1.0
    if not 0.0 <= rank <= 100.0:
        known = ", ".join(STATISTICS)
        raise ValueError(f"{statistic!r} is not a statistic; known are {known} and pN")
    return rank


def _harmonic_mean(scores: npt.NDArray[np.float64]) -> float:
    shifted = scores + 1.0
    if (shifted <= 0.0).any():
        raise ValueError("the harmonic mean is not defined for scores of -1 and below")
    return float(scores.size / (1.0 / shifted).sum() - 1.0)
