"""Runs trials of one reference together: encoded one by one, scored in one go.

Every trial keeps its own claim, failure and record. What another process is measuring is left
to it, and waited for only when nothing is claimed here, so that two processes never wait for
each other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vmafkit import fsio
from vmafkit.decide.batches import batches
from vmafkit.decide.sweep import Cell
from vmafkit.errors import VmafkitError
from vmafkit.execute.at_once import at_once
from vmafkit.execute.measuring import FOR_ALL, MeasuredCell, measure
from vmafkit.execute.trial import Bench, Trial, finish_trial, run_trial
from vmafkit.ffmpeg.progress import Progress


@dataclass(frozen=True, slots=True)
class Task:
    """A trial to run.

    Attributes:
        cell: what to measure.
        keep, spare: as `run_trial` takes them.
    """

    cell: Cell
    keep: Path | None = None
    spare: Path | None = None


Outcome = Trial | VmafkitError
OnDone = Callable[[Task, Outcome], None]
OnFrames = Callable[[Task, str, Progress], None]


def run_tasks(
    bench: Bench,
    tasks: Sequence[Task],
    *,
    workers: int,
    on_frames: OnFrames | None = None,
    on_trial: Callable[[int, Trial], None] = lambda number, trial: None,
) -> list[Trial]:
    """The trials of some tasks in their order, neighbours of one reference together.

    After a failure no further batch is started.

    Args:
        on_trial: told of each trial as soon as it is known, with its place among the tasks.

    Raises:
        VmafkitError: a trial failed; the first of them, in their order.
    """
    done: dict[int, Outcome] = {}
    numbers = {id(task): number for number, task in enumerate(tasks)}

    def one(group: tuple[int, ...]) -> None:
        if not any(isinstance(outcome, VmafkitError) for outcome in list(done.values())):
            run_batch(bench, [tasks[number] for number in group], tell, on_frames)

    def tell(task: Task, outcome: Outcome) -> None:
        number = numbers[id(task)]
        done[number] = outcome
        if isinstance(outcome, Trial):
            on_trial(number, outcome)

    groups = batches([task.cell for task in tasks], workers)
    at_once(one, groups, workers=workers, cancel=bench.cancel)
    trials: list[Trial] = []
    for number in sorted(done):
        outcome = done[number]
        if isinstance(outcome, VmafkitError):
            raise outcome
        trials.append(outcome)
    return trials


def run_batch(
    bench: Bench, tasks: Sequence[Task], on_done: OnDone, on_frames: OnFrames | None = None
) -> None:
    """Run the trials of one reference, or a single one of any kind.

    Args:
        on_done: told of each trial, or of why it failed, as soon as it is known.
        on_frames: told how far `encode` and `score` are.

    Raises:
        StoreError, OutputError, Cancelled, ClusterLost: no other trial would fare better.
    """
    if len(tasks) == 1:
        _alone(bench, tasks[0], on_done, on_frames)
        return
    owner = f"{os.getpid()}-{threading.get_ident()}"
    mine: list[Task] = []
    others: list[Task] = []
    open_keys: set[str] = set()
    try:
        for task in tasks:
            key = task.cell.spec.key
            if bench.store.get(key) is not None:
                _alone(bench, task, on_done, on_frames)
            elif bench.store.claim(key, owner):
                open_keys.add(key)
                mine.append(task)
            else:
                others.append(task)
        if len(mine) > 1:
            _together(bench, mine, on_done, on_frames)
        elif mine:
            _alone(bench, mine[0], on_done, on_frames)
    finally:
        # A claim ends with its record; this gives up those that failed.
        for key in open_keys:
            bench.store.release(key, owner)
    for task in others:
        _alone(bench, task, on_done, on_frames)


def _alone(bench: Bench, task: Task, on_done: OnDone, on_frames: OnFrames | None) -> None:
    frames = partial(on_frames, task) if on_frames else None
    try:
        outcome: Outcome = run_trial(
            bench, task.cell, keep=task.keep, spare=task.spare, on_frames=frames
        )
    except FOR_ALL:
        raise
    except VmafkitError as error:
        outcome = error
    on_done(task, outcome)


def _together(
    bench: Bench, tasks: Sequence[Task], on_done: OnDone, on_frames: OnFrames | None
) -> None:
    left: list[Task] = []
    for task in tasks:
        # Whoever had it may have finished between the look and the claim.
        if bench.store.get(task.cell.spec.key) is not None:
            _alone(bench, task, on_done, on_frames)
        else:
            left.append(task)

    def frames(number: int, stage: str, progress: Progress) -> None:
        if on_frames is not None:
            on_frames(left[number], stage, progress)

    with fsio.scratch_folder(within=bench.scratch) as folder:
        cells = [task.cell for task in left]
        wanted = [task.keep is not None for task in left]
        try:
            measured = measure(bench, cells, folder, wanted=wanted, on_frames=frames)
        except FOR_ALL:
            raise
        except VmafkitError:
            # What befell all of them, as a cluster's worker that died, befalls each on its own.
            for task in left:
                _alone(bench, task, on_done, on_frames)
            return
        for task, outcome in zip(left, measured, strict=True):
            if isinstance(outcome, MeasuredCell):
                on_done(task, finish_trial(bench, outcome, task.keep, task.spare))
            else:
                on_done(task, outcome)
