"""VIF at one scale: local means and variances, and the information they carry.

The sums are libvmaf's integers, exactly. Pixels of even and odd columns are computed
apart, (xp, p) standing for column 2 xp + p, so that loads are dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vmafkit.scoring.engine.pipeline.common import (
    BIASED_SUM,
    Taps,
    biased,
    f32,
    f64,
    hl,
    i16,
    i32,
    pair_sum,
    pair_taps,
    u16,
    u32,
    u64,
)
from vmafkit.scoring.engine.tables import LOG2_FACTORS, VIF_TAPS

NOISE = 131072
"""The variance of the visual noise, 2, in 1/65536."""
FIRST_EXACT_SCALE = 2

x, xp, p, y, r = (hl.Var(name) for name in ("x", "xp", "p", "y", "r"))


@dataclass(frozen=True, slots=True)
class Sums:
    """The functions of a separable filter, in the order in which they are computed.

    Attributes:
        pairs: samples above one another, in pairs.
        down: sums down the columns, with their domains.
        rows: what is kept of them, 16 bits each.
        across: sums along the rows, with their domains.
    """

    pairs: list[Any]
    down: list[tuple[Any, Any]]
    rows: Any
    across: list[tuple[Any, Any]]

    def at(self, part: int, *where: Any) -> Any:
        """The sum along the row of one part of `rows`."""
        return self.across[part][0][where]


class Scale:
    """The sums of one scale.

    Args:
        number: 0 to 3.
        deep: the pictures hold 16-bit samples.
        depth: bits of a sample, a parameter; None where it is no choice.
    """

    def __init__(self, number: int, deep: bool, depth: Any = None) -> None:
        self.number = number
        self.deep = deep
        self.taps = pair_taps(VIF_TAPS[number])
        self.mean_shift = u32(16 if depth is None else depth)
        self.square_shift = u32(16 if depth is None else (depth - 8) * 2)

    def image(self, name: str) -> Any:
        """A picture of this scale."""
        return hl.ImageParam(hl.UInt(16 if self.deep else 8), 2, name)

    def moments(self, mean_of: Any, products: Sequence[tuple[Any, Any]]) -> Sums:
        """Sums of the samples of one picture, and of products of samples.

        Part 0 of the rows is the mean; parts 1, 2 the upper and the lower 16 bits of the
        first product's sum, and so on.
        """
        pairs = [self._samples("samples", mean_of)]
        down = [self._down("mean", pairs[0], self.taps)]
        kept = [self._mean(down[0][0][x, y])]
        for number, (one, other) in enumerate(products):
            parts = self._products(f"product{number}", one, other)
            sums = [self._down(f"square{number}{k}", f, self.taps) for k, f in enumerate(parts)]
            pairs += parts
            down += sums
            kept += self._split([total[x, y] for total, _ in sums])
        rows = hl.Func("rows")
        rows[x, y] = tuple(kept)
        across = [_across(f"across{k}", rows, self.taps, k) for k in range(len(kept))]
        return Sums(pairs, down, rows, across)

    def half(self, image: Any) -> tuple[Any, Sums]:
        """The next scale's picture, without its margin."""
        taps = pair_taps(VIF_TAPS[self.number + 1])
        pairs = self._samples("samples", image)
        down = pair_sum("down", (x, y), taps, lambda k, at: pairs[k, x, 2 * y + at])
        rows = hl.Func("rows")
        rows[x, y] = self._mean(down[0][x, y])
        across = pair_sum("across", (x, y), taps, lambda k, at: rows[2 * x + at + k, y])
        out = hl.Func("half")
        out[x, y] = u16((whole(across[0][x, y]) + u32(32768)) >> 16)
        return out, Sums([pairs], [down], rows, [across])

    def _samples(self, name: str, image: Any) -> Any:
        pairs = hl.Func(name)
        sample = image[x, y + r]
        pairs[r, x, y] = biased(sample) if self.deep else i16(sample)
        return pairs

    def _down(self, name: str, pairs: Any, taps: Taps) -> tuple[Any, Any]:
        return pair_sum(name, (x, y), taps, lambda k, at: pairs[k, x, y + at])

    def _mean(self, total: Any) -> Any:
        if not self.deep:
            return biased((total + 128) >> 8)
        half = u32(1) << (self.mean_shift - u32(1))
        return biased((whole(total) + half) >> self.mean_shift)

    def _products(self, name: str, one: Any, other: Any) -> list[Any]:
        if not self.deep:
            pairs = hl.Func(name)
            pairs[r, x, y] = biased(u16(one[x, y + r]) * u16(other[x, y + r]))
            return [pairs]
        value = u32(one[x, y + r]) * u32(other[x, y + r])
        high, low = hl.Func(f"{name}_high"), hl.Func(f"{name}_low")
        high[r, x, y] = biased(value >> 16)
        low[r, x, y] = biased(value & u32(0xFFFF))
        return [high, low]

    def _split(self, totals: list[Any]) -> list[Any]:
        """The upper and the lower 16 bits of a column's sum, as signed numbers."""
        total = totals[0]
        if self.deep:
            high, low = (whole(part) for part in totals)
            shift = self.square_shift
            rounded = (low + ((u32(1) << shift) >> u32(1))) >> shift
            total = i32((high << (u32(16) - shift)) + rounded - u32(BIASED_SUM))
        return [i16(total >> 16), biased(u32(total) & u32(0xFFFF))]


def _across(name: str, rows: Any, taps: Taps, part: int) -> tuple[Any, Any]:
    def sample(k: Any, at: Any) -> Any:
        return rows[2 * xp + p + at + k, y][part]

    return pair_sum(name, (xp, p, y), taps, sample)


def whole(total: Any) -> Any:
    """The sum of biased samples, made right."""
    return u32(total) + u32(BIASED_SUM)


def joined(high: Any, low: Any) -> Any:
    """A sum of 32-bit numbers / 65536, rounded, from the sums of their halves."""
    return whole(high) + ((u32(low) + u32(BIASED_SUM + 32768)) >> u32(16))


def product(one: Any, other: Any) -> Any:
    """The upper 32 bits of a product, rounded."""
    return u32((u64(one) * u64(other) + u64(1 << 31)) >> u64(32))


def log2_fast(value: Any) -> Any:
    """2048 log2 of the 16 leading bits of a float32 number, rounded; by polynomial."""
    bits = hl.reinterpret(hl.UInt(32), value)
    exponent = i32(bits >> u32(23)) - 127
    unit = (bits & u32(0x007FFF00)) | u32(0x3F800000)
    rest = hl.reinterpret(hl.Float(32), unit) - f32(1.0)
    total = f32(LOG2_FACTORS[-1] * 2048)
    for factor in reversed(LOG2_FACTORS[:-1]):
        total = total * rest + f32(factor * 2048)
    return exponent * 2048 + i32(hl.round(total * rest))


def log2_exact(table: Any, value: Any) -> Any:
    """2048 log2 of the 16 leading bits of a float64 number, rounded; by libvmaf's table."""
    bits = hl.reinterpret(hl.UInt(64), value)
    exponent = i32(bits >> u64(52)) - (1023 + 15)
    return exponent * 2048 + table[hl.clamp(i32((bits >> u64(37)) & u64(0x7FFF)), 0, 32767)]


class Information:
    """What the sums tell of the scene.

    Args:
        number: the scale. From 1 on the gain is in float64; from 2 on the logarithms, too,
            and by table. The smaller a scale, the more it weighs in VMAF.
        table: the logarithms.
    """

    def __init__(self, number: int, table: Any) -> None:
        self._exact = number >= FIRST_EXACT_SCALE
        self._gain_type = f64 if number else f32
        self._table = table

    def _log2(self, value: Any) -> Any:
        return log2_exact(self._table, value) if self._exact else log2_fast(value)

    def _real(self, value: Any) -> Any:
        return f64(value) if self._exact else f32(value)

    def scene(self, variance: Any) -> Any:
        """2048 times what the reference tells, from its variance in 1/65536."""
        textured = self._log2(self._real(variance + NOISE)) - 17 * 2048
        return hl.select(variance >= NOISE, textured, 2048)

    def seen(self, first: Any, second: Any, both: Any, limit: Any) -> tuple[Any, Any]:
        """2048 times what is left of it, and the variance of flat places.

        Args:
            first, second: variances of reference and distorted side in 1/65536.
            both: their covariance.
            limit: the greatest gain that counts.
        """
        real = self._gain_type
        covariance, variance = real(both), real(first)
        gain = covariance / variance
        rest = i32(real(second) - gain * covariance)
        lower = hl.max(rest, 0) + NOISE
        gain = hl.min(gain, real(limit))
        upper = self._real(hl.trunc(gain * gain * variance) + real(lower))
        lower = self._real(lower)
        told = self._log2(upper) - self._log2(lower)
        told = hl.select((both > 0) & (second > 0), told, 0)
        flat = first < NOISE
        return hl.select(flat, 2048, told), hl.select(flat, f32(second), f32(0.0))
