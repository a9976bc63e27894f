"""Finds ffmpeg: the one asked for, the environment's, then the wheel's."""

from __future__ import annotations

import shutil
from pathlib import Path

from vmafkit import settings
from vmafkit.errors import ToolMissing


def find_ffmpeg(explicit: str | Path | None = None) -> Path:
    """The ffmpeg to use.

    Args:
        explicit: from `--ffmpeg-bin`; it wins over VMAFKIT_FFMPEG and the wheel.

    Raises:
        ToolMissing: the named program is not there, or there is none at all.
    """
    for origin, named in (
        ("--ffmpeg-bin", explicit),
        ("VMAFKIT_FFMPEG", settings.ffmpeg_from_environment()),
    ):
        if named:
            found = shutil.which(str(named))
            if found is None:
                raise ToolMissing(
                    f"{origin} names {named}, which is not an executable file",
                    hint="correct the path, or leave it out to use the ffmpeg of the wheel",
                )
            return Path(found).absolute()
    return _from_wheel()


def _from_wheel() -> Path:
    try:
        import imageio_ffmpeg  # pyright: ignore[reportMissingTypeStubs]

        return Path(str(imageio_ffmpeg.get_ffmpeg_exe())).absolute()
    except (ImportError, RuntimeError) as error:
        raise ToolMissing(
            "no ffmpeg was found",
            hint="pip install imageio-ffmpeg, or name one with --ffmpeg-bin or VMAFKIT_FFMPEG",
        ) from error
