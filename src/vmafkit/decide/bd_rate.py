"""Bjontegaard deltas between two rate-quality curves.

Source: G. Bjontegaard, "Calculation of average PSNR differences between RD-curves",
VCEG-M33, 2001; with piecewise interpolation instead of one cubic, as in JVET-D0033 (PCHIP)
and Herglotz et al., "The Bjontegaard bible", 2024 (Akima).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

from vmafkit.decide.hull import RatePoint, pareto
from vmafkit.errors import UsageError

Interpolation = Literal["pchip", "akima"]
MIN_POINTS = 4
MIN_OVERLAP = 0.25
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BdDelta:
    """How a test curve compares with an anchor.

    Attributes:
        value: bitrate change in percent (below 0: the test needs fewer bits), or mean gain in
            quality.
        low, high: the span it was taken over: quality for a rate, kbps for a quality.
        overlap: that span, on the axis of integration, over the span of both curves; 0 to 1.
        dropped: points left out of either curve since another is both cheaper and better.
        interpolation: pchip or akima.
    """

    value: float
    low: float
    high: float
    overlap: float
    dropped: int
    interpolation: Interpolation


def bd_rate(
    anchor: Sequence[RatePoint],
    test: Sequence[RatePoint],
    *,
    interpolation: Interpolation = "pchip",
    min_overlap: float = MIN_OVERLAP,
) -> BdDelta:
    """Mean bitrate change in percent at equal quality.

    Raises:
        UsageError: a curve has fewer than 4 points of use, or the two share too little.
    """
    found = _compared(anchor, test, _rate_by_quality, "quality", interpolation, min_overlap)
    return replace(found, value=float(np.expm1(found.value)) * 100)


def bd_quality(
    anchor: Sequence[RatePoint],
    test: Sequence[RatePoint],
    *,
    interpolation: Interpolation = "pchip",
    min_overlap: float = MIN_OVERLAP,
) -> BdDelta:
    """Mean gain in quality at equal bitrate (BD-VMAF, BD-PSNR).

    Raises:
        UsageError: as for `bd_rate`.
    """
    found = _compared(anchor, test, _quality_by_rate, "bitrate", interpolation, min_overlap)
    return replace(found, low=float(np.exp(found.low)), high=float(np.exp(found.high)))


def _rate_by_quality(curve: Sequence[RatePoint]) -> tuple[_Array, _Array]:
    return _qualities(curve), _log_rates(curve)


def _quality_by_rate(curve: Sequence[RatePoint]) -> tuple[_Array, _Array]:
    return _log_rates(curve), _qualities(curve)


def _compared(
    anchor: Sequence[RatePoint],
    test: Sequence[RatePoint],
    axes: Callable[[Sequence[RatePoint]], tuple[_Array, _Array]],
    axis: str,
    interpolation: Interpolation,
    min_overlap: float,
) -> BdDelta:
    """The mean difference on the second of two axes; all numbers as they lie on the axes."""
    curves = _curves(anchor, test)
    pairs = [axes(curve) for curve in curves]
    low, high, overlap = _shared([first.tolist() for first, _ in pairs], axis, min_overlap)
    mean = _mean_difference(pairs, low, high, interpolation)
    dropped = len(anchor) + len(test) - len(curves[0]) - len(curves[1])
    return BdDelta(mean, low, high, overlap, dropped, interpolation)


def _curves(
    anchor: Sequence[RatePoint], test: Sequence[RatePoint]
) -> tuple[list[RatePoint], list[RatePoint]]:
    curves = pareto(anchor), pareto(test)
    for name, curve in zip(("anchor", "test"), curves, strict=True):
        if len(curve) < MIN_POINTS:
            raise UsageError(
                f"the {name} curve has {len(curve)} points in which quality rises with bitrate; "
                f"a Bjontegaard delta needs {MIN_POINTS}",
                hint="measure more quality values",
            )
    return curves


def _shared(
    spans: Sequence[Sequence[float]], axis: str, min_overlap: float
) -> tuple[float, float, float]:
    low, high = max(min(span) for span in spans), min(max(span) for span in spans)
    widest = max(max(span) for span in spans) - min(min(span) for span in spans)
    overlap = max(0.0, high - low) / widest
    if high <= low or overlap < min_overlap:
        raise UsageError(
            f"the two curves share {overlap:.0%} of their {axis} range; "
            f"{min_overlap:.0%} is needed for a Bjontegaard delta",
            hint=f"measure both over the same {axis} range",
        )
    return low, high, overlap


def _log_rates(curve: Sequence[RatePoint]) -> _Array:
    return np.log([point.bitrate_kbps for point in curve])


def _qualities(curve: Sequence[RatePoint]) -> _Array:
    return np.asarray([point.quality for point in curve], dtype=np.float64)


def _mean_difference(
    pairs: Sequence[tuple[_Array, _Array]], low: float, high: float, interpolation: Interpolation
) -> float:
    kind = PchipInterpolator if interpolation == "pchip" else Akima1DInterpolator
    areas = [float(kind(x, y).integrate(low, high)) for x, y in pairs]
    return (areas[1] - areas[0]) / (high - low)
