"""One pass over a container: count every packet, decode the first frame."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from vmafkit.errors import TooLarge, Unreadable
from vmafkit.media.source import Rotation

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.packet import Packet
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_PIXELS = 8192 * 8192
# A stream may open with packets that lean on frames cut away before them.
_DECODE_TRIES = 600


@dataclass(slots=True)
class Tally:
    """What was counted in the video stream.

    Attributes:
        packets: all packets with data.
        frames: those of them that show a frame.
        video_bytes: sum of all packets.
        times: presentation times of the shown frames in ticks, as far as they are known.
        last_ticks: duration of the frame with the greatest time; 0 where not known.
        ends_torn: the last packet is not whole.
    """

    packets: int = 0
    frames: int = 0
    video_bytes: int = 0
    times: array[int] = field(default_factory=lambda: array("q"))
    last_ticks: int = 0
    ends_torn: bool = False
    _greatest: int = -(2**63)

    def add(self, packet: Packet[VideoStream], codec: str) -> None:
        """Count one packet that holds data."""
        self.packets += 1
        self.video_bytes += packet.size
        self.ends_torn = packet.is_corrupt
        # Edit lists mark packets that only feed the decoder.
        if packet.is_discard or (codec == "vp8" and _is_hidden_vp8(packet)):
            return
        self.frames += 1
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None:
            return
        self.times.append(time)
        if time > self._greatest:
            self._greatest, self.last_ticks = time, packet.duration or 0


def _is_hidden_vp8(packet: Packet[VideoStream]) -> bool:
    """An alternate reference frame is a packet of its own (RFC 6386, 9.1: show_frame)."""
    return not memoryview(packet)[0] & 0x10


@dataclass(frozen=True, slots=True)
class Look:
    """What the first decoded frame says.

    Attributes:
        width: samples per line, before rotation.
        height: lines, before rotation.
        pix_fmt: ffmpeg's name of the layout.
        rotation: degrees counter-clockwise.
        color: libavutil's numbers of range, primaries, transfer, matrix.
        side_data: bytes by libavutil's type name.
    """

    width: int
    height: int
    pix_fmt: str
    rotation: Rotation
    color: tuple[int, int, int, int]
    side_data: dict[str, bytes]


def survey(
    container: InputContainer, stream: VideoStream, name: str, *, only_look: bool = False
) -> tuple[Look, Tally]:
    """Count all packets of the stream and look at its first frame.

    Args:
        container: open and at its beginning.
        stream: one of its video streams.
        name: what to call the file in messages.
        only_look: stop at the first frame; the tally is then of no use.

    Raises:
        Unreadable: there is no packet, or nothing can be decoded.
        TooLarge: the decoded frame has more than 8192 x 8192 samples.
    """
    tally = Tally()
    codec = stream.codec_context.codec.canonical_name
    seen: Look | None = None
    for packet in container.demux(stream):
        if packet.size:
            tally.add(packet, codec)
        if seen is None and tally.packets <= _DECODE_TRIES:
            for frame in _decoded(packet):
                seen = seen or _look(frame, stream)
        if seen is not None and only_look:
            break
    if not tally.frames:
        raise Unreadable(f"{name} holds no video frame", hint="write the file again")
    if seen is None:
        raise Unreadable(f"no frame of {name} can be decoded", hint="write the file again")
    if seen.width * seen.height > MAX_PIXELS:
        raise TooLarge(f"{name} has frames of {seen.width}x{seen.height}")
    return seen, tally


def _decoded(packet: Packet[VideoStream]) -> Iterator[VideoFrame]:
    from av.error import FFmpegError

    try:
        yield from packet.decode()
    except FFmpegError:
        return


def _look(frame: VideoFrame, stream: VideoStream) -> Look:
    context = stream.codec_context
    # Iterating gives the parts themselves, whatever the stub's Mapping says.
    parts = cast("Iterator[SideData]", iter(frame.side_data))
    quarter_turns = round(cast(float, frame.rotation) / 90) % 4
    return Look(
        width=frame.width,
        height=frame.height,
        pix_fmt=frame.format.name,
        rotation=cast(Rotation, quarter_turns * 90),
        color=(
            int(frame.color_range or context.color_range),
            int(frame.color_primaries),
            int(frame.color_trc),
            int(frame.colorspace),
        ),
        side_data={item.type.name: bytes(item) for item in parts},
    )


def length_s(tally: Tally, time_base: Fraction, framerate: Fraction) -> Fraction:
    """Seconds shown, from the counted frames; from the rate where times are missing."""
    if len(tally.times) < tally.frames:
        return tally.frames / framerate
    last_s = tally.last_ticks * time_base or 1 / framerate
    return (max(tally.times) - min(tally.times)) * time_base + last_s


def framerate_of(stream: VideoStream) -> Fraction:
    """Frames per second as libavformat guesses them; 25 where it cannot."""
    found = stream.guessed_rate or stream.average_rate or stream.base_rate
    return found if found and found > 0 else Fraction(25)


def time_base_of(stream: VideoStream) -> Fraction:
    """Seconds per tick."""
    return stream.time_base or Fraction(1, 1000)
