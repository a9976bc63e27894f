"""Curves of one variable: shape-preserving interpolation, open scales.

Interpolation is PCHIP (F. N. Fritsch and J. Butland, "A method for constructing local monotone
piecewise cubic interpolants", 1984).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """A strictly rising map of a score onto an open line where curves are nearly straight.

    Attributes:
        to: score to line; values outside of the score's range are clipped to it first.
        back: line to score.
    """

    to: Callable[[npt.ArrayLike], FloatArray]
    back: Callable[[npt.ArrayLike], FloatArray]


def logit_scale(lo: float, hi: float, *, foot: float = 0.1, head: float = 0.03) -> Scale:
    """ln((s - lo + foot) / (hi - s + head)), for scores that saturate at both ends.

    Args:
        lo, hi: range of the score.
        foot, head: room beyond either end, as shares of the range, that keeps it finite.
    """
    below, above = foot * (hi - lo), head * (hi - lo)

    def to(score: npt.ArrayLike) -> FloatArray:
        value = np.clip(np.asarray(score, dtype=np.float64), lo, hi)
        return np.log((value - lo + below) / (hi - value + above))

    def back(line: npt.ArrayLike) -> FloatArray:
        odds = np.exp(np.clip(np.asarray(line, dtype=np.float64), -50.0, 50.0))
        return np.clip((odds * (hi + above) + lo - below) / (1.0 + odds), lo, hi)

    return Scale(to, back)


def linear_scale(unit: float, lo: float, hi: float) -> Scale:
    """score / unit, clipped to lo..hi; a negative unit turns lower-is-better round."""

    def to(score: npt.ArrayLike) -> FloatArray:
        return np.clip(np.asarray(score, dtype=np.float64), lo, hi) / unit

    def back(line: npt.ArrayLike) -> FloatArray:
        return np.clip(np.asarray(line, dtype=np.float64) * unit, lo, hi)

    return Scale(to, back)


def log_distance_scale(end: float, room: float) -> Scale:
    """-ln(|end - s| + room), for scores whose distance to a perfect `end` halves by steps."""

    def to(score: npt.ArrayLike) -> FloatArray:
        return -np.log(np.abs(end - np.asarray(score, dtype=np.float64)) + room)

    def back(line: npt.ArrayLike) -> FloatArray:
        gap = np.maximum(np.exp(-np.asarray(line, dtype=np.float64)) - room, 0.0)
        return end - gap if end > 0 else end + gap

    return Scale(to, back)


def pchip(x: npt.ArrayLike, y: npt.ArrayLike, at: npt.ArrayLike) -> FloatArray:
    """Values of the shape-preserving cubic through the points; straight on beyond the ends.

    Args:
        x: strictly rising, shape (n,), n >= 2.
        y: shape (n,).
        at: where it is wanted, shape (m,).
    """
    from scipy.interpolate import (  # pyright: ignore[reportMissingTypeStubs]
        PchipInterpolator,
    )

    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    points = np.asarray(at, dtype=np.float64)
    line = cast("Any", PchipInterpolator(xs, ys))
    result = np.asarray(line(np.clip(points, xs[0], xs[-1])), dtype=np.float64)
    first = (ys[1] - ys[0]) / (xs[1] - xs[0])
    last = (ys[-1] - ys[-2]) / (xs[-1] - xs[-2])
    result += np.minimum(points - xs[0], 0.0) * first
    return result + np.maximum(points - xs[-1], 0.0) * last
