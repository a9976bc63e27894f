"""Parses the key=value blocks of `ffmpeg -progress`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a running ffmpeg.

    Attributes:
        frame: frames written so far, from 0.
        frames_per_s: 0.0 while unknown.
        is_last: True for the report at the end.
    """

    frame: int
    frames_per_s: float
    is_last: bool


class ProgressParser:
    """Turns lines into Progress reports; lines it does not know are passed over."""

    def __init__(self, deliver: Callable[[Progress], None]) -> None:
        self._deliver = deliver
        self._seen: dict[str, str] = {}

    def feed(self, line: str) -> None:
        """Take one line of standard output."""
        key, separator, value = line.partition("=")
        if not separator:
            return
        self._seen[key.strip()] = value.strip()
        if key.strip() == "progress":
            self._deliver(
                Progress(
                    frame=int(_number(self._seen.get("frame", "0"))),
                    frames_per_s=_number(self._seen.get("fps", "0")),
                    is_last=value.strip() == "end",
                )
            )
            self._seen.clear()


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value < 1e15 else 0.0
