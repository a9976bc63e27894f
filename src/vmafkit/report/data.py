"""What a report is made of. Every part is optional but the title."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vmafkit.decide.hull import RatePoint
from vmafkit.report.text import Cell, column_shown, is_number


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; units are in the columns' names.

    Attributes:
        note: a sentence below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def texts(self) -> list[tuple[str, ...]]:
        """The rows as people read them."""
        columns = [column_shown([row[i] for row in self.rows]) for i in range(len(self.columns))]
        return list(zip(*columns, strict=True))

    def numeric(self) -> list[bool]:
        """Which columns hold numbers alone."""
        return [
            any(is_number(row[i]) for row in self.rows)
            and all(row[i] is None or is_number(row[i]) for row in self.rows)
            for i in range(len(self.columns))
        ]


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Measured points of one name; each point's key is its setting."""

    name: str
    points: tuple[RatePoint, ...]


@dataclass(frozen=True, slots=True)
class RateQuality:
    """Quality over bitrate.

    Attributes:
        metric: what the quality is, such as `vmaf_v0.6.1 mean`.
        hull: vertices of the upper hull, by rising bitrate.
        chosen: the points that were picked, such as a ladder's rungs.
        target: a score to mark.
    """

    title: str
    metric: str
    curves: tuple[RateCurve, ...]
    hull: tuple[RatePoint, ...] = ()
    chosen: tuple[RatePoint, ...] = ()
    target: float | None = None


@dataclass(frozen=True, slots=True)
class FrameQuality:
    """Quality frame by frame.

    Attributes:
        frames: numbers, rising, as many as scores.
        shots: the first frame of each shot.
        marked: frames to mark, such as those shown as pictures.
    """

    title: str
    metric: str
    frames: tuple[int, ...]
    scores: tuple[float, ...]
    shots: tuple[int, ...] = ()
    marked: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        title: str,
        metric: str,
        scores: Sequence[float],
        shots: Sequence[int] = (),
        pictures: Sequence[FramePair] = (),
    ) -> tuple[FrameQuality, ...]:
        """The figure of all frames in order, without those that are not finite; none of none."""
        known = [(frame, score) for frame, score in enumerate(scores) if math.isfinite(score)]
        if not known:
            return ()
        frames, values = zip(*known, strict=True)
        marked = tuple(pair.frame for pair in pictures)
        return (cls(title, metric, frames, values, tuple(shots), marked),)


@dataclass(frozen=True, slots=True)
class ShotQuality:
    """Quality shot by shot along a title.

    Attributes:
        bounds: the first frame of each shot, and the frame after the last.
        series: names, and a score for each shot.
        target: a score to mark.
    """

    title: str
    metric: str
    bounds: tuple[int, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    target: float | None = None


@dataclass(frozen=True, slots=True)
class SearchProbe:
    """One probe of a search: a knob value, what it scored, whether that was known before."""

    value: float
    score: float
    bitrate_kbps: float
    known: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """How a setting was found.

    Attributes:
        knob: the encoder's name for its quality value.
        probes: in the order in which they were made.
        passing, failing: the ends of the bracket, as knob values.
        found: the setting decided for, as a knob value.
    """

    title: str
    metric: str
    knob: str
    probes: tuple[SearchProbe, ...]
    target: float | None = None
    passing: float | None = None
    failing: float | None = None
    found: float | None = None


@dataclass(frozen=True, slots=True)
class FramePair:
    """One frame of both sides as PNG or JPEG bytes."""

    frame: int
    score: float | None
    reference: bytes
    distorted: bytes


@dataclass(frozen=True, slots=True)
class ReportData:
    """A report.

    Attributes:
        title: what was done.
        lead: the result in a sentence.
        highlights: the few figures that matter most: names and values.
        facts: what it was done to and with: names and values.
        versions: of every program and model that took part.
        commands: as one would type them.
        made: when, as text; left out for equal bytes from equal data.
        tables: the first is the main result.
        notes: what the reader must know.
    """

    title: str
    lead: str = ""
    highlights: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    rate_quality: tuple[RateQuality, ...] = ()
    searches: tuple[SearchTrace, ...] = ()
    frame_quality: tuple[FrameQuality, ...] = ()
    shot_quality: tuple[ShotQuality, ...] = ()
    worst_frames: tuple[FramePair, ...] = ()
    tables: tuple[Table, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    made: str = ""
