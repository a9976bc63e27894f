"""Runs the cells of a sweep on a pool and appends their rows as they come."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from vmafkit.decide.batches import batches
from vmafkit.decide.sweep import Cell
from vmafkit.errors import Changed, VmafkitError
from vmafkit.execute.apart import apart
from vmafkit.execute.batch import Outcome, Task, run_batch
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.keeping import Keeping
from vmafkit.execute.rows import Run, failed_row, row_of
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.progress import Progress
from vmafkit.store.corpus_file import CorpusFile

_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How a sweep ended.

    Attributes:
        cells: of the plan.
        skipped: had a row in the corpus file already.
        known: came from the store.
        measured: were encoded and scored now.
        failed: ended in an error row.
    """

    cells: int
    skipped: int
    known: int
    measured: int
    failed: int


def run_sweep(
    bench: Bench,
    cells: Sequence[Cell],
    corpus: CorpusFile,
    run: Run,
    *,
    workers: int,
    keep_in: Path | None = None,
    on_event: OnEvent = ignore,
) -> SweepResult:
    """Run every cell that the corpus has no good row of, or whose encode is wanted and not there.

    Cells that the engine scores against the same frames run in small batches, all others one by
    one. A failed cell becomes a row and the sweep goes on, but a cell whose source has changed
    leaves none, since nobody knows what it would stand for. Trouble with the store, the corpus
    file or the folder of kept encodes, and Ctrl-C, end the sweep. Rows are appended one by one
    as their trials end; a cell that has a good row gets no other.

    Args:
        keep_in: folder of kept encodes; None to keep none.

    Raises:
        StoreError, OutputError: the store, the corpus file or an encode cannot be written.
        Cancelled: the work was stopped.
    """
    return apart(
        lambda: _run_sweep(bench, cells, corpus, run, workers, keep_in, on_event), bench.cancel
    )


def _run_sweep(
    bench: Bench,
    cells: Sequence[Cell],
    corpus: CorpusFile,
    run: Run,
    workers: int,
    keep_in: Path | None,
    on_event: OnEvent,
) -> SweepResult:
    done = corpus.done_keys()
    kept = [] if keep_in is None else [row for row in corpus.rows() if row.exit_status == 0]
    keeping = Keeping(keep_in, kept)
    if bench.cluster is not None and bench.cluster.mixed_versions:
        from vmafkit.execute.cluster.mixed import as_stored

        # An encode of other versions cannot be made again here.
        cells = as_stored(
            bench.store, cells, done, lambda cell: keep_in is None or not keeping.lacks(cell)
        )
    todo = [cell for cell in cells if cell.spec.key not in done or keeping.lacks(cell)]
    started = time.monotonic()
    on_event(
        Event("sweep-started", {"cells": len(cells), "skipped": len(cells) - len(todo),
                                "run_id": run.run_id, "workers": workers})
    )  # fmt: skip
    tally = {"known": 0, "measured": 0, "failed": 0}
    queue = iter(batches(todo, workers))
    ended: SimpleQueue[tuple[Cell, Outcome]] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="trial") as pool:
        running: set[Future[None]] = set()
        try:
            while True:
                while len(running) < workers and (group := next(queue, None)) is not None:
                    tasks = [_task(todo[index], keeping) for index in group]
                    running.add(pool.submit(_run, bench, tasks, ended, on_event))
                if not running:
                    break
                # What a batch has told is there before it is done.
                over = {future for future in running if future.done()}
                settled = 0
                for cell, outcome in _told(ended):
                    into = None if cell.spec.key in done else corpus
                    tally[_settle(outcome, cell, into, run, on_event)] += 1
                    settled += 1
                for future in over:
                    future.result()
                running -= over
                if not over and not settled:
                    time.sleep(_LOOK_S)
        except BaseException:
            bench.cancel.set()
            _wait_for_all(running)
            raise
    result = SweepResult(len(cells), len(cells) - len(todo), **tally)
    on_event(
        Event("sweep-finished", {"cells": result.cells, "skipped": result.skipped,
                                 "known": result.known, "measured": result.measured,
                                 "failed": result.failed,
                                 "wall_s": round(time.monotonic() - started, 3)})
    )  # fmt: skip
    return result


def _wait_for_all(running: Collection[Future[None]]) -> None:
    while not all(future.done() for future in running):
        time.sleep(_LOOK_S)


def _told(ended: SimpleQueue[tuple[Cell, Outcome]]) -> Iterator[tuple[Cell, Outcome]]:
    while True:
        try:
            yield ended.get_nowait()
        except Empty:
            return


def _task(cell: Cell, keeping: Keeping) -> Task:
    keep, spare = keeping.places(cell)
    return Task(cell, keep, spare)


def _run(
    bench: Bench,
    tasks: Sequence[Task],
    ended: SimpleQueue[tuple[Cell, Outcome]],
    on_event: OnEvent,
) -> None:
    for task in tasks:
        on_event(Event("trial-started", _name(task.cell)))

    def frames(task: Task, stage: str, progress: Progress) -> None:
        on_event(
            Event("trial-progress", {**_name(task.cell), "stage": stage, "frame": progress.frame,
                                     "frames": task.cell.window.frames})
        )  # fmt: skip

    run_batch(bench, tasks, lambda task, outcome: ended.put((task.cell, outcome)), frames)


def _settle(
    outcome: Outcome,
    cell: Cell,
    corpus: CorpusFile | None,
    run: Run,
    on_event: OnEvent,
) -> str:
    if isinstance(outcome, VmafkitError):
        if corpus is not None and not isinstance(outcome, Changed):
            corpus.append(failed_row(cell, run, outcome))
        on_event(
            Event("trial-finished", {**_name(cell), "outcome": "failed",
                                     "error": outcome.code, "message": outcome.sentence()})
        )  # fmt: skip
        return "failed"
    trial = outcome
    row = row_of(cell, run, trial.facts, str(trial.kept) if trial.kept else None)
    if corpus is not None:
        corpus.append(row)
    how = "known" if trial.known else "measured"
    on_event(
        Event("trial-finished", {**_name(cell), "outcome": how,
                                 "vmaf_score": row.vmaf_score, "vmaf_model": row.vmaf_model,
                                 "vmaf_pooling": row.vmaf_pooling,
                                 "bitrate_kbps": row.bitrate_kbps})
    )  # fmt: skip
    return how


def _name(cell: Cell) -> dict[str, str]:
    return {
        "src": str(cell.source.path),
        "encoder": cell.spec.encoder,
        "preset": cell.spec.preset,
        "crf": cell.spec.quality,
        "trial_key": cell.spec.key,
    }
