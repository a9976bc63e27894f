"""The kernels of ADM and their schedules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vmafkit.scoring.engine.pipeline import adm
from vmafkit.scoring.engine.pipeline.adm import k, r, x, y
from vmafkit.scoring.engine.pipeline.common import Kernel, Machine, f64, hl, i32, schedule_sum
from vmafkit.scoring.engine.tables import DWT_HIGH, DWT_LOW, FINE_WEIGHTS

i = hl.Var("i")


def kernels(machine: Machine) -> Iterator[Kernel]:
    """All of ADM, for pictures of 8 and of 16 bits a sample."""
    for name, deep in (("8", False), ("16", True)):
        yield _fine_approximation(f"adm_low_{name}", deep, machine)
        yield _fine_details(f"adm_bands_{name}", deep, machine)
    yield _coarse_approximation("adm_low", machine)
    yield _coarse_details("adm_bands", machine)
    yield _fine_reference("adm_reference_fine", machine)
    yield _coarse_reference("adm_reference", machine)
    yield _fine_kept("adm_kept_fine", machine)
    yield _coarse_kept("adm_kept", machine)


def _fine_image(deep: bool) -> tuple[Any, Any, list[Any]]:
    depth = hl.Param(hl.Int(32), "depth")
    image = hl.ImageParam(hl.UInt(16 if deep else 8), 2, "picture")
    return image, depth, [depth, image] if deep else [image]


def _schedule_columns(rows: Any, pairs: Any, sums: Sequence[Any], out: Any, lanes: int) -> None:
    rows.compute_at(out, y).vectorize(x, 2 * lanes)
    for total, domain in sums:
        schedule_sum(total.compute_at(rows, x), domain, x, lanes)
    pairs.compute_at(rows, x).reorder_storage(r, x, k, y).bound(r, 0, 2).bound(k, 0, 2)
    pairs.reorder(r, x, k, y).unroll(r).vectorize(x, 2 * lanes).unroll(k)


def _fine_approximation(name: str, deep: bool, machine: Machine) -> Kernel:
    """The picture at half its size."""
    image, depth, arguments = _fine_image(deep)
    pairs, sums = adm.fine_columns(image, deep)
    rows, out = hl.Func("rows"), hl.Func("approximation")
    rows[x, y] = adm.fine_kept(sums[0][0][x, y], True, deep, depth)
    total, domain = adm.fine_across("across", lambda at: rows[at, y], DWT_LOW)
    out[x, y] = i32(adm.rounded(total[x, y]))
    out.vectorize(x, machine.lanes)
    schedule_sum(total.compute_at(out, x), domain, x, machine.lanes)
    _schedule_columns(rows, pairs, sums[:1], out, machine.lanes)
    return Kernel(name, arguments, out)


def _fine_details(name: str, deep: bool, machine: Machine) -> Kernel:
    """The bands h, v and d of the picture."""
    image, depth, arguments = _fine_image(deep)
    pairs, sums = adm.fine_columns(image, deep)
    rows, out = hl.Func("rows"), hl.Func("details")
    rows[x, y] = (
        adm.fine_kept(sums[0][0][x, y], True, deep, depth),
        adm.fine_kept(sums[1][0][x, y], False, deep, depth),
    )
    across = [
        adm.fine_across(f"across{n}", lambda at, part=part: rows[at, y][part], taps)
        for n, (part, taps) in enumerate(((1, DWT_LOW), (0, DWT_HIGH), (1, DWT_HIGH)))
    ]
    out[x, y] = tuple(adm.rounded(total[x, y]) for total, _ in across)
    out.vectorize(x, 2 * machine.lanes)
    for total, domain in across:
        schedule_sum(total.compute_at(out, x), domain, x, machine.lanes)
    _schedule_columns(rows, pairs, sums, out, machine.lanes)
    return Kernel(name, arguments, out)


def _coarse_rows(parts: Sequence[Sequence[int]]) -> tuple[Any, list[Any], list[Any]]:
    image = hl.ImageParam(hl.Int(32), 2, "approximation")
    down, half = hl.Param(hl.Float(64), "down"), hl.Param(hl.Float(64), "half")
    across = hl.Param(hl.Float(64), "across")
    rows: list[Any] = []
    for number, taps in enumerate(parts):
        func = hl.Func(f"rows{number}")
        func[x, y] = adm.coarse_sum(lambda n: f64(image[x, 2 * y + n]), taps, down, half)
        rows.append(func)
    return across, rows, [down, half, across, image]


def _coarse_out(rows: Any, taps: Sequence[int], across: Any) -> Any:
    return i32(adm.coarse_sum(lambda n: rows[2 * x + n, y], taps, across, f64(0.5)))


def _coarse_approximation(name: str, machine: Machine) -> Kernel:
    """The approximation at half its size."""
    across, rows, arguments = _coarse_rows((DWT_LOW,))
    out = hl.Func("approximation")
    out[x, y] = _coarse_out(rows[0], DWT_LOW, across)
    out.vectorize(x, machine.lanes)
    rows[0].compute_at(out, y).vectorize(x, machine.lanes)
    return Kernel(name, arguments, out)


def _coarse_details(name: str, machine: Machine) -> Kernel:
    """The bands h, v and d of an approximation."""
    across, rows, arguments = _coarse_rows((DWT_LOW, DWT_HIGH))
    out = hl.Func("details")
    out[x, y] = (
        _coarse_out(rows[1], DWT_LOW, across),
        _coarse_out(rows[0], DWT_HIGH, across),
        _coarse_out(rows[1], DWT_HIGH, across),
    )
    out.vectorize(x, machine.lanes)
    for func in rows:
        func.compute_at(out, y).vectorize(x, machine.lanes)
    return Kernel(name, arguments, out)


class _Totals:
    """Sums over a row of three numbers, in every lane.

    Args:
        machine: what it is made for.
    """

    def __init__(self, machine: Machine) -> None:
        self.left, self.right = hl.Param(hl.Int(32), "left"), hl.Param(hl.Int(32), "right")
        self._lanes = machine.lanes
        blocks = (self.right - self.left + machine.lanes - 1) // machine.lanes
        self.blocks = hl.RDom([(0, blocks)], "blocks")
        self.at = self.left + self.blocks.x * machine.lanes + i

    def of(self, values: Sequence[Any]) -> tuple[Any, Any]:
        """The sums, and their copy in the output."""
        total = hl.Func("total")
        total[i, y] = tuple(f64(0.0) for _ in values)
        before = total[i, y]
        total[i, y] = tuple(
            before[n] + hl.select(self.at < self.right, value, f64(0.0))
            for n, value in enumerate(values)
        )
        out = total.in_()
        for stage in (out, total, total.update()):
            stage.vectorize(i, self._lanes)
        for func in (out, total):
            func.bound(i, 0, self._lanes)
        total.compute_at(out, y).update().reorder(i, self.blocks.x, y)
        return total, out


def _bands(kind: Any, side: str) -> list[Any]:
    return [hl.ImageParam(kind, 2, f"{side}_{band}") for band in "hvd"]


def _fine_reference(name: str, machine: Machine) -> Kernel:
    """Per row and lane: the cubes of the reference's bands."""
    totals, bands = _Totals(machine), _bands(hl.Int(16), "reference")
    values: list[Any] = []
    for band in bands:
        size = i32(hl.abs(i32(band[totals.at, y])))
        values.append(f64(size * size) * f64(size))
    return Kernel(name, [totals.left, totals.right, *bands], totals.of(values)[1])


def _coarse_reference(name: str, machine: Machine) -> Kernel:
    """The same for scales 1 to 3."""
    totals, bands = _Totals(machine), _bands(hl.Int(32), "reference")
    square, cube = hl.Param(hl.Float(64), "square"), hl.Param(hl.Float(64), "cube")
    values = [adm.cubed(hl.abs(f64(band[totals.at, y])), square, f64(1.0), cube) for band in bands]
    arguments = [totals.left, totals.right, square, cube, *bands]
    return Kernel(name, arguments, totals.of(values)[1])


def _around(masking: Any, part: int, at: Any) -> Any:
    """The sum of the eight around a place."""
    return sum(
        masking[at + dx, y + dy][part]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if (dx, dy) != (0, 0)
    )


def _schedule_kept(kept: Any, out: Any, machine: Machine) -> None:
    kept.store_root().compute_at(out, y).vectorize(x, machine.lanes)


def _fine_kept(name: str, machine: Machine) -> Kernel:
    """Per row and lane: the cubes of what is kept and seen, of the bands h, v and d."""
    totals, limit = _Totals(machine), hl.Param(hl.Float(64), "limit")
    cube = hl.Param(hl.Float(64), "cube")
    o, t = _bands(hl.Int(16), "reference"), _bands(hl.Int(16), "distorted")
    ours, theirs = [band[x, y] for band in o], [band[x, y] for band in t]
    parts = adm.fine_decoupled(ours, theirs, limit)
    kept = hl.Func("kept")
    kept[x, y] = (*parts, *adm.fine_masking(parts, theirs))
    at = totals.at
    threshold = _around(kept, 3, at) + kept[at, y][4]
    values: list[Any] = []
    for n, weight in enumerate(FINE_WEIGHTS):
        diagonal = n == 2
        seen = i32(hl.abs(kept[at, y][n] * weight)) - (threshold << (12 if diagonal else 10))
        square, scale = (2.0**-30, cube * 0.5) if diagonal else (2.0**-29, cube)
        values.append(adm.cubed(f64(hl.max(seen, 0)), square, f64(0.5), scale))
    _, out = totals.of(values)
    _schedule_kept(kept, out, machine)
    return Kernel(name, [totals.left, totals.right, limit, cube, *o, *t], out)


def _coarse_kept(name: str, machine: Machine) -> Kernel:
    """The same for scales 1 to 3."""
    totals, limit = _Totals(machine), hl.Param(hl.Float(64), "limit")
    cube = hl.Param(hl.Float(64), "cube")
    side, diagonal = hl.Param(hl.Float(64), "side"), hl.Param(hl.Float(64), "diagonal")
    weights = (side, side, diagonal)
    o, t = _bands(hl.Int(32), "reference"), _bands(hl.Int(32), "distorted")
    ours, theirs = [band[x, y] for band in o], [band[x, y] for band in t]
    parts = adm.coarse_decoupled(ours, theirs, limit)
    kept = hl.Func("kept")
    masking = adm.coarse_masking(parts, theirs, weights)
    kept[x, y] = tuple(i32(value) for value in (*parts, *masking))
    at = totals.at
    threshold = f64(_around(kept, 3, at) + kept[at, y][4])
    values: list[Any] = []
    for n, weight in enumerate(weights):
        size = hl.abs(hl.floor(f64(kept[at, y][n]) * weight * 2.0**-28 + 0.5))
        seen = hl.max(size - threshold, f64(0.0))
        values.append(adm.cubed(seen, 2.0**-30, f64(0.5), cube))
    _, out = totals.of(values)
    _schedule_kept(kept, out, machine)
    arguments = [totals.left, totals.right, limit, cube, side, diagonal, *o, *t]
    return Kernel(name, arguments, out)
