"""Whole frame times in an MP4 of constant rate.

Encodes are kept in Matroska, which rounds times to milliseconds; MP4 can hold the exact ones.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vmafkit.errors import ResultInvalid
from vmafkit.media.demux import opened
from vmafkit.media.source import Source

_LARGEST_TIMESCALE = 1_000_000


def snap_rate(video: Path, source: Source) -> Fraction | None:
    """The rate whose frame times an encode holds but for rounding.

    Returns: frames per second; None for a varying rate, a gap, or a rate without whole ticks.

    Raises:
        InputError: the encode cannot be read.
    """
    rate = source.framerate
    if source.is_vfr or rate <= 0 or _ticks(rate)[0] > _LARGEST_TIMESCALE:
        return None
    times, base = _times(video)
    whole = all(round((time - times[0]) * base * rate) == n for n, time in enumerate(times))
    return rate if whole and len(times) == source.frame_count else None


def snap_words(rate: Fraction) -> tuple[str, ...]:
    """ffmpeg's words that move each time of the first video to the nearest whole frame.

    Both clocks of a packet move by the same rule, so the coding order stays as it is.
    """
    scale, step = _ticks(rate)
    moved = ":".join(
        f"{name}=STARTPTS+round(({name.upper()}-STARTPTS)/{step})*{step}" for name in ("pts", "dts")
    )
    # The first filter only changes the clock: both must be named, or one is lost.
    chain = f"setts=pts=PTS:dts=DTS:time_base=1/{scale},setts={moved}:duration={step}"
    return ("-bsf:v:0", chain, "-video_track_timescale", str(scale))


def check_times(made: Path, rate: Fraction) -> None:
    """Refuse a file whose frames are more than one tick off their whole times.

    Raises:
        ResultInvalid: one is.
        InputError: the file cannot be read.
    """
    times, base = _times(made)
    for n, time in enumerate(times):
        if abs((time - times[0]) * base - n / rate) > base:
            raise ResultInvalid(f"frame {n} of the final file is not shown at its time")


def _ticks(rate: Fraction) -> tuple[int, int]:
    """(ticks of a second, ticks of a frame), at least 1000 a second."""
    factor = 1 if rate.numerator >= 1000 else 1000
    return rate.numerator * factor, rate.denominator * factor


def _times(path: Path) -> tuple[list[int], Fraction]:
    with opened(path) as (container, stream):
        packets = container.demux(stream)
        times = sorted(each.pts for each in packets if each.size and each.pts is not None)
        return times, Fraction(stream.time_base or 1)
