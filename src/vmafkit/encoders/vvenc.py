"""VVenC: H.266 / VVC in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import built_with, version_after

_QP = Quality("qp", 0, 63, 1, 32, higher_is_better=False)
_PRESETS = ("faster", "fast", "medium", "slow", "slower")


def _keyint(frames: int) -> tuple[str, ...]:
    # ffmpeg does not hand -g to VVenC.
    return ("-vvenc-params", f"intraperiod={frames}")


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    # Without poc0idr the stream opens with frames before its first key frame, at times below 0,
    # and a container then shows them late or drops them.
    words = (
        *("-preset", settings.preset, "-qp", _QP.word(settings.quality)),
        *("-vvenc-params", "poc0idr=1"),
    )
    return command("libvvenc", settings, words, keyint=_keyint)


ENCODER = Encoder(
    name="libvvenc",
    codec="vvc",
    quality=_QP,
    presets=_PRESETS,
    default_preset="medium",
    pix_fmts=("yuv420p10le",),
    args=_args,
    version_from_log=version_after(r"libvvenc version: (\S+)"),
    aliases=("vvenc", "vvc", "h266"),
    install_hint=built_with("libvvenc"),
    # Matroska has no decoding times, and ffmpeg cannot work out those of VVC: what is copied from
    # it shows frames late.
    container="mp4",
)
