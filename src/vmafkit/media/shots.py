"""The shots of a source: where one picture gives way to another.

PySceneDetect finds hard cuts (a frame that differs far more than its neighbours do) and fades
through black; frames are decoded here, so that a shot begins at a frame and not at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import CapabilityMissing, Truncated, UsageError
from vmafkit.media.demux import opened
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.media.source import Source
from vmafkit.media.window import Window, whole

if TYPE_CHECKING:
    from collections.abc import Generator

    from av.container.input import InputContainer
    from av.video.stream import VideoStream

MIN_S, MAX_S = 1.0, 10.0
_WIDEST_PX = 256
_BGR = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, order=True)
class Shot:
    """Frames that belong together.

    Attributes:
        start_frame: the first, counted from 0 in the order of showing.
        end_frame: the frame after the last.
    """

    start_frame: int
    end_frame: int

    @property
    def frames(self) -> int:
        """How many there are, at least 1."""
        return self.end_frame - self.start_frame

    def window(self, source: Source) -> Window:
        """The shot as a trial's window."""
        if self.frames == source.frame_count:
            return whole(source)
        return Window(self.start_frame, self.frames)


def detect_shots(source: Source, min_s: float = MIN_S, max_s: float = MAX_S) -> tuple[Shot, ...]:
    """Find the shots of a source; together they hold every frame, in order.

    Hard cuts lie at the first frame of the new picture, cuts of a fade through black in the
    middle of the black. A dissolve is no cut.

    Args:
        min_s: a shorter shot becomes part of its shorter neighbour.
        max_s: a longer shot is divided into equal parts.

    Raises:
        UsageError: the lengths contradict each other.
        CapabilityMissing: PySceneDetect is not installed.
        InputError, Truncated: the source cannot be decoded to its end.
    """
    if not 0.0 <= min_s < float("inf") or not max_s >= 2 * min_s or max_s <= 0.0:
        raise UsageError(
            f"shots of {min_s:g} s at least and {max_s:g} s at most leave no room",
            hint="the most must be twice the least or more",
        )
    cuts, times_s = _cuts(source)
    ensure_unchanged(source)
    return divide(cuts, times_s, min_s=min_s, max_s=max_s)


def divide(
    cuts: Sequence[int], times_s: Sequence[float], *, min_s: float, max_s: float
) -> tuple[Shot, ...]:
    """Shots from the first frames of new pictures, short ones merged and long ones divided.

    Args:
        cuts: frame numbers; those outside of the video are ignored.
        times_s: when each frame is shown, and when the last one ends; rising.
    """
    total = len(times_s) - 1
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < total}), total]
    lengths = [times_s[b] - times_s[a] for a, b in pairwise(bounds)]
    while len(lengths) > 1 and min(lengths) < min_s:
        at = lengths.index(min(lengths))
        before = lengths[at - 1] if at else float("inf")
        after = lengths[at + 1] if at + 1 < len(lengths) else float("inf")
        at -= before <= after
        lengths[at : at + 2] = [lengths[at] + lengths[at + 1]]
        del bounds[at + 1]
    ends = np.asarray(times_s, dtype=np.float64)
    result: list[int] = [0]
    for first, after in pairwise(bounds):
        span = times_s[after] - times_s[first]
        parts = min(after - first, max(1, int(np.ceil(span / max_s - 1e-9))))
        inner = times_s[first] + span * np.arange(1, parts) / parts
        # The last 1e-9 s keep rounded times from moving a cut by a frame.
        result += np.searchsorted(ends, inner - 1e-9).tolist()
        result.append(after)
    edges = sorted(set(result))
    return tuple(Shot(a, b) for a, b in pairwise(edges))


def frame_times_s(source: Source) -> list[float]:
    """When each frame is shown, from the first on, and when the last one ends; from packets.

    Even steps where the packets do not say it.
    """
    plain = [number / float(source.framerate) for number in range(source.frame_count + 1)]
    if source.codec == "rawvideo":
        return plain
    times: list[int] = []
    with opened(source.path) as (container, stream):
        base = stream.time_base
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard and packet.pts is not None:
                times.append(packet.pts)
    if base is None or len(times) != source.frame_count:
        return plain
    times.sort()
    shown = [float((time - times[0]) * base) for time in times]
    last_s = max(source.duration_s - shown[-1], 0.5 / float(source.framerate))
    return [*shown, shown[-1] + last_s]


def _cuts(source: Source) -> tuple[list[int], list[float]]:
    """(the first frames of new pictures, `frame_times_s`)."""
    try:
        from scenedetect import common, detectors  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise CapabilityMissing(
            "finding shots needs PySceneDetect, which is not installed",
            hint="pip install scenedetect, or name the shots with --scenes FILE",
            detail=str(error),
        ) from error
    # Their own rules on lengths count from the last cut; ours merge afterwards.
    found = [
        cast("Any", detectors.AdaptiveDetector)(min_scene_len=1),
        cast("Any", detectors.ThresholdDetector)(min_scene_len=1),
    ]
    cuts: list[int] = []
    number = -1
    time: Any = None
    for number, picture in enumerate(_pictures(source)):
        time = cast("Any", common.FrameTimecode)(number, 25.0)
        for detector in found:
            cuts += [int(cut.frame_num) for cut in detector.process_frame(time, picture)]
    if time is not None:
        for detector in found:
            cuts += [int(cut.frame_num) for cut in detector.post_process(time)]
    if number + 1 != source.frame_count:
        raise Truncated(
            f"{show(source.path)}: {number + 1} of its {source.frame_count} frames can be decoded",
            hint="check that it plays to its end",
        )
    return cuts, frame_times_s(source)


def _pictures(source: Source) -> Iterator[_BGR]:
    """Every frame in the order of showing, small and in 8-bit BGR."""
    from av.error import FFmpegError
    from av.video.reformatter import VideoReformatter

    scale = min(1.0, _WIDEST_PX / source.width)
    size = (max(2, round(source.width * scale)), max(2, round(source.height * scale)))
    # One reformatter keeps its tables from frame to frame.
    reformat = VideoReformatter().reformat
    with open_video(source) as (container, stream):
        try:
            for frame in container.decode(stream):
                small = reformat(frame, size[0], size[1], "bgr24", interpolation="AREA")
                yield cast("_BGR", small.to_ndarray())
        except FFmpegError:
            # The count of frames tells the caller.
            return


@contextmanager
def open_video(source: Source) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open a source for decoding all of it, raw samples too.

    Raises:
        InputError: it cannot be opened any more.
    """
    if source.raw is None:
        with opened(source.path) as found:
            found[1].thread_type = "AUTO"
            yield found
        return
    import av

    raw = source.raw
    options = {
        "protocol_whitelist": "file",
        "video_size": f"{raw.width}x{raw.height}",
        "pixel_format": raw.pix_fmt,
        "framerate": str(raw.framerate),
    }
    with av.open(f"file:{source.path}", "r", format="rawvideo", options=options) as container:
        yield container, container.streams.video[0]
