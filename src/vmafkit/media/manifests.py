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

_MOST_SEGMENTS = 1_000_000
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
    """One of the audio renditions that every variant plays."""

    uri: str
    codecs: str
    channels: int
    peak_bps: int
    average_bps: int
    language: str = ""
    name: str = "audio"


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
    try:
        return Segments(init[1], names, tuple(float(length) for length, _ in found))
    except ValueError:
        raise ResultInvalid(
            "the HLS playlist that ffmpeg wrote has a length that is none"
        ) from None


def master_playlist(variants: Sequence[Variant], sounds: Sequence[Sound] = ()) -> str:
    """An HLS master playlist; the first sound is the one that plays unless another is chosen."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for number, sound in enumerate(sounds):
        language = f',LANGUAGE="{sound.language}"' if sound.language else ""
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="{sound.name}"{language},'
            f"DEFAULT={'NO' if number else 'YES'},AUTOSELECT=YES,"
            f'CHANNELS="{sound.channels}",URI="{sound.uri}"'
        )
    for variant in variants:
        lines += [_stream_line(variant, sounds), variant.uri]
    return "\n".join(lines) + "\n"


def read_mpd(text: str) -> dict[str, Segments]:
    """The segments of every representation of a DASH manifest that ffmpeg wrote.

    Raises:
        ResultInvalid: it is not complete.
    """
    found: dict[str, Segments] = {}
    for representation in _root(text).iter(f"{{{_MPD}}}Representation"):
        template = representation.find(f"{{{_MPD}}}SegmentTemplate")
        if template is None:
            raise ResultInvalid("the DASH manifest that ffmpeg wrote has no segments")
        name = representation.get("id", "")
        try:
            found[name] = _segments(name, template)
        except (ValueError, ArithmeticError):
            raise ResultInvalid("the DASH manifest that ffmpeg wrote has odd numbers") from None
    if not found:
        raise ResultInvalid("the DASH manifest that ffmpeg wrote has no representation")
    return found


def _segments(name: str, template: ElementTree.Element) -> Segments:
    """Raises: ValueError, ArithmeticError when a number is none, or there are too many."""
    scale = int(template.get("timescale", "1"))
    lengths: list[float] = []
    for part in template.iter(f"{{{_MPD}}}S"):
        times = int(part.get("r", "0")) + 1
        if not 1 <= times <= _MOST_SEGMENTS - len(lengths):
            raise ValueError(times)
        lengths += [int(part.get("d", "0")) / scale] * times
    if not lengths or min(lengths) <= 0:
        raise ValueError(name)
    first = int(template.get("startNumber", "1"))
    media = template.get("media", "").replace("$RepresentationID$", name)
    names = tuple(
        re.sub(r"\$Number%0([1-9])d\$", lambda m, n=n: f"{n:0{int(m[1])}d}", media)
        for n in range(first, first + len(lengths))
    )
    init = template.get("initialization", "").replace("$RepresentationID$", name)
    return Segments(init, names, tuple(lengths))


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


def _stream_line(variant: Variant, sounds: Sequence[Sound]) -> str:
    # One sound plays at a time; the dearest of them bounds what a player must fetch.
    peak = variant.peak_bps + max((sound.peak_bps for sound in sounds), default=0)
    average = variant.average_bps + max((sound.average_bps for sound in sounds), default=0)
    codecs = ",".join([variant.codecs, *dict.fromkeys(sound.codecs for sound in sounds)])
    words = [
        f"BANDWIDTH={peak}",
        f"AVERAGE-BANDWIDTH={average}",
        f'CODECS="{codecs}"',
        f"RESOLUTION={variant.width}x{variant.height}",
        f"FRAME-RATE={float(variant.framerate):.3f}",
        f"VIDEO-RANGE={variant.video_range}",
    ]
    words += ['AUDIO="audio"'] if sounds else []
    return f"#EXT-X-STREAM-INF:{','.join(words)}"


def _root(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ResultInvalid("the DASH manifest that ffmpeg wrote is not whole") from error
