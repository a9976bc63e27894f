"""rav1e: AV1 in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import built_with, no_version

_QP = Quality("qp", 0, 255, 1, 100, higher_is_better=False)
_PRESETS = tuple(str(number) for number in range(10, -1, -1))


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    words = ("-speed", settings.preset, "-qp", _QP.word(settings.quality))
    return command("librav1e", settings, words)


ENCODER = Encoder(
    name="librav1e",
    codec="av1",
    quality=_QP,
    presets=_PRESETS,
    default_preset="6",
    pix_fmts=(
        *("yuv420p", "yuv422p", "yuv444p"),
        *("yuv420p10le", "yuv422p10le", "yuv444p10le"),
        *("yuv420p12le", "yuv422p12le", "yuv444p12le"),
    ),
    args=_args,
    version_from_log=no_version,
    aliases=("rav1e",),
    install_hint=built_with("librav1e"),
)
