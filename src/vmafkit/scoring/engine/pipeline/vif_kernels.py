"""The kernels of VIF and their schedules: what is computed where, and how wide.

Rows are worked down the picture. Each keeps the sums down its columns, which the sums
along it then read; squares are stored in pairs of rows and reused as the filter slides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmafkit.scoring.engine.pipeline.common import (
    Kernel,
    Machine,
    f32,
    hl,
    i32,
    schedule_down,
    schedule_pairs,
    schedule_sum,
)
from vmafkit.scoring.engine.pipeline.vif import (
    FIRST_EXACT_SCALE,
    Information,
    Scale,
    Sums,
    joined,
    p,
    product,
    whole,
    x,
    xp,
    y,
)

i = hl.Var("i")


def kernels(machine: Machine) -> Iterator[Kernel]:
    """All of VIF, for pictures of 8 and of 16 bits a sample."""
    later = ((str(number), number, True) for number in (1, 2, 3))
    for name, number, deep in (("0_8", 0, False), ("0_16", 0, True), *later):
        depth = hl.Param(hl.Int(32), "depth") if name == "0_16" else None
        scale = Scale(number, deep, depth)
        first = [] if depth is None else [depth]
        yield _reference(f"vif_reference_{name}", scale, first, machine)
        yield _distorted(f"vif_distorted_{name}", scale, first, machine)
        if number < 3:
            yield _half(f"vif_half_{name}", scale, first, machine)
    yield _scene("vif_scene", 0, machine)
    yield _scene("vif_scene_exact", FIRST_EXACT_SCALE, machine)


def _reference(name: str, scale: Scale, first: list[Any], machine: Machine) -> Kernel:
    """Mean and variance of the reference, (xp, p, y)."""
    image = scale.image("reference")
    sums = scale.moments(image, [(image, image)])
    mean = whole(sums.at(0, xp, p, y))
    square = joined(sums.at(1, xp, p, y), sums.at(2, xp, p, y))
    out = hl.Func("local")
    out[xp, p, y] = (mean, hl.max(i32(square - product(mean, mean)), 0))
    block = hl.Var("block")
    out.split(xp, block, i, machine.lanes).reorder(i, p, block, y).vectorize(i)
    _schedule(sums, out, p, out, machine)
    return Kernel(name, [*first, image], out)


def _distorted(name: str, scale: Scale, first: list[Any], machine: Machine) -> Kernel:
    """Per row and lane: 2048 times the information left, and the variance of flat places."""
    reference, distorted = scale.image("reference"), scale.image("distorted")
    mean1 = hl.ImageParam(hl.UInt(32), 3, "mean")
    variance1 = hl.ImageParam(hl.Int(32), 3, "variance")
    width, limit = hl.Param(hl.Int(32), "width"), hl.Param(hl.Float(64), "limit")
    table = hl.ImageParam(hl.Int(32), 1, "table")
    exact = scale.number >= FIRST_EXACT_SCALE
    sums = scale.moments(distorted, [(distorted, distorted), (reference, distorted)])
    mean2 = whole(sums.at(0, xp, p, y))
    square = joined(sums.at(1, xp, p, y), sums.at(2, xp, p, y))
    mixed = joined(sums.at(3, xp, p, y), sums.at(4, xp, p, y))
    left, flat = Information(scale.number, table).seen(
        variance1[xp, p, y],
        hl.max(i32(square - product(mean2, mean2)), 0),
        i32(mixed - product(mean1[xp, p, y], mean2)),
        limit,
    )
    value = hl.Func("value")
    inside = 2 * xp + p < width
    value[xp, p, y] = (hl.select(inside, left, 0), hl.select(inside, flat, f32(0.0)))
    blocks = _blocks(width, machine)
    total = hl.Func("total")
    at = value[blocks.x * machine.lanes + i, p, y]
    total[i, p, y] = (i32(0), f32(0.0))
    total[i, p, y] = (total[i, p, y][0] + at[0], total[i, p, y][1] + at[1])
    out = _schedule_total(total, blocks, machine)
    value.compute_at(total, p).vectorize(xp, machine.lanes)
    _schedule(sums, value, xp, out, machine)
    tables = [table] if exact else []
    arguments = [*first, width, limit, *tables, reference, distorted, mean1, variance1]
    return Kernel(name, arguments, out)


def _scene(name: str, number: int, machine: Machine) -> Kernel:
    """Per row and lane: 2048 times what the reference tells."""
    variance = hl.ImageParam(hl.Int(32), 3, "variance")
    width = hl.Param(hl.Int(32), "width")
    table = hl.ImageParam(hl.Int(32), 1, "table")
    blocks = _blocks(width, machine)
    at = blocks.x * machine.lanes + i
    told = Information(number, table).scene(variance[at, p, y])
    total = hl.Func("total")
    total[i, p, y] = i32(0)
    total[i, p, y] += hl.select(2 * at + p < width, told, 0)
    out = _schedule_total(total, blocks, machine)
    return Kernel(name, [width, *([table] if number else []), variance], out)


def _half(name: str, scale: Scale, first: list[Any], machine: Machine) -> Kernel:
    """The next scale's picture, without its margin."""
    image = scale.image("picture")
    out, sums = scale.half(image)
    out.vectorize(x, machine.lanes)
    _schedule(sums, out, x, out, machine)
    return Kernel(name, [*first, image], out)


def _blocks(width: Any, machine: Machine) -> Any:
    return hl.RDom([(0, (width + 2 * machine.lanes - 1) // (2 * machine.lanes))], "blocks")


def _schedule_total(total: Any, blocks: Any, machine: Machine) -> Any:
    """Sums of a row in registers; what is returned is its copy in the output."""
    out = total.in_()
    for stage in (out, total, total.update()):
        stage.vectorize(i, machine.lanes)
    for func in (out, total):
        func.bound(i, 0, machine.lanes).bound(p, 0, 2)
    total.compute_at(out, y).update().reorder(i, p, blocks.x, y)
    return out


def _schedule(sums: Sums, reader: Any, at: Any, out: Any, machine: Machine) -> None:
    """Sums along a row beside their reader, sums down the columns once a row."""
    for total, domain in sums.across:
        schedule_sum(total.compute_at(reader, at), domain, total.args()[0], machine.lanes)
    schedule_down(sums.rows, sums.down, out, machine)
    for pairs in sums.pairs:
        schedule_pairs(pairs, out, machine)
