"""NVENC: H.264, HEVC and AV1 on NVIDIA GPUs."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Words
from vmafkit.encoders.parts import on_hardware

_PRESETS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")


def _make(codec: str, hi: int, default: int, pix_fmts: tuple[str, ...]) -> Encoder:
    # 0 means "automatic" to NVENC and is no quality.
    quality = Quality("cq", 1, hi, 1, default, higher_is_better=False)

    def words(settings: EncodeSettings) -> Words:
        return (
            *("-preset", settings.preset, "-rc", "vbr"),
            *("-cq", quality.word(settings.quality), "-b:v", "0"),
        )

    return on_hardware(
        "nvenc",
        codec,
        quality,
        words,
        presets=_PRESETS,
        default_preset="p4",
        pix_fmts=pix_fmts,
        maker="nvidia",
        needs="an NVIDIA GPU with NVENC and its driver; see `nvidia-smi`",
    )


H264 = _make("h264", 51, 23, ("yuv420p", "nv12", "yuv444p"))
HEVC = _make("hevc", 51, 25, ("yuv420p", "nv12", "yuv444p", "p010le"))
AV1 = _make("av1", 63, 32, ("yuv420p", "nv12", "p010le"))
