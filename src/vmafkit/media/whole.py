"""Whether a container holds all that it announces.

ffmpeg plays what is left of a file and ends well (spec/reliability M4). What is seen:
a last packet that is not whole; structures of Matroska and MP4 that end past the file; fewer
packets than the header counts; a Matroska file shorter than its duration. A transport
stream announces nothing, and a live FLV neither: their loss cannot be seen.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import Unreadable
from vmafkit.media import layout
from vmafkit.media.hashing import show
from vmafkit.media.tally import Tally, framerate_of, length_s, time_base_of

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.video.stream import VideoStream

# Writers that cannot go back leave all bits set where the count of frames belongs.
_COUNT_LIMIT = 2**31


def ensure_end_is_there(path: Path, head: bytes) -> None:
    """Hold the outermost structure against the file's size, before anything is opened.

    Raises:
        Unreadable: the file ends before its last structure does.
    """
    lost = layout.missing_bytes(path, head)
    if lost:
        size = path.stat().st_size
        raise _cut_short(path, f"it has {size} bytes and announces {size + lost}")


def _cut_short(path: Path, reason: str) -> Unreadable:
    return Unreadable(f"{show(path)} is cut short: {reason}", hint="copy or write the file again")


def ensure_whole(path: Path, container: InputContainer, stream: VideoStream, tally: Tally) -> None:
    """Hold what was counted against what the header announces.

    Raises:
        Unreadable: more than two frames and more than 1 % are missing, or the last is torn.
    """
    name = container.format.name
    if tally.ends_torn and name != "mpegts":
        raise _cut_short(path, f"its frame {tally.packets} is not whole")
    announced = stream.frames
    counted, frame = (tally.packets, 1) if name != "avi" else _avi_ticks(stream, tally)
    if 0 < announced < _COUNT_LIMIT and _falls_short(counted, announced, frame):
        raise _cut_short(path, f"it holds {tally.packets} frames and announces {announced}")
    # A longer sound track may fill the duration, so it binds only where video is alone.
    if "matroska" not in name or len(container.streams) != 1 or not container.duration:
        return
    framerate = framerate_of(stream)
    counted_s = length_s(tally, time_base_of(stream), framerate)
    if tally.times:
        counted_s = max(counted_s, (max(tally.times) * time_base_of(stream)) + 1 / framerate)
    header = Fraction(container.duration, 1_000_000)
    if _falls_short(counted_s, header, 1 / framerate):
        raise _cut_short(
            path, f"it holds {float(counted_s):.3f} s and announces {float(header):.3f} s"
        )


def _avi_ticks(stream: VideoStream, tally: Tally) -> tuple[int, int]:
    """How many ticks were counted, and the ticks of a frame: an AVI header counts in ticks."""
    if not tally.times:
        return tally.packets, 1
    frame = max(1, round(1 / framerate_of(stream) / time_base_of(stream)))
    return max(tally.packets, max(tally.times) + frame), frame


def _falls_short(counted: Fraction | int, announced: Fraction | int, frame: Fraction | int) -> bool:
    """More than two frames and more than 1 % are missing."""
    missing = announced - counted
    return missing > 2 * frame and missing * 100 > announced
