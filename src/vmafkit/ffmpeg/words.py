"""The safe words of ffmpeg's command line.

A path from a user becomes one argument, absolute and behind the `file:` protocol, so
that it can never be read as an option, a protocol or an image pattern. No user text
ever enters a filter graph: filters write to fixed names in a private folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

INPUT_PROTOCOLS = "file"
INPUT_FORMATS = "mov,matroska,webm,yuv4mpegpipe,ivf,mpegts,avi,flv,h264,hevc,vvc,obu,ogg"
MAX_PIXELS = 8192 * 8192


class RawVideo(Protocol):
    """What must be said of a file that does not describe itself."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def pix_fmt(self) -> str: ...
    @property
    def framerate(self) -> object: ...


def base_words(program: Path) -> tuple[str, ...]:
    """The words every call begins with."""
    return (str(program), "-hide_banner", "-nostdin", "-nostats", "-y")


def input_words(path: Path, *, raw: RawVideo | None = None) -> tuple[str, ...]:
    """The words that open one input, and nothing the input points to."""
    words: tuple[str, ...] = ("-protocol_whitelist", INPUT_PROTOCOLS)
    if raw is not None:
        words += (
            "-f", "rawvideo",
            "-pixel_format", raw.pix_fmt,
            "-video_size", f"{raw.width}x{raw.height}",
            "-framerate", str(raw.framerate),
        )  # fmt: skip
    else:
        words += ("-format_whitelist", INPUT_FORMATS, "-max_pixels", str(MAX_PIXELS))
    return (*words, "-i", f"file:{path.absolute()}")


def output_word(path: Path) -> str:
    """The word that names one output file."""
    return f"file:{path.absolute()}"
