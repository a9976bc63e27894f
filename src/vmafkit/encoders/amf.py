"""AMF: H.264, HEVC and AV1 on AMD GPUs."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Words
from vmafkit.encoders.parts import on_hardware

_PRESETS = ("speed", "balanced", "quality")


def _make(codec: str, hi: int, default: int, pix_fmts: tuple[str, ...]) -> Encoder:
    quality = Quality("qp", 0, hi, 1, default, higher_is_better=False)

    def words(settings: EncodeSettings) -> Words:
        level = quality.word(settings.quality)
        return (
            *("-quality", settings.preset, "-rc", "cqp"),
            *("-qp_i", level, "-qp_p", level),
        )

    return on_hardware(
        "amf",
        codec,
        quality,
        words,
        presets=_PRESETS,
        default_preset="balanced",
        pix_fmts=pix_fmts,
        maker="amd",
        needs="an AMD GPU with VCN and the AMF runtime of its driver",
    )


H264 = _make("h264", 51, 23, ("yuv420p", "nv12"))
HEVC = _make("hevc", 51, 25, ("yuv420p", "nv12", "p010le"))
AV1 = _make("av1", 255, 110, ("yuv420p", "nv12", "p010le"))
