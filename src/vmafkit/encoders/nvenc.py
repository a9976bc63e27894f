"""NVENC: H.264, HEVC and AV1 on NVIDIA GPUs."""

from __future__ import annotations

from vmafkit.encoders.base import (
    Encoder,
    EncodeSettings,
    Quality,
    command,
    no_version,
    slower_by_one,
)

_PRESETS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")


def _no_threads(threads: int) -> tuple[str, ...]:
    del threads
    return ()


def _make(codec: str, hi: int, default: int, pix_fmts: tuple[str, ...]) -> Encoder:
    name = f"{codec}_nvenc"
    # 0 means "automatic" to NVENC and is no quality.
    quality = Quality("cq", 1, hi, 1, default, higher_is_better=False)

    def args(settings: EncodeSettings) -> tuple[str, ...]:
        words = (
            *("-preset", settings.preset, "-rc", "vbr"),
            *("-cq", quality.word(settings.quality), "-b:v", "0"),
        )
        return command(name, settings, words, threads=_no_threads)

    return Encoder(
        name=name,
        codec=codec,
        quality=quality,
        presets=_PRESETS,
        default_preset="p4",
        pix_fmts=pix_fmts,
        args=args,
        version_from_log=no_version,
        aliases=(f"nvenc-{codec}",),
        hardware="nvidia",
        threads_args=_no_threads,
        install_hint="it needs an NVIDIA GPU with NVENC and its driver; see `nvidia-smi`",
        still_better_preset=slower_by_one(_PRESETS, last="p7"),
    )


H264 = _make("h264", 51, 23, ("yuv420p", "nv12", "yuv444p"))
HEVC = _make("hevc", 51, 25, ("yuv420p", "nv12", "yuv444p", "p010le"))
AV1 = _make("av1", 63, 32, ("yuv420p", "nv12", "p010le"))
