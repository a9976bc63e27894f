"""YUV4MPEG2: a strict header, and the layout that says whether a file is whole.

ffmpeg reads a y4m file that is cut short without a word, and takes the frame rate
F0:0 for 25 (spec/reliability M4, M6), so the header is read here first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from io import RawIOBase
from pathlib import Path

from vmafkit.errors import Refused, TooLarge, Unreadable, UsageError
from vmafkit.media import pixfmt
from vmafkit.media.hashing import show

MAGIC = b"YUV4MPEG2"
_FRAME = b"FRAME"
_HEADER_LIMIT_BYTES = 1024
_NUMBER_LIMIT = 2**31 - 1
_PIX_FMTS = {
    "420": "yuv420p",
    "420jpeg": "yuv420p",
    "420mpeg2": "yuv420p",
    "420paldv": "yuv420p",
    "411": "yuv411p",
    "422": "yuv422p",
    "444": "yuv444p",
    "444alpha": "yuva444p",
    "mono": "gray",
    **{f"mono{depth}": f"gray{depth}le" for depth in (9, 10, 12, 16)},
    **{
        f"{sampling}p{depth}": f"yuv{sampling}p{depth}le"
        for sampling in (420, 422, 444)
        for depth in (9, 10, 12, 14, 16)
    },
}


@dataclass(frozen=True, slots=True)
class Y4mHeader:
    """The first line of a y4m file.

    Attributes:
        width: luma samples per line.
        height: lines per frame.
        framerate: frames per second, above 0.
        pix_fmt: ffmpeg's name of the layout.
        sar: sample aspect ratio; 1 where the file says 0:0 or nothing.
        header_bytes: length of the line with its line feed.
        frame_bytes: bytes of one frame without its FRAME line.
    """

    width: int
    height: int
    framerate: Fraction
    pix_fmt: str
    sar: Fraction
    header_bytes: int
    frame_bytes: int


def parse_header(head: bytes, name: str) -> Y4mHeader:
    """Read the header line.

    Args:
        head: the first bytes of the file; 1024 are enough.
        name: what to call the file in messages.

    Raises:
        Unreadable: it is not a y4m header, or a value in it makes no sense.
        Refused: a colour layout that is not read.
    """
    end = head.find(b"\n", 0, _HEADER_LIMIT_BYTES)
    words = head[: max(end, 0)].split(b" ")
    if end < 0 or words[0] != MAGIC:
        raise Unreadable(f"{name} has no complete y4m header", hint="write the file again")
    tags: dict[str, str] = {}
    for word in words[1:]:
        text = word.decode("ascii", "backslashreplace")
        if text and text[0] != "X":
            tags[text[0]] = text[1:]
    width, height = _size(tags, name)
    layout = tags.get("C", "420")
    if layout not in _PIX_FMTS:
        raise Refused(
            f"{name} has the y4m colour layout C{layout[:20]}, which is not read",
            hint="convert it to 420, 422 or 444",
        )
    pix_fmt = _PIX_FMTS[layout]
    return Y4mHeader(
        width=width,
        height=height,
        framerate=_framerate(tags, name),
        pix_fmt=pix_fmt,
        sar=_ratio(tags.get("A", "0:0")) or Fraction(1),
        header_bytes=end + 1,
        frame_bytes=_frame_bytes(pix_fmt, width, height, name),
    )


def _frame_bytes(pix_fmt: str, width: int, height: int, name: str) -> int:
    try:
        return pixfmt.frame_bytes(pix_fmt, width, height)
    except UsageError:
        raise TooLarge(f"{name} says that its frames are {width}x{height}") from None


def _size(tags: dict[str, str], name: str) -> tuple[int, int]:
    found = (_whole(tags.get("W", "")), _whole(tags.get("H", "")))
    if not found[0] or not found[1]:
        raise Unreadable(
            f"{name} says W{tags.get('W', '')[:20]} H{tags.get('H', '')[:20]} in its y4m header,"
            " which is not a frame size",
            hint="write the file again",
        )
    return found[0], found[1]


def _framerate(tags: dict[str, str], name: str) -> Fraction:
    found = _ratio(tags.get("F", ""))
    if not found:
        raise Unreadable(
            f"{name} says F{tags.get('F', '')[:40]} in its y4m header, which is not a frame rate",
            hint="write the file again with a rate such as F25:1",
        )
    return found


def _whole(text: str) -> int:
    """The number, or 0 where the text is none that fits in 31 bits."""
    if not re.fullmatch(r"[0-9]{1,10}", text):
        return 0
    value = int(text)
    return value if value <= _NUMBER_LIMIT else 0


def _ratio(text: str) -> Fraction | None:
    top, mark, bottom = text.partition(":")
    if not mark or not _whole(top) or not _whole(bottom):
        return None
    return Fraction(_whole(top), _whole(bottom))


def count_frames(path: Path, header: Y4mHeader) -> int:
    """Walk the FRAME lines and count them.

    Raises:
        Unreadable: the file is cut short, or something else stands where a frame begins.
    """
    size = path.stat().st_size
    position, count = header.header_bytes, 0
    with path.open("rb", buffering=0) as file:
        while position < size:
            line = _frame_line(file, position)
            if line is None:
                raise _damaged(path, count, position, size)
            position += line + header.frame_bytes
            if position > size:
                raise Unreadable(
                    f"{show(path)} is cut short: {count} frames are whole and the next one needs"
                    f" {position} bytes where the file has {size}",
                    hint="copy or write the file again",
                )
            count += 1
    return count


def _damaged(path: Path, count: int, position: int, size_bytes: int) -> Unreadable:
    if size_bytes - position < len(_FRAME) + 1:
        text = f"is cut short inside the FRAME line after frame {count}"
    else:
        text = f"is damaged: no FRAME line after frame {count}, at byte {position}"
    return Unreadable(f"{show(path)} {text}", hint="copy or write the file again")


def _frame_line(file: RawIOBase, position: int) -> int | None:
    """Length of the FRAME line at this place, or None where there is none."""
    file.seek(position)
    short = file.read(len(_FRAME) + 1) or b""
    if short == _FRAME + b"\n":
        return len(short)
    if short != _FRAME + b" ":
        return None
    rest = file.read(_HEADER_LIMIT_BYTES) or b""
    end = rest.find(b"\n")
    return len(short) + end + 1 if end >= 0 else None
