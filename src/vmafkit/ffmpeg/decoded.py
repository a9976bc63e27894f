"""Reads from ffmpeg's verbose log how many frames each input really gave."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"Input stream #(\d{1,9}):(\d{1,9}) \(video\): (\d{1,15}) packets read "
    r".*?(\d{1,15}) frames decoded"
    r"(?:; (\d{1,15}) decode errors)?"
)
_SOUND = re.compile(
    r"Input stream #(\d{1,9}):(\d{1,9}) \(audio\): (\d{1,15}) packets read "
    r".*?(\d{1,15}) frames decoded"
    r"(?:; (\d{1,15}) decode errors)?"
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


def heard_streams(stderr: str) -> set[tuple[int, int]]:
    """(input, stream) of every sound stream that was decoded without an error."""
    return {
        (int(match[1]), int(match[2]))
        for match in _SOUND.finditer(stderr)
        if int(match[4]) and not int(match[5] or 0)
    }
