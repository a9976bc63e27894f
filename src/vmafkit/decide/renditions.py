"""The picture sizes of a ladder: never above the source, even, and of its shape."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vmafkit.errors import UsageError

HEIGHTS = (2160, 1440, 1080, 720, 540, 432, 360, 270, 234, 180)
# How far width over height may differ from the source's, as a share.
_SHAPE = 0.02

Size = tuple[int, int]


def renditions(source: Size, words: Sequence[str] = (), multiple: int = 2) -> tuple[Size, ...]:
    """The sizes to encode at, largest first, without repeats.

    Args:
        source: (width, height) as displayed.
        words: `1280x720` or the lines alone, `720`, in lists; none for the source's own size
            and the usual ones below it. Lines are the shorter side.
        multiple: of width and height that the encoder takes.

    Raises:
        UsageError: a word is no size, is larger than the source, or of another shape.
    """
    parts = [part.strip() for word in words for part in word.split(",") if part.strip()]
    if parts:
        found = [_named(part, source, multiple) for part in parts]
    else:
        short = min(source)
        found = [_fitted(source, short, multiple)]
        found += [_fitted(source, lines, multiple) for lines in HEIGHTS if lines < short]
    return tuple(sorted(dict.fromkeys(found), reverse=True))


def _named(part: str, source: Size, multiple: int) -> Size:
    lines = re.fullmatch(r"(\d{1,5})p?", part)
    both = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", part)
    if lines is not None and int(lines[1]) >= multiple:
        size = _fitted(source, int(lines[1]), multiple)
        _refuse_above(part, (size[0], size[1]), source)
        return size
    if both is None or 0 in (int(both[1]), int(both[2])):
        raise UsageError(f"--resolutions {part!r} is not a size", hint="write 1280x720, or 720")
    size = (int(both[1]), int(both[2]))
    _refuse_above(part, size, source)
    if size[0] % multiple or size[1] % multiple:
        raise UsageError(
            f"--resolutions {part} is not in multiples of {multiple}",
            hint=f"write {_text(_fitted(source, min(size), multiple))}",
        )
    shape = source[0] / source[1]
    if abs(size[0] / size[1] / shape - 1) > _SHAPE and abs(size[0] - size[1] * shape) > multiple:
        raise UsageError(
            f"--resolutions {part} has another shape than the source ({_text(source)})",
            hint=f"write {_text(_fitted(source, min(size), multiple))}",
        )
    return size


def _refuse_above(part: str, size: Size, source: Size) -> None:
    if size[0] > source[0] or size[1] > source[1]:
        raise UsageError(
            f"--resolutions {part} is larger than the source ({_text(source)})",
            hint="a ladder does not scale up",
        )


def _fitted(source: Size, short: int, multiple: int) -> Size:
    """The size with that shorter side, as near to the source's shape as may be."""
    factor = short / min(source)
    width, height = (
        max(multiple, min(round(side * factor / multiple), side // multiple) * multiple)
        for side in source
    )
    if short == min(source):
        width, height = (side // multiple * multiple for side in source)
    return width, height


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
