"""The verb `worst_frames`: scores a pair and shows where it is worst."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vmafkit.api._pictures import Side, take_pairs
from vmafkit.api._score import open_pair, pair_geometry, score
from vmafkit.decide.worst import worst_frames as lowest
from vmafkit.errors import UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.ffmpeg.run import Job
from vmafkit.scoring.score import Score

_NARROWEST_PX = 32


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
    """A score with its worst frames, worst first.

    Attributes:
        picture_width_px: of all pictures.
    """

    score: Score
    frames: tuple[WorstFrame, ...]
    picture_width_px: int


def worst_frames(
    reference: str | Path,
    distorted: str | Path,
    *,
    models: Sequence[str] = (),
    features: Sequence[str] = (),
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | Fraction | int | None = None,
    display: tuple[int, int] | None = None,
    allow_hdr: bool = False,
    count: int = 3,
    apart: int = 12,
    picture_width_px: int = 320,
    most_picture_bytes: int | None = None,
    ffmpeg_bin: str | Path | None = None,
    score_backend: str = "auto",
    cancel: threading.Event | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> WorstFrames:
    """Score a pair and take pictures of its worst frames from both sides.

    Args:
        models: as for `score`; the first one says which frames are worst.
        features, display, allow_hdr, width, height, pix_fmt, framerate: as for `score`.
        count: at most so many frames.
        apart: the least distance between two of them, in frames.
        picture_width_px: of the pictures; never more than the pair was compared at.
        most_picture_bytes: of all pictures together: they are made narrower until they fit, down
            to 32 samples; None for no bound.
        score_backend: as for `score`.

    Raises:
        UsageError, InputError, ToolMissing, ToolFailed, ResultInvalid, Cancelled: as `score`.
    """
    if count < 1 or picture_width_px < 2:
        raise UsageError("there is no frame or no picture to show", hint="ask for 1 frame or more")
    found = score(
        reference, distorted, models=models, features=features, width=width, height=height,
        pix_fmt=pix_fmt, framerate=framerate, display=display, allow_hdr=allow_hdr,
        ffmpeg_bin=ffmpeg_bin, score_backend=score_backend, cancel=cancel,
        on_progress=on_progress,
    )  # fmt: skip
    worst = worst_of(found, count=count, apart=apart)
    geometry = pair_geometry(width, height, pix_fmt, framerate)
    sides = open_pair((Path(reference), Path(distorted)), geometry)
    program, width_px = find_ffmpeg(ffmpeg_bin), min(picture_width_px, found.display[0])
    while True:
        size = (width_px, max(2, round(found.display[1] * width_px / found.display[0])))
        taken = take_pairs(
            program, (Side(sides[0]), Side(sides[1])), worst, size, Job(cancel=cancel)
        )
        whole = sum(len(pair.reference) + len(pair.distorted) for pair in taken)
        if most_picture_bytes is None or whole <= most_picture_bytes or width_px <= _NARROWEST_PX:
            break
        # The bytes of a picture go with its area; the rest is for its head and for luck.
        narrower = math.floor(0.95 * width_px * math.sqrt(most_picture_bytes / whole))
        width_px = max(_NARROWEST_PX, narrower)
    frames = [
        WorstFrame(pair.frame, worst[pair.frame], pair.reference, pair.distorted) for pair in taken
    ]
    return WorstFrames(found, tuple(frames), width_px)


def worst_of(result: Score, *, count: int = 4, apart: int = 12) -> dict[int, float]:
    """Numbers and scores of the worst frames, worst first."""
    column = result.model_id or next(iter(result.columns))
    numbers = [int(number) for number in result.frame_numbers]
    scores = dict(zip(numbers, map(float, result.columns[column]), strict=True))
    return {n: scores[n] for n in lowest(numbers, list(scores.values()), count=count, apart=apart)}
