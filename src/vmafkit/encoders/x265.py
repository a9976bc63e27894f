"""libx265: HEVC in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import X264_PRESETS, built_with, version_after, zones_in

_CRF = Quality("crf", 0, 51, 0.1, 28, higher_is_better=False)


def _threads(threads: int) -> tuple[str, ...]:
    # ffmpeg does not hand -threads to x265; two frames at a time is its own floor for speed.
    frames = min(threads, 2)
    return ("-x265-params", f"pools={threads}:frame-threads={frames}")


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    words = ("-preset", settings.preset, "-crf", _CRF.word(settings.quality))
    return command("libx265", settings, words, threads=_threads)


ENCODER = Encoder(
    name="libx265",
    codec="hevc",
    quality=_CRF,
    presets=X264_PRESETS,
    default_preset="medium",
    pix_fmts=(
        *("yuv420p", "yuv422p", "yuv444p", "gray"),
        *("yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"),
        *("yuv420p12le", "yuv422p12le", "yuv444p12le", "gray12le"),
    ),
    args=_args,
    version_from_log=version_after(r"HEVC encoder version (\S+)"),
    aliases=("x265", "hevc", "h265"),
    install_hint=built_with("libx265"),
    zones=zones_in("-x265-params"),
)
