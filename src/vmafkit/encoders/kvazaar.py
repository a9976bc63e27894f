"""Kvazaar: HEVC in software."""

from __future__ import annotations

from vmafkit.encoders.base import (
    Encoder,
    EncodeSettings,
    Quality,
    command,
    no_version,
    slower_by_one,
)
from vmafkit.errors import UsageError

_QP = Quality("qp", 0, 51, 1, 27, higher_is_better=False)
_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
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
    presets=_PRESETS,
    default_preset="medium",
    pix_fmts=("yuv420p",),
    args=_args,
    version_from_log=no_version,
    aliases=("kvazaar",),
    threads_args=_threads,
    install_hint="use an ffmpeg built with --enable-libkvazaar, such as the one of imageio-ffmpeg",
    size_multiple_px=8,
    still_better_preset=slower_by_one(_PRESETS, last="veryslow"),
)
