"""ffmpeg's names for colour numbers (ITU-T H.273), and HDR facts from frames."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from vmafkit.media.source import UNKNOWN, ColorFacts, HdrFacts

_RANGES: Final = {1: "tv", 2: "pc"}
_PRIMARIES: Final = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
_TRANSFERS: Final = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
_MATRICES: Final = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
    15: "ipt-c2",
    16: "ycgco-re",
    17: "ycgco-ro",
}
_DOLBY_TAGS: Final = {"dvh1", "dvhe", "dvav", "dva1", "dav1"}
_MASTERING: Final = struct.Struct("=20i2i")
_LIGHT: Final = struct.Struct("=2I")


def color_facts(range_: int, primaries: int, transfer: int, matrix: int) -> ColorFacts:
    """ffmpeg's names for libavutil's colour numbers."""
    return ColorFacts(
        range=_RANGES.get(range_, UNKNOWN),
        primaries=_PRIMARIES.get(primaries, UNKNOWN),
        transfer=_TRANSFERS.get(transfer, UNKNOWN),
        matrix=_MATRICES.get(matrix, UNKNOWN),
    )


def hdr_facts(
    transfer: str, codec_tag: str, side_data: Mapping[str, bytes], profile: int | None = None
) -> HdrFacts:
    """What kind of HDR this is.

    Args:
        transfer: ffmpeg's name of the transfer function.
        codec_tag: the container's four-letter code.
        side_data: the first frame's side data by libavutil's type name.
        profile: the Dolby Vision profile the container states.
    """
    mastering = _mastering(side_data.get("MASTERING_DISPLAY_METADATA", b""))
    max_cll, max_fall = _light(side_data.get("CONTENT_LIGHT_LEVEL", b""))
    is_dolby = codec_tag.lower() in _DOLBY_TAGS or profile is not None
    if is_dolby or "DOVI_METADATA" in side_data or "DOVI_RPU_BUFFER" in side_data:
        return HdrFacts("dolby_vision", mastering, max_cll, max_fall, profile)
    if transfer == "arib-std-b67":
        return HdrFacts("hlg", mastering, max_cll, max_fall)
    if transfer == "smpte2084":
        is_hdr10 = mastering is not None or max_cll is not None
        return HdrFacts("hdr10" if is_hdr10 else "pq", mastering, max_cll, max_fall)
    return HdrFacts("sdr", mastering, max_cll, max_fall)


def _mastering(data: bytes) -> str | None:
    """x265's text for an AVMasteringDisplayMetadata.

    The struct is ten pairs numerator/denominator (red, green, blue, white as x y; then
    the least and the greatest luminance) and two flags.
    """
    if len(data) < _MASTERING.size:
        return None
    values = _MASTERING.unpack_from(data)
    pairs = list(zip(values[0:20:2], values[1:20:2], strict=True))
    has_primaries, has_luminance = values[20], values[21]
    if not (has_primaries and has_luminance) or any(bottom == 0 for _, bottom in pairs):
        return None
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = (
        round(top * 50000 / bottom) for top, bottom in pairs[:8]
    )
    least, greatest = (round(top * 10000 / bottom) for top, bottom in pairs[8:])
    return (
        f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})"
        f"WP({white_x},{white_y})L({greatest},{least})"
    )


def _light(data: bytes) -> tuple[int | None, int | None]:
    """MaxCLL and MaxFALL; 0 means not known (CTA-861.3)."""
    if len(data) < _LIGHT.size:
        return None, None
    max_cll, max_fall = _LIGHT.unpack_from(data)
    return max_cll or None, max_fall or None
