"""libvpx: VP9 in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import built_with, version_after

_CRF = Quality("crf", 0, 63, 1, 32, higher_is_better=False)
_PRESETS = tuple(str(number) for number in range(5, -1, -1))


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    words = (
        *("-deadline", "good", "-cpu-used", settings.preset),
        *("-crf", _CRF.word(settings.quality), "-b:v", "0", "-row-mt", "1"),
    )
    return command("libvpx-vp9", settings, words)


ENCODER = Encoder(
    name="libvpx-vp9",
    codec="vp9",
    quality=_CRF,
    presets=_PRESETS,
    default_preset="2",
    pix_fmts=(
        *("yuv420p", "yuv422p", "yuv440p", "yuv444p"),
        *("yuv420p10le", "yuv422p10le", "yuv440p10le", "yuv444p10le"),
        *("yuv420p12le", "yuv422p12le", "yuv440p12le", "yuv444p12le"),
    ),
    args=_args,
    version_from_log=version_after(r"\[libvpx-vp9 @ \w+\] v(\d\S*)"),
    aliases=("vp9", "vpx", "libvpx", "vpx-vp9"),
    install_hint=built_with("libvpx"),
)
