"""Kvazaar: HEVC in software."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import X264_PRESETS, built_with, no_version
from vmafkit.errors import UsageError

_QP = Quality("qp", 0, 51, 1, 27, higher_is_better=False)
# The longest group of any preset; a key frame cannot stand inside one.
_GOP = 16


def _threads(threads: int) -> tuple[str, ...]:
    return ("-kvazaar-params", f"threads={threads}")


def _keyint(frames: int) -> tuple[str, ...]:
    # ffmpeg does not hand -g to Kvazaar.
    if frames % _GOP:
        raise UsageError(
            f"libkvazaar keyint {frames} is not a whole number of its groups of {_GOP} frames",
            hint=f"use {max(1, round(frames / _GOP)) * _GOP}",
        )
    return ("-kvazaar-params", f"period={frames}")


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    # The preset goes first: it would overwrite what stands before it.
    params = f"preset={settings.preset},qp={_QP.word(settings.quality)}"
    words = ("-kvazaar-params", params)
    return command("libkvazaar", settings, words, threads=_threads, keyint=_keyint)


ENCODER = Encoder(
    name="libkvazaar",
    codec="hevc",
    quality=_QP,
    presets=X264_PRESETS,
    default_preset="medium",
    pix_fmts=("yuv420p",),
    args=_args,
    version_from_log=no_version,
    aliases=("kvazaar",),
    install_hint=built_with("libkvazaar"),
    size_multiple_px=8,
)
