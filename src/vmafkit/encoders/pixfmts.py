"""Which of an encoder's pixel formats is nearest to a source's."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLANAR = re.compile(r"yuvj?(420|422|440|444)p(9|10|12|14|16)?(?:le)?")
_SEMI = {
    "nv12": (420, 8),
    "nv21": (420, 8),
    "nv16": (422, 8),
    "nv24": (444, 8),
    "p010le": (420, 10),
    "p012le": (420, 12),
    "p016le": (420, 16),
    "p210le": (422, 10),
    "p410le": (444, 10),
}
_GRAY = re.compile(r"gray(9|10|12|14|16)?(?:le)?")


def shape(pix_fmt: str) -> tuple[int, int] | None:
    """(chroma as 400, 420, 422, 440 or 444; bits per sample), or None for RGB, alpha, others."""
    if pix_fmt in _SEMI:
        return _SEMI[pix_fmt]
    if planar := _PLANAR.fullmatch(pix_fmt):
        return int(planar[1]), int(planar[2] or 8)
    if gray := _GRAY.fullmatch(pix_fmt):
        return 400, int(gray[1] or 8)
    return None


def nearest_pix_fmt(pix_fmt: str, taken: Sequence[str]) -> str | None:
    """The member of `taken` nearest to pix_fmt, or None when there is none.

    First the one that loses fewest bits per sample, then the one that loses least chroma, then
    the one that adds least of either; the earlier in `taken` wins a tie.
    """
    if pix_fmt in taken:
        return pix_fmt
    wanted = shape(pix_fmt)
    if wanted is None:
        return None
    chroma, depth = wanted
    ranked: list[tuple[int, int, int, int, int, str]] = []
    for place, name in enumerate(taken):
        has = shape(name)
        if has is None:
            continue
        dchroma, ddepth = has[0] - chroma, has[1] - depth
        lost = (max(0, -ddepth), max(0, -dchroma))
        ranked.append((*lost, max(0, dchroma), max(0, ddepth), place, name))
    return min(ranked)[-1] if ranked else None
