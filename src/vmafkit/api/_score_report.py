"""The page of one score: frame by frame, with the worst frames as pictures."""

from __future__ import annotations

import threading
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.api._report import write_report
from vmafkit.decide.worst import worst_frames
from vmafkit.execute.frames import extract_frames
from vmafkit.ffmpeg.run import Job
from vmafkit.media.hashing import show
from vmafkit.media.source import Source
from vmafkit.media.window import Window
from vmafkit.report.data import FramePair
from vmafkit.report.from_records import score_report
from vmafkit.scoring.pair import Pair, Scorer
from vmafkit.scoring.score import Score
from vmafkit.store.scratch import scratch_folder


def write_score_page(
    page: Path, result: Score, pair: Pair, scorer: Scorer, cancel: threading.Event | None
) -> None:
    """Write the page.

    Raises:
        OutputError: it cannot be written.
        ToolFailed, ResultInvalid, Cancelled: the pictures could not be taken.
    """
    pictures = _pictures(result, pair, scorer, Job(cancel=cancel))
    data = score_report(
        result,
        reference=show(pair.reference.path),
        distorted=show(pair.distorted.path),
        pictures=pictures,
    )
    write_report(page, data)


def _pictures(result: Score, pair: Pair, scorer: Scorer, job: Job) -> list[FramePair]:
    column = result.model_id or next(iter(result.columns))
    numbers = [int(number) for number in result.frame_numbers]
    scores = dict(zip(numbers, map(float, result.columns[column]), strict=True))
    worst = worst_frames(numbers, list(scores.values()))
    with scratch_folder(settings.cache_folder()) as scratch:
        sides: list[dict[int, bytes]] = []
        for name, source, window in (
            ("reference", pair.reference, pair.reference_window),
            ("distorted", pair.distorted, pair.distorted_window),
        ):
            folder = scratch / name
            fsio.ensure_folder(folder)
            sides.append(_side(scorer.program, source, window, worst, folder, result, job))
    return [FramePair(n, scores[n], sides[0][n], sides[1][n]) for n in worst]


def _side(
    program: Path,
    source: Source,
    window: Window | None,
    frames: list[int],
    folder: Path,
    result: Score,
    job: Job,
) -> dict[int, bytes]:
    first = window.start_frame if window else 0
    found = extract_frames(
        program, source, [first + n for n in frames], folder=folder, display=result.display, job=job
    )
    return {frame - first: picture for frame, picture in found.items()}
