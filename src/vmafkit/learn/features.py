"""`extract-features`: the feature table of a whole data set, in parallel, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import Cancelled, StoreError, Unreadable, VmafkitError
from vmafkit.learn.datasets.base import Clip, FilePair, Listing
from vmafkit.learn.distortions import filters_for, settings_for
from vmafkit.learn.extraction import (
    Lab,
    fits,
    frames_of_filter,
    frames_of_pair,
    frames_of_setting,
)
from vmafkit.learn.making import Prepared, prepare

if TYPE_CHECKING:
    import polars as pl

Frames = Callable[[], "tuple[pl.DataFrame, bool]"]
OnPair = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One pair to extract."""

    key: str
    source: str
    clip: str
    dis_basename: str
    codec: str
    frames: Frames


@dataclass(frozen=True, slots=True)
class Extraction:
    """What an extraction gave.

    Attributes:
        rows: the per-frame table, in the order of the data set.
        pairs: how many pairs are in it.
        known: how many of them were computed before.
        failed: key and cause of each pair that could not be used.
        skipped: what was left out on purpose, in words.
    """

    rows: pl.DataFrame
    pairs: int
    known: int
    failed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    tables: dict[int, pl.DataFrame] = field(default_factory=dict[int, "pl.DataFrame"])
    failed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    known: int = 0


def extract(
    lab: Lab,
    listing: Listing,
    *,
    recipe: str = "full",
    work_folder: Path,
    workers: int = 1,
    on_pair: OnPair | None = None,
) -> Extraction:
    """Extract every pair of a listing, and every pair that the recipe makes of its clips.

    A pair that fails is named in the result and does not stop the others.

    Args:
        recipe: of `distortions.RECIPES`; for clips only.
        work_folder: where drawn and cut clips are kept.
        workers: pairs at once, at least 1.
        on_pair: told (pairs done, pairs to do) from the calling thread.

    Raises:
        Unreadable: there is no pair, or none could be used.
        StoreError: the cache cannot be written.
        Cancelled: stopped; a later call goes on where this one was.
    """
    skipped = list(listing.skipped)
    tasks = [_pair_task(lab, pair) for pair in listing.pairs]
    run = _Run()
    for clip in listing.clips:
        tasks += _clip_tasks(lab, clip, recipe, work_folder, run, skipped)
    if not tasks:
        cause = (run.failed[0][1] if run.failed else "") or (skipped[0] if skipped else "")
        raise Unreadable(
            f"the data set holds no pairs{': ' + cause if cause else ''}",
            hint="check --data-root and the names of the files",
        )
    try:
        _work(tasks, run, workers, on_pair)
    except BaseException:
        lab.cancel.set()
        raise
    finally:
        lab.cache.merge()
    if not run.tables:
        raise Unreadable(f"no pair could be used: {run.failed[0][1]}", hint="see the first cause")
    return Extraction(
        rows=_joined(tasks, run.tables),
        pairs=len(run.tables),
        known=run.known,
        failed=tuple(run.failed),
        skipped=tuple(skipped),
    )


def _pair_task(lab: Lab, pair: FilePair) -> Task:
    return Task(
        key=pair.key,
        source=pair.source,
        clip=pair.reference.name,
        dis_basename=pair.distorted.name,
        codec=pair.codec,
        frames=partial(frames_of_pair, lab, pair),
    )


def _clip_tasks(
    lab: Lab, clip: Clip, recipe: str, folder: Path, run: _Run, skipped: list[str]
) -> Iterable[Task]:
    try:
        ready = prepare(lab.scorer.program, clip, folder, lab.hashes, lab.job)
    except (Cancelled, StoreError):
        raise
    except VmafkitError as error:
        run.failed.append((clip.key, error.sentence()))
        return []
    size = ready.source.display_size
    tasks: list[Task] = []
    for setting in settings_for(recipe, *size):
        reason = fits(setting, size)
        if reason:
            skipped.append(f"{clip.key}/{setting.label}: {reason}")
            continue
        run_it = partial(frames_of_setting, lab, ready, setting)
        tasks.append(_made_task(ready, setting.label, setting.encoder, run_it))
    for label, text in filters_for(recipe, ready.source.frame_count).items():
        run_it = partial(frames_of_filter, lab, ready, label, text)
        tasks.append(_made_task(ready, label, "", run_it))
    return tasks


def _made_task(ready: Prepared, label: str, codec: str, frames: Frames) -> Task:
    clip = ready.clip
    return Task(f"{clip.key}/{label}", clip.source, clip.key, label, codec, frames)


def _work(tasks: list[Task], run: _Run, workers: int, on_pair: OnPair | None) -> None:
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        left = iter(enumerate(tasks))
        running: dict[Future[tuple[pl.DataFrame, bool]], int] = {}
        try:
            while True:
                while len(running) < max(1, workers):
                    following = next(left, None)
                    if following is None:
                        break
                    running[pool.submit(following[1].frames)] = following[0]
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _take(tasks[running[future]], running.pop(future), future, run)
                if on_pair is not None:
                    on_pair(len(run.tables) + len(run.failed), len(tasks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _take(task: Task, number: int, future: Future[tuple[pl.DataFrame, bool]], run: _Run) -> None:
    try:
        table, known = future.result()
    except (Cancelled, StoreError):
        raise
    except VmafkitError as error:
        run.failed.append((task.key, error.sentence()))
        return
    run.tables[number] = table
    run.known += known


def _joined(tasks: list[Task], tables: dict[int, pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    parts: list[pl.DataFrame] = []
    for number in sorted(tables):
        task = tasks[number]
        meta = [
            pl.lit(task.key).alias("key"),
            pl.lit(task.source).alias("source"),
            pl.lit(task.clip).alias("clip"),
            pl.lit(task.dis_basename).alias("dis_basename"),
            pl.col("frame_index"),
            pl.lit(task.codec).alias("codec"),
        ]
        parts.append(tables[number].select(*meta, pl.exclude("frame_index")))
    return pl.concat(parts)
