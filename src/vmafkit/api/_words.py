"""Words that several verbs share: raw geometry, models, notes on a source."""

from __future__ import annotations

from pathlib import Path

from vmafkit.errors import UsageError
from vmafkit.media.source import RawGeometry, Source
from vmafkit.media.timing import rate_from
from vmafkit.scoring.vmaf_models import VmafModel, model_by_id, model_from_file


def raw_geometry(
    width: int | None, height: int | None, pix_fmt: str | None, framerate: str | None
) -> RawGeometry | None:
    """The geometry of a raw file; None where no flag was given.

    Raises:
        UsageError: only a part of it was given, or the rate is no rate.
    """
    if width is None and height is None:
        if pix_fmt or framerate:
            raise UsageError("--pix-fmt and --framerate need --width and --height")
        return None
    if width is None or height is None:
        raise UsageError("--width and --height go together")
    try:
        rate = rate_from(framerate or "25")
    except ValueError:
        raise UsageError(
            f"--framerate {framerate!r} is not a rate", hint="write 25 or 30000/1001"
        ) from None
    return RawGeometry(width, height, pix_fmt or "yuv420p", rate)


def model_of(word: str) -> VmafModel:
    """A model by id, alias or `path=FILE`.

    Raises:
        UsageError, Unreadable: there is none.
    """
    if word.startswith("path="):
        return model_from_file(Path(word.removeprefix("path=")))
    return model_by_id(word.removeprefix("version="))


def source_notes(source: Source) -> list[str]:
    """What a reader of any result on this source must know of it."""
    notes: list[str] = []
    if source.is_vfr:
        notes.append("the frame rate varies: frames are matched by number and keep their times")
    if source.hdr.kind != "sdr":
        notes.append(f"{source.hdr.kind.upper()} video scored with a model for SDR video")
    return notes
