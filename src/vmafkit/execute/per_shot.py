"""Measures shots as trials, makes the title of chosen ones, and scores it as a whole."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.decide.per_shot import Aim, Range, Title, beyond, curve_of
from vmafkit.decide.probes import Probe
from vmafkit.decide.samples import full
from vmafkit.decide.search import Search
from vmafkit.decide.shots import Allocation, ShotCurve, ShotSetting
from vmafkit.decide.sweep import Cell, make_cell
from vmafkit.decide.target import METRICS
from vmafkit.errors import ResultInvalid, TargetUnreached, VmafkitError
from vmafkit.execute.encode import Encode
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.join import Joined, join
from vmafkit.execute.search import Measured, Setup, known_probes, measure
from vmafkit.execute.trial import Trial, run_trial, score_cell
from vmafkit.media.shots import Shot

FloatArray = npt.NDArray[np.float64]
_WIDENINGS = 4
_SETTLINGS = 3
ROUNDS = 4


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

    def __post_init__(self) -> None:
        self.measured = [{} for _ in self.shots]

    def curves(self) -> list[ShotCurve]:
        """What is known of each shot, with every allowed value between."""
        return [
            curve_of(shot.frames, tuple(known.values()), self.allowed)
            for shot, known in zip(self.shots, self.measured, strict=True)
        ]

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
        return self.folder / f"shot{number + 1:05d}__{cell.spec.key[:16]}.{cell.encoder.container}"


@dataclass(frozen=True, slots=True)
class Made:
    """A title of chosen shots.

    Attributes:
        title: measured on the joined file.
        chosen: the setting of each shot.
        joined: the file.
        shot_scores: the mean of each shot, in the joined file.
    """

    title: Title
    chosen: tuple[ShotSetting, ...]
    joined: Joined
    shot_scores: tuple[float, ...]


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
    store = work.setup.bench.store

    def one(pair: tuple[int, float]) -> tuple[Cell, Trial]:
        cell = work.cell(*pair)
        wanted = keep or store.get(cell.spec.key) is None
        return cell, run_trial(work.setup.bench, cell, keep=work.segment(*pair) if wanted else None)

    for (number, value), (cell, trial) in zip(pairs, _at_once(work.setup, one, pairs), strict=True):
        score = _mean(trial.facts, _column(work.setup, cell))
        is_new = value not in work.measured[number]
        work.measured[number][value] = ShotSetting(value, trial.facts["video_bits"], score)
        if trial.known:
            work.known += is_new
        else:
            work.fresh += 1
            work.cpu_s += trial.facts["encode_cpu_s"] + trial.facts["score_cpu_s"]
        if is_new:
            on_event(
                Event("probe-finished", {
                    "encoder": cell.spec.encoder, "preset": cell.spec.preset, "quality": value,
                    "shot": number + 1, "shots": len(work.shots), "scores": [score],
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


def make_title(work: Shots, aim: Aim, allocation: Allocation, output: Path) -> Made:
    """Encode or reuse the chosen shots, join them, and score the whole."""
    chosen = allocation.chosen
    measure_shots(work, [(n, s.value) for n, s in enumerate(chosen)], keep=True)
    segments = [work.segment(number, setting.value) for number, setting in enumerate(chosen)]
    joined = join(work.setup.bench, segments, work.shots, work.times_s, output)
    cell = whole_setup(work.setup).cells(chosen[0].value)[0]
    encode = Encode(joined.path, joined.source, joined.concat_words, None, 0.0, 0.0)
    score = score_cell(work.setup.bench, cell, encode)
    frames = np.asarray(score.columns[_column(work.setup, cell)], dtype=np.float64)
    title, per_shot = _title(work.shots, aim, frames, joined.source.video_bits)
    return Made(title, chosen, joined, per_shot)


def best_title(
    work: Shots, aim: Aim, tolerance: float, on_event: OnEvent = ignore
) -> tuple[Made | None, list[Made]]:
    """(the cheapest title that reaches the aim, every one made), correcting from measurements.

    A shot scores a little otherwise within the title, so the allocation's target is shifted by
    what the joined file misses or has to spare.
    """
    made: list[Made] = []
    shift = 0.0
    for number in range(ROUNDS):
        try:
            allocation = allocate(work, aim.shifted(shift), on_event)
        except TargetUnreached:
            if not made:
                raise
            break
        values = [setting.value for setting in allocation.chosen]
        if any([s.value for s in each.chosen] == values for each in made):
            break
        output = work.setup.bench.scratch or work.folder
        path = output / f"title{number}.{work.setup.encoder.container}"
        made.append(make_title(work, aim, allocation, path))
        spare = made[-1].title.reached - aim.target
        on_event(
            Event("title-finished", {"round": number + 1, "score": made[-1].title.reached,
                                     "bits": made[-1].title.bits})
        )  # fmt: skip
        if 0.0 <= spare <= tolerance:
            break
        # A fifth of the tolerance keeps the next one on the right side.
        shift -= spare - tolerance / 5
    good = [each for each in made if each.title.reached >= aim.target]
    return min(good, key=lambda each: each.title.bits, default=None), made


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
        frames = _stored_frames(setup, setup.cells(quality)[0])
        title, _ = _title(shots, aim, frames, measured.facts[0]["video_bits"])
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
        frames = _stored_frames(setup, setup.cells(decision.quality)[0])
        single.shot_scores = _title(shots, aim, frames, 1)[1]
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
    return beyond(tuple(work.measured[number].values()), setting, work.allowed, knob)


def _title(
    shots: Sequence[Shot], aim: Aim, frames: FloatArray, bits: float
) -> tuple[Title, tuple[float, ...]]:
    if frames.size != shots[-1].end_frame:
        raise ResultInvalid(f"{frames.size} frames were scored, not {shots[-1].end_frame}")
    each = tuple(float(frames[shot.start_frame : shot.end_frame].mean()) for shot in shots)
    mean, worst = float(frames.mean()), min(each)
    return Title(aim.reached(mean, worst), mean, worst, bits), each


def _column(setup: Setup, cell: Cell) -> str:
    target = setup.targets[0]
    return METRICS[target.metric].column or target.model or cell.models[0].id


def _mean(facts: Mapping[str, Any], column: str) -> float:
    return float({**facts["features"], **facts["scores"]}[column]["mean"])


def _stored_frames(setup: Setup, cell: Cell) -> FloatArray:
    import polars as pl

    record = setup.bench.store.get(cell.spec.key)
    if record is None or record.frames is None:
        raise ResultInvalid(
            f"the store has lost the frames of trial {cell.spec.key[:16]}",
            hint="run the same command again",
        )
    column = _column(setup, cell)
    table = pl.read_parquet(io.BytesIO(record.frames), columns=[column])
    return table[column].to_numpy().astype(np.float64)


def _at_once(
    setup: Setup,
    one: Callable[[tuple[int, float]], tuple[Cell, Trial]],
    pairs: Sequence[tuple[int, float]],
) -> list[tuple[Cell, Trial]]:
    with ThreadPoolExecutor(max_workers=max(1, setup.workers)) as pool:
        futures = [pool.submit(one, pair) for pair in pairs]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            for future in futures:
                future.cancel()
            # A trial that failed says nothing about the others; a stop does.
            if not isinstance(error, VmafkitError):
                setup.bench.cancel.set()
            raise
