"""Runs a target search over the trial store: every probe is a trial, or several windows of one."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit import fsio, pooling
from vmafkit.decide.samples import Samples, half_width, pooled_error, widened
from vmafkit.decide.search import Decision, Probe, Search
from vmafkit.decide.sweep import Cell, Grid, Known, Scoring, make_cell
from vmafkit.decide.target import METRICS, Target
from vmafkit.encoders import Encoder, Quality
from vmafkit.errors import EncodeFailed, ResultInvalid, ScoreFailed, UsageError, VmafkitError
from vmafkit.execute.batch import Task, run_tasks
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.trial import Bench, Trial, run_trial
from vmafkit.ffmpeg.progress import Progress
from vmafkit.store.spec import Toolchain

FloatArray = npt.NDArray[np.float64]
# Beyond this share of the title, asking for the whole of it is the better use of time.
MOST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Setup:
    """What stays the same over all probes of a search.

    Attributes:
        bench: what the trials run on.
        known: the source.
        encoder, preset: what is searched.
        grid: options and threads of the encodes.
        scoring: models and features, all that the targets need.
        toolchain: what computes it.
        targets: what the scores are pooled for; none pools the first model's mean.
        samples: the windows that are encoded.
        workers: trials at once.
        keep: folder for the encodes of whole titles; None drops them.
        scale: (width, height) of the encodes; None for the source's own.
        probes_at_once: settings that are measured side by side, against one reference.
    """

    bench: Bench
    known: Known
    encoder: Encoder
    preset: str
    grid: Grid
    scoring: Scoring
    toolchain: Toolchain
    targets: tuple[Target, ...]
    samples: Samples
    workers: int = 1
    keep: Path | None = None
    scale: tuple[int, int] | None = None
    probes_at_once: int = 1

    def cells(self, quality: float) -> tuple[Cell, ...]:
        """The trials of one probe, one for each window."""
        setting = (self.encoder, self.preset, quality)
        made = [
            make_cell(
                self.known, setting, self.grid, self.scoring, self.toolchain, window, self.scale
            )
            for window in self.samples.windows
        ]
        return tuple(made)


@dataclass(frozen=True, slots=True)
class Measured:
    """A probe with what it was made of.

    Attributes:
        probe: as the search takes it.
        scores: one for each target; without targets the first model's mean.
        errors: standard error of each score by sampling; None where it is not known.
        facts: of each window's trial.
        encode_s, score_s: CPU seconds that its trials cost when they were measured.
        path: the whole title's encode, where it was kept; a search keeps the best one's alone.
    """

    probe: Probe
    scores: tuple[float, ...]
    errors: tuple[float | None, ...]
    facts: tuple[Mapping[str, Any], ...]
    encode_s: float
    score_s: float
    path: Path | None = None


@dataclass(slots=True)
class Found:
    """How a search over the store ended.

    Attributes:
        setup: with the samples it ended on.
        decision: what the probes say.
        measured: every probe made or used, by quality.
        sampling_error: half-width of the 95 % interval that sampling adds to the first score;
            0 for a whole title, None where it cannot be told.
        earlier: probes on fewer windows.
        broken: settings that could not be measured, and why.
    """

    setup: Setup
    decision: Decision
    measured: dict[float, Measured]
    sampling_error: float | None = 0.0
    earlier: list[Measured] = field(default_factory=list[Measured])
    broken: dict[float, str] = field(default_factory=dict[float, str])


NewSearch = Callable[[Sequence[Probe], float | None, float | None], Search]
BREAKS = (EncodeFailed, ScoreFailed, ResultInvalid)
# So many settings may fail before the search gives up.
_MOST_BROKEN = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """A narrower range of a knob; None for its own end."""

    lo: float | None = None
    hi: float | None = None

    def hold(self, quality: float) -> bool:
        """Whether a setting lies within."""
        return (self.lo is None or quality >= self.lo) and (self.hi is None or quality <= self.hi)

    def without(self, quality: float, knob: Quality) -> Limits:
        """The range without a setting and those between it and the nearer end of the knob."""
        step = max(knob.step, abs(knob.default - quality) / 8)
        if quality < knob.default:
            return Limits(quality + step, self.hi)
        return Limits(self.lo, quality - step)


@dataclass(frozen=True, slots=True)
class Asked:
    """A setting to measure, and who is told."""

    setup: Setup
    quality: float
    on_event: OnEvent = ignore


def measure(setup: Setup, quality: float, on_event: OnEvent = ignore) -> Measured:
    """Measure one setting, or take it from the store.

    Raises:
        VmafkitError: a trial failed.
    """
    return measure_all([Asked(setup, quality, on_event)], workers=setup.workers)[0]


def measure_all(asked: Sequence[Asked], *, workers: int) -> list[Measured]:
    """Measure several settings of one source, those of each window against one reference.

    Args:
        asked: with the same bench and windows.
        workers: trials, or batches of them, at once.

    Raises:
        VmafkitError: a trial failed.
    """
    cells = [each.setup.cells(each.quality) for each in asked]
    keeps = [_keep_path(each.setup, own) for each, own in zip(asked, cells, strict=True)]
    for each, own in zip(asked, cells, strict=True):
        each.on_event(Event("probe-started", _name(each, own)))
    # Window by window, so that the trials of each stand beside each other.
    places = [(n, window) for window in range(len(cells[0])) for n in range(len(asked))]
    tasks = [Task(cells[n][window], keeps[n]) for n, window in places]
    listeners = {id(task): asked[n].on_event for task, (n, _) in zip(tasks, places, strict=True)}

    def frames(task: Task, stage: str, progress: Progress) -> None:
        cell = task.cell
        listeners[id(task)](
            Event("trial-progress", {"encoder": cell.spec.encoder, "preset": cell.spec.preset,
                                     "quality": cell.quality, "window": cell.spec.window,
                                     "stage": stage, "frame": progress.frame,
                                     "frames": cell.window.frames})
        )  # fmt: skip

    known: list[dict[int, Trial]] = [{} for _ in asked]
    found: dict[int, Measured] = {}

    guard = threading.Lock()

    def tell(number: int, trial: Trial) -> None:
        n, window = places[number]
        with guard:
            known[n][window] = trial
            is_whole = len(known[n]) == len(cells[n])
        if is_whole:
            found[n] = _told(asked[n], cells[n], [known[n][w] for w in sorted(known[n])], keeps[n])

    bench = asked[0].setup.bench
    run_tasks(bench, tasks, workers=workers, on_frames=frames, on_trial=tell)
    return [found[n] for n in range(len(asked))]


def _told(
    asked: Asked, cells: Sequence[Cell], trials: Sequence[Trial], keep: Path | None
) -> Measured:
    measured = _pooled(asked.setup, asked.quality, cells, trials)
    if keep is not None and keep.is_file():
        measured = replace(measured, path=keep)
    asked.on_event(
        Event("probe-finished", {**_name(asked, cells), "scores": list(measured.scores),
                                 "bitrate_kbps": measured.probe.bitrate_kbps,
                                 "known": measured.probe.known})
    )  # fmt: skip
    return measured


def _name(asked: Asked, cells: Sequence[Cell]) -> dict[str, Any]:
    setup = asked.setup
    return {
        "encoder": setup.encoder.name,
        "preset": setup.preset,
        "quality": asked.quality,
        "windows": len(cells),
    }


def known_probes(setup: Setup) -> dict[float, Measured]:
    """Every probe of this setup whose trials are all in the store."""
    records = setup.bench.store.find(
        source_sha256=setup.known.sha256, encoder=setup.encoder.name, preset=setup.preset
    )
    keys = {record.key for record in records}
    found: dict[float, Measured] = {}
    for quality in sorted({record.quality for record in records}):
        try:
            cells = setup.cells(quality)
        except UsageError:
            continue
        if all(cell.spec.key in keys for cell in cells):
            trials = [run_trial(setup.bench, cell) for cell in cells]
            found[quality] = _pooled(setup, quality, cells, trials)
    return found


def run_search(
    setup: Setup,
    new_search: NewSearch,
    known: Mapping[float, Measured],
    on_event: OnEvent = ignore,
    start: float | None = None,
) -> Found:
    """Ask, measure and tell until the search is over.

    A setting that the encoder or the scorer breaks on narrows the range and the search goes on;
    encoders do that at the ends of their knobs.

    Args:
        new_search: makes a search from probes and limits of the knob.
        known: probes that cost nothing.
        start: a setting to measure first, if anything has to be measured.

    Raises:
        VmafkitError: a trial failed, and so did others.
    """
    measured, broken, limits = dict(known), dict[float, str](), Limits()
    search = new_search([each.probe for each in known.values()], None, None)
    asked = search.ask_several(setup.probes_at_once)
    if asked and start is not None and start not in measured:
        asked = (start,)
    while asked:
        found, failed = _round(setup, asked, on_event)
        measured |= found
        for each in found.values():
            search.tell(each.probe)
        if found:
            _drop_files(measured, search.decision().quality)
        for quality, error in failed.items():
            broken[quality] = error.sentence()
            if len(broken) > (_MOST_BROKEN if measured else 1):
                raise error
            limits = limits.without(quality, setup.encoder.quality)
        if failed:
            inside = [each.probe for each in measured.values() if limits.hold(each.probe.quality)]
            search = new_search(inside, limits.lo, limits.hi)
        asked = search.ask_several(setup.probes_at_once)
    decision = search.decision()
    best = decision.best_attempt
    error = measured[best.quality].errors[0] if best and best.quality in measured else None
    width = half_width(error, len(setup.samples.windows))
    return Found(setup, decision, measured, width, broken=broken)


def _round(
    setup: Setup, asked: Sequence[float], on_event: OnEvent
) -> tuple[dict[float, Measured], dict[float, VmafkitError]]:
    """What was measured, and what the encoder or the scorer broke on, by quality."""
    if len(asked) > 1:
        try:
            every = [Asked(setup, quality, on_event) for quality in asked]
            return dict(zip(asked, measure_all(every, workers=setup.workers), strict=True)), {}
        except BREAKS:
            # Which one it was shows one by one; what was measured is in the store by now.
            pass
    found: dict[float, Measured] = {}
    failed: dict[float, VmafkitError] = {}
    for quality in asked:
        try:
            each = measure(setup, quality, on_event)
            is_known = each.probe.known and len(asked) == 1
            found[quality] = replace(each, probe=replace(each.probe, known=is_known))
        except BREAKS as error:
            failed[quality] = error
    return found, failed


def run_widening(
    setup: Setup,
    new_search: NewSearch,
    weights: FloatArray,
    tolerance: float,
    on_event: OnEvent = ignore,
    start: float | None = None,
) -> Found:
    """Search on more and more windows, until the error by sampling is inside the tolerance.

    The windows before are among those after, so their trials are not repeated. It ends at a
    quarter of the title, or at once where the number of windows was asked for.

    Args:
        new_search: as `run_search`.
        weights: what each frame costs.
        tolerance: for the half-width of the 95 % interval, in the unit of the first score.
        start: as `run_search`.
    """
    earlier: list[Measured] = []
    while True:
        found = run_search(setup, new_search, known_probes(setup), on_event, start)
        found.earlier = earlier
        width, best = found.sampling_error, found.decision.best_attempt
        if best is None or setup.samples.is_fixed or (width is not None and width <= tolerance):
            return found
        wider = widened(setup.samples, weights)
        if wider.share > MOST_SHARE and not wider.is_full:
            return found
        if wider.is_full and setup.samples.share < MOST_SHARE / 2:
            return found
        earlier = [*earlier, *(each for each in found.measured.values() if not each.probe.known)]
        on_event(
            Event("samples-widened", {"windows": len(wider.windows), "share": wider.share,
                                      "sampling_error": width, "tolerance": tolerance})
        )  # fmt: skip
        setup, start = replace(setup, samples=wider), best.quality


def _drop_files(measured: dict[float, Measured], best: float | None) -> None:
    """Remove the kept encodes of all but one setting: those of a long title fill a disk."""
    for quality, each in list(measured.items()):
        if each.path is not None and quality != best:
            fsio.remove(each.path)
            measured[quality] = replace(each, path=None)


def _keep_path(setup: Setup, cells: Sequence[Cell]) -> Path | None:
    if setup.keep is None or not setup.samples.is_full:
        return None
    # A known trial would have to be encoded again only to be kept.
    if setup.bench.store.get(cells[0].spec.key) is not None:
        return None
    return setup.keep / f"{cells[0].spec.key}.{cells[0].encoder.container}"


def _pooled(
    setup: Setup, quality: float, cells: Sequence[Cell], trials: Sequence[Trial]
) -> Measured:
    facts = [trial.facts for trial in trials]
    wanted = [_column(cells[0], target) for target in setup.targets]
    wanted = wanted or [(cells[0].models[0].id, "mean")]
    tables = [_frames(setup.bench, cell, {column for column, _ in wanted}) for cell in cells]
    scores: list[float] = []
    errors: list[float | None] = []
    for column, statistic in wanted:
        per_window = [table[column] for table in tables]
        try:
            scores.append(pooling.pool(np.concatenate(per_window), statistic))
        except ValueError as error:
            raise UsageError(f"--target: {column}: {error}") from error
        errors.append(pooled_error(per_window, statistic, setup.samples.share))
    bits = sum(each["video_bits"] for each in facts)
    seconds = sum(each["duration_s"] for each in facts)
    source = setup.known.source
    part = sum(cell.window.frames for cell in cells) / source.frame_count
    probe = Probe(
        quality=quality,
        scores=tuple(scores) if setup.targets else (),
        bitrate_kbps=bits / seconds / 1000 if seconds else 0.0,
        size_bytes=bits / 8 / part,
        known=all(trial.known for trial in trials),
        error=errors[0] or 0.0,
        key=cells[0].spec.key,
    )
    return Measured(
        probe,
        tuple(scores),
        tuple(errors),
        tuple(facts),
        sum(each["encode_cpu_s"] or 0.0 for each in facts),
        sum(each["score_cpu_s"] or 0.0 for each in facts),
    )


def _column(cell: Cell, target: Target) -> tuple[str, str]:
    column = METRICS[target.metric].column or target.model or cell.models[0].id
    return column, target.statistic


def _frames(bench: Bench, cell: Cell, columns: set[str]) -> dict[str, FloatArray]:
    import polars as pl

    record = bench.store.get(cell.spec.key)
    if record is None or record.frames is None:
        raise ResultInvalid(
            f"the store has lost the frames of trial {cell.spec.key[:16]}",
            hint="run the same command again",
        )
    try:
        table = pl.read_parquet(io.BytesIO(record.frames), columns=sorted(columns))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise VmafkitError(f"trial {cell.spec.key[:16]} has no scores for this target") from error
    return {name: table[name].to_numpy().astype(np.float64) for name in columns}
