"""What the pipelines share: kernels, pairs of taps, and exact sums of 16-bit products.

A processor adds two products of 16-bit numbers in one instruction. Samples are stored
as neighbours in pairs for it, less 32768 where they do not fit a signed number; as the
taps of every filter add up to 65536, that costs one constant after the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

hl: Any = import_module("halide")

BIAS = 1 << 15
BIASED_SUM = 1 << 31


@dataclass(frozen=True, slots=True)
class Machine:
    """What a kernel is made for.

    Attributes:
        name: ends the name of every kernel.
        lanes: numbers of 32 bits in a vector.
    """

    name: str
    lanes: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """One compiled function.

    Attributes:
        name: without the machine's.
        arguments: in the order of the call; the outputs follow.
        output: what it computes.
    """

    name: str
    arguments: Sequence[Any]
    output: Any


def i16(value: Any) -> Any:
    """As a signed 16-bit number."""
    return hl.cast(hl.Int(16), value)


def i32(value: Any) -> Any:
    """As a signed 32-bit number."""
    return hl.cast(hl.Int(32), value)


def u16(value: Any) -> Any:
    """As an unsigned 16-bit number."""
    return hl.cast(hl.UInt(16), value)


def u32(value: Any) -> Any:
    """As an unsigned 32-bit number."""
    return hl.cast(hl.UInt(32), value)


def u64(value: Any) -> Any:
    """As an unsigned 64-bit number."""
    return hl.cast(hl.UInt(64), value)


def f32(value: Any) -> Any:
    """As a number of single precision."""
    return hl.f32(value) if isinstance(value, float) else hl.cast(hl.Float(32), value)


def f64(value: Any) -> Any:
    """As a number of double precision."""
    return hl.f64(value) if isinstance(value, float) else hl.cast(hl.Float(64), value)


def biased(value: Any) -> Any:
    """A 16-bit number from 0 upwards, less 32768."""
    return i16(u16(value) - u16(BIAS))


@dataclass(frozen=True, slots=True)
class Taps:
    """A filter as pairs of taps.

    Attributes:
        first: offset of the first sample of the first pair.
        step: samples from one pair to the next.
        values: two taps a pair.
    """

    first: int
    step: int
    values: tuple[int, ...]

    @property
    def pairs(self) -> int:
        """Their number."""
        return len(self.values) // 2

    @property
    def reach(self) -> int:
        """The furthest sample of the last pair."""
        return self.first + (self.pairs - 1) * self.step + 1


def pair_taps(taps: Sequence[int]) -> Taps:
    """The taps of a symmetric filter of odd length in pairs that fit 16 bits each."""
    if max(taps) < BIAS:
        return Taps(-(len(taps) // 2), 2, (*taps, 0))
    side, middle, _ = taps
    return Taps(-1, 1, (side, middle // 2, middle // 2, side))


def pair_sum(
    name: str, dims: Sequence[Any], taps: Taps, sample: Callable[[Any, Any], Any]
) -> tuple[Any, Any]:
    """Sum of taps times samples.

    Args:
        name: of the function made.
        dims: its dimensions.
        taps: the filter.
        sample: called with (r, offset): the signed 16-bit sample at offset + r, r being 0 or 1.

    Returns:
        The function, and the reduction domain (r, pair) of its one update.
    """
    domain = hl.RDom([(0, 2), (0, taps.pairs)], f"{name}_r")
    total = hl.Func(name)
    total[dims] = i32(0)
    tap = hl.mux(domain.y * 2 + domain.x, [i16(value) for value in taps.values])
    total[dims] += i32(tap) * i32(sample(domain.x, taps.first + taps.step * domain.y))
    return total, domain


def schedule_sum(total: Any, domain: Any, along: Any, lanes: int) -> None:
    """Vectors of sums, the pairs of products innermost."""
    total.vectorize(along, lanes).unroll(along)
    stage = total.update().reorder(domain.x, along, domain.y)
    stage.atomic().vectorize(domain.x).vectorize(along, lanes).unroll(along).unroll(domain.y)


def schedule_down(rows: Any, down: Sequence[tuple[Any, Any]], out: Any, machine: Machine) -> None:
    """Whole rows of sums down the columns, for every row of the output."""
    x, y = rows.args()[0], out.args()[-1]
    rows.compute_at(out, y).vectorize(x, 2 * machine.lanes)
    for total, domain in down:
        schedule_sum(total.compute_at(rows, x), domain, total.args()[0], machine.lanes)


def schedule_pairs(pairs: Any, out: Any, machine: Machine) -> None:
    """Rows of pairs, kept while the filter slides down."""
    r, x, y = pairs.args()
    pairs.store_root().compute_at(out, out.args()[-1])
    pairs.reorder_storage(r, x, y).bound(r, 0, 2).reorder(r, x, y)
    pairs.unroll(r).vectorize(x, 2 * machine.lanes)
