"""The facts about one source video, as plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

HdrKind = Literal["sdr", "hdr10", "pq", "hlg", "dolby_vision"]
Rotation = Literal[0, 90, 180, 270]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RawGeometry:
    """What a headerless file cannot say about itself.

    Attributes:
        width: luma samples per line.
        height: lines per frame.
        pix_fmt: ffmpeg's name of the sample layout.
        framerate: frames per second, above 0.
    """

    width: int
    height: int
    pix_fmt: str = "yuv420p"
    framerate: Fraction = Fraction(25)


@dataclass(frozen=True, slots=True)
class ColorFacts:
    """Colour description in ffmpeg's names; 'unknown' where the video does not say."""

    range: str = UNKNOWN
    primaries: str = UNKNOWN
    transfer: str = UNKNOWN
    matrix: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class HdrFacts:
    """High dynamic range description.

    Attributes:
        kind: 'pq' is PQ without mastering facts; 'hdr10' is PQ with them.
        mastering_display: x265's G()B()R()WP()L() text, chromaticity in 1/50000 and
            luminance in 1/10000 cd/m2.
        max_cll: brightest pixel, cd/m2.
        max_fall: brightest frame average, cd/m2.
        dolby_vision_profile: 4, 5, 7, 8, 9, 10 or 20 where the container says it.
    """

    kind: HdrKind = "sdr"
    mastering_display: str | None = None
    max_cll: int | None = None
    max_fall: int | None = None
    dolby_vision_profile: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One source video as it was found.

    Attributes:
        path: absolute; otherwise as given (links are not resolved).
        container: libavformat's name; 'rawvideo' for headerless files.
        codec: the coding standard's name, such as 'h264' or 'av1'.
        width: samples per line as decoded, before rotation.
        height: lines as decoded, before rotation.
        rotation: degrees counter-clockwise that a player turns the picture.
        sar: width of one sample over its height; 1 where unknown.
        pix_fmt: ffmpeg's name of the decoded sample layout.
        bit_depth: bits per sample.
        framerate: frames per second; the average where is_vfr.
        is_vfr: frame durations really differ (more than clock rounding).
        frame_count: shown frames counted by demuxing; never the header's claim.
        duration_s: from the counted frames' times.
        color: colour description.
        hdr: high dynamic range description.
        raw: the geometry the user gave; None for containers.
        size_bytes: file size.
        mtime_ns: modification time.
        inode: inode number.
        video_bits: 8 x the bytes of the first video stream's packets.
        has_audio: a sound stream is there.
        start_s: when the first frame is shown.
    """

    path: Path
    container: str
    codec: str
    width: int
    height: int
    rotation: Rotation
    sar: Fraction
    pix_fmt: str
    bit_depth: int
    framerate: Fraction
    is_vfr: bool
    frame_count: int
    duration_s: float
    color: ColorFacts
    hdr: HdrFacts
    raw: RawGeometry | None
    size_bytes: int
    mtime_ns: int
    inode: int
    video_bits: int
    has_audio: bool
    start_s: float = 0.0

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in samples after rotation; the sample aspect ratio is not applied."""
        if self.rotation in (90, 270):
            return self.height, self.width
        return self.width, self.height

    @property
    def bitrate_kbps(self) -> float:
        """Video bits per second over 1000; 0 for a video without duration."""
        return self.video_bits / self.duration_s / 1000 if self.duration_s > 0 else 0.0
