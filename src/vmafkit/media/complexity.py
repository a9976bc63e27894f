"""How hard a source is to encode, frame by frame, found cheaply.

A container's own packets say it: its encoder spent more bytes where there is more to code.
Frames without packets of their own (raw, y4m) are looked at here and there instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import VmafkitError
from vmafkit.media import pixfmt, y4m
from vmafkit.media.demux import opened
from vmafkit.media.layout import read_head
from vmafkit.media.source import Source

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

FloatArray = npt.NDArray[np.float64]
Origin = Literal["packets", "activity", "none"]

_LOOKS = 48
_WIDEST_PX = 320
_Y4M_FRAME = b"FRAME\n"


@dataclass(frozen=True, slots=True)
class Complexity:
    """What each frame costs beside the others.

    Attributes:
        weights: shape (frames,), in the order of showing, mean 1, none below 0.
        keyframes: numbers of the frames that a packet can start from, rising.
        origin: what the weights were taken from; `none` where every frame counts the same.
    """

    weights: FloatArray
    keyframes: npt.NDArray[np.int64]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Activity:
    """Spatial and temporal information after ITU-T P.910, of a few pairs of frames.

    Attributes:
        frames: number of each pair's first frame, rising.
        si: standard deviation of the Sobel-filtered luma, in 8-bit units, one for each pair.
        ti: standard deviation of the luma difference, in 8-bit units, one for each pair.

    The luma is first averaged down to at most 320 samples a line.
    """

    frames: npt.NDArray[np.int64]
    si: FloatArray
    ti: FloatArray


def complexity(source: Source) -> Complexity:
    """The weights of all frames, from one pass over the packets or a few looks.

    Raises:
        InputError: the source cannot be read any more.
    """
    if source.codec != "rawvideo":
        found = _packets(source)
        if found is not None:
            return found
    else:
        activity = look(source)
        if activity.frames.size:
            return _from_activity(source, activity)
    plain = np.ones(source.frame_count)
    return Complexity(plain, np.zeros(0, dtype=np.int64), "none")


def look(source: Source, count: int = _LOOKS) -> Activity:
    """SI and TI of evenly spaced pairs of frames; empty where none can be read.

    In a container a pair starts at a key frame, so that nothing else has to be decoded.
    """
    count = max(1, min(count, source.frame_count - 1))
    wanted = [(2 * i + 1) * (source.frame_count - 1) // (2 * count) for i in range(count)]
    pairs = _raw_pairs(source, wanted) if source.codec == "rawvideo" else _pairs(source, wanted)
    found = [(number, spatial(one), temporal(one, two)) for number, one, two in pairs]
    numbers = np.array([number for number, _, _ in found], dtype=np.int64)
    return Activity(
        numbers, np.array([si for _, si, _ in found]), np.array([ti for _, _, ti in found])
    )


def spatial(luma: FloatArray) -> float:
    """SI of one picture, shape (lines, samples); 0 for one below 3x3."""
    if min(luma.shape) < 3:
        return 0.0
    rows = luma[:, :-2] + 0.0
    across = luma[:, 2:] - rows
    down = luma[2:, :] - luma[:-2, :]
    gx = across[:-2] + 2 * across[1:-1] + across[2:]
    gy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return float(np.hypot(gx, gy).std())


def temporal(first: FloatArray, second: FloatArray) -> float:
    """TI of two pictures of one shape."""
    return float((second - first).std())


def _packets(source: Source) -> Complexity | None:
    sizes: list[int] = []
    times: list[int] = []
    keys: list[bool] = []
    hidden_bytes = 0
    with opened(source.path) as (container, stream):
        for packet in container.demux(stream):
            if not packet.size:
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            if packet.is_discard or time is None:
                hidden_bytes += packet.size
                continue
            sizes.append(packet.size + hidden_bytes)
            times.append(time)
            keys.append(packet.is_keyframe)
            hidden_bytes = 0
    if abs(len(sizes) - source.frame_count) * 100 > source.frame_count or not sum(sizes):
        return None
    order = np.argsort(np.array(times), kind="stable")
    weights = np.array(sizes, dtype=np.float64)[order]
    keyframes = np.flatnonzero(np.array(keys)[order])
    if weights.size != source.frame_count:
        weights = np.resize(weights, source.frame_count)
    return Complexity(_spread(weights, keyframes) / weights.mean(), keyframes, "packets")


def _spread(weights: FloatArray, keyframes: npt.NDArray[np.int64]) -> FloatArray:
    """The bytes of key frames shared by the frames that lean on them.

    Where a key frame lies says nothing about how hard that one frame is.
    """
    result = weights.copy()
    for first, after in pairwise([*keyframes.tolist(), weights.size]):
        result[first] = 0.0
        result[first:after] += weights[first] / (after - first)
    return result


def _from_activity(source: Source, activity: Activity) -> Complexity:
    cost = (activity.si + 1.0) * (activity.ti + 1.0)
    weights = np.interp(np.arange(source.frame_count), activity.frames, cost)
    return Complexity(weights / weights.mean(), np.zeros(0, dtype=np.int64), "activity")


def _small(luma: npt.NDArray[np.generic], bits: int) -> FloatArray:
    """Averaged down by a whole factor, in 8-bit units."""
    step = max(1, -(-luma.shape[1] // _WIDEST_PX))
    lines, samples = (length // step * step for length in luma.shape)
    blocks = luma[:lines, :samples].astype(np.float64)
    blocks = blocks.reshape(lines // step, step, samples // step, step).mean(axis=(1, 3))
    return blocks / 2.0 ** (bits - 8)


def _pairs(source: Source, wanted: Sequence[int]) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    with opened(source.path) as (container, stream):
        base = stream.time_base
        start = stream.start_time or 0
        if base is None:
            return
        seen = -1
        for number in wanted:
            time = start + int(number / source.framerate / base)
            try:
                container.seek(time, stream=stream)
                frames = [frame for frame, _ in zip(container.decode(stream), range(2))]  # noqa: B905
            except (OSError, ValueError):
                continue
            if len(frames) < 2 or frames[0].pts is None:
                continue
            place = round((frames[0].pts - start) * base * source.framerate)
            if place <= seen:
                continue
            seen = place
            one, two = (_luma(frame) for frame in frames)
            yield place, one, two


def _luma(frame: VideoFrame) -> FloatArray:
    gray = cast("npt.NDArray[np.uint8]", frame.reformat(format="gray").to_ndarray())
    return _small(gray, 8)


def _raw_pairs(
    source: Source, wanted: Sequence[int]
) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    """Luma straight from the file; nothing for layouts that do not begin with it."""
    try:
        if pixfmt.is_rgb(source.pix_fmt) or not source.pix_fmt.startswith(("yuv4", "gray", "nv")):
            return
        offset, frame_bytes, header = _layout(source)
    except VmafkitError:
        return
    with source.path.open("rb") as file:
        for number in wanted:
            pictures: list[FloatArray] = []
            for place in (number, number + 1):
                file.seek(offset + place * (header + frame_bytes))
                if header and file.read(header) != _Y4M_FRAME:
                    return
                wide = 2 if source.bit_depth > 8 else 1
                data = file.read(source.width * source.height * wide)
                if len(data) < source.width * source.height * wide:
                    return
                samples = np.frombuffer(data, dtype="<u2" if wide == 2 else np.uint8)
                samples = samples.reshape(source.height, source.width)
                pictures.append(_small(samples, source.bit_depth))
            yield number, pictures[0], pictures[1]


def _layout(source: Source) -> tuple[int, int, int]:
    """(bytes before the first frame, bytes of a frame, bytes before each frame)."""
    frame_bytes = pixfmt.frame_bytes(source.pix_fmt, source.width, source.height)
    if source.container == "rawvideo":
        return 0, frame_bytes, 0
    head = read_head(source.path)
    header = y4m.parse_header(head, source.path.name)
    return header.header_bytes, header.frame_bytes, len(_Y4M_FRAME)
