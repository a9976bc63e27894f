"""Groups of pictures of a fixed length, closed at both ends, for streams cut into segments."""

from __future__ import annotations

from collections.abc import Callable

from vmafkit.encoders.base import Encoder, Words
from vmafkit.encoders.options import join_params

# The codecs that players take from segments, as HLS and DASH carry them.
PACKAGED = ("h264", "hevc", "av1", "vp9")


def _equal(frames: int) -> Words:
    return ("-g", str(frames), "-keyint_min", str(frames))


def _x264(frames: int) -> Words:
    return (*_equal(frames), "-sc_threshold", "0", "-flags", "+cgop")


def _x265(frames: int) -> Words:
    return ("-x265-params", f"keyint={frames}:min-keyint={frames}:scenecut=0:open-gop=0")


def _svtav1(frames: int) -> Words:
    return ("-g", str(frames), "-svtav1-params", f"keyint={frames}:irefresh-type=2:scd=0")


def _nvenc(frames: int) -> Words:
    return ("-g", str(frames), "-no-scenecut", "1", "-strict_gop", "1", "-forced-idr", "1")


_WORDS: dict[str, Callable[[int], Words]] = {
    "libx264": _x264,
    "libx265": _x265,
    "libsvtav1": _svtav1,
    "libaom-av1": _equal,
    "librav1e": _equal,
    "libvpx-vp9": _equal,
    "h264_nvenc": _nvenc,
    "hevc_nvenc": _nvenc,
    "av1_nvenc": _nvenc,
}
# Its closed groups are one frame longer than asked for.
_NONE = ("libkvazaar",)


def fixed_gop(encoder: Encoder, frames: int) -> Words | None:
    """argv that makes every `frames`-th frame a key frame, and no other.

    Of an encoder that is not in the table plain `-g` is tried; whoever cuts the stream has to
    look where its key frames are.

    Returns:
        None for an encoder whose groups cannot be packaged.
    """
    if encoder.codec not in PACKAGED or encoder.name in _NONE:
        return None
    return _WORDS.get(encoder.name, _equal)(frames)


def with_gop(argv: Words, encoder: Encoder, frames: int) -> Words:
    """An encoder's argv with its fixed groups, which win over what stands before them."""
    return join_params((*argv, *(fixed_gop(encoder, frames) or ())))
