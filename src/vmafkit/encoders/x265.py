"""libx265: HEVC in software."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Zone, command, slower_by_one

_CRF = Quality("crf", 0, 51, 0.1, 28, higher_is_better=False)
_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)


def _threads(threads: int) -> tuple[str, ...]:
    # ffmpeg does not hand -threads to x265; two frames at a time is its own floor for speed.
    frames = min(threads, 2)
    return ("-x265-params", f"pools={threads}:frame-threads={frames}")


def _args(settings: EncodeSettings) -> tuple[str, ...]:
    words = ("-preset", settings.preset, "-crf", _CRF.word(settings.quality))
    return command("libx265", settings, words, threads=_threads)


def _version(log: str) -> str | None:
    found = re.search(r"HEVC encoder version (\S+)", log)
    return found[1] if found else None


def _zones(zones: Sequence[Zone]) -> tuple[str, ...]:
    text = "/".join(zone.word() for zone in zones)
    return ("-x265-params", f"zones={text}")


ENCODER = Encoder(
    name="libx265",
    codec="hevc",
    quality=_CRF,
    presets=_PRESETS,
    default_preset="medium",
    pix_fmts=(
        *("yuv420p", "yuv422p", "yuv444p", "gray"),
        *("yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"),
        *("yuv420p12le", "yuv422p12le", "yuv444p12le", "gray12le"),
    ),
    args=_args,
    version_from_log=_version,
    aliases=("x265", "hevc", "h265"),
    threads_args=_threads,
    install_hint="use an ffmpeg built with --enable-libx265, such as the one of imageio-ffmpeg",
    zones=_zones,
    still_better_preset=slower_by_one(_PRESETS, last="veryslow"),
)
