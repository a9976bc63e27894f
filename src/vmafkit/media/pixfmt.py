"""Sample layouts: names, depths, frame sizes, and the words of the vmaf tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from vmafkit.errors import UsageError

if TYPE_CHECKING:
    from av.video.format import VideoFormat

Chroma = Literal["400", "410", "411", "420", "422", "440", "444"]
ToolDepth = Literal[8, 10, 12, 16]

_CHROMA_OF_STEPS: dict[tuple[int, int], Chroma] = {
    (1, 1): "444",
    (2, 1): "422",
    (2, 2): "420",
    (1, 2): "440",
    (4, 1): "411",
    (4, 4): "410",
}
_TOOL_CHROMA = ("420", "422", "444")
_TOOL_DEPTHS = (8, 10, 12, 16)


def _format(pix_fmt: str, width: int = 0, height: int = 0) -> VideoFormat:
    from av.video.format import VideoFormat

    try:
        found = VideoFormat(pix_fmt, width, height)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{pix_fmt!r} is not a pixel format", hint="such as yuv420p, yuv422p10le or nv12"
        ) from None
    if not found.components:
        raise UsageError(
            f"pixel format {pix_fmt} lies in a graphics card and not in a file",
            hint="such as yuv420p, yuv422p10le or nv12",
        )
    return found


def bit_depth(pix_fmt: str) -> int:
    """Bits of the deepest component.

    Raises:
        UsageError: the name is unknown.
    """
    return max(part.bits for part in _format(pix_fmt).components)


def chroma(pix_fmt: str) -> Chroma:
    """Chroma sampling; '400' for grey, '444' for RGB.

    Raises:
        UsageError: the name is unknown.
    """
    found = _format(pix_fmt)
    if not found.is_rgb and sum(not part.is_alpha for part in found.components) < 3:
        return "400"
    steps = (8 // found.chroma_width(8), 8 // found.chroma_height(8))
    return _CHROMA_OF_STEPS[steps]


def frame_bytes(pix_fmt: str, width: int, height: int) -> int:
    """Bytes of one headerless frame, chroma rounded up as ffmpeg does.

    Raises:
        UsageError: the size is below 1x1, the name is unknown, or its frames have no
            plain size (palettes, bit streams, sensor mosaics, padded layouts).
    """
    if width < 1 or height < 1:
        raise UsageError(f"a frame of {width}x{height} has no samples", hint="sizes start at 1x1")
    found = _format(pix_fmt)
    plain = not (found.has_palette or found.is_bit_stream or found.is_bayer)
    if not plain or _sum(found, 16, 16) * 8 != found.padded_bits_per_pixel * 256:
        raise UsageError(
            f"raw files of pixel format {pix_fmt} are not read",
            hint="convert it to a planar format such as yuv420p or yuv422p10le",
        )
    if not found.is_planar:
        step = 8 // found.chroma_width(8)
        width = -(-width // step) * step
    return _sum(found, width, height)


def _sum(found: VideoFormat, width: int, height: int) -> int:
    total = 0
    for part in _format(found.name, width, height).components:
        bytes_per_sample = 1 if part.bits <= 8 else 2 if part.bits <= 16 else 4
        total += part.width * part.height * bytes_per_sample
    return total


def tool_format(pix_fmt: str) -> tuple[str, ToolDepth]:
    """The vmaf tool's words for planar little-endian YUV: (-p value, -b value).

    Raises:
        UsageError: the tool has no words for this format.
    """
    found = _format(pix_fmt)
    sampling, depth = chroma(found.name), bit_depth(found.name)
    has_words = sampling in _TOOL_CHROMA and depth in _TOOL_DEPTHS
    if has_words and pix_fmt == tool_pix_fmt(sampling, depth):
        return sampling, cast(ToolDepth, depth)
    raise UsageError(
        f"the vmaf tool cannot read pixel format {pix_fmt}",
        hint="it reads planar 4:2:0, 4:2:2 and 4:4:4 at 8, 10, 12 and 16 bits",
    )


def tool_pix_fmt(sampling: str, depth: int) -> str:
    """ffmpeg's name for the vmaf tool's -p 420|422|444 and -b 8|10|12|16.

    Raises:
        UsageError: another value.
    """
    if sampling not in _TOOL_CHROMA:
        raise UsageError(f"pixel format {sampling!r} is not one of 420, 422, 444")
    if depth not in _TOOL_DEPTHS:
        raise UsageError(f"bit depth {depth} is not one of 8, 10, 12, 16")
    return f"yuv{sampling}p" if depth == 8 else f"yuv{sampling}p{depth}le"


def common_planar(reference: str, distorted: str) -> str:
    """The planar format two videos are compared in: the reference's chroma sampling (4:2:0
    for what is not 4:2:0, 4:2:2 or 4:4:4) at the greater bit depth of the two.

    Raises:
        UsageError: a name is unknown.
    """
    sampling = chroma(reference)
    depth = max(bit_depth(reference), bit_depth(distorted))
    tool_depth = next((known for known in _TOOL_DEPTHS if known >= depth), 16)
    return tool_pix_fmt(sampling if sampling in _TOOL_CHROMA else "420", tool_depth)


def is_rgb(pix_fmt: str) -> bool:
    """Whether the samples are red, green and blue, or colours of a palette.

    Raises:
        UsageError: the name is unknown.
    """
    found = _format(pix_fmt)
    return bool(found.is_rgb or found.has_palette)


def at_least_ten_bit(pix_fmt: str) -> str:
    """A planar format of the vmaf tool, taken to 10 bits when it has 8."""
    sampling, depth = tool_format(pix_fmt)
    return tool_pix_fmt(sampling, max(10, depth))
