"""The verb `compare`: encoders and presets, measured on one or many sources."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vmafkit import encoders, fsio, settings
from vmafkit.api._benchmark import compare_rows, named_scale, scale_of
from vmafkit.api._corpus import SweepPlan, plan_corpus
from vmafkit.api._finishing import stored_rows
from vmafkit.api._recommendation import command_of
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._searching import Goal, Means, Ready, Sampling, means_of, prepare
from vmafkit.api._words import model_of
from vmafkit.decide.compare import Comparison, find_anchor
from vmafkit.decide.compare_rows import Curve
from vmafkit.decide.spread import spread_values
from vmafkit.decide.sweep import Cell
from vmafkit.decide.values import parse_values
from vmafkit.decide.workers import trial_bytes, worker_count
from vmafkit.encoders import Encoder
from vmafkit.errors import (
    CapabilityMissing,
    ResultInvalid,
    ToolFailed,
    UsageError,
    VmafkitError,
)
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.machine import free_memory_bytes
from vmafkit.execute.rows import Run, row_of
from vmafkit.execute.search import known_probes, run_search
from vmafkit.execute.sweep import run_sweep
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.hashing import show
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source
from vmafkit.proc import Limits
from vmafkit.report.comparison import comparison_report
from vmafkit.schema.corpus import CorpusRow
from vmafkit.scoring.metrics import features_of
from vmafkit.scoring.vmaf_models import default_model
from vmafkit.store.corpus_file import CorpusFile, latest, read_corpus
from vmafkit.store.trials import TrialStore

_VALUES = 6
# What one encoder may fail with while the others go on.
_OF_ONE = (CapabilityMissing, ToolFailed, ResultInvalid, UsageError)


@dataclass(frozen=True, slots=True)
class _Task:
    """What was asked for, in the words that the sweep and the search take.

    Attributes:
        failed: what failed, and why.
        commands: trial key to the ffmpeg command of its encode.
    """

    sources: tuple[Path, ...]
    encoders: tuple[Encoder, ...]
    presets: dict[str, tuple[str, ...]]
    crf: tuple[str, ...]
    target: str | None
    metric: str
    model: str | None
    display: tuple[int, int] | None
    means: Means
    cancel: threading.Event
    failed: dict[str, str] = field(default_factory=dict[str, str])
    commands: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def limits(self) -> Limits:
        """Bounds of each process."""
        return Limits(wall_s=self.means.timeout_s)


def compare(
    sources: Sequence[str | Path],
    *,
    encoder: Sequence[str] = ("libx264", "libx265", "libsvtav1"),
    preset: Sequence[str] = (),
    crf: Sequence[str] = (),
    target: str | None = None,
    target_vmaf: float | None = None,
    metric: str = "vmaf",
    statistic: str = "mean",
    model: str | None = None,
    display: tuple[int, int] | None = None,
    baseline_encoder: str | None = None,
    interpolation: Literal["pchip", "akima"] = "pchip",
    output: str | Path | None = None,
    allow_hdr: bool = False,
    threads: int = 1,
    workers: int | None = None,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
    ffmpeg_bin: str | Path | None = None,
    score_backend: str = "auto",
    vmaf_binary: str | Path | None = None,
    timeout_s: float | None = None,
    report: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> Comparison:
    """Measure encoders and presets on whole sources, and compare their curves.

    Without a target every encoder is measured at 6 values spread over its knob, or at `crf`.
    With one, the cheapest setting that reaches it is searched for, and `crf` adds a grid.

    Args:
        encoder: names or aliases, each with a preset or without, such as `libx264:medium`; the
            first is the anchor unless `baseline_encoder` names one.
        preset: words of the encoders that are named without one; each takes those that it has,
            else its default.
        crf: values, lists and ranges, for every encoder.
        target: `93` or `vmaf:p5>=90`; target_vmaf the same as a number.
        metric, statistic: what is compared without a target.
        output: a corpus file that keeps the rows; an existing one is continued.
        report: an HTML file to write.

    Returns:
        The comparison. Its `failed` names what could not be measured, and why.

    Raises:
        VmafkitError: nothing could be compared, since every encoder failed.
        UsageError, InputError, OutputError, StoreError, Cancelled.
    """
    if not sources:
        raise UsageError("there is no source", hint="name a video")
    means = means_of(
        enc=(), threads=threads, workers=workers, allow_hdr=allow_hdr, ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout_s, geometry=(width, height, pix_fmt, framerate),
        score_backend=score_backend, vmaf_binary=vmaf_binary,
    )  # fmt: skip
    chosen = _chosen(encoder, preset)
    goal = _goal(target, target_vmaf, metric)
    scale = named_scale(target, target_vmaf, (metric, statistic))
    if baseline_encoder is not None:
        find_anchor(_unmeasured(chosen), baseline_encoder)
    task = _Task(
        sources=tuple(Path(source) for source in sources),
        encoders=tuple(encoders.get(name) for name in chosen),
        presets=chosen,
        crf=tuple(crf),
        target=goal,
        metric=scale.metric,
        model=model or scale.model,
        display=display,
        means=means,
        cancel=cancel or threading.Event(),
    )
    parse_values(task.crf, "--crf")
    others = [*task.sources, *([output] if output is not None else [])]
    page = prepare_report(report, others)
    if output is not None:
        fsio.refuse_same_file(Path(output).absolute(), task.sources)
    rows = _measured(task, Path(output).absolute() if output is not None else None, on_event)
    scale, wanted = scale_of(rows, target, target_vmaf, (metric, statistic), model)
    result = compare_rows(
        rows, scale, wanted,
        anchor=baseline_encoder, interpolation=interpolation, allow_mixed=len(task.sources) > 1,
    )  # fmt: skip
    result = replace(result, failed=tuple(task.failed.items()))
    if page is not None:
        keys = [row.trial_key or "" for row in rows]
        commands = [task.commands[key] for key in keys if key in task.commands]
        write_report(page, comparison_report(result, commands=commands))
    return result


@dataclass(frozen=True, slots=True)
class CompareTrials:
    """What one encoder and preset cost on one source, which is encoded as a whole.

    Attributes:
        values: of the knob, each a trial.
        is_searched: whether a target is searched for as well.
    """

    source: Source
    encoder: str
    preset: str
    values: int
    is_searched: bool


def compare_trials(
    sources: Sequence[str | Path],
    *,
    encoder: Sequence[str] = ("libx264", "libx265", "libsvtav1"),
    preset: Sequence[str] = (),
    crf: Sequence[str] = (),
    target: str | None = None,
    metric: str = "vmaf",
    statistic: str = "mean",
    model: str | None = None,
    display: tuple[int, int] | None = None,
    output: str | Path | None = None,
    allow_hdr: bool = False,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
    score_backend: str = "auto",
) -> tuple[list[CompareTrials], dict[str, str]]:
    """What `compare` would encode by the same words; nothing is.

    Returns:
        The trials, and the encoders that would fail with the reason.

    Raises:
        UsageError, InputError, ToolMissing: as `compare`.
    """
    if not sources:
        raise UsageError("there is no source", hint="name a video")
    means = means_of(
        enc=(), threads=1, workers=None, allow_hdr=allow_hdr, ffmpeg_bin=None, timeout_s=None,
        geometry=(width, height, pix_fmt, framerate), score_backend=score_backend,
        vmaf_binary=None,
    )  # fmt: skip
    chosen = _chosen(encoder, preset)
    scale = named_scale(target, None, (metric, statistic))
    opened = [open_source(source, raw=means.raw) for source in sources]
    if output is not None:
        fsio.refuse_same_file(Path(output).absolute(), [each.path for each in opened])
    for each in opened:
        wanted = model or scale.model
        _ = model_of(wanted) if wanted else default_model((display or each.display_size)[1])
    asked = parse_values(crf, "--crf")
    capabilities = read_capabilities(find_ffmpeg(None))
    trials: list[CompareTrials] = []
    failed: dict[str, str] = {}
    for name, presets in chosen.items():
        one = encoders.get(name)
        try:
            capabilities.require_encoder(name)
            values = asked if asked or target else spread_values(one, _VALUES)
            for value in values:
                one.check_quality(value)
        except _OF_ONE as error:
            failed[name] = error.sentence()
            continue
        trials += [
            CompareTrials(source, name, word, len(values), target is not None)
            for source in opened
            for word in presets
        ]
    return trials, failed


def _unmeasured(chosen: dict[str, tuple[str, ...]]) -> list[Curve]:
    """The names of the curves to come."""
    return [
        Curve("", f"{name} {preset}", name, "", ())
        for name, presets in chosen.items()
        for preset in presets
    ]


def _measured(task: _Task, output: Path | None, on_event: OnEvent) -> list[CorpusRow]:
    """The rows of everything that worked; why the rest did not stands in `task.failed`."""
    with (
        TrialStore(settings.cache_folder()) as store,
        fsio.scratch_folder(within=settings.scratch_room()) as scratch,
    ):
        corpus = CorpusFile(output or scratch / "rows.jsonl")
        wanted: set[str] = set()
        if task.target is None or task.crf:
            wanted |= _sweep(task, store, scratch, corpus, on_event)
        if task.target is not None:
            wanted |= _search_all(task, store, scratch, corpus, on_event)
        rows = latest(read_corpus(corpus.path)) if corpus.path.is_file() else []
    own = [row for row in rows if row.trial_key in wanted]
    for row in own:
        if row.exit_status != 0:
            task.failed.setdefault(f"{row.encoder} {row.preset}", row.error or "it failed")
    good = [row for row in own if row.exit_status == 0]
    if not good:
        reasons = "; ".join(f"{name}: {why}" for name, why in task.failed.items())
        raise VmafkitError(f"every encoder failed: {reasons}")
    return good


def _sweep(
    task: _Task, store: TrialStore, scratch: Path, corpus: CorpusFile, on_event: OnEvent
) -> set[str]:
    cells: list[Cell] = []
    plans: list[SweepPlan] = []
    for encoder in task.encoders:
        values = task.crf or tuple(f"{value:g}" for value in spread_values(encoder, _VALUES))
        try:
            plan = _plan(task, encoder, values)
        except _OF_ONE as error:
            _note_failure(task, encoder.name, error)
            continue
        plans.append(plan)
        cells += plan.cells
        keys = [cell.spec.key for cell in plan.cells]
        task.commands.update(zip(keys, plan.commands, strict=True))
    if not plans:
        return set()
    capabilities = plans[0].capabilities
    bench = _bench(task, Path(capabilities.path), capabilities.version, store, scratch)
    run_sweep(
        bench, cells, corpus, Run(uuid.uuid4().hex, capabilities.version),
        workers=task.means.workers or _workers(task, cells),
        on_event=on_event,
    )  # fmt: skip
    return {cell.spec.key for cell in cells}


def _plan(task: _Task, encoder: Encoder, values: Sequence[str]) -> SweepPlan:
    raw = task.means.raw
    return plan_corpus(
        task.sources,
        encoder=[encoder.name],
        preset=task.presets[encoder.name],
        crf=values,
        model=[task.model] if task.model else [],
        feature=[each.name for each in features_of([task.metric])],
        display=task.display,
        allow_hdr=task.means.allow_hdr,
        threads=task.means.threads,
        width=raw.width if raw else None,
        height=raw.height if raw else None,
        pix_fmt=raw.pix_fmt if raw else None,
        framerate=str(raw.framerate) if raw else None,
        ffmpeg_bin=task.means.ffmpeg_bin,
        score_backend=task.means.backend.word,
        vmaf_binary=task.means.backend.tool,
    )


def _search_all(
    task: _Task, store: TrialStore, scratch: Path, corpus: CorpusFile, on_event: OnEvent
) -> set[str]:
    model = task.model
    if model is None and task.display is not None:
        model = default_model(task.display[1]).id
    goal = Goal(target=(task.target or "",), model=model)
    run_id, keys = uuid.uuid4().hex, set[str]()
    for source in task.sources:
        ready = prepare(source, goal, Sampling(full=True), task.means, cancel=task.cancel)
        program = Path(ready.capabilities.path)
        bench = _bench(task, program, ready.capabilities.version, store, scratch)
        run = Run(run_id, ready.capabilities.version)
        for encoder in task.encoders:
            for preset in task.presets[encoder.name]:
                try:
                    keys |= _search(task, ready, bench, encoder, preset, corpus, run, on_event)
                except _OF_ONE as error:
                    _note_failure(task, f"{encoder.name} {preset} on {show(source)}", error)
    return keys


def _search(
    task: _Task, ready: Ready, bench: Bench, encoder: Encoder, preset: str,
    corpus: CorpusFile, run: Run, on_event: OnEvent,
) -> set[str]:  # fmt: skip
    """Search one encoder and preset; every probe becomes a row."""
    ready.capabilities.require_encoder(encoder.name)
    setup = ready.setup(bench, encoder, preset, ready.samples)
    setup = replace(setup, scoring=replace(setup.scoring, display=task.display))
    new_search = ready.new_search(encoder, preset, rows=stored_rows(ready, setup))
    found = run_search(setup, new_search, known_probes(setup), on_event)
    done, keys = corpus.done_keys(), set[str]()
    for quality, measured in found.measured.items():
        cell = setup.cells(quality)[0]
        keys.add(cell.spec.key)
        task.commands[cell.spec.key] = command_of(setup, quality)
        if cell.spec.key not in done:
            corpus.append(row_of(cell, run, dict(measured.facts[0]), None))
    if not found.decision.met:
        on_event(Event("target-unreached", {"encoder": encoder.name, "preset": preset,
                                            "reason": found.decision.reason}))  # fmt: skip
    return keys


def _bench(task: _Task, program: Path, version: str, store: TrialStore, scratch: Path) -> Bench:
    return Bench(
        program=program, version=version, store=store, score_threads=task.means.threads,
        limits=task.limits, cancel=task.cancel, scratch=scratch,
    )  # fmt: skip


def _workers(task: _Task, cells: Sequence[Cell]) -> int:
    largest = max(
        trial_bytes(*max(cell.spec.display, cell.source.display_size), cell.source.bit_depth)
        for cell in cells
    )
    return worker_count(
        settings.core_count(),
        task.means.threads,
        free_bytes=free_memory_bytes(),
        trial_bytes=largest,
    )


def _note_failure(task: _Task, name: str, error: VmafkitError) -> None:
    task.failed.setdefault(name, error.sentence())


def _goal(target: str | None, target_vmaf: float | None, metric: str) -> str | None:
    if target is not None:
        return target
    if target_vmaf is None:
        return None
    if metric != "vmaf":
        raise UsageError(f"--target-vmaf is no score of {metric}", hint="write --target xpsnr>=42")
    return f"vmaf>={target_vmaf!r}"


def _chosen(words: Sequence[str], presets: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The presets of each encoder: its own of `NAME:PRESET`, and for a bare `NAME` those of
    `--preset` that it has, else its default.

    Raises:
        UsageError: there is no such encoder, or a preset is no encoder's.
    """
    bare: dict[str, Encoder] = {}
    chosen: dict[str, dict[str, None]] = {}
    for word in _parts(words):
        name, _, preset = word.partition(":")
        encoder = encoders.get(name)
        own = chosen.setdefault(encoder.name, {})
        if ":" in word:
            own[encoder.check_preset(preset.strip())] = None
        else:
            bare[encoder.name] = encoder
    if not chosen:
        raise UsageError("--encoder names none", hint="write --encoder libx264,libsvtav1:8")
    named = _parts(presets)
    if named and not bare:
        raise UsageError(
            f"--preset {','.join(named)} is for no encoder, since each is named with its own",
            hint="leave it out, or name an encoder without a preset",
        )
    for preset in named:
        if not any(preset in encoder.presets for encoder in bare.values()):
            next(iter(bare.values())).check_preset(preset)
    for name, encoder in bare.items():
        own = [preset for preset in named if preset in encoder.presets]
        chosen[name] |= dict.fromkeys(own or [encoder.default_preset])
    return {name: tuple(each) for name, each in chosen.items()}


def _parts(words: Sequence[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",") if part.strip()]
