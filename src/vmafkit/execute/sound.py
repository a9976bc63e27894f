"""The sound of a source as packages carry it: every track, as AAC."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vmafkit.media.demux import opened
from vmafkit.media.source import Source

_AAC_BPS = 64_000
_MOST_AAC_BPS = 384_000
# ISO 639, as Matroska and MP4 write it; `und` says that nobody knows.
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Track:
    """One sound track.

    Attributes:
        name: of its folder and in the manifests, such as `audio2`.
        words: ffmpeg's words for it; AAC goes along as it is, all else is encoded to AAC.
        channels: how many.
        language: ISO 639 code; empty where it is not known.
    """

    name: str
    words: tuple[str, ...]
    channels: int
    language: str


def tracks_of(source: Source) -> tuple[Track, ...]:
    """All sound tracks in the order of the source.

    Raises:
        InputError: the source cannot be opened any more.
    """
    if not source.has_audio:
        return ()
    with opened(source.path) as (container, _):
        found: list[Track] = []
        for number, stream in enumerate(container.streams.audio):
            context = stream.codec_context
            is_plain = context.name == "aac" and context.profile == "LC"
            rate = min(_MOST_AAC_BPS, _AAC_BPS * max(1, context.channels))
            language = stream.metadata.get("language", "")
            if not _LANGUAGE.fullmatch(language) or language == "und":
                language = ""
            found.append(
                Track(
                    name="audio" if number == 0 else f"audio{number + 1}",
                    words=(
                        *_coding(number, rate, is_plain=is_plain),
                        *((f"-metadata:s:a:{number}", f"language={language}") if language else ()),
                    ),
                    channels=context.channels,
                    language=language,
                )
            )
    return tuple(found)


def left_out(source: Source) -> tuple[str, ...]:
    """What packages do not carry, in words: all that is neither the video nor sound.

    Raises:
        InputError: the source cannot be opened any more.
    """
    if source.raw is not None:
        return ()
    with opened(source.path) as (container, video):
        found = [
            f"stream {stream.index} ({_what(stream)}) is not in the packages"
            for stream in container.streams
            if stream.type != "audio" and stream.index != video.index
        ]
        chapters = len(container.chapters())
    if chapters:
        found.append(f"{chapters} chapters are not in the packages")
    return tuple(found)


def _coding(number: int, rate: int, *, is_plain: bool) -> tuple[str, ...]:
    if is_plain:
        return (f"-c:a:{number}", "copy")
    return (f"-c:a:{number}", "aac", f"-b:a:{number}", str(rate))


def _what(stream: object) -> str:
    kind = str(getattr(stream, "type", "data"))
    context = getattr(stream, "codec_context", None)
    return f"{kind} {context.codec.canonical_name}" if context is not None else kind
