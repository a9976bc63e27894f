"""Quick Sync Video: H.264, HEVC, AV1 and VP9 on Intel GPUs."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Words
from vmafkit.encoders.parts import on_hardware

_PRESETS = ("veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


def _make(codec: str, default: int, pix_fmts: tuple[str, ...]) -> Encoder:
    quality = Quality("global_quality", 1, 51, 1, default, higher_is_better=False)

    def words(settings: EncodeSettings) -> Words:
        level = quality.word(settings.quality)
        return ("-preset", settings.preset, "-global_quality", level)

    return on_hardware(
        "qsv",
        codec,
        quality,
        words,
        presets=_PRESETS,
        default_preset="medium",
        pix_fmts=pix_fmts,
        maker="intel",
        needs="an Intel GPU with Quick Sync and its oneVPL runtime",
    )


H264 = _make("h264", 23, ("nv12",))
HEVC = _make("hevc", 25, ("nv12", "p010le"))
AV1 = _make("av1", 28, ("nv12", "p010le"))
VP9 = _make("vp9", 28, ("nv12", "p010le"))
