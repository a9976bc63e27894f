"""SVT-AV1: AV1 in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import built_with, version_after

# ffmpeg reads -crf as a whole number and takes 0 for "not set"; through svtav1-params the
# library gets the quarter steps it has.
_CRF = Quality("crf", 1, 63, 0.25, 35, higher_is_better=False)
_PRESETS = tuple(str(number) for number in range(13, -1, -1))


def _threads(threads: int) -> tuple[str, ...]:
    # ffmpeg does not hand -threads to SVT-AV1; lp ends at 6.
    return ("-svtav1-params", f"lp={min(threads, 6)}")


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    crf = f"crf={_CRF.word(settings.quality)}"
    words = ("-preset", settings.preset, "-svtav1-params", crf)
    return command("libsvtav1", settings, words, threads=_threads)


ENCODER = Encoder(
    name="libsvtav1",
    codec="av1",
    quality=_CRF,
    presets=_PRESETS,
    default_preset="8",
    pix_fmts=("yuv420p", "yuv420p10le"),
    args=_args,
    version_from_log=version_after(r"SVT-AV1 Encoder Lib v?(\S+)"),
    aliases=("svt-av1", "svtav1", "av1"),
    install_hint=built_with("libsvtav1"),
)
