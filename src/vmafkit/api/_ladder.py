"""The verb `ladder`: renditions and settings on the measured hull, packaged when asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.api._ladder_record import Outcome, dry_ladder, ladder_record, report_of
from vmafkit.api._ladder_words import (
    TEXTS,
    Spacing,
    gop_frames_of,
    kinds_of,
    numbers,
    rule_of,
    split,
    values_of,
)
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._searching import Means, Ready, Sampling, means_of
from vmafkit.api._words import model_of
from vmafkit.decide.ladder import LadderCell, LadderSearch
from vmafkit.decide.renditions import renditions
from vmafkit.decide.rungs import NoRungs, RungRule
from vmafkit.decide.sweep import Known
from vmafkit.decide.target import Caps
from vmafkit.decide.workers import trial_bytes, worker_count
from vmafkit.encoders import Encoder
from vmafkit.encoders.gop import fixed_gop
from vmafkit.errors import UsageError
from vmafkit.execute.events import OnEvent, ignore
from vmafkit.execute.ladder import RungSetup, Setups, make_rungs, run_ladder, run_whole
from vmafkit.execute.machine import free_memory_bytes
from vmafkit.execute.package import (
    MANIFESTS,
    Kind,
    Parcel,
    RungFile,
    check_folder,
    make_packages,
    new_folder,
)
from vmafkit.execute.search import Measured
from vmafkit.execute.sound import left_out
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.hashing import content_hash
from vmafkit.media.manifests import Variant
from vmafkit.media.probe import open_source
from vmafkit.schema.ladder import LadderRecord
from vmafkit.scoring.vmaf_models import default_model
from vmafkit.store.hashes import StoredHashes


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be measured, and what becomes of it."""

    ready: Ready
    encoder: Encoder
    preset: str
    display: tuple[int, int]
    sizes: tuple[tuple[int, int], ...]
    values: tuple[float, ...]
    rule: RungRule
    spacing: str
    segment_s: float
    gop_frames: int
    kinds: tuple[Kind, ...]
    output: Path | None

    def setups(self, bench: Bench) -> Setups:
        """The trials of each rendition."""
        base = self.ready.setup(bench, self.encoder, self.preset, self.ready.samples)
        base = replace(base, scoring=replace(base.scoring, display=self.display))
        # What may become a rung is kept until the packages are made.
        keep = bench.scratch if self.kinds else None
        own = self.ready.source.display_size
        return {
            size: RungSetup.of(base, self.gop_frames, None if size == own else size, keep)
            for size in self.sizes
        }


def ladder(
    source: str | Path | None = None,
    *,
    encoder: str = "libx264",
    preset: str | None = None,
    resolutions: Sequence[str] = (),
    crf: Sequence[str] = (),
    target_vmafs: Sequence[str] = (),
    quality_tiers: int | None = None,
    spacing: Spacing = "vmaf",
    step: float | None = None,
    rungs_kbps: Sequence[str] = (),
    min_kbps: float | None = None,
    max_kbps: float | None = None,
    min_quality: float | None = None,
    max_quality: float | None = None,
    exhaustive: bool = False,
    model: str | None = None,
    display: tuple[int, int] | None = None,
    samples: int | None = None,
    sample_duration_s: float | None = None,
    full: bool = False,
    segment_duration_s: float = 4.0,
    format: Sequence[str] = (),
    output: str | Path | None = None,
    enc: Sequence[str] = (),
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
    dry_run: bool = False,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> LadderRecord:
    """Measure renditions at display size, take the hull, and pick the rungs on it.

    Args:
        resolutions: `1280x720` or `720`; none for the usual ones up to the source's.
        crf: values of the encoder's knob to choose from, at least 3; none for 13 of them.
        target_vmafs: a rung for each score: the cheapest setting that reaches it.
        quality_tiers: so many rungs from end to end, evenly spaced.
        spacing: without tiers, steps of `step`: points of VMAF (6), or a bitrate ratio (1.7).
        rungs_kbps: a rung for each bitrate: the best that lies at it or below.
        min_kbps, max_kbps, min_quality: no rung lies outside, and takeovers are told within;
            None for no cap on the bitrate, and for a quality of 30 where rungs are not named.
        max_quality: the top rung is the cheapest that reaches it; None for 95 where rungs are
            not named by `target_vmafs` or `rungs_kbps`.
        exhaustive: measure the whole grid.
        display: (width, height) that everything is compared at; None for the source's size.
        samples, sample_duration_s, full: so many windows of so many seconds, or all of it.
        segment_duration_s: from one key frame to the next, at least.
        format: `hls`, `dash`; also words for printing, which are left to the caller.
        output: a new folder for the packages; caps and floors then hold for the whole source,
            which costs some more encodes where windows were measured.
        report: an HTML file to write.

    Raises:
        UsageError, InputError, OutputError, ToolMissing, ToolFailed, ResultInvalid, StoreError,
        Cancelled.
    """
    means = means_of(
        enc=enc, threads=threads, workers=workers, allow_hdr=allow_hdr, ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout_s, geometry=(width, height, pix_fmt, framerate),
        score_backend=score_backend, vmaf_binary=vmaf_binary,
    )  # fmt: skip
    rule = rule_of(
        spacing, step, numbers(target_vmafs, "--target-vmafs"), quality_tiers,
        numbers(rungs_kbps, "--rungs-kbps"), (min_kbps, max_kbps, min_quality, max_quality),
    )  # fmt: skip
    if source is None:
        raise UsageError("there is no source", hint="name a video")
    target = Path(output).absolute() if output is not None else None
    kinds = kinds_of(format, target)
    page = prepare_report(report, [source])
    sampling = Sampling(samples, sample_duration_s, full)
    ready = _ready(source, means, sampling, model, display, cancel)
    chosen = ready.encoder(encoder)
    gop_frames = gop_frames_of(segment_duration_s, ready.source.framerate)
    plan = _Plan(
        ready=ready,
        encoder=chosen,
        preset=chosen.check_preset(preset or chosen.default_preset),
        display=display or ready.source.display_size,
        sizes=renditions(ready.source.display_size, resolutions, chosen.size_multiple_px),
        values=values_of(chosen, crf),
        rule=rule,
        spacing=spacing,
        segment_s=segment_duration_s,
        gop_frames=gop_frames,
        kinds=kinds,
        output=target,
    )
    _check_packages(plan)
    with ready.bench() as bench:
        record = _run(plan, bench, exhaustive=exhaustive, dry_run=dry_run, on_event=on_event)
    if page is not None and not dry_run:
        write_report(page, report_of(record))
    return record


def ladder_text(record: LadderRecord, format: Sequence[str] = ()) -> str:
    """A ladder as Markdown, as CSV (its rungs), or as one JSON object.

    Args:
        format: as for `ladder`; the first word for printing counts, else it is Markdown.
    """
    form = next((word for word in split(format) if word in TEXTS), "markdown")
    if form == "json":
        return json.dumps(record.record(), allow_nan=False) + "\n"
    from vmafkit.report.formats import to_csv, to_markdown

    data = report_of(record)
    return to_csv(data) if form == "csv" else to_markdown(data)


def _run(
    plan: _Plan, bench: Bench, *, exhaustive: bool, dry_run: bool, on_event: OnEvent
) -> LadderRecord:
    setups = plan.setups(bench)
    is_sampled = plan.output is not None and not plan.ready.samples.is_full
    search = LadderSearch(plan.sizes, plan.values, plan.rule, is_sampled=is_sampled)
    outcome = Outcome(plan.ready, plan.display, plan.segment_s, plan.gop_frames, plan.spacing)
    if dry_run:
        return dry_ladder(outcome, setups, search, exhaustive=exhaustive)
    source, means = plan.ready.source, plan.ready.means
    workers = means.workers or worker_count(
        settings.core_count(),
        means.threads,
        free_bytes=free_memory_bytes(),
        trial_bytes=trial_bytes(*max(plan.display, source.display_size), source.bit_depth),
    )
    try:
        measured = run_ladder(
            setups, search, workers=workers, exhaustive=exhaustive, on_event=on_event
        )
        if plan.output is None or bench.scratch is None:
            return ladder_record(outcome, setups, search, measured, _rungs_of(search))
    except NoRungs as error:
        if plan.ready.samples.is_full:
            raise
        raise NoRungs(f"{error.message}, by windows of the source",
                      hint=f"{error.hint}; --full measures the whole of it") from error  # fmt: skip
    whole = run_whole(
        setups, search, measured, bench.scratch,
        workers=workers, exhaustive=exhaustive, on_event=on_event,
    )  # fmt: skip
    rungs = _rungs_of(search)
    made = make_rungs(setups, rungs, bench.scratch, whole, on_event)
    return _package(plan, plan.output, bench, outcome, setups, search, measured, rungs, made)


def _package(plan: _Plan, output: Path, bench: Bench, outcome: Outcome, setups: Setups,
             search: LadderSearch, measured: dict[LadderCell, Measured], rungs: list[LadderCell],
             made: list[tuple[Path, Measured]]) -> LadderRecord:  # fmt: skip
    files = [
        RungFile(path, cell.width, cell.height) for cell, (path, _) in zip(rungs, made, strict=True)
    ]
    parcel = Parcel(tuple(files), plan.ready.source, plan.encoder.codec, plan.gop_frames)
    with new_folder(output) as folder:
        packages = make_packages(bench, parcel, folder, plan.kinds)
        variants: tuple[Variant, ...] = next(iter(packages.values()))
        record = ladder_record(
            outcome, setups, search, measured, rungs,
            whole=[each for _, each in made], variants=variants,
            packages={kind: str(output / MANIFESTS[kind]) for kind in packages},
            dropped=left_out(plan.ready.source),
        )  # fmt: skip
        text = json.dumps(record.record(), allow_nan=False, indent=2) + "\n"
        fsio.write_scratch(folder / "ladder.json", text)
    return record


def _ready(
    source: str | Path,
    means: Means,
    sampling: Sampling,
    model: str | None,
    display: tuple[int, int] | None,
    cancel: threading.Event | None,
) -> Ready:
    opened = open_source(source, raw=means.raw)
    capabilities = read_capabilities(find_ffmpeg(means.ffmpeg_bin), timeout_s=means.timeout_s)
    capabilities.require_libvmaf()
    lines = (display or opened.display_size)[1]
    return Ready(
        known=Known(opened, content_hash(opened.path, StoredHashes(settings.cache_folder()))),
        targets=(),
        caps=Caps(),
        tolerance=0.0,
        models=(model_of(model) if model else default_model(lines),),
        means=means,
        capabilities=capabilities,
        sampling=sampling,
        cancel=cancel or threading.Event(),
    )


def _check_packages(plan: _Plan) -> None:
    if plan.output is None:
        return
    check_folder(plan.output)
    if fixed_gop(plan.encoder, plan.gop_frames) is None:
        raise UsageError(
            f"what {plan.encoder.name} makes cannot be packaged in segments of equal length",
            hint="leave --output out, or use libx264, libx265, libsvtav1 or libvpx-vp9",
        )


def _rungs_of(search: LadderSearch) -> list[LadderCell]:
    cells = {cell.key: cell for cell in search.measured}
    return [cells[point.key] for point in search.rungs()]
