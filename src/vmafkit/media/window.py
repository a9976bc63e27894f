"""Which frames of a source a trial looks at."""

from __future__ import annotations

from dataclasses import dataclass

from vmafkit.errors import UsageError
from vmafkit.media.source import Source

# Near this share of the source, sampling saves little and only blurs the answer.
_WHOLE_PERCENT = 85


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A run of frames.

    Attributes:
        start_frame: first frame, counted from 0.
        frames: how many, at least 1.
        is_full: it covers the source from its first frame to its last.

    Raises:
        UsageError: a negative start or no frames.
    """

    start_frame: int
    frames: int
    is_full: bool = False

    def __post_init__(self) -> None:
        if self.start_frame < 0 or self.frames < 1 or (self.is_full and self.start_frame):
            raise UsageError(f"a window of {self.frames} frames from {self.start_frame} is empty")

    @property
    def end_frame(self) -> int:
        """The frame after the last."""
        return self.start_frame + self.frames

    def word(self) -> str:
        """Canonical text: 'full' or 'start+frames', in frames."""
        return "full" if self.is_full else f"{self.start_frame}+{self.frames}"


def whole(source: Source) -> Window:
    """All frames of the source."""
    return Window(0, source.frame_count, is_full=True)


def spread(source: Source, count: int, frames: int) -> tuple[Window, ...]:
    """Evenly spaced windows that do not overlap, in order.

    Args:
        source: what to sample.
        count: how many windows, at least 1.
        frames: length of each, at least 1.

    Returns:
        Each window in the middle of its equal share of the source; the whole source in
        one window when the samples would hold 85 % of its frames or more.

    Raises:
        UsageError: count or frames is below 1.
    """
    if count < 1 or frames < 1:
        raise UsageError(f"{count} samples of {frames} frames hold nothing", hint="ask for 1 x 1")
    total = source.frame_count
    if count * frames * 100 >= total * _WHOLE_PERCENT:
        return (whole(source),)
    starts = (((2 * i + 1) * total - count * frames) // (2 * count) for i in range(count))
    return tuple(Window(start, frames) for start in starts)
