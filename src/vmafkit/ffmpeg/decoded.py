"""Reads from ffmpeg's verbose log how many frames each input really gave."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"Input stream #(\d+):(\d+) \(video\): (\d+) packets read .*?(\d+) frames decoded"
    r"(?:; (\d+) decode errors)?"
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one video stream gave.

    Attributes:
        packets: read from the file.
        frames: decoded.
        errors: packets that could not be decoded.
    """

    packets: int
    frames: int
    errors: int


def decoded_streams(stderr: str) -> dict[int, Decoded]:
    """By input number: the first video stream that was decoded."""
    found: dict[int, Decoded] = {}
    for match in _LINE.finditer(stderr):
        number = int(match[1])
        if number not in found and int(match[4]):
            found[number] = Decoded(int(match[3]), int(match[4]), int(match[5] or 0))
    return found
