"""Which frames are worth a look."""

from __future__ import annotations

import math
from collections.abc import Sequence


def worst_frames(
    frames: Sequence[int], scores: Sequence[float], *, count: int = 4, apart: int = 12
) -> list[int]:
    """The frames with the lowest scores, no two of them neighbours, worst first.

    Args:
        frames: numbers, as many as scores; scores that are not finite do not count.
        count: at most so many.
        apart: the least distance between two of them, in frames.
    """
    ranked = sorted(
        (score, frame) for frame, score in zip(frames, scores, strict=True) if math.isfinite(score)
    )
    chosen: list[int] = []
    for _, frame in ranked:
        if len(chosen) == count:
            break
        if all(abs(frame - other) >= apart for other in chosen):
            chosen.append(frame)
    return chosen
