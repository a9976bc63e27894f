"""The verb `tune-per-shot`: a setting for each shot, joined, measured, held against one for all."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit import fsio
from vmafkit.api._finishing import Finished, stored_rows
from vmafkit.api._per_shot_record import Outcome, result_record
from vmafkit.api._pictures import Seen, pictures_of
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._searching import Goal, Ready, Sampling, means_of, prepare
from vmafkit.api._segments import prepare_segments, write_segments
from vmafkit.decide.expect import expect
from vmafkit.decide.per_shot import MODES, Aim, first_values, range_of, uniform, verdict
from vmafkit.decide.probes import Probe
from vmafkit.decide.samples import full
from vmafkit.decide.search import Search
from vmafkit.decide.target import METRICS, Target
from vmafkit.encoders import Encoder
from vmafkit.errors import TargetUnreached, UsageError
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.final import make_final, prepare_output
from vmafkit.execute.join import JOINABLE
from vmafkit.execute.merging import merge_shots
from vmafkit.execute.per_shot import (
    Shots,
    best_single,
    measure_shots,
    single_file,
    stored_frames,
    whole_setup,
)
from vmafkit.execute.search import Setup
from vmafkit.execute.streams import Streams
from vmafkit.execute.title import best_title, join_title, joined_frames, title_path
from vmafkit.execute.trial import Bench
from vmafkit.media.hashing import show
from vmafkit.media.shots import MAX_S, MIN_S, Shot, detect_shots, frame_times_s
from vmafkit.schema.per_shot import PerShotResult
from vmafkit.schema.scenes import qpfile, read_scenes, scenes_of

# Of the metric's tolerance: two titles are compared at nearly the same score.
_CLOSE = 0.2


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for, checked."""

    aim: Aim
    probes: int
    crf: tuple[float | None, float | None]
    output: Path | None
    streams: Streams | None
    segment_dir: Path | None
    report: bool


def tune_per_shot(
    source: str | Path | None = None,
    *,
    encoder: str = "libx264",
    preset: str | None = None,
    target: str | None = None,
    target_vmaf: float | None = None,
    mode: str = "constant-slope",
    worst: float | None = None,
    model: str | None = None,
    enc: Sequence[str] = (),
    crf_min: float | None = None,
    crf_max: float | None = None,
    probes: int = 4,
    min_shot_s: float = MIN_S,
    max_shot_s: float = MAX_S,
    scenes: str | Path | None = None,
    qpfile_out: str | Path | None = None,
    plan_out: str | Path | None = None,
    segment_dir: str | Path | None = None,
    output: str | Path | None = None,
    report: str | Path | None = None,
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
    dry_run: bool = False,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> PerShotResult:
    """Encode each shot with a setting of its own, join them, and prove that it pays.

    The joined file is scored as a whole and held against the best single setting that keeps the
    same promise; what needs fewer bits is kept.

    Args:
        target: such as `93` or `xpsnr>=42`; a mean, of a metric for which higher is better.
        target_vmaf: a number, the same as `target`; 92 where neither is given.
        mode: `constant-slope`: the mean over the title reaches the target with the fewest bits;
            `constant-quality`: each shot reaches it.
        worst: in constant slope, no shot lies below.
        crf_min, crf_max: of the encoder's quality knob.
        probes: values measured in every shot to begin with, 2 to 12.
        min_shot_s, max_shot_s: shorter shots are merged, longer ones divided.
        scenes: a scenes.json: read where it is there, else written.
        qpfile_out: key frames of the shots, for x264 and x265.
        plan_out: the result as a JSON file.
        segment_dir: where the chosen shots' encodes are copied, with the list that joins them.
        output: the final file, .mkv or .mp4; with all other streams of the source.
        report: an HTML file to write; of the shots alone with `dry_run`.
        dry_run: find the shots, encode nothing.

    Returns:
        The record; `met` is false where nothing measured meets the target.

    Raises:
        UsageError, InputError, OutputError, ToolMissing, ToolFailed, ResultInvalid, StoreError,
        Cancelled.
    """
    if target is not None and target_vmaf is not None:
        raise UsageError("--target and --target-vmaf are both given", hint="give one of them")
    page = prepare_report(report, [each for each in (source, output) if each])
    words = target or f"vmaf>={92.0 if target_vmaf is None else target_vmaf:g}"
    means = means_of(
        enc=enc, threads=threads, workers=workers, allow_hdr=allow_hdr, ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout_s, geometry=(width, height, pix_fmt, framerate),
        score_backend=score_backend, vmaf_binary=vmaf_binary,
    )  # fmt: skip
    if not 2 <= probes <= 12:
        raise UsageError(f"--probes {probes} is not between 2 and 12")
    ready = prepare(source, Goal((words,), model=model), Sampling(full=True), means, cancel=cancel)
    for each in (scenes, qpfile_out, plan_out):
        if each is not None:
            fsio.refuse_same_file(Path(each).absolute(), [ready.source.path])
    aim = _aim(mode, ready.targets[0], worst)
    chosen = ready.encoder(encoder)
    range_of(chosen.quality, crf_min, crf_max)
    chosen_preset = chosen.check_preset(preset or chosen.default_preset)
    path = Path(output).absolute() if output is not None else None
    streams = prepare_output(path, ready.source) if path else None
    shots = _shots(ready, scenes, (min_shot_s, max_shot_s), on_event)
    _write(qpfile_out, lambda: qpfile([(s.start_frame, s.end_frame) for s in shots]))
    folder = Path(segment_dir).absolute() if segment_dir is not None else None
    if folder is not None:
        prepare_segments(folder, ready.source.path, len(shots), chosen.container)
        if not dry_run:
            fsio.ensure_output_folder(folder, "--segment-dir")
    wanted = _Wanted(aim, probes, (crf_min, crf_max), path, streams, folder, page is not None)
    with ready.bench() as bench:
        result, seen = _tuned(
            ready, bench, (chosen, chosen_preset), shots, wanted, dry_run, on_event
        )
    _write(plan_out, result.text)
    if page is not None:
        from vmafkit.report.from_per_shot import per_shot_report

        write_report(page, per_shot_report(result, seen.frames, seen.pictures))
    return result


def _aim(mode: str, target: Target, worst: float | None) -> Aim:
    known = MODES.get(mode)
    if known is None:
        raise UsageError(f"--mode {mode!r} is none", hint=f"one of: {', '.join(MODES)}")
    if target.statistic != "mean" or not METRICS[target.metric].higher_is_better:
        raise UsageError(
            f"--target {target} cannot be shared among shots",
            hint="name a mean of a metric for which higher is better, and --worst for a floor",
        )
    if worst is not None and known == "constant-quality":
        raise UsageError("--worst has no meaning in constant quality", hint="there it is --target")
    if worst is not None and not worst < target.value:
        raise UsageError(f"--worst {worst:g} is not below the target {target.value:g}")
    return Aim(known, target.value, worst)


def _shots(
    ready: Ready,
    scenes: str | Path | None,
    lengths_s: tuple[float, float],
    on_event: OnEvent,
) -> tuple[Shot, ...]:
    path = Path(scenes) if scenes is not None else None
    frames = ready.source.frame_count
    if path is not None and path.exists():
        try:
            data = fsio.read_bytes(path)
        except OSError as error:
            raise UsageError(f"--scenes {show(path)} cannot be read: {error.strerror}") from error
        found = read_scenes(data, show(path))
        if found.frames != frames:
            raise UsageError(
                f"{show(path)} is of a video of {found.frames} frames; the source has {frames}",
                hint="delete it to have the shots found again",
            )
        return tuple(Shot(first, end) for first, end in found.bounds())
    shots = detect_shots(ready.source, *lengths_s)
    on_event(Event("shots-found", {"shots": len(shots), "frames": frames}))
    bounds = [(shot.start_frame, shot.end_frame) for shot in shots]
    _write(path, lambda: scenes_of(bounds, source=show(ready.source.path)).text())
    return shots


def _write(path: str | Path | None, text: object) -> None:
    if path is not None and callable(text):
        fsio.write_atomic(Path(path).absolute(), str(text()), user_output=True)


def _tuned(
    ready: Ready,
    bench: Bench,
    chosen: tuple[Encoder, str],
    shots: tuple[Shot, ...],
    wanted: _Wanted,
    dry_run: bool,
    on_event: OnEvent,
) -> tuple[PerShotResult, Seen]:
    """The record, and for a report what is known of the kept title's frames."""
    encoder, preset = chosen
    samples = full(ready.source.frame_count)
    plain = ready.setup(bench, encoder, preset, samples, keep=bench.scratch)
    extra = JOINABLE.get(encoder.name, ())
    setup = replace(plain, grid=replace(plain.grid, options=(*plain.grid.options, *extra)))
    allowed = range_of(encoder.quality, *wanted.crf)
    folder = bench.scratch or Path()
    work = Shots(setup, shots, frame_times_s(ready.source), allowed, folder)
    outcome = Outcome(ready, work, wanted.aim, work, segment_dir=wanted.segment_dir)
    # What no encode of this source could be is refused by a plan as well.
    whole_setup(setup).cells(allowed.lo)
    if dry_run:
        return result_record(outcome, None, "dry run: nothing was measured"), Seen()
    prior = ready.prior(encoder, preset, stored_rows(ready, plain))
    expected = expect(prior, ready.targets, ready.caps, ready.source.duration_s).quality
    values = first_values(allowed, expected, wanted.probes)
    measure_shots(work, [(n, v) for n in range(len(shots)) for v in values], on_event)
    close = METRICS[ready.targets[0].metric].tolerance * _CLOSE
    unreached = ""
    try:
        work = outcome.work = merge_shots(work, wanted.aim, on_event)
        outcome.made, outcome.rounds = best_title(work, wanted.aim, close, on_event)
    except TargetUnreached as error:
        unreached = error.sentence()
    start = uniform(work.curves(), wanted.aim)

    def new_search(known: Sequence[Probe]) -> Search:
        return Search(
            encoder.quality, ready.targets, known=known, prior=prior, tolerance=close,
            lo=wanted.crf[0], hi=wanted.crf[1],
        )  # fmt: skip

    outcome.single = best_single(plain, shots, wanted.aim, new_search, start, on_event)
    kept, reason = verdict(
        wanted.aim, outcome.made.title if outcome.made else None, outcome.single.title
    )
    outcome.final = _final(kept, outcome, plain, wanted, on_event)
    reason = f"{reason}: {unreached}" if unreached else reason
    seen = _seen(kept, outcome, plain) if wanted.report else Seen()
    return result_record(outcome, kept, reason), seen


def _seen(kept: str | None, outcome: Outcome, plain: Setup) -> Seen:
    frames = _frames(kept, outcome, plain)
    made = outcome.final.final.path if outcome.final else None
    return Seen(tuple(frames), pictures_of(plain, frames, made))


def _frames(kept: str | None, outcome: Outcome, plain: Setup) -> Sequence[float]:
    made, single = outcome.made, outcome.single
    if kept == "per-shot" and made is not None:
        scores = joined_frames(outcome.work, made)
        return [] if scores is None else scores.tolist()
    if kept == "single" and single is not None and single.quality is not None:
        whole = whole_setup(plain)
        return stored_frames(whole, whole.cells(single.quality)[0]).tolist()
    return []


def _final(
    kept: str | None, outcome: Outcome, plain: Setup, wanted: _Wanted, on_event: OnEvent
) -> Finished | None:
    made, single, work = outcome.made, outcome.single, outcome.work
    if wanted.segment_dir is not None and outcome.best is not None:
        write_segments(work, outcome.best, wanted.segment_dir, copies=kept == "per-shot")
    if wanted.output is None or wanted.streams is None or kept is None:
        return None
    bench = plain.bench
    if kept == "single" and single is not None:
        cell, video = single_file(plain, single, work.folder)
    elif made is not None:
        joined = made.joined or join_title(work, made.chosen, title_path(work, 0))
        cell, video = whole_setup(work.setup).cells(made.chosen[0].value)[0], joined.path
    else:
        return None
    final = make_final(bench, cell, video, wanted.streams, wanted.output, on_event=on_event)
    return Finished(final, False, 0.0)
