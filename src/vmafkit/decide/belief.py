"""What is believed of a curve, given a family of curves and some measured points of any of them.

A source has a few hidden factors; each curve of it is a mean, plus factors times loadings, plus a
smooth residual of its own. All is Gaussian, so points of one curve teach about every other
curve of the source (C. E. Rasmussen and C. Williams, "Gaussian processes for machine learning",
2006, chapter 2). The spread is scaled by how well the points agree with it, which makes it a
Student-t process (A. Shah et al., 2014): one odd source is not trusted like a common one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmafkit.curve import FloatArray

_DEGREES = 6.0
# Correlation of the residuals of two curves of one group.
_KINSHIP = 0.8


@dataclass(frozen=True, slots=True)
class Curve:
    """A family of curves over an encoder's knob.

    Attributes:
        name: equal for points of one curve.
        group: curves of one group share part of their residual, such as two presets.
        knots: settings, rising, shape (n,); between them and beyond it is linear.
        mean: at the knots.
        loadings: of the hidden factors, shape (n, factors).
        residual_sd, length: of the smooth residual, on the curve's line and in settings.
        shift_sd: of a constant residual.
        noise_sd: of one point.
    """

    name: str
    group: str
    knots: FloatArray
    mean: FloatArray
    loadings: FloatArray
    residual_sd: float
    length: float
    shift_sd: float
    noise_sd: float

    def mean_at(self, settings: FloatArray) -> FloatArray:
        """Shape (m,) for settings of shape (m,)."""
        return _line(settings, self.knots, self.mean)

    def loadings_at(self, settings: FloatArray) -> FloatArray:
        """Shape (m, factors)."""
        columns = [_line(settings, self.knots, column) for column in self.loadings.T]
        return np.stack(columns, axis=1) if columns else np.zeros((settings.size, 0))


@dataclass(frozen=True, slots=True)
class Point:
    """A measured point: value on the curve's line, with a standard error of its own."""

    curve: Curve
    setting: float
    value: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Factors:
    """What is known of the hidden factors before any point: mean (k,) and covariance (k, k)."""

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, slots=True)
class Belief:
    """Mean and standard deviation of the curve itself at each setting; both of shape (m,)."""

    mean: FloatArray
    sd: FloatArray


def infer(curve: Curve, settings: FloatArray, points: Sequence[Point], factors: Factors) -> Belief:
    """The curve at some settings, given points of it and of others of the same source."""
    mean, variance, surprise = _condition(curve, settings, points, factors)
    scale = (_DEGREES + surprise) / (_DEGREES + len(points))
    return Belief(mean, np.sqrt(variance * max(scale, 0.5)))


def _condition(
    curve: Curve, settings: FloatArray, points: Sequence[Point], factors: Factors
) -> tuple[FloatArray, FloatArray, float]:
    """Mean and variance at the settings, and the squared distance of the points from the family."""
    load = curve.loadings_at(settings)
    mean = curve.mean_at(settings) + load @ factors.mean
    variance = np.einsum("ik,kl,il->i", load, factors.covariance, load)
    variance += curve.residual_sd**2 + curve.shift_sd**2
    if not points:
        return mean, variance, 0.0
    seen_load = np.concatenate([p.curve.loadings_at(np.array([p.setting])) for p in points])
    seen_mean = np.array([float(p.curve.mean_at(np.array([p.setting]))[0]) for p in points])
    gap = np.array([p.value for p in points]) - seen_mean - seen_load @ factors.mean
    curves, at = [p.curve for p in points], np.array([p.setting for p in points])
    among = seen_load @ factors.covariance @ seen_load.T + _shared(curves, at, curves, at)
    noise = [p.curve.noise_sd**2 + p.error**2 + 1e-9 for p in points]
    across = load @ factors.covariance @ seen_load.T
    across += _shared([curve], settings, curves, at)
    gain = np.linalg.solve(among + np.diag(noise), np.column_stack([gap, across.T]))
    mean = mean + across @ gain[:, 0]
    variance = variance - np.einsum("ij,ji->i", across, gain[:, 1:])
    return mean, np.maximum(variance, 1e-9), float(gap @ gain[:, 0])


def _shared(
    ones: Sequence[Curve], one_at: FloatArray, others: Sequence[Curve], other_at: FloatArray
) -> FloatArray:
    """Covariance of residuals, shape (one_at, others); one curve may stand for all of ones."""
    together = np.array([[a.group == b.group for b in others] for a in ones])
    same = np.array([[a.name == b.name for b in others] for a in ones])
    length = np.array([a.length for a in ones])[:, None]
    apart = (one_at[:, None] - other_at[None, :]) / length
    sds = np.outer([a.residual_sd for a in ones], [b.residual_sd for b in others])
    shifts = np.outer([a.shift_sd for a in ones], [b.shift_sd for b in others]) * same
    smooth = sds * np.exp(-0.5 * apart**2) * np.where(same, 1.0, _KINSHIP)
    return np.asarray(np.where(together, smooth + shifts, 0.0))


def _line(settings: FloatArray, knots: FloatArray, values: FloatArray) -> FloatArray:
    result = np.interp(settings, knots, values)
    first = (values[1] - values[0]) / (knots[1] - knots[0])
    last = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
    result += np.minimum(settings - knots[0], 0.0) * first
    return result + np.maximum(settings - knots[-1], 0.0) * last
