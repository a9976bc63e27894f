"""Words that several verbs share: raw geometry, models."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.media.source import RawGeometry
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
        rate = Fraction(framerate or 25)
    except (ValueError, ZeroDivisionError):
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


def model_key(model: VmafModel) -> str:
    """What stands for a model in a trial's key; a file's id too, as its columns are named by it."""
    return f"file:{model.id}:{fsio.sha256_file(model.path)}" if model.path else model.id
