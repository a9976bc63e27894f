"""HLS playlists and DASH manifests that ffmpeg wrote: read, and completed where it says too little.

ffmpeg states no codec for HEVC that is copied, no frame rate in the master playlist, and the
mean where DASH wants a bandwidth that is enough. Source: RFC 8216; ISO/IEC 23009-1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree

from vmafkit.errors import ResultInvalid

_MPD = "urn:mpeg:dash:schema:mpd:2011"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, slots=True)
class Segments:
    """One stream cut into files.

    Attributes:
        init: name of the initialisation segment.
        names: of the media segments, in order.
        durations_s: of each.
    """

    init: str
    names: tuple[str, ...]
    durations_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """One rung as a manifest describes it.

    Attributes:
        uri: of its playlist, below the master playlist.
        codecs: its word for the video.
        peak_bps, average_bps: of the video's segments, with their container.
        video_range: `SDR`, `PQ` or `HLG`.
    """

    uri: str
    width: int
    height: int
    framerate: Fraction
    codecs: str
    peak_bps: int
    average_bps: int
    video_range: str = "SDR"


@dataclass(frozen=True, slots=True)
class Sound:
    """The audio rendition that every variant plays."""

    uri: str
    codecs: str
    channels: int
    peak_bps: int
    average_bps: int
    language: str = ""


def read_playlist(text: str) -> Segments:
    """The segments of an HLS media playlist.

    Raises:
        ResultInvalid: it is not complete.
    """
    init = re.search(r'^#EXT-X-MAP:URI="([^"]+)"', text, re.MULTILINE)
    found = re.findall(r"^#EXTINF:([0-9.]+),.*\n([^#\n].*)$", text, re.MULTILINE)
    if init is None or not found or "#EXT-X-ENDLIST" not in text:
        raise ResultInvalid("the HLS playlist that ffmpeg wrote is not complete")
    names = tuple(name.strip() for _, name in found)
    return Segments(init[1], names, tuple(float(length) for length, _ in found))


def master_playlist(variants: Sequence[Variant], sound: Sound | None = None) -> str:
    """An HLS master playlist."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if sound is not None:
        language = f',LANGUAGE="{sound.language}"' if sound.language else ""
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio"{language},DEFAULT=YES,'
            f'AUTOSELECT=YES,CHANNELS="{sound.channels}",URI="{sound.uri}"'
        )
    for variant in variants:
        lines += [_stream_line(variant, sound), variant.uri]
    return "\n".join(lines) + "\n"


def read_mpd(text: str) -> dict[str, Segments]:
    """The segments of every representation of a DASH manifest that ffmpeg wrote.

    Raises:
        ResultInvalid: it is not complete.
    """
    found: dict[str, Segments] = {}
    for representation in _root(text).iter(f"{{{_MPD}}}Representation"):
        name = representation.get("id", "")
        template = representation.find(f"{{{_MPD}}}SegmentTemplate")
        if template is None:
            raise ResultInvalid("the DASH manifest that ffmpeg wrote has no segments")
        scale = int(template.get("timescale", "1"))
        lengths: list[float] = []
        for part in template.iter(f"{{{_MPD}}}S"):
            lengths += [int(part.get("d", "0")) / scale] * (int(part.get("r", "0")) + 1)
        first = int(template.get("startNumber", "1"))
        media = template.get("media", "").replace("$RepresentationID$", name)
        names = tuple(
            re.sub(r"\$Number%0(\d+)d\$", lambda m, n=n: f"{n:0{int(m[1])}d}", media)
            for n in range(first, first + len(lengths))
        )
        init = template.get("initialization", "").replace("$RepresentationID$", name)
        found[name] = Segments(init, names, tuple(lengths))
    if not found:
        raise ResultInvalid("the DASH manifest that ffmpeg wrote has no representation")
    return found


def completed_mpd(text: str, codecs: Mapping[str, str], peaks_bps: Mapping[str, int]) -> str:
    """The manifest with these codecs and bandwidths by representation, and exact durations."""
    root = _root(text)
    for representation in root.iter(f"{{{_MPD}}}Representation"):
        name = representation.get("id", "")
        representation.set("codecs", codecs[name])
        representation.set("bandwidth", str(peaks_bps[name]))
    segments = read_mpd(text)
    longest = max(sum(each.durations_s) for each in segments.values())
    segment = max(length for each in segments.values() for length in each.durations_s)
    root.set("mediaPresentationDuration", f"PT{longest:.3f}S")
    root.set("maxSegmentDuration", f"PT{segment:.3f}S")
    root.set("minBufferTime", f"PT{segment:.3f}S")
    ElementTree.register_namespace("", _MPD)
    ElementTree.register_namespace("xsi", _XSI)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _stream_line(variant: Variant, sound: Sound | None) -> str:
    peak, average, codecs = variant.peak_bps, variant.average_bps, variant.codecs
    if sound is not None:
        peak, average = peak + sound.peak_bps, average + sound.average_bps
        codecs = f"{codecs},{sound.codecs}"
    words = [
        f"BANDWIDTH={peak}",
        f"AVERAGE-BANDWIDTH={average}",
        f'CODECS="{codecs}"',
        f"RESOLUTION={variant.width}x{variant.height}",
        f"FRAME-RATE={float(variant.framerate):.3f}",
        f"VIDEO-RANGE={variant.video_range}",
    ]
    words += ['AUDIO="audio"'] if sound is not None else []
    return f"#EXT-X-STREAM-INF:{','.join(words)}"


def _root(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ResultInvalid("the DASH manifest that ffmpeg wrote is not whole") from error
