"""libaom: AV1 in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import built_with, version_after

_CRF = Quality("crf", 0, 63, 1, 35, higher_is_better=False)
_PRESETS = tuple(str(number) for number in range(8, -1, -1))


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    crf = _CRF.word(settings.quality)
    words = ("-cpu-used", settings.preset, "-crf", crf, "-b:v", "0", "-row-mt", "1")
    return command("libaom-av1", settings, words)


ENCODER = Encoder(
    name="libaom-av1",
    codec="av1",
    quality=_CRF,
    presets=_PRESETS,
    default_preset="6",
    pix_fmts=(
        *("yuv420p", "yuv422p", "yuv444p", "gray"),
        *("yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"),
        *("yuv420p12le", "yuv422p12le", "yuv444p12le", "gray12le"),
    ),
    args=_args,
    version_from_log=version_after(r"\[libaom-av1 @ \w+\] v(\d\S*)"),
    aliases=("aom", "aomenc", "libaom"),
    install_hint=built_with("libaom"),
)
