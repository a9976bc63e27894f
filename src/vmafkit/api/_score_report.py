"""The page of one score: frame by frame, with the worst frames as pictures."""

from __future__ import annotations

import threading
from pathlib import Path

from vmafkit.api._pictures import Side, take_pairs
from vmafkit.api._report import write_report
from vmafkit.api._worst_frames import worst_of
from vmafkit.errors import Cancelled, CapabilityMissing
from vmafkit.ffmpeg.run import Job
from vmafkit.media.hashing import show
from vmafkit.media.shots import detect_shots
from vmafkit.report.data import FramePair
from vmafkit.report.from_records import score_report
from vmafkit.scoring.pair import Pair, Scorer
from vmafkit.scoring.score import Score


def write_score_page(
    page: Path, result: Score, pair: Pair, scorer: Scorer, cancel: threading.Event | None
) -> None:
    """Write the page.

    Raises:
        OutputError: it cannot be written.
        ToolFailed, ResultInvalid, Cancelled: the pictures could not be taken.
    """
    pictures = _pictures(result, pair, scorer, Job(cancel=cancel))
    if cancel is not None and cancel.is_set():
        raise Cancelled("the work was stopped")
    data = score_report(
        result,
        reference=show(pair.reference.path),
        distorted=show(pair.distorted.path),
        pictures=pictures,
        shots=_shots(pair, result),
    )
    write_report(page, data)


def _shots(pair: Pair, result: Score) -> tuple[int, ...]:
    """First frames of the reference's shots, numbered as the scored frames are.

    None where PySceneDetect is missing or the reference is one shot.
    """
    window = pair.reference_window
    first, last = (window.start_frame if window else 0), int(result.frame_numbers[-1])
    try:
        found = detect_shots(pair.reference, max_s=float("inf"))
    except CapabilityMissing:
        return ()
    # Frames before the window belong to the shot that is under way at its start.
    starts = {max(0, shot.start_frame - first) for shot in found if shot.end_frame > first}
    inside = tuple(sorted(start for start in starts if start <= last))
    return inside if len(inside) > 1 else ()


def _pictures(result: Score, pair: Pair, scorer: Scorer, job: Job) -> tuple[FramePair, ...]:
    windows = pair.reference_window, pair.distorted_window
    starts = [window.start_frame if window else 0 for window in windows]
    sides = Side(pair.reference, starts[0]), Side(pair.distorted, starts[1])
    return take_pairs(scorer.program, sides, worst_of(result), result.display, job)
