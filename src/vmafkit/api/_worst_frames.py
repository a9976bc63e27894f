"""The verb `worst_frames`: scores a pair and shows where it is worst."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.api._score import score
from vmafkit.decide.worst import worst_frames as lowest
from vmafkit.errors import UsageError
from vmafkit.execute.frames import extract_frames
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.ffmpeg.run import Job
from vmafkit.media.probe import open_source
from vmafkit.scoring.score import Score


@dataclass(frozen=True, slots=True)
class WorstFrame:
    """One frame of a pair.

    Attributes:
        frame: its number, from 0.
        score: by the first model, or by the first column where there is none.
        reference, distorted: PNG bytes, both of the same size.
    """

    frame: int
    score: float
    reference: bytes
    distorted: bytes


@dataclass(frozen=True, slots=True)
class WorstFrames:
    """A score with its worst frames, worst first."""

    score: Score
    frames: tuple[WorstFrame, ...]


def worst_frames(
    reference: str | Path,
    distorted: str | Path,
    *,
    models: Sequence[str] = (),
    count: int = 3,
    apart: int = 12,
    picture_width_px: int = 320,
    ffmpeg_bin: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> WorstFrames:
    """Score a pair and take pictures of its worst frames from both sides.

    Args:
        models: as for `score`; the first one says which frames are worst.
        count: at most so many frames.
        apart: the least distance between two of them, in frames.
        picture_width_px: of the pictures; never more than the pair was compared at.

    Raises:
        UsageError, InputError, ToolMissing, ToolFailed, ResultInvalid, Cancelled: as `score`.
    """
    if count < 1 or picture_width_px < 2:
        raise UsageError("there is no frame or no picture to show", hint="ask for 1 frame or more")
    found = score(
        reference, distorted, models=models, ffmpeg_bin=ffmpeg_bin, cancel=cancel,
        on_progress=on_progress,
    )  # fmt: skip
    worst = worst_of(found, count=count, apart=apart)
    width = min(picture_width_px, found.display[0])
    size = (width, max(2, round(found.display[1] * width / found.display[0])))
    program, sides = find_ffmpeg(ffmpeg_bin), list[dict[int, bytes]]()
    with fsio.scratch_folder(within=settings.scratch_room()) as scratch:
        for name, path in (("reference", reference), ("distorted", distorted)):
            folder = scratch / name
            fsio.ensure_folder(folder)
            side, job = open_source(path), Job(cancel=cancel)
            sides.append(
                extract_frames(program, side, list(worst), folder=folder, display=size, job=job)
            )
    pictures = [WorstFrame(n, value, sides[0][n], sides[1][n]) for n, value in worst.items()]
    return WorstFrames(found, tuple(pictures))


def worst_of(result: Score, *, count: int = 4, apart: int = 12) -> dict[int, float]:
    """Numbers and scores of the worst frames, worst first."""
    column = result.model_id or next(iter(result.columns))
    numbers = [int(number) for number in result.frame_numbers]
    scores = dict(zip(numbers, map(float, result.columns[column]), strict=True))
    return {n: scores[n] for n in lowest(numbers, list(scores.values()), count=count, apart=apart)}
