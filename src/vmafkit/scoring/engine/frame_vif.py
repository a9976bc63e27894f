"""VIF of one picture against many: four scales, worked in strips of rows.

What is known of a strip of the reference is used for every distorted picture while it
is still in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vmafkit.scoring.engine.native import Library
from vmafkit.scoring.engine.planes import Array, Plane, aligned
from vmafkit.scoring.engine.steps import Step, View
from vmafkit.scoring.engine.tables import VIF_TAPS, log2_table

_STRIP_SAMPLES = 64 * 1280
_LOG_UNIT = 2048.0


class _Scale:
    """The buffers and steps of one scale."""

    def __init__(
        self,
        library: Library,
        number: int,
        planes: Sequence[Plane],
        depth: int,
        gains: Sequence[float],
        table: View,
    ) -> None:
        reference, distorted = planes[0], planes[1:]
        width, height, lanes = reference.width, reference.height, library.lanes
        name = f"{number}" if number else ("0_8" if depth == 8 else "0_16")
        first = (depth,) if name == "0_16" else ()
        tables = (table,) if number >= 2 else ()
        columns = -(-width // (2 * lanes)) * lanes
        rows = min(height, max(16, _STRIP_SAMPLES // width))
        mean, variance = aligned((rows, 2, columns), "u4"), aligned((rows, 2, columns), "i4")
        self.area = width * height
        self.scene = aligned((height, 2, lanes), "i4")
        shape = (len(distorted), len(gains), height, 2, lanes)
        self.told, self.flat = aligned(shape, "i4"), aligned(shape, "f4")
        self.steps: list[Step] = []
        for top in range(0, height, rows):
            count, start = min(rows, height - top), (top, 0, 0)
            strip = slice(top, top + count)
            views = View(mean[:count], start), View(variance[:count], start)
            kernel = f"vif_reference_{name}"
            self.steps.append(Step(library, kernel, *first, reference.view, *views))
            kernel = "vif_scene_exact" if number >= 2 else "vif_scene"
            out = View(self.scene[strip], start)
            self.steps.append(Step(library, kernel, width, *tables, views[1], out))
            kernel = f"vif_distorted_{name}"
            for n, plane in enumerate(distorted):
                for g, gain in enumerate(gains):
                    outs = (View(part[n, g, strip], start) for part in (self.told, self.flat))
                    self.steps.append(
                        Step(
                            library, kernel, *first, width, float(gain), *tables,
                            reference.view, plane.view, *views, *outs,
                        )
                    )  # fmt: skip

    def scores(self) -> Array:
        """What is left / what was there, shape (distorted, gains)."""
        scene = np.float32(self.scene.sum(dtype=np.int64) / _LOG_UNIT)
        flat = self.flat.sum(axis=(2, 3, 4), dtype=np.float64) / 16384.0 / 65025.0
        left = self.told.sum(axis=(2, 3, 4), dtype=np.int64) / _LOG_UNIT - flat
        return left.astype(np.float32).astype(np.float64) / float(scene)


class VifFrame:
    """VIF of the pictures in some planes.

    Args:
        library: the loaded engine.
        planes: the reference, then the distorted pictures; margins are filled here.
        depth: bits of a sample.
        gains: the greatest gains that count.
    """

    def __init__(
        self, library: Library, planes: Sequence[Plane], depth: int, gains: Sequence[float]
    ) -> None:
        self._library = library
        self._levels: list[list[Plane]] = [list(planes)]
        self._halvings: list[list[Step]] = []
        table = View(log2_table())
        for number in range(3):
            self._add_level(number, depth)
        self._scales = [
            _Scale(library, number, level, depth, gains, table)
            for number, level in enumerate(self._levels)
        ]

    def _add_level(self, number: int, depth: int) -> None:
        level = self._levels[-1]
        name = f"{number}" if number else ("0_8" if depth == 8 else "0_16")
        first = (depth,) if name == "0_16" else ()
        smaller = [Plane(plane.width // 2, plane.height // 2, "u2") for plane in level]
        self._halvings.append(
            [
                Step(self._library, f"vif_half_{name}", *first, plane.view, half.out())
                for plane, half in zip(level, smaller, strict=True)
            ]
        )
        self._levels.append(smaller)

    def steps(self) -> Iterator[Step]:
        """What is to be done for a frame."""
        for number, level in enumerate(self._levels):
            reach = len(VIF_TAPS[number]) // 2
            for plane in level:
                yield plane.extension(self._library, reach, reach, repeat=False)
            yield from self._scales[number].steps
            if number < 3:
                yield from self._halvings[number]

    def scores(self) -> Array:
        """The scores after these steps, shape (4, distorted, gains)."""
        return np.stack([scale.scores() for scale in self._scales])
