"""Which trials are scored together, against one decoded reference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from vmafkit.decide.sweep import Cell

MOST = 4
# What a kill in the middle may cost: about 13 minutes of video at 25 fps, or one trial.
MOST_FRAMES = 20_000


def batches(cells: Sequence[Cell], workers: int) -> list[tuple[int, ...]]:
    """The cells in groups, as indices, in order.

    Only neighbours that the engine scores, on the same frames at the same size with the same
    models, share a group; every other cell is alone.

    Args:
        workers: groups at once, at least 1; none is left without work for the sake of larger
            groups.
    """
    found: list[tuple[int, ...]] = []
    for kind, each in groupby(range(len(cells)), key=lambda index: _kind(cells[index])):
        group = tuple(each)
        parts = len(group)
        if kind is not None:
            frames = cells[group[0]].window.frames
            size = min(MOST, max(1, MOST_FRAMES // frames))
            # As many for each worker.
            parts = min(parts, -(-parts // (size * workers)) * workers)
        found += _split(group, parts)
    return found


def _kind(cell: Cell) -> tuple[object, ...] | None:
    """What must be equal to be scored together; None for what is scored alone."""
    if cell.scorer.name != "engine":
        return None
    spec = cell.spec
    return (cell.source.path, spec.source_sha256, spec.raw, spec.window, spec.display, spec.models,
            cell.pix_fmt, cell.allow_hdr)  # fmt: skip


def _split(group: tuple[int, ...], count: int) -> list[tuple[int, ...]]:
    """So many parts, whose lengths differ by one at most."""
    ends = [len(group) * part // count for part in range(count + 1)]
    return [group[first:end] for first, end in pairwise(ends)]
