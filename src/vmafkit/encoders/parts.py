"""What several encoders have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Words, Zone, command

# x264's words, which x265 and Kvazaar took over.
X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)


def built_with(library: str) -> str:
    """The way out where an ffmpeg was built without a library."""
    return f"use an ffmpeg built with --enable-{library}, such as the one of imageio-ffmpeg"


def version_after(pattern: str) -> Callable[[str], str | None]:
    """A version_from_log: the first group of a pattern, where the log has it."""

    def read(log: str) -> str | None:
        found = re.search(pattern, log)
        return found[1] if found else None

    return read


def no_version(log: str) -> str | None:
    """For the encoders whose log does not tell their version."""
    del log
    return None


def zones_in(option: str) -> Callable[[Sequence[Zone]], Words]:
    """Zones as x264 and x265 take them, in the option for their own words."""

    def words(zones: Sequence[Zone]) -> Words:
        return (option, "zones=" + "/".join(zone.word() for zone in zones))

    return words


def _no_threads(threads: int) -> Words:
    del threads
    return ()


def on_hardware(
    interface: str,
    codec: str,
    quality: Quality,
    words: Callable[[EncodeSettings], Words],
    *,
    presets: tuple[str, ...],
    default_preset: str,
    pix_fmts: tuple[str, ...],
    maker: str,
    needs: str,
) -> Encoder:
    """An encoder of a device, which is asked for by `<codec>_<interface>`.

    Args:
        words: its own words for a setting.
        maker: as Encoder.hardware has it.
        needs: what must be there.
    """
    name = f"{codec}_{interface}"

    def args(settings: EncodeSettings) -> Words:
        return command(name, settings, words(settings), threads=_no_threads)

    return Encoder(
        name=name,
        codec=codec,
        quality=quality,
        presets=presets,
        default_preset=default_preset,
        pix_fmts=pix_fmts,
        args=args,
        version_from_log=no_version,
        aliases=(f"{interface}-{codec}",),
        hardware=maker,
        install_hint=f"it needs {needs}",
    )
