"""Zones and regions as people write them, and whether an encoder really acted on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from vmafkit.encoders.base import Zone
from vmafkit.errors import UsageError

_ZONE = re.compile(r"(\d{1,9})[-,](\d{1,9})[:,]([qb])=(\d{1,4}(?:\.\d{1,4})?)")
_ROI = re.compile(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5}),([-+]?\d?(?:\.\d{1,4})?)")
_MOST_QP, _MOST_FACTOR = 51, 100.0
# Less than this share of a zone's bits is what a changed neighbour does by itself.
_LEAST_CHANGE = 0.01


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of every frame whose quality is moved.

    Attributes:
        x, y, width, height: in samples, from the upper left corner.
        qoffset: -1 to 1 and not 0; below 0 is better quality.
    """

    x: int
    y: int
    width: int
    height: int
    qoffset: Fraction

    def word(self) -> str:
        """As it is written on the command line."""
        return f"{self.x},{self.y},{self.width},{self.height},{float(self.qoffset):g}"

    def filter(self) -> str:
        """ffmpeg's filter that marks it; made of numbers alone."""
        q = f"{self.qoffset.numerator}/{self.qoffset.denominator}"
        return f"addroi=x={self.x}:y={self.y}:w={self.width}:h={self.height}:qoffset={q}"


def parse_zones(words: Sequence[str], frames: int) -> tuple[Zone, ...]:
    """Zones from `0-50:q=40`, `0-50:b=0.5` or `0,50,q=40`, in the order of time.

    Args:
        frames: of the source.

    Raises:
        UsageError: a word is no zone, lies outside of the video, or overlaps another.
    """
    zones = sorted((_zone(word, frames) for word in words), key=lambda zone: zone.first_frame)
    for one, two in pairwise(zones):
        if two.first_frame <= one.last_frame:
            raise UsageError(f"--zone {two.word()} overlaps {one.word()}")
    return tuple(zones)


def zone_lines(text: str) -> list[str]:
    """The words of a file of zones: one on a line, `#` begins a remark."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def parse_region(word: str, width: int, height: int) -> Region:
    """A region from `x,y,width,height,qoffset`.

    Raises:
        UsageError: it is none, or lies outside of the picture.
    """
    found = _ROI.fullmatch(word.strip())
    try:
        offset = Fraction(found[5]) if found else Fraction(0)
    except ValueError:
        found, offset = None, Fraction(0)
    if found is None or not -1 <= offset <= 1 or not offset:
        raise UsageError(
            f"--roi {word!r} is not a region", hint="write x,y,width,height,qoffset: 0,0,64,64,-0.3"
        )
    x, y, w, h = (int(found[n]) for n in range(1, 5))
    if not w or not h or x + w > width or y + h > height:
        raise UsageError(f"--roi {word} is not inside the picture of {width}x{height}")
    return Region(x, y, w, h, offset)


@dataclass(frozen=True, slots=True)
class ZoneEffect:
    """What a zone did.

    Attributes:
        bits_plain, bits: of its frames without and with the zones, both without regions.
    """

    zone: Zone
    bits_plain: int
    bits: int

    @property
    def change(self) -> float:
        """Share by which the bits changed; 0.5 for half as many again."""
        return self.bits / self.bits_plain - 1.0 if self.bits_plain else 0.0

    def fault(self) -> str:
        """Why it cannot be said to work; empty where it does."""
        if abs(self.change) < _LEAST_CHANGE:
            return f"zone {self.zone.word()} changes the bits of its frames by {self.change:+.2%}"
        factor = self.zone.bitrate_factor
        if self.zone.qp is None and (self.change > 0) != (factor > 1):
            return f"zone {self.zone.word()} moves the bits the wrong way, by {self.change:+.1%}"
        return ""


@dataclass(frozen=True, slots=True)
class RegionEffect:
    """What a region did, in luma PSNR against the source.

    Attributes:
        inside_plain, inside: of the region without and with the regions, both with the zones,
            in dB.
        outside_plain, outside: of the rest of the picture.
    """

    region: Region
    inside_plain: float
    inside: float
    outside_plain: float
    outside: float

    @property
    def gain_db(self) -> float:
        """How much the region gained over the rest of the picture."""
        return (self.inside - self.inside_plain) - (self.outside - self.outside_plain)

    def fault(self) -> str:
        """Why it cannot be said to work; empty where it does."""
        better = self.region.qoffset < 0
        if self.gain_db * (1 if better else -1) > 0.05:
            return ""
        return (
            f"region {self.region.word()} gains {self.gain_db:+.2f} dB over the rest of the picture"
        )


def zone_effects(
    zones: Sequence[Zone], plain: Sequence[int], made: Sequence[int]
) -> tuple[ZoneEffect, ...]:
    """What each zone did.

    Args:
        plain, made: bits of every frame in the order of showing, without and with the zones alone.
    """
    return tuple(
        ZoneEffect(
            zone,
            sum(plain[zone.first_frame : zone.last_frame + 1]),
            sum(made[zone.first_frame : zone.last_frame + 1]),
        )
        for zone in zones
    )


def _zone(word: str, frames: int) -> Zone:
    found = _ZONE.fullmatch(word.strip())
    if found is None:
        raise UsageError(f"--zone {word!r} is not a zone", hint="write 0-50:q=40 or 0-50:b=0.5")
    first, last, value = int(found[1]), int(found[2]), float(found[4])
    if not first <= last < frames:
        raise UsageError(f"--zone {word} is not inside the frames 0 to {frames - 1}")
    if found[3] == "q":
        if value != int(value) or value > _MOST_QP:
            raise UsageError(f"--zone {word}: a quantizer is a whole number from 0 to {_MOST_QP}")
        return Zone(first, last, qp=int(value))
    if not 0.01 <= value <= _MOST_FACTOR or value == 1.0:
        raise UsageError(f"--zone {word}: a share of the bits is 0.01 to {_MOST_FACTOR:g}, not 1")
    return Zone(first, last, value)
