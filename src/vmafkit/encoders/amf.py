"""AMF: H.264, HEVC and AV1 on AMD GPUs."""

from __future__ import annotations

from vmafkit.encoders.base import (
    Encoder,
    EncodeSettings,
    Quality,
    command,
    no_version,
    slower_by_one,
)

_PRESETS = ("speed", "balanced", "quality")


def _no_threads(threads: int) -> tuple[str, ...]:
    del threads
    return ()


def _make(codec: str, hi: int, default: int, pix_fmts: tuple[str, ...]) -> Encoder:
    name = f"{codec}_amf"
    quality = Quality("qp", 0, hi, 1, default, higher_is_better=False)

    def args(settings: EncodeSettings) -> tuple[str, ...]:
        level = quality.word(settings.quality)
        words = (
            *("-quality", settings.preset, "-rc", "cqp"),
            *("-qp_i", level, "-qp_p", level),
        )
        return command(name, settings, words, threads=_no_threads)

    return Encoder(
        name=name,
        codec=codec,
        quality=quality,
        presets=_PRESETS,
        default_preset="balanced",
        pix_fmts=pix_fmts,
        args=args,
        version_from_log=no_version,
        aliases=(f"amf-{codec}",),
        hardware="amd",
        threads_args=_no_threads,
        install_hint="it needs an AMD GPU with VCN and the AMF runtime of its driver",
        still_better_preset=slower_by_one(_PRESETS, last="quality"),
    )


H264 = _make("h264", 51, 23, ("yuv420p", "nv12"))
HEVC = _make("hevc", 51, 25, ("yuv420p", "nv12", "p010le"))
AV1 = _make("av1", 255, 110, ("yuv420p", "nv12", "p010le"))
