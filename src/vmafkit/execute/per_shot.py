"""Measures shots as trials, shares the bits among them, and finds the best single setting."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.decide.merging import shaped
from vmafkit.decide.per_shot import Aim, Range, Title, beyond, curve_of
from vmafkit.decide.probes import Probe
from vmafkit.decide.samples import full
from vmafkit.decide.search import Search
from vmafkit.decide.shots import Allocation, ShotCurve, ShotSetting
from vmafkit.decide.sweep import Cell, make_cell
from vmafkit.decide.target import METRICS
from vmafkit.errors import ResultInvalid, TargetUnreached
from vmafkit.execute.batch import Task, run_tasks
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.search import Measured, Setup, known_probes, measure
from vmafkit.execute.trial import Trial, run_trial
from vmafkit.media.shots import Shot

FloatArray = npt.NDArray[np.float64]
_WIDENINGS = 4
_SETTLINGS = 3


@dataclass(slots=True)
class Shots:
    """The shots of a title while they are measured.

    Attributes:
        setup: encoder, preset, options and scoring; its samples are of no use here.
        shots: in order.
        times_s: of the source's frames, and the end of the last one.
        allowed: values of the knob.
        folder: where encodes of shots lie; a private one, or the user's.
        measured: of each shot, by value.
        parts: the shots of the source in each; several where they are encoded as one.
        guesses: what is expected of those, before it is moved through what was measured.
        joint: what was measured of shots encoded as one, by first frame and end.
        fresh, known: trials that were measured now, and that the store had.
        cpu_s: of the fresh ones.
    """

    setup: Setup
    shots: tuple[Shot, ...]
    times_s: Sequence[float]
    allowed: Range
    folder: Path
    measured: list[dict[float, ShotSetting]] = field(default_factory=list[dict[float, ShotSetting]])
    fresh: int = 0
    known: int = 0
    cpu_s: float = 0.0
    parts: tuple[tuple[Shot, ...], ...] = ()
    guesses: tuple[ShotCurve | None, ...] = ()
    joint: dict[tuple[int, int], dict[float, ShotSetting]] = field(
        default_factory=dict[tuple[int, int], dict[float, ShotSetting]]
    )

    def __post_init__(self) -> None:
        self.measured = self.measured or [{} for _ in self.shots]
        self.parts = self.parts or tuple((shot,) for shot in self.shots)
        self.guesses = self.guesses or (None,) * len(self.shots)

    @property
    def single_shots(self) -> tuple[Shot, ...]:
        """The shots of the source, whatever is encoded as one."""
        return tuple(shot for part in self.parts for shot in part)

    def curves(self) -> list[ShotCurve]:
        """What is known of each shot, with every allowed value between."""
        return [self.curve(number) for number in range(len(self.shots))]

    def curve(self, number: int) -> ShotCurve:
        """What is known of one shot."""
        guess, known = self.guesses[number], tuple(self.measured[number].values())
        if guess is not None:
            return shaped(guess, known)
        return curve_of(self.shots[number].frames, known, self.allowed)

    def cell(self, number: int, value: float) -> Cell:
        """The trial of a shot."""
        setup = self.setup
        return make_cell(
            setup.known, (setup.encoder, setup.preset, value), setup.grid, setup.scoring,
            setup.toolchain, self.shots[number].window(setup.known.source),
        )  # fmt: skip

    def segment(self, number: int, value: float) -> Path:
        """Where a shot's encode lies once it was kept."""
        cell = self.cell(number, value)
        first = self.shots[number].start_frame
        return self.folder / f"shot{first:07d}__{cell.spec.key[:16]}.{cell.encoder.container}"


@dataclass(slots=True)
class Single:
    """One setting for the whole title.

    Attributes:
        quality: of the one that is kept; None where none reaches the aim.
        title: its measurement.
        titles: of every setting measured.
        measured: the probes, by setting.
        shot_scores: of the one that is kept.
    """

    quality: float | None = None
    title: Title | None = None
    titles: dict[float, Title] = field(default_factory=dict[float, Title])
    measured: dict[float, Measured] = field(default_factory=dict[float, Measured])
    shot_scores: tuple[float, ...] = ()


def measure_shots(
    work: Shots, pairs: Sequence[tuple[int, float]], on_event: OnEvent = ignore, *,
    keep: bool = False,
) -> None:  # fmt: skip
    """Measure (shot, value) pairs, or take them from the store.

    Args:
        keep: have the encode of each on disk afterwards; else only that of fresh ones is.
    """
    setup = work.setup

    def task(pair: tuple[int, float]) -> Task:
        cell = work.cell(*pair)
        wanted = keep or setup.bench.store.get(cell.spec.key) is None
        return Task(cell, work.segment(*pair) if wanted else None)

    tasks = [task(pair) for pair in pairs]
    done = run_tasks(setup.bench, tasks, workers=setup.workers)
    for (number, value), each, trial in zip(pairs, tasks, done, strict=True):
        cell = each.cell
        is_new = value not in work.measured[number]
        if is_new:
            work.measured[number][value] = _measured(work, number, value, cell, trial)
        if trial.known:
            work.known += is_new
        else:
            work.fresh += 1
            work.cpu_s += trial.facts["encode_cpu_s"] + trial.facts["score_cpu_s"]
        if is_new:
            on_event(
                Event("probe-finished", {
                    "encoder": cell.spec.encoder, "preset": cell.spec.preset, "quality": value,
                    "shot": number + 1, "shots": len(work.shots),
                    "scores": [work.measured[number][value].quality],
                    "bitrate_kbps": trial.facts["bitrate_kbps"] or 0.0, "known": trial.known,
                })
            )  # fmt: skip


def allocate(work: Shots, aim: Aim, on_event: OnEvent = ignore) -> Allocation:
    """A measured setting for each shot.

    Curves are carried on where the choice lies at the end of what was measured. What was chosen
    between measurements is measured, and the choice made again with it.

    Raises:
        TargetUnreached: no values of the knob reach it.
    """
    knob = work.setup.encoder.quality
    for _ in range(_WIDENINGS):
        try:
            chosen: Sequence[ShotSetting | None] = aim.allocate(work.curves()).chosen
        except TargetUnreached:
            chosen = [None] * len(work.shots)
        further = [
            (number, value)
            for number, setting in enumerate(chosen)
            if (value := _further(work, number, setting, knob)) is not None
        ]
        if not further:
            break
        measure_shots(work, further, on_event)
    allocation = aim.allocate(work.curves())
    for _ in range(_SETTLINGS):
        missing = [
            (number, setting.value)
            for number, setting in enumerate(allocation.chosen)
            if not setting.measured
        ]
        if not missing:
            return allocation
        measure_shots(work, missing, on_event)
        allocation = aim.allocate(work.curves())
    measure_shots(work, [(n, s.value) for n, s in enumerate(allocation.chosen)], on_event)
    return replace(
        allocation,
        chosen=tuple(work.measured[n][s.value] for n, s in enumerate(allocation.chosen)),
    )


def best_single(
    setup: Setup,
    shots: Sequence[Shot],
    aim: Aim,
    new_search: Callable[[Sequence[Probe]], Search],
    start: float | None,
    on_event: OnEvent = ignore,
) -> Single:
    """The cheapest setting for the whole title that reaches the same aim."""
    setup = whole_setup(setup)
    single = Single()

    def probe(quality: float, measured: Measured) -> Probe:
        frames = stored_frames(setup, setup.cells(quality)[0])
        title, _ = title_of(shots, aim, frames, measured.facts[0]["video_bits"])
        single.titles[quality], single.measured[quality] = title, measured
        return replace(measured.probe, scores=(title.reached,))

    search = new_search([probe(q, m) for q, m in known_probes(setup).items()])
    quality = search.ask()
    if quality is not None and start is not None and start not in single.titles:
        quality = start
    while quality is not None:
        search.tell(probe(quality, measure(setup, quality, on_event)))
        quality = search.ask()
    decision = search.decision()
    if decision.met and decision.quality is not None:
        single.quality = decision.quality
        single.title = single.titles[decision.quality]
        frames = stored_frames(setup, setup.cells(decision.quality)[0])
        single.shot_scores = title_of(shots, aim, frames, 1)[1]
    return single


def single_file(setup: Setup, single: Single, folder: Path) -> tuple[Cell, Path]:
    """The whole title's cell, and its encode on disk.

    Raises:
        ResultInvalid: there is no such setting.
    """
    if single.quality is None:
        raise ResultInvalid("no single setting was found")
    cell = whole_setup(setup).cells(single.quality)[0]
    kept = single.measured[single.quality].path
    if kept is None or not kept.is_file():
        kept = folder / f"{cell.spec.key}.{cell.encoder.container}"
        run_trial(setup.bench, cell, keep=kept)
    return cell, kept


def whole_setup(setup: Setup) -> Setup:
    """The same for trials of the whole title."""
    return replace(setup, samples=full(setup.known.source.frame_count))


def _further(work: Shots, number: int, setting: ShotSetting | None, knob: Any) -> float | None:
    known = tuple(work.measured[number].values())
    if work.guesses[number] is not None:
        # What is expected of shots encoded as one reaches as far as they did apart.
        known = work.curve(number).settings
    return beyond(known, setting, work.allowed, knob)


def _measured(work: Shots, number: int, value: float, cell: Cell, trial: Trial) -> ShotSetting:
    """A shot's setting, and where it holds several shots the lowest mean of them."""
    frames = stored_frames(work.setup, cell)
    first = work.shots[number].start_frame
    if first and frames.size > 1 and not METRICS[work.setup.targets[0].metric].column:
        # VMAF sees no motion before the first frame, which within the title there is.
        frames[0] = frames[1]
    means = [
        float(frames[part.start_frame - first : part.end_frame - first].mean())
        for part in work.parts[number]
    ]
    return ShotSetting(value, trial.facts["video_bits"], float(frames.mean()), worst=min(means))


def title_of(
    shots: Sequence[Shot], aim: Aim, frames: FloatArray, bits: float
) -> tuple[Title, tuple[float, ...]]:
    """(a title as it was scored, the mean of each shot).

    Raises:
        ResultInvalid: the frames are not those of the shots.
    """
    if frames.size != shots[-1].end_frame:
        raise ResultInvalid(f"{frames.size} frames were scored, not {shots[-1].end_frame}")
    each = tuple(float(frames[shot.start_frame : shot.end_frame].mean()) for shot in shots)
    mean, worst = float(frames.mean()), min(each)
    return Title(aim.reached(mean, worst), mean, worst, bits), each


def column_of(setup: Setup, cell: Cell) -> str:
    """The column that the target is about; without one that of the first model."""
    if not setup.targets:
        return cell.models[0].id
    target = setup.targets[0]
    return METRICS[target.metric].column or target.model or cell.models[0].id


def stored_frames(setup: Setup, cell: Cell) -> FloatArray:
    """The scores of a trial's frames, from the store.

    Raises:
        ResultInvalid: it does not have them.
    """
    record = setup.bench.store.get(cell.spec.key)
    if record is None or record.frames is None:
        raise ResultInvalid(
            f"the store has lost the frames of trial {cell.spec.key[:16]}",
            hint="run the same command again",
        )
    return frames_of(record.frames, column_of(setup, cell))


def frames_of(blob: bytes, column: str) -> FloatArray:
    """One column of a stored per-frame table."""
    import polars as pl

    return pl.read_parquet(io.BytesIO(blob), columns=[column])[column].to_numpy().astype(np.float64)
