"""The versions that a trial's key carries."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from vmafkit import fsio
from vmafkit.encoders import Encoder, EncodeSettings
from vmafkit.errors import CapabilityMissing, ToolFailed, ToolTimeout
from vmafkit.ffmpeg.capabilities import Capabilities
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.proc import Limits
from vmafkit.store.spec import Toolchain

_TRY_SIZE = "320x192"
_TRY_LIMITS = Limits(wall_s=60.0, hint="it did not answer; name another --ffmpeg-bin")


def toolchain(
    capabilities: Capabilities, encoder: Encoder, *, timeout_s: float | None = None
) -> Toolchain:
    """What computes the trials of this encoder.

    Args:
        timeout_s: bound on the program, where it has to be asked.

    Raises:
        CapabilityMissing: the ffmpeg lacks the encoder or libvmaf.
        ToolFailed, ToolTimeout, ResultInvalid: the encoder's version cannot be found out.
    """
    capabilities.require_libvmaf()
    capabilities.require_encoder(encoder.name)
    return Toolchain(
        ffmpeg_version=capabilities.version,
        ffmpeg_sha256=capabilities.sha256,
        encoder_version=(
            "" if _is_self_contained(capabilities) else _version(capabilities, encoder, timeout_s)
        ),
    )


def require_working(
    capabilities: Capabilities, encoder: Encoder, *, timeout_s: float | None = None
) -> None:
    """Refuse an encoder that is not here, or whose hardware is not.

    Args:
        timeout_s: as for `toolchain`.

    Raises:
        CapabilityMissing: with the way out.
    """
    capabilities.require_encoder(encoder.name)
    if not encoder.hardware:
        return
    try:
        _version(capabilities, encoder, timeout_s)
    except ToolTimeout:
        raise
    except ToolFailed as error:
        raise CapabilityMissing(
            f"{encoder.name} does not work on this machine: {error.message}",
            hint=hardware_hint(encoder),
            detail=error.detail,
        ) from error


def hardware_hint(encoder: Encoder) -> str:
    """What an encoder with hardware needs."""
    return f"it needs {encoder.hardware} hardware and its driver"


def try_encoder(
    program: Path, encoder: Encoder, frames: int = 5, *, timeout_s: float | None = None
) -> str | None:
    """Encode a few made frames: the encoder's version, or None where its log does not say.

    Raises:
        EncodeFailed and the like: it does not work on this machine.
    """
    settings = EncodeSettings(
        preset=encoder.presets[0],
        quality=encoder.quality.default,
        pix_fmt=encoder.pix_fmts[0],
        threads=1,
    )
    with fsio.scratch_folder() as folder:
        output = folder / f"try.{encoder.container}"
        finished = run_ffmpeg(
            program,
            [
                "-f", "lavfi", "-i", f"testsrc2=size={_TRY_SIZE}:rate=25",
                "-frames:v", str(frames), *encoder.argv(settings), f"file:{output}",
            ],
            cwd=folder,
            job=Job(limits=_TRY_LIMITS.within(timeout_s)),
            what=encoder.name,
        )  # fmt: skip
        from vmafkit.execute.encode import accept_encode

        accept_encode(output, frames)
    return encoder.version_from_log(finished.stderr_tail)


def _is_self_contained(capabilities: Capabilities) -> bool:
    # The wheel's program holds its encoders inside itself, so its hash names them all.
    return "imageio_ffmpeg" in Path(capabilities.path).parts


# A failure is not remembered: a version must never depend on a bad moment.
@lru_cache(maxsize=64)
def _known_version(path: str, sha256: str, name: str, timeout_s: float | None) -> str:
    from vmafkit.encoders import get

    try:
        return try_encoder(Path(path), get(name), frames=1, timeout_s=timeout_s) or ""
    except ToolFailed as error:
        error.hint = error.hint or "try again; `vmafkit doctor` tries every encoder"
        raise


def _version(capabilities: Capabilities, encoder: Encoder, timeout_s: float | None) -> str:
    return _known_version(capabilities.path, capabilities.sha256, encoder.name, timeout_s)
