"""The door to libavformat: which formats are opened, and how.

PyAV hands protocol_whitelist and format_whitelist to libavformat, which checks a format
before it is opened, so a list of other files is never followed.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import Refused, TooLarge, Unreadable
from vmafkit.ffmpeg.words import INPUT_FORMATS
from vmafkit.media.hashing import show
from vmafkit.media.tally import MAX_PIXELS

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.video.stream import VideoStream

FORMATS = INPUT_FORMATS


class OtherFormat(Refused):
    """libavformat knows the format, but it is not on the list."""

    @classmethod
    def of(cls, name: str, error: Exception) -> OtherFormat:
        """The error for a file shown by this name."""
        return cls(
            f"{name} is not in a format that is read here",
            hint="convert it to MP4, Matroska or y4m;"
            " raw samples need --width, --height, --pix-fmt",
            detail=str(error),
        )


class Undemuxable(Unreadable):
    """libavformat makes nothing of the file."""

    @classmethod
    def of(cls, name: str, error: Exception) -> Undemuxable:
        """The error for a file shown by this name."""
        return cls(
            f"{name} is damaged, cut short or not a video",
            hint="check that it plays, or write it again",
            detail=str(error),
        )


@contextmanager
def opened(path: Path, only: str = FORMATS) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open a container and choose its first moving video stream.

    Args:
        path: absolute.
        only: libavformat's names of the formats to take, joined by commas.

    Raises:
        OtherFormat, Undemuxable: the file is not in one of these formats, or damaged.
        Unreadable: there is no video stream.
        Refused: its codec is not known.
        TooLarge: frames of more than 8192 x 8192 samples.
    """
    import av
    from av.error import ArgumentError, FFmpegError

    name = show(path)
    # file: keeps libavformat from reading a protocol or a pattern out of the name.
    options = {"protocol_whitelist": "file", "format_whitelist": only}
    try:
        with av.open(f"file:{path}", "r", options=options, metadata_errors="replace") as container:
            yield container, _video_stream(container, name)
    except ArgumentError as error:
        # libavformat's answer to a format that is not on the list.
        raise OtherFormat.of(name, error) from None
    except (FFmpegError, ValueError, EOFError) as error:
        raise Undemuxable.of(name, error) from None


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    from av.stream import Disposition

    streams = container.streams.video
    moving = [s for s in streams if not s.disposition & Disposition.attached_pic]
    if not moving:
        kind = "only sound" if container.streams.audio else "no video stream"
        raise Unreadable(f"{name} holds {kind}", hint="name a file with a video stream")
    stream = moving[0]
    context = stream.codec_context
    if context is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise Refused(f"the codec of {name} cannot be decoded here", hint="convert it first")
    if context.width * context.height > MAX_PIXELS:
        raise TooLarge(
            f"{name} says that its frames are {context.width}x{context.height}",
            hint="8192x8192 samples are read at most",
        )
    context.thread_count = 1
    return stream
