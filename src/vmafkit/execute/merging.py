"""Measures neighbouring shots encoded as one, and keeps them so where the cut does not pay."""

from __future__ import annotations

from dataclasses import replace

from vmafkit.decide.merging import (
    Run,
    apart_from_each_other,
    exchange,
    price,
    runs,
    shaped,
    together,
)
from vmafkit.decide.per_shot import Aim
from vmafkit.errors import TargetUnreached
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.per_shot import Shots, allocate, measure_shots
from vmafkit.media.shots import Shot

# Neighbours are tried while they lose less by a common setting than the dearest cut yet seen costs.
_HOPE = 1.5
_MOST_IN_VAIN = 4
# Two first, since they are cheap to try. A place that comes back takes three: there, back, and the
# encoder still remembers it; two cuts to and fro take four.
_COUNTS = (2, 3, 4)


def merge_shots(work: Shots, aim: Aim, on_event: OnEvent = ignore) -> Shots:
    """The same title in fewer segments, where encoding shots as one was measured to be cheaper.

    Args:
        work: its shots have been measured at a few values each.

    Raises:
        VmafkitError: a trial failed.
    """
    try:
        allocate(work, aim, on_event)
        rate = exchange(work.curves(), aim)
    except TargetUnreached:
        return work
    tried: set[tuple[int, int]] = set()
    for count in _COUNTS:
        work = _merge(work, aim, rate, count, tried, on_event)
    return work


def _merge(
    work: Shots, aim: Aim, rate: float, count: int, tried: set[tuple[int, int]], on_event: OnEvent
) -> Shots:
    """Merge runs of so many segments, until too many were tried in vain."""
    dearest, in_vain = 0.0, 0
    is_first = True
    while in_vain < _MOST_IN_VAIN:
        found = [
            run
            for run in runs(work.curves(), aim, rate, count)
            if _span(work, run) not in tried and (is_first or run.loss <= dearest * _HOPE)
        ]
        chosen = apart_from_each_other(found, max(1, work.setup.workers, len(found) // 4))
        if not chosen:
            break
        tried |= {_span(work, run) for run in chosen}
        kept: list[Run] = []
        for run, segment, saved in _tested(work, chosen, aim, rate, on_event):
            dearest = max(dearest, saved + run.loss)
            if saved > 0:
                kept.append(run)
                on_event(Event("shots-merged", {"first_frame": segment.start_frame,
                                                "end_frame": segment.end_frame}))  # fmt: skip
        in_vain = 0 if kept else in_vain + len(chosen)
        is_first = False
        for run in sorted(kept, key=lambda each: -each.first):
            work = _joined(work, run)
    return work


def _tested(
    work: Shots, chosen: list[Run], aim: Aim, rate: float, on_event: OnEvent
) -> list[tuple[Run, Shot, float]]:
    """(run, segment, bits saved at the same worth of quality) of each run, measured."""
    both = [(run, _joined(work, run)) for run in chosen]
    # All at once, as if the title were these segments alone.
    trial = Shots(
        work.setup, tuple(each.shots[run.first] for run, each in both),
        work.times_s, work.allowed, work.folder,
        parts=tuple(each.parts[run.first] for run, each in both),
    )  # fmt: skip
    measure_shots(trial, [(n, run.value) for n, run in enumerate(chosen)], on_event)
    work.fresh, work.known = work.fresh + trial.fresh, work.known + trial.known
    work.cpu_s += trial.cpu_s
    result: list[tuple[Run, Shot, float]] = []
    for number, (run, each) in enumerate(both):
        guess = each.guesses[run.first]
        assert guess is not None
        cost = price(shaped(guess, tuple(trial.measured[number].values())), aim, rate)
        saved = float("-inf") if cost is None else run.apart - cost
        work.joint[_span(work, run)] = trial.measured[number]
        result.append((run, trial.shots[number], saved))
    return result


def _joined(work: Shots, run: Run) -> Shots:
    """The work with the shots of a run as one segment."""
    at, after = run.first, run.first + run.count
    first_frame, end_frame = _span(work, run)
    segment = Shot(first_frame, end_frame)
    parts = tuple(part for each in work.parts[at:after] for part in each)
    guess = together(work.curves()[at:after])
    made = replace(
        work,
        shots=(*work.shots[:at], segment, *work.shots[after:]),
        parts=(*work.parts[:at], parts, *work.parts[after:]),
        guesses=(*work.guesses[:at], guess, *work.guesses[after:]),
    )
    known = work.joint.get((first_frame, end_frame), {})
    made.measured = [*work.measured[:at], dict(known), *work.measured[after:]]
    return made


def _span(work: Shots, run: Run) -> tuple[int, int]:
    last = work.shots[run.first + run.count - 1]
    return work.shots[run.first].start_frame, last.end_frame
