"""Measures neighbouring shots encoded as one, and keeps them so where the cut does not pay."""

from __future__ import annotations

from dataclasses import replace

from vmafkit.decide.merging import (
    Pair,
    apart_from_each_other,
    exchange,
    pairs,
    price,
    shaped,
    together,
)
from vmafkit.decide.per_shot import Aim
from vmafkit.errors import TargetUnreached
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.per_shot import Shots, allocate, measure_shots
from vmafkit.media.shots import Shot

# A pair is tried while it loses less by a common setting than the dearest cut yet seen costs.
_HOPE = 1.5
_MOST_IN_VAIN = 4


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
    dearest, in_vain = 0.0, 0
    while in_vain < _MOST_IN_VAIN:
        curves = work.curves()
        found = [
            pair
            for pair in pairs(curves, aim, rate)
            if _span(work, pair) not in tried
            and (not tried or pair.loss <= max(dearest, 0.0) * _HOPE)
        ]
        chosen = apart_from_each_other(found, max(1, work.setup.workers, len(found) // 4))
        if not chosen:
            break
        tried |= {_span(work, pair) for pair in chosen}
        candidates = [_joined(work, pair) for pair in chosen]
        kept: list[Pair] = []
        for pair, segment, saved in _tested(work, chosen, candidates, aim, rate, on_event):
            dearest = max(dearest, saved + pair.loss)
            if saved > 0:
                kept.append(pair)
                on_event(Event("shots-merged", {"first_frame": segment.start_frame,
                                                "end_frame": segment.end_frame}))  # fmt: skip
        in_vain = 0 if kept else in_vain + len(chosen)
        for pair in sorted(kept, key=lambda each: -each.first):
            work = _joined(work, pair)
    return work


def _tested(
    work: Shots, chosen: list[Pair], candidates: list[Shots], aim: Aim, rate: float,
    on_event: OnEvent,
) -> list[tuple[Pair, Shot, float]]:  # fmt: skip
    """(pair, segment, bits saved at the same worth of quality) of each pair, measured."""
    # All at once, as if the title were these segments alone.
    both = list(zip(chosen, candidates, strict=True))
    trial = Shots(
        work.setup, tuple(each.shots[pair.first] for pair, each in both),
        work.times_s, work.allowed, work.folder,
        parts=tuple(each.parts[pair.first] for pair, each in both),
    )  # fmt: skip
    measure_shots(trial, [(n, pair.value) for n, pair in enumerate(chosen)], on_event)
    work.fresh, work.known = work.fresh + trial.fresh, work.known + trial.known
    work.cpu_s += trial.cpu_s
    result: list[tuple[Pair, Shot, float]] = []
    for number, (pair, each) in enumerate(both):
        guess = each.guesses[pair.first]
        assert guess is not None
        curve = shaped(guess, tuple(trial.measured[number].values()))
        cost = price(curve, aim, rate)
        saved = float("-inf") if cost is None else pair.apart - cost
        work.joint[_span(work, pair)] = trial.measured[number]
        result.append((pair, trial.shots[number], saved))
    return result


def _joined(work: Shots, pair: Pair) -> Shots:
    """The work with both shots of a pair as one segment."""
    at = pair.first
    one, two = work.shots[at : at + 2]
    curves = work.curves()
    segment = Shot(one.start_frame, two.end_frame)
    made = replace(
        work,
        shots=(*work.shots[:at], segment, *work.shots[at + 2 :]),
        parts=(*work.parts[:at], work.parts[at] + work.parts[at + 1], *work.parts[at + 2 :]),
        guesses=(
            *work.guesses[:at], together(curves[at], curves[at + 1]), *work.guesses[at + 2 :],
        ),
    )  # fmt: skip
    known = work.joint.get((segment.start_frame, segment.end_frame), {})
    made.measured = [*work.measured[:at], dict(known), *work.measured[at + 2 :]]
    return made


def _span(work: Shots, pair: Pair) -> tuple[int, int]:
    return work.shots[pair.first].start_frame, work.shots[pair.first + 1].end_frame
