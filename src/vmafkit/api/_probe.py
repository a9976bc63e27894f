"""The verb `probe`: what a video is, counted and decoded."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from vmafkit.api._words import raw_geometry
from vmafkit.media.demux import opened
from vmafkit.media.hashing import show
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source

_OF_THIS_DISK = ("path", "mtime_ns", "inode", "raw")


def probe(
    source: str | Path,
    *,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
) -> dict[str, Any]:
    """Count and decode what a video is.

    Args:
        width, height, pix_fmt, framerate: of a raw file; sizes in samples.

    Returns:
        The facts of `media.source.Source`, JSON-ready, and `tags`: text found in the file.

    Raises:
        UsageError, InputError: the file cannot be used, or the geometry is wrong.
    """
    found = open_source(source, raw=raw_geometry(width, height, pix_fmt, framerate))
    facts = {name: value for name, value in asdict(found).items() if name not in _OF_THIS_DISK}
    return {
        "type": "source",
        "source": show(found.path),
        **facts,
        "sar": str(found.sar),
        "framerate": str(found.framerate),
        "bitrate_kbps": found.bitrate_kbps,
        "tags": _tags(found),
    }


def _tags(source: Source) -> dict[str, str]:
    if source.raw is not None or source.container == "rawvideo":
        return {}
    with opened(source.path) as (container, stream):
        of_video = {f"video {name}": text for name, text in stream.metadata.items()}
        return {**container.metadata, **of_video}
