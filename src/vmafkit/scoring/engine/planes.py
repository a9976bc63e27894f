"""Pictures with room around them, so that no kernel asks where the edge is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.scoring.engine.native import Library
from vmafkit.scoring.engine.steps import Step, View

_SIDE, _END, _ROWS = 64, 192, 20
_ALIGNMENT = 64
WIDEST = 32
"""Samples that a kernel writes at a time, at most."""

Array = npt.NDArray[Any]


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Zeros whose first element lies at a multiple of 64 bytes."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    room = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + size].view(kind).reshape(shape)


class Plane:
    """A picture, its margin, and how kernels see both.

    Args:
        width, height: in samples.
        dtype: of a sample.
    """

    def __init__(self, width: int, height: int, dtype: npt.DTypeLike) -> None:
        self.width, self.height = width, height
        stride = -(-(_SIDE + width + _END) // _ALIGNMENT) * _ALIGNMENT
        self._room = aligned((height + 2 * _ROWS, stride), dtype)
        self.picture: Array = self._room[_ROWS : _ROWS + height, _SIDE : _SIDE + width]
        self.view = View(self.picture)

    def extension(self, library: Library, low: int, high: int, *, repeat: bool) -> Step:
        """Continues the picture into its margin.

        Args:
            low: samples before the first column and row, mirrored at the first.
            high: samples after the last.
            repeat: mirrored at the border after the last sample, else at the last sample.
        """
        return Step(library, "vmafkit_extend", self.view, low, high, int(repeat))

    def seen(self, first_row: int = 0) -> View:
        """The picture to be read by a kernel, its first row being this one of a larger one."""
        return View(self.picture, (first_row, 0))

    def out(self, left: int = 0, right: int = 0, rows: int = 0, *, first_row: int = 0) -> View:
        """The columns from left to right of the first rows, to be written by a kernel.

        It is made wider, into the margin, so that kernels write whole vectors only.

        Args:
            left, right: columns; 0 for the last.
            rows: how many; 0 for all.
            first_row: what the first of them is called.
        """
        columns = -(-((right or self.width) - left) // WIDEST) * WIDEST
        end = _ROWS + (rows or self.height)
        room = self._room[_ROWS:end, _SIDE + left : _SIDE + left + columns]
        return View(room, (first_row, left))
