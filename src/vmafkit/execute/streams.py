"""What else is in a source beside the video that is encoded, and how a container carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import UsageError
from vmafkit.media.demux import opened
from vmafkit.media.hashing import show
from vmafkit.media.source import Source

if TYPE_CHECKING:
    from av.stream import Stream

SUFFIXES = (".mkv", ".mp4")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MP4_AUDIO = _set("aac mp1 mp2 mp3 ac3 eac3 opus flac alac dts truehd als ac4 mlp vorbis")
_TEXT_SUBTITLES = _set("subrip srt ass ssa webvtt mov_text text")
_MKV_SUBTITLES = _set(
    "subrip ass ssa webvtt hdmv_pgs_subtitle dvd_subtitle dvb_subtitle text arib_caption"
)


@dataclass(frozen=True, slots=True)
class Carried:
    """One stream of the source that goes into the final file.

    Attributes:
        index: in the source.
        kind: `audio`, `subtitle`, `attachment` or `video` (a picture, another angle).
        codec: ffmpeg's word: `copy`, or the text format of subtitles.
    """

    index: int
    kind: str
    codec: str


@dataclass(frozen=True, slots=True)
class Streams:
    """What the final file holds beside its first video stream.

    Attributes:
        carried: in the order of the source.
        dropped: what cannot be carried, in words.
        chapters: how many there are.
        start_s: when the first video frame is shown, after the source's start.
        video_tags: language and title of the video, as far as they are there.
    """

    carried: tuple[Carried, ...]
    dropped: tuple[str, ...]
    chapters: int
    start_s: float
    video_tags: tuple[tuple[str, str], ...]


def final_suffix(output: Path) -> str:
    """The output's suffix, when it is one that a final file can have.

    Raises:
        UsageError: it is not.
    """
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"--output {show(output)} does not end in {' or '.join(SUFFIXES)}",
            hint="name it .mkv, which carries everything, or .mp4",
        )
    return suffix


def read_streams(source: Source, suffix: str) -> Streams:
    """Plan what is carried over into a container.

    Args:
        suffix: one of SUFFIXES.

    Raises:
        UsageError: a stream has no place in that container.
        InputError: the source cannot be opened any more.
    """
    if source.codec == "rawvideo":
        return Streams((), (), 0, 0.0, ())
    with opened(source.path) as (container, video):
        carried: list[Carried] = []
        dropped: list[str] = []
        for stream in container.streams:
            if stream.index == video.index:
                continue
            found = _carry(stream, suffix, source)
            if isinstance(found, str):
                dropped.append(found)
            else:
                carried.append(found)
        base = video.time_base
        begin = container.start_time or 0
        first_s = float((video.start_time or 0) * base) if base else 0.0
        tags = tuple(
            (name, video.metadata[name]) for name in ("language", "title") if name in video.metadata
        )
        chapters = len(container.chapters())
        start_s = max(0.0, first_s - begin / 1_000_000)
    return Streams(tuple(carried), tuple(dropped), chapters, start_s, tags)


def count_streams(path: Path) -> tuple[dict[str, int], int]:
    """(streams by kind, chapters) of a file.

    Raises:
        InputError: it cannot be opened.
    """
    counts: dict[str, int] = {}
    with opened(path) as (container, _):
        for stream in container.streams:
            counts[stream.type] = counts.get(stream.type, 0) + 1
        chapters = len(container.chapters())
    return counts, chapters


def _carry(stream: Stream, suffix: str, source: Source) -> Carried | str:
    handler = {
        "audio": _audio,
        "subtitle": _subtitle,
        "attachment": _attachment,
        "video": _picture,
    }.get(stream.type)
    if handler is None:
        return f"stream {stream.index} ({stream.type}) has no place in a {suffix} file"
    return _made(handler, stream, suffix, source)


_Handler = Callable[[str, str], str]


def _made(handler: _Handler, stream: Stream, suffix: str, source: Source) -> Carried | str:
    context = getattr(stream, "codec_context", None)
    codec = str(context.codec.canonical_name) if context is not None else ""
    word = handler(codec, suffix)
    if word:
        return Carried(stream.index, stream.type, word)
    what = f"stream {stream.index} ({' '.join((stream.type, codec)).strip()})"
    if suffix == ".mp4":
        raise UsageError(
            f"{show(source.path)}: {what} has no place in an .mp4 file",
            hint="name the output .mkv, which carries it",
        )
    return f"{what} has no place in a {suffix} file"


def _audio(codec: str, suffix: str) -> str:
    return "copy" if suffix == ".mkv" or codec in _MP4_AUDIO else ""


def _subtitle(codec: str, suffix: str) -> str:
    if suffix == ".mp4":
        text = "mov_text" if codec in _TEXT_SUBTITLES else ""
        return "copy" if codec == "mov_text" else text
    if codec == "mov_text":
        return "srt"
    return "copy" if codec in _MKV_SUBTITLES else ""


def _attachment(codec: str, suffix: str) -> str:
    del codec
    return "copy" if suffix == ".mkv" else ""


def _picture(codec: str, suffix: str) -> str:
    del codec, suffix
    return "copy"
