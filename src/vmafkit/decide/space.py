"""About how much disk a run needs, before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from vmafkit.decide.sweep import Cell
from vmafkit.scoring.backend import LIBVMAF_KEY

# An ordinary encode takes 0.02 to 0.1 bit for a pixel; near-lossless ones take more.
_BITS_PER_PIXEL = 0.1
_LOG_BYTES_PER_FRAME = 600


def encode_bytes(cell: Cell) -> int:
    """About the size of a cell's encode."""
    width, height = cell.spec.scale or cell.source.display_size
    return int(width * height * cell.window.frames * _BITS_PER_PIXEL / 8)


def scratch_bytes(cell: Cell) -> int:
    """About the most that a trial of this cell has on the disk at once."""
    needed = encode_bytes(cell) + _LOG_BYTES_PER_FRAME * cell.window.frames
    if cell.scorer.name == "vmaf-binary" and cell.scorer.key != LIBVMAF_KEY:
        width, height = cell.spec.display
        raw = width * height * 3 // 2 * (2 if cell.source.bit_depth > 8 else 1)
        needed += 2 * raw * cell.window.frames
    return needed


def sweep_bytes(cells: Sequence[Cell], workers: int) -> int:
    """About the most that so many trials at once have on the disk."""
    return sum(sorted(map(scratch_bytes, cells), reverse=True)[:workers])


def kept_bytes(cells: Sequence[Cell]) -> int:
    """About what the kept encodes of a sweep take together."""
    return sum(map(encode_bytes, cells))
