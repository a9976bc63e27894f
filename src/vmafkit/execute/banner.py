"""Leaves out what x264 says of itself at the start of every encode.

Its 0.7 kB of text stand once in a single encode, but at every shot in a joined one. Nothing that
is shown depends on them. Other information for the decoder (captions, HDR) stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from vmafkit.media.demux import opened

# The user data SEI (type 5) with x264's own identifier; H.264, D.1.7.
_X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
_SEI, _USER_DATA = 6, 5


def without_banner(segment: Path, output: Path) -> bool:
    """Copy a segment's packets without the banner of the first.

    Args:
        segment: an encode of one video stream.
        output: in a private folder; a Matroska file.

    Returns:
        False where there is no banner; nothing is written then.
    """
    import av

    with opened(segment) as (container, stream):
        if stream.codec_context.name != "h264" and "264" not in stream.codec_context.name:
            return False
        extra = stream.codec_context.extradata
        # Without the length-prefixed form (ISO 14496-15) there is no telling where units end.
        if not extra or extra[0] != 1:
            return False
        width = (extra[4] & 3) + 1
        with av.open(f"file:{output}", "w", format="matroska") as target:
            copy = cast("Any", target).add_stream_from_template(stream, opaque=True)
            first = True
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                if first:
                    data = b"".join(_kept(bytes(packet), width))
                    if len(data) == packet.size:
                        return False
                    short = av.Packet(data)
                    short.pts, short.dts = packet.pts, packet.dts
                    short.duration, short.time_base = packet.duration, packet.time_base
                    short.is_keyframe = packet.is_keyframe
                    packet, first = short, False
                packet.stream = copy
                cast("Any", target).mux(packet)
    return True


def _kept(data: bytes, width: int) -> Iterator[bytes]:
    """The units of a packet but for the banner, each with its length before it."""
    at = 0
    while at < len(data):
        end = at + width + int.from_bytes(data[at : at + width], "big")
        unit = data[at + width : end]
        is_banner = len(unit) > 2 and unit[0] & 31 == _SEI and unit[1] == _USER_DATA
        if not (is_banner and _X264 in unit[:24]):
            yield data[at:end]
        at = end
