"""libx264: H.264 in software."""

from __future__ import annotations

import re

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import X264_PRESETS, built_with, zones_in

_CRF = Quality("crf", 0, 51, 0.1, 23, higher_is_better=False)


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    words = ("-preset", settings.preset, "-crf", _CRF.word(settings.quality))
    return command("libx264", settings, words)


def _version(log: str) -> str | None:
    # `core 165` counts the library's interface; the log tells nothing finer.
    found = re.search(r"\b264 - core (\d+)", log)
    return f"core {found[1]}" if found else None


ENCODER = Encoder(
    name="libx264",
    codec="h264",
    quality=_CRF,
    presets=X264_PRESETS,
    default_preset="medium",
    pix_fmts=(
        *("yuv420p", "yuv422p", "yuv444p", "nv12", "gray"),
        *("yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"),
    ),
    args=_args,
    version_from_log=_version,
    aliases=("x264", "h264", "avc"),
    install_hint=built_with("libx264"),
    zones=zones_in("-x264-params"),
)
