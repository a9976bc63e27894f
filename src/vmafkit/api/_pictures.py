"""What a report shows of a measured encode: its frames' scores, and the worst as pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.decide.target import METRICS
from vmafkit.decide.worst import worst_frames
from vmafkit.errors import ResultInvalid
from vmafkit.execute.frames import extract_frames
from vmafkit.execute.per_shot import stored_frames, whole_setup
from vmafkit.execute.search import Setup
from vmafkit.ffmpeg.run import Job
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source
from vmafkit.report.data import FramePair


@dataclass(frozen=True, slots=True)
class Side:
    """A video of a pair, and which of its frames is the pair's frame 0."""

    source: Source
    first: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a report shows of one encode.

    Attributes:
        frames: scores of all frames, in order; empty where they are not known.
        pictures: the worst frames, worst first.
    """

    frames: tuple[float, ...] = ()
    pictures: tuple[FramePair, ...] = ()


def seen_of(setup: Setup, quality: float, made: Path | None) -> Seen:
    """The frames of a setting that was measured on the whole source.

    Args:
        made: the file with that video; None for no pictures.

    Raises:
        InputError, ToolFailed, Cancelled: the pictures could not be taken.
    """
    whole = whole_setup(setup)
    try:
        frames = stored_frames(whole, whole.cells(quality)[0]).tolist()
    except ResultInvalid:
        # An earlier run measured it, and the store was emptied since.
        return Seen()
    return Seen(tuple(frames), pictures_of(setup, frames, made))


def pictures_of(setup: Setup, frames: Sequence[float], made: Path | None) -> tuple[FramePair, ...]:
    """The worst frames of a file and of the source.

    Args:
        frames: scores of all frames by the first target's metric, else by the model.
        made: the file; None for no pictures.
    """
    if made is None or not frames:
        return ()
    metric = METRICS[setup.targets[0].metric] if setup.targets else METRICS["vmaf"]
    ranked = frames if metric.higher_is_better else [-score for score in frames]
    worst = {n: frames[n] for n in worst_frames(range(len(frames)), ranked)}
    source, bench = setup.known.source, setup.bench
    return take_pairs(
        bench.program, (Side(source), Side(open_source(made))), worst, source.display_size,
        Job(cancel=bench.cancel, limits=bench.limits),
    )  # fmt: skip


def take_pairs(
    program: Path,
    sides: tuple[Side, Side],
    scores: Mapping[int, float],
    display: tuple[int, int],
    job: Job,
) -> tuple[FramePair, ...]:
    """Frames of the reference and of the distorted video, in the order of the scores.

    Args:
        scores: frames by their number in the pair.
        display: (width, height) of the pictures.

    Raises:
        FrameCount, ToolFailed, Cancelled: they could not be taken.
    """
    taken: list[dict[int, bytes]] = []
    with fsio.scratch_folder(within=settings.scratch_room()) as scratch:
        for name, side in zip(("reference", "distorted"), sides, strict=True):
            folder = scratch / name
            fsio.ensure_folder(folder)
            numbers = [side.first + number for number in scores]
            found = extract_frames(
                program, side.source, numbers, folder=folder, display=display, job=job
            )
            taken.append({number - side.first: picture for number, picture in found.items()})
    return tuple(
        FramePair(n, score if math.isfinite(score) else None, taken[0][n], taken[1][n])
        for n, score in scores.items()
    )
