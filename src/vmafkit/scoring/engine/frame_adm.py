"""ADM of one picture against many: four scales of wavelet bands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vmafkit.scoring.engine.native import Library
from vmafkit.scoring.engine.planes import Array, Plane, aligned
from vmafkit.scoring.engine.steps import Step, View
from vmafkit.scoring.engine.tables import contrast_weights

_NOISE = 0.03125
_DOWN = ((0, 0), (16, 0.5), (16, 0.5))
_ACROSS = (15, 16, 15)
_REFERENCE_SQUARE = (31, 30, 31)
_REFERENCE_BITS = (18, 32, 27, 23)
_STRIP_SAMPLES, _STRIP_ROWS = 48 * 640, 16
_KEPT_BITS = ((52, 52, 57), (45, 45, 45), (39, 39, 39), (36, 36, 36))


def _log2_up(value: int) -> int:
    return math.ceil(math.log2(value))


def _root(value: Any) -> Any:
    return np.asarray(value, np.float32) ** np.float32(1.0 / 3.0)


class _Region:
    """The part of a scale's bands that counts: a tenth less on every side."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.left, self.top = int(width * 0.1 - 0.5), int(height * 0.1 - 0.5)
        self.right, self.bottom = width - self.left, height - self.top
        self.touches_edge = self.left == 0 or self.top == 0
        self.rows = self.bottom - self.top
        self.area = self.rows * (self.right - self.left)
        self.noise = _root(self.area * _NOISE)

    @property
    def columns(self) -> tuple[int, int]:
        """First and last column of the bands that are needed."""
        return (0, self.width) if self.touches_edge else (self.left - 1, self.right + 1)

    def strips(self) -> list[tuple[int, int, int, int]]:
        """Rows to work on together: top, bottom, and first and last row of the bands needed."""
        if self.touches_edge:
            return [(self.top, self.bottom, 0, self.height)]
        step = max(_STRIP_ROWS, _STRIP_SAMPLES // self.width)
        tops = range(self.top, self.bottom, step)
        ends = [min(top + step, self.bottom) for top in tops]
        return [(top, end, top - 1, end + 1) for top, end in zip(tops, ends, strict=True)]


class _Scale:
    """The buffers and steps of one scale."""

    def __init__(
        self,
        library: Library,
        number: int,
        sources: Sequence[Plane],
        depth: int,
        gains: Sequence[float],
    ) -> None:
        self._library, self._number = library, number
        self._sources, self._gains = sources, gains
        self.region = region = _Region((sources[0].width + 1) // 2, (sources[0].height + 1) // 2)
        self._kind, self._words = self._source_words(depth)
        self.low = [Plane(region.width, region.height, "i4") for _ in sources]
        self._reference = aligned((3, region.rows, library.lanes), "f8")
        shape = (len(sources) - 1, len(gains), 3, region.rows, library.lanes)
        self._kept = aligned(shape, "f8")
        self._weights = contrast_weights(number)
        kernel = f"adm_low{self._kind}"
        self._halve = [
            Step(library, kernel, *self._words, source.view, low.out())
            for source, low in zip(sources, self.low, strict=True)
        ]
        strips = region.strips()
        height = max(last - first for _, _, first, last in strips)
        # One set of bands for all distorted pictures: they are used up one by one.
        self._bands = [
            [Plane(region.width, height, "i4" if number else "i2") for _ in "hvd"] for _ in range(2)
        ]
        self._whole = [step for strip in strips for step in self._strip_steps(*strip)]

    def _source_words(self, depth: int) -> tuple[str, tuple[int | float, ...]]:
        if not self._number:
            return ("_8", ()) if depth == 8 else ("_16", (depth,))
        down, half = _DOWN[self._number - 1]
        return "", (2.0**-down, float(half), 2.0 ** -_ACROSS[self._number - 1])

    def _strip_steps(self, top: int, bottom: int, first: int, last: int) -> Iterator[Step]:
        split = f"adm_bands{self._kind}"
        for n, source in enumerate(self._sources):
            bands = self._bands[min(n, 1)]
            outs = [band.out(*self.region.columns, last - first, first_row=first) for band in bands]
            yield Step(self._library, split, *self._words, source.view, *outs)
            if self.region.touches_edge:
                for band in bands:
                    yield band.extension(self._library, 1, 1, repeat=True)
            if n == 0:
                yield self._reference_step(top, bottom, first)
            else:
                yield from self._kept_steps(n - 1, top, bottom, first)

    def _rows(self, sums: Array, top: int, bottom: int) -> list[View]:
        strip = slice(top - self.region.top, bottom - self.region.top)
        return [View(part[strip], (top, 0)) for part in sums]

    def _reference_step(self, top: int, bottom: int, first: int) -> Step:
        region, words = self.region, ()
        if self._number:
            square = 2.0 ** -_REFERENCE_SQUARE[self._number - 1]
            words = (square, 2.0 ** -_log2_up(region.right - region.left))
        return Step(
            self._library, "adm_reference" if self._number else "adm_reference_fine",
            region.left, region.right, *words, *(band.seen(first) for band in self._bands[0]),
            *self._rows(self._reference, top, bottom),
        )  # fmt: skip

    def _kept_steps(self, n: int, top: int, bottom: int, first: int) -> Iterator[Step]:
        words = (2.0**-self._cube_shift,)
        if self._number:
            side, _, diagonal = (float(int(weight * 2.0**32)) for weight in self._weights)
            words = (*words, side, diagonal)
        views = [band.seen(first) for bands in self._bands for band in bands]
        for g, gain in enumerate(self._gains):
            yield Step(
                self._library, "adm_kept" if self._number else "adm_kept_fine",
                self.region.left, self.region.right, float(gain), *words, *views,
                *self._rows(self._kept[n, g], top, bottom),
            )  # fmt: skip

    @property
    def _cube_shift(self) -> int:
        """How far libvmaf shifts a cube of the bands h and v to the right."""
        bits = math.log2(self.region.width)
        return math.ceil(bits) if self._number else math.ceil(bits - 4)

    def steps(self) -> Iterator[Step]:
        """What makes the bands and their sums."""
        yield from self._whole
        if self._number < 3:
            for halve, low in zip(self._halve, self.low, strict=True):
                yield halve
                yield low.extension(self._library, 1, 2, repeat=True)

    def denominator(self) -> float:
        """What there is to lose."""
        rows = self._reference.sum(axis=2)
        if self._number:
            shift = _log2_up(self.region.rows)
            cube = _log2_up(self.region.right - self.region.left)
        else:
            shift, cube = max(math.ceil(math.log2(self.region.area) - 20), 0), 0
        total = _shifted(rows, shift) / 2.0 ** (_REFERENCE_BITS[self._number] - shift - cube)
        return float(np.sum(_root(total * np.asarray(self._weights) ** 3) + self.region.noise))

    def numerators(self) -> Array:
        """What is left of it, shape (distorted, gains)."""
        rows = self._kept.sum(axis=4)
        inner, cube = _log2_up(self.region.height), self._cube_shift
        cubes = np.array([cube, cube, cube if self._number else cube + 1])
        bits = np.array(_KEPT_BITS[self._number]) - cubes - inner
        total = _shifted(rows, inner) / 2.0**bits
        parts = _root(total) + self.region.noise
        return parts.sum(axis=2).astype(np.float64)


def _shifted(rows: Array, shift: int) -> Array:
    half = 0.5 if shift else 0.0
    return np.floor(rows * 2.0**-shift + half).sum(axis=-1)


class AdmFrame:
    """ADM of the pictures in some planes.

    Args:
        library: the loaded engine.
        planes: the reference, then the distorted pictures; margins are filled here.
        depth: bits of a sample.
        gains: the greatest gains that count.
    """

    def __init__(
        self, library: Library, planes: Sequence[Plane], depth: int, gains: Sequence[float]
    ) -> None:
        self._library, self._planes = library, planes
        self._scales: list[_Scale] = []
        sources = planes
        for number in range(4):
            self._scales.append(_Scale(library, number, sources, depth, gains))
            sources = self._scales[-1].low
        self._limit = 1e-10 * planes[0].width * planes[0].height / (1920.0 * 1080.0)

    def steps(self) -> Iterator[Step]:
        """What is to be done for a frame."""
        for plane in self._planes:
            yield plane.extension(self._library, 1, 2, repeat=True)
        for scale in self._scales:
            yield from scale.steps()

    def scores(self) -> Array:
        """adm2 and the scores of the four scales after these steps, shape (5, distorted, gains)."""
        parts = [scale.denominator() for scale in self._scales]
        left = np.stack([scale.numerators() for scale in self._scales])
        total, kept = sum(parts), left.sum(axis=0)
        if total < self._limit:
            whole = np.ones_like(kept)
        else:
            whole = np.where(kept < self._limit, 0.0, kept) / total
        return np.stack([whole, *(left / np.array(parts)[:, None, None])])
