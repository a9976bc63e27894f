"""Lists of pairs, one `fmt width height reference distorted` on each line."""

from __future__ import annotations

import shlex
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import Refused, Unreadable
from vmafkit.harness.assets import Asset, SideSpec, raw_geometry
from vmafkit.media.hashing import show


def pair_asset(
    fmt: str, size: tuple[int, int], reference: Path, distorted: Path, *, label: str = "0"
) -> Asset:
    """One pair as an asset.

    Args:
        fmt: a pixel format, or `notyuv` for files that describe themselves.
    """
    raw = raw_geometry(fmt, *size)
    sides = [SideSpec(path.absolute(), raw) for path in (reference, distorted)]
    return Asset("command", reference.name, label, sides[0], sides[1])


def read_list(path: Path) -> list[Asset]:
    """The pairs of a list; relative paths start at the list's folder, `#` begins a comment.

    Raises:
        Unreadable: it cannot be read.
        Refused: a line is not a pair; the message names it.
    """
    try:
        text = fsio.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot read {show(path)}: {error}") from error
    found: list[Asset] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise Refused(f"{show(path)}:{number}: {error}") from None
        if not words:
            continue
        if len(words) != 5 or not (words[1].isdecimal() and words[2].isdecimal()):
            raise Refused(
                f"{show(path)}:{number}: this is not a pair",
                hint="write: fmt width height reference distorted",
            )
        size = (int(words[1]), int(words[2]))
        sides = (path.parent / words[3], path.parent / words[4])
        found.append(pair_asset(words[0], size, *sides, label=str(len(found))))
    if not found:
        raise Refused(f"{show(path)} holds no pair")
    return found
