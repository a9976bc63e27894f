"""Motion: the blurred difference of two pictures of the reference, summed.

The difference is split into its upper bits and its last one, so that sums of 16-bit
products stay exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vmafkit.scoring.engine.pipeline.common import (
    Kernel,
    Machine,
    hl,
    i16,
    i32,
    pair_sum,
    pair_taps,
    schedule_down,
    schedule_pairs,
    schedule_sum,
)
from vmafkit.scoring.engine.tables import MOTION_TAPS

x, xp, p, y, r, i = (hl.Var(name) for name in ("x", "xp", "p", "y", "r", "i"))


def kernels(machine: Machine) -> Iterator[Kernel]:
    """Motion, for pictures of 8 and of 16 bits a sample."""
    yield _motion("motion_8", False, machine)
    yield _motion("motion_16", True, machine)


def _motion(name: str, deep: bool, machine: Machine) -> Kernel:
    """Per row and lane: the sum of the absolute blurred difference, times 256."""
    kind = hl.UInt(16 if deep else 8)
    before, now = hl.ImageParam(kind, 2, "before"), hl.ImageParam(kind, 2, "now")
    width, depth = hl.Param(hl.Int(32), "width"), hl.Param(hl.Int(32), "depth")
    taps = pair_taps(MOTION_TAPS)
    difference = i32(before[x, y + r]) - i32(now[x, y + r])
    parts = [difference >> 1, difference & 1] if deep else [difference]
    pairs: list[Any] = []
    down: list[tuple[Any, Any]] = []
    for number, part in enumerate(parts):
        pair = hl.Func(f"pairs{number}")
        pair[r, x, y] = i16(part)
        pairs.append(pair)
        down.append(pair_sum(f"down{number}", (x, y), taps, _column(pair)))
    sums = [total[x, y] for total, _ in down]
    if deep:
        half = i32(1) << (depth - 1)
        value = (sums[0] + ((sums[1] + half) >> 1)) >> (depth - 1)
    else:
        value = (sums[0] + 128) >> 8
    rows = hl.Func("rows")
    rows[x, y] = (i16(value >> 1), i16(value & 1))
    across = [pair_sum(f"across{k}", (xp, p, y), taps, _row(rows, k)) for k in (0, 1)]
    high, last = (total[xp, p, y] for total, _ in across)
    blurred = (high + ((last + 32768) >> 1)) >> 15
    found = hl.Func("found")
    found[xp, p, y] = hl.select(2 * xp + p < width, i32(hl.abs(blurred)), 0)

    lanes = machine.lanes
    blocks = hl.RDom([(0, (width + 2 * lanes - 1) // (2 * lanes))], "blocks")
    total = hl.Func("total")
    total[i, p, y] = i32(0)
    total[i, p, y] += found[blocks.x * lanes + i, p, y]
    out = total.in_()
    for stage in (out, total, total.update()):
        stage.vectorize(i, lanes)
    for func in (out, total):
        func.bound(i, 0, lanes).bound(p, 0, 2)
    total.compute_at(out, y).update().reorder(i, p, blocks.x, y)
    found.compute_at(total, p).vectorize(xp, lanes)
    for func, domain in across:
        schedule_sum(func.compute_at(found, xp).bound_extent(xp, lanes), domain, xp, lanes)
    schedule_down(rows, down, out, machine)
    for func in pairs:
        schedule_pairs(func, out, machine)
    return Kernel(name, [*([depth] if deep else []), width, before, now], out)


def _column(pairs: Any) -> Callable[[Any, Any], Any]:
    return lambda k, at: pairs[k, x, y + at]


def _row(rows: Any, part: int) -> Callable[[Any, Any], Any]:
    return lambda k, at: rows[2 * xp + p + at + k, y][part]
