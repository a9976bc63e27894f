"""ADM: the wavelet, what the distorted side keeps of the reference, and how it is masked.

Scale 0 is in integers. Scales 1 to 3 are in float64, which holds libvmaf's 64-bit
integers exactly wherever they matter; each `floor` stands for one of its shifts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vmafkit.scoring.engine.pipeline.common import (
    BIAS,
    Taps,
    f32,
    f64,
    hl,
    i16,
    i32,
    pair_sum,
    u16,
)
from vmafkit.scoring.engine.tables import DWT_HIGH, DWT_LOW, FINE_WEIGHTS

x, y, r, k = (hl.Var(name) for name in ("x", "y", "r", "k"))

_COS_SQUARED = float(np.float32(math.cos(math.pi / 180.0) ** 2))
_LOW_SUM = sum(DWT_LOW)
_FINE_FLOOR, _FINE_CENTRE = 4369, 8738
_COARSE_FLOOR, _COARSE_CENTRE = 143165577.0, 286331153.0


def fine_columns(image: Any, deep: bool) -> tuple[Any, list[tuple[Any, Any]]]:
    """The wavelet down the columns of a picture.

    Returns:
        Pairs of samples (r, x, k, y), and the sums for the low and the high band: y is the
        row of the band, k the upper or the lower two of its four samples.
    """
    pairs = hl.Func("pairs")
    sample = image[x, 2 * y - 1 + 2 * k + r]
    pairs[r, x, k, y] = i16(u16(sample) - u16(BIAS)) if deep else i16(sample)
    sums = [
        pair_sum(name, (x, y), Taps(0, 1, taps), lambda k, at: pairs[k, x, at, y])
        for name, taps in (("low", DWT_LOW), ("high", DWT_HIGH))
    ]
    return pairs, sums


def fine_kept(total: Any, low: bool, deep: bool, depth: Any) -> Any:
    """A sum down a column, centred on mid grey and shortened to 16 bits."""
    half = (i32(1) << (depth - 1)) if deep else i32(128)
    centre = _LOW_SUM * ((BIAS if deep else 0) - half) if low else 0
    return i16((total + centre + half) >> (depth if deep else 8))


def fine_across(name: str, rows: Callable[[Any], Any], taps: Sequence[int]) -> tuple[Any, Any]:
    """The wavelet along the rows."""
    return pair_sum(name, (x, y), Taps(-1, 2, tuple(taps)), lambda k, at: rows(2 * x + at + k))


def rounded(total: Any) -> Any:
    """A sum along a row, shortened to 16 bits."""
    return i16((total + 32768) >> 16)


def coarse_sum(sample: Callable[[int], Any], taps: Sequence[int], scale: Any, half: Any) -> Any:
    """Four taps in float64, scaled and rounded down."""
    total = sum(f64(float(tap)) * sample(n - 1) for n, tap in enumerate(taps))
    return hl.floor(total * scale + half)


def _aligned(o: Sequence[Any], t: Sequence[Any], real: Callable[[Any], Any]) -> Any:
    """Whether the two gradients are less than a degree apart."""

    def narrow(value: Any) -> Any:
        return f64(f32(value))

    dot = narrow(real(o[0]) * real(t[0]) + real(o[1]) * real(t[1]))
    ours = narrow(real(o[0]) * real(o[0]) + real(o[1]) * real(o[1]))
    theirs = narrow(real(t[0]) * real(t[0]) + real(t[1]) * real(t[1]))
    return (dot >= f64(0.0)) & (dot * dot >= f64(_COS_SQUARED) * ours * theirs)


def fine_decoupled(o: Sequence[Any], t: Sequence[Any], limit: Any) -> list[Any]:
    """What the distorted bands t (h, v, d) keep of the reference's o, as int32.

    libvmaf multiplies o by t / o in 15 bits; that is t itself between 0 and o.
    """
    aligned = _aligned(o, t, i32)
    result: list[Any] = []
    for ours, theirs in zip(o, t, strict=True):
        one, other = i32(ours), i32(theirs)
        kept = hl.clamp(other, hl.min(one, 0), hl.max(one, 0))
        gained = f32(kept) * f32(limit)
        more = hl.select(kept > 0, hl.min(gained, f32(other)), hl.max(gained, f32(other)))
        result.append(hl.select(aligned & (kept != 0), i32(more), kept))
    return result


def coarse_decoupled(o: Sequence[Any], t: Sequence[Any], limit: Any) -> list[Any]:
    """The same for scales 1 to 3, with libvmaf's division by a 15-bit reciprocal."""
    aligned = _aligned(o, t, f64)
    result: list[Any] = []
    for ours, theirs in zip(o, t, strict=True):
        one, other = f64(ours), f64(theirs)
        size = hl.abs(one)
        kept = hl.floor(_share(size, hl.select(one < 0.0, -other, other)) * one * 2.0**-15 + 0.5)
        gained = kept * limit
        up, down = hl.min(gained, other), hl.max(gained, other)
        more = hl.select(kept > 0.0, hl.trunc(up), hl.trunc(down))
        result.append(hl.select(aligned & (kept != 0.0), more, kept))
    return result


def _share(size: Any, other: Any) -> Any:
    """other / size in 1/32768, from 0 to 32768."""
    exponent = hl.reinterpret(hl.UInt(64), size) & hl.cast(hl.UInt(64), 0x7FF0000000000000)
    octave = hl.reinterpret(hl.Float(64), exponent)
    scale = hl.min(f64(16384.0) / octave, f64(1.0))
    lead = hl.floor(size * scale + hl.select(scale < 1.0, f64(0.5), f64(0.0)))
    inverse = hl.floor(f64(2.0**30) / hl.max(lead, f64(1.0)))
    share = hl.floor(inverse * other * (scale * 2.0**-15) + 0.5)
    return hl.select(size == 0.0, f64(32768.0), hl.clamp(share, f64(0.0), f64(32768.0)))


def fine_masking(kept: Sequence[Any], t: Sequence[Any]) -> tuple[Any, Any]:
    """How much the rest of the distorted side masks its surroundings, and itself."""
    around, itself = i32(0), i32(0)
    for ours, theirs, weight, add, shift in zip(
        kept, t, FINE_WEIGHTS, (16384, 16384, 65535), (15, 15, 17), strict=True
    ):
        rest = i32(hl.abs((weight * (i32(theirs) - ours) + add) >> shift))
        around += (_FINE_FLOOR * rest + 2048) >> 12
        itself += (_FINE_CENTRE * rest + 2048) >> 12
    return around, itself


def coarse_masking(
    kept: Sequence[Any], t: Sequence[Any], weights: Sequence[Any]
) -> tuple[Any, Any]:
    """The same for scales 1 to 3."""
    around, itself = f64(0.0), f64(0.0)
    for ours, theirs, weight in zip(kept, t, weights, strict=True):
        rest = hl.abs(hl.floor(weight * (f64(theirs) - ours) * 2.0**-28 + 0.5))
        # libvmaf takes 0.5 away here, where a rounding would add it.
        around += hl.floor(rest * f64(_COARSE_FLOOR * 2.0**-32) - 0.5)
        itself += hl.floor(rest * f64(_COARSE_CENTRE * 2.0**-32) - 0.5)
    return around, itself


def cubed(value: Any, square: float, half: Any, scale: Any) -> Any:
    """The cube of a float64 number, rounded after each multiplication.

    Args:
        value: from 0 upwards.
        square: what its square is multiplied by before rounding.
        half: what is added to that.
        scale: what the cube is multiplied by before rounding.
    """
    squared = hl.floor(value * value * square + half)
    return hl.floor(squared * value * scale + 0.5)
