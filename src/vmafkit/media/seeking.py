"""Where to start reading a source for a window, so that what lies before is not decoded.

ffmpeg seeks to the key frame before a time and drops decoded frames that are shown earlier than
it, so a time half-way between two frames gives the exact frame, whatever the order of coding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vmafkit.media.demux import opened
from vmafkit.media.source import Source
from vmafkit.media.window import Window

# Containers with an index of their own; elsewhere a seek may land behind the time.
_WITH_INDEX = ("mov", "mp4", "matroska", "webm")
# Below this many frames a seek saves nothing.
_NEAR_FRAMES = 50


def seek_s(source: Source, window: Window | None) -> float | None:
    """Seconds after the start of the file to seek to, just before the window's first frame.

    Returns:
        None where the file is to be read from its start.
    """
    if window is None or window.is_full or window.start_frame < _NEAR_FRAMES:
        return None
    if not any(name in source.container.split(",") for name in _WITH_INDEX):
        return None
    times = _times_s(source)
    if times is None:
        return None
    return float(times[window.start_frame - 1] + times[window.start_frame]) / 2


def seek_words(seek: float | None) -> tuple[str, ...]:
    """ffmpeg's words before an input that is read from there on."""
    return () if seek is None else ("-ss", f"{seek:.6f}")


@lru_cache(maxsize=16)
def _times_s(source: Source) -> npt.NDArray[np.float64] | None:
    """When each frame is shown, in seconds after the start of the file; None if not all say it."""
    times: list[int] = []
    with opened(source.path) as (container, stream):
        base, begin = stream.time_base, container.start_time or 0
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                if packet.pts is None:
                    return None
                times.append(packet.pts)
    if base is None or len(times) != source.frame_count or len(set(times)) != len(times):
        return None
    return np.sort(np.array(times, dtype=np.float64)) * float(base) - begin / 1_000_000
