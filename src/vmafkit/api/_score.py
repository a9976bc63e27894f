"""Scores a distorted video against its reference."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vmafkit import fsio, pooling
from vmafkit.api._report import prepare_report
from vmafkit.errors import InputError, OutputError, UsageError
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.ffmpeg.progress import Progress
from vmafkit.ffmpeg.run import Job
from vmafkit.ffmpeg.words import MAX_PIXELS
from vmafkit.media.hashing import show
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry, Source
from vmafkit.media.timing import rate_from
from vmafkit.media.window import Window
from vmafkit.proc import Limits
from vmafkit.scoring.backend import Backend, find_backend
from vmafkit.scoring.features import Feature, feature_by_name
from vmafkit.scoring.log_files import LogFormat, render
from vmafkit.scoring.pair import Pair, Scorer, pass_count, score_pair
from vmafkit.scoring.score import Score, ScoreRequest
from vmafkit.scoring.words import ensure_distinct, parse_feature, parse_model

if TYPE_CHECKING:
    from vmafkit.scoring.tiny import TinyScorer

OnProgress = Callable[[int, int], None]
_ELEMENTARY = ("vif", "adm", "motion")


def score(
    reference: str | Path,
    distorted: str | Path,
    *,
    models: Sequence[str] = (),
    features: Sequence[str] = (),
    predict: bool = True,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | Fraction | int | None = None,
    display: tuple[int, int] | None = None,
    subsample: int = 1,
    threads: int = 0,
    frame_count: int | None = None,
    skip_reference: int = 0,
    skip_distorted: int = 0,
    allow_hdr: bool = False,
    ffmpeg_bin: str | Path | None = None,
    score_backend: str = "auto",
    vmaf_binary: str | Path | None = None,
    tiny_model: str | Path | None = None,
    tiny_device: str = "auto",
    timeout_s: float | None = None,
    statistic: str = "mean",
    output: str | Path | None = None,
    output_format: LogFormat = "xml",
    precision: int = 6,
    report: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: OnProgress | None = None,
) -> Score:
    """Score one pair, frame by frame.

    Args:
        reference, distorted: containers, y4m, or raw files with their geometry given.
        models: ids, aliases, or libvmaf's `version=..|path=..[:option..]`; none for the one
            that fits the display, as `Score.model_note` then says.
        features: names, or `name=psnr:enable_chroma=false`.
        predict: False for features only, no model.
        width, height, pix_fmt, framerate: of raw files; refused where a container
            says otherwise. Sizes in samples, framerate in frames per second.
        display: (width, height) both sides are scaled to; None for the reference's own.
        subsample: every n-th frame only.
        threads: of libvmaf; 0 for all cores.
        frame_count: at most so many frames; None for all.
        skip_reference, skip_distorted: frames left out at the start of a side.
        allow_hdr: score HDR video with a model for SDR, and say so in the steps.
        ffmpeg_bin: an ffmpeg with libvmaf; None for VMAFKIT_FFMPEG or the wheel's.
        score_backend: `libvmaf`; `engine` for the one in this process; `vmaf-binary`; `auto`
            for the engine where it is built and proven for what is asked, else libvmaf.
        vmaf_binary: libvmaf's own tool, which then computes the scores.
        tiny_model: an ONNX file, or the id of a model that comes with vmafkit, scored beside.
        tiny_device: where it runs: auto, cuda, openvino, rocm or cpu.
        timeout_s: the longest that one pass may take, in seconds.
        statistic: what `Score.value` is pooled by; a wrong word is refused before the work.
        output: a file written in libvmaf's layout, whole or not at all.
        output_format: xml, json, csv or sub.
        precision: digits after the point in that file, 0 to 17.
        report: an HTML file to write, with the frames and the worst of them as pictures.
        cancel: when set, the work stops with Cancelled.
        on_progress: called with (frames done, frames to do).

    Raises:
        UsageError: a value is wrong or contradicts a file.
        InputError: a side cannot be used, or the two do not belong together.
        OutputError: the output cannot be written.
        ModelRefused: the tiny model may not be run.
        CapabilityMissing: the engine was asked for by name and does not score this.
        ToolMissing, ToolFailed, ResultInvalid, Cancelled: scoring failed.
    """
    _check_numbers(subsample=subsample, threads=threads, timeout_s=timeout_s)
    _check_statistic(statistic)
    if display is not None and not 1 <= display[0] * display[1] <= MAX_PIXELS:
        raise UsageError(
            f"--display {display[0]}x{display[1]} has more than 8192 x 8192 samples, or none",
            hint="name the size that the video is shown at, such as 1920x1080",
        )
    request = ScoreRequest(
        models=tuple(parse_model(word) for word in models) if predict else (),
        features=_features(features, predict or tiny_model is not None),
        display=display,
        subsample=subsample,
        threads=threads,
        with_default=predict,
        statistic=statistic,
    )
    ensure_distinct(request.models, request.features)
    asked, tiny = request.features, _tiny(tiny_model, tiny_device)
    if tiny is not None:
        request = tiny.with_features(request)
    paths = (Path(reference), Path(distorted))
    target = None if output is None else _checked_output(Path(output), paths)
    page = prepare_report(report, [*paths, *([target] if target else [])])
    sources = open_pair(paths, pair_geometry(width, height, pix_fmt, framerate))
    windows = _windows(sources, (skip_reference, skip_distorted), frame_count)
    pair = Pair(*sources, *windows, allow_hdr=allow_hdr)
    scorer = _scorer(ffmpeg_bin, find_backend(score_backend, vmaf_binary))
    job = Job(
        on_progress=_frames_done(on_progress, pair, request),
        cancel=cancel,
        limits=Limits(wall_s=timeout_s),
    )
    result = score_pair(scorer, pair, request, job=job)
    if tiny is not None:
        result = tiny.with_scores(result, asked)
    if target is not None:
        text = render(result, output_format, precision=precision)
        fsio.write_atomic(target, text, user_output=True)
    if page is not None:
        from vmafkit.api._score_report import write_score_page

        write_score_page(page, result, pair, scorer, cancel)
    return result


def _check_numbers(*, subsample: int, threads: int, timeout_s: float | None) -> None:
    if subsample < 1:
        raise UsageError(f"--subsample {subsample} is below 1", hint="1 scores every frame")
    if threads < 0:
        raise UsageError(f"--threads {threads} is below 0", hint="0 uses all cores")
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g} is not above 0", hint="it is in seconds")


def _check_statistic(statistic: str) -> None:
    try:
        if statistic not in pooling.STATISTICS:
            pooling.percentile_rank(statistic)
    except ValueError as error:
        raise UsageError(str(error), hint="such as mean, min or p5") from error


def score_record(
    result: Score, reference: str | Path, distorted: str | Path, statistic: str | None = None
) -> dict[str, Any]:
    """A Score as one JSON-ready object, without its frames.

    Returns:
        `score` is the first model pooled by `statistic` (the result's own when None), or None
        without a model; `pooled` holds every column with every statistic that is finite.
    """
    model, statistic = result.model_id, statistic or result.statistic
    return {
        "type": "score",
        "reference": show(Path(reference)),
        "distorted": show(Path(distorted)),
        "model": model or None,
        "model_note": result.model_note,
        "statistic": statistic,
        "score": result.pooled(model, statistic) if model else None,
        "tiny_models": [
            {
                "id": tiny.id,
                "sha256": tiny.sha256,
                "device": tiny.device,
                "score": result.pooled(tiny.id, statistic),
            }
            for tiny in result.tiny
        ],
        "frames": result.frame_count,
        "display": f"{result.display[0]}x{result.display[1]}",
        "pix_fmt": result.pix_fmt,
        "steps": list(result.steps),
        "notes": list(result.notes),
        "pooled": result.summary,
        "aggregates": dict(result.aggregates),
        "backend": result.backend,
        "backend_note": result.backend_note,
        "versions": {"libvmaf": result.libvmaf_version, "tool": result.tool_version},
        "wall_s": round(result.wall_s, 3),
        "cpu_s": round(result.cpu_s, 3),
    }


def _features(words: Sequence[str], predict: bool) -> tuple[Feature, ...]:
    if not words and not predict:
        return tuple(feature_by_name(name) for name in _ELEMENTARY)
    return tuple(parse_feature(word) for word in words)


def _tiny(path_or_id: str | Path | None, device: str) -> TinyScorer | None:
    if path_or_id is None:
        if device != "auto":
            raise UsageError(
                f"--tiny-device {device} has no model to run", hint="name a --tiny-model"
            )
        return None
    from vmafkit.scoring.tiny import open_tiny

    return open_tiny(path_or_id, device)


def _checked_output(output: Path, sources: Sequence[Path]) -> Path:
    """Refuse early what cannot be written at the end."""
    fsio.refuse_same_file(output, sources)
    reason = ""
    if output.is_dir():
        reason = "it is a folder"
    elif output.exists() and not output.is_file():
        reason = "it is not a plain file"
    elif not output.parent.is_dir():
        reason = "its folder does not exist"
    elif not os.access(output.parent, os.W_OK):
        reason = "its folder may not be written to"
    if reason:
        raise OutputError(f"cannot write {show(output)}: {reason}", hint="name another --output")
    return output


def pair_geometry(
    width: int | None, height: int | None, pix_fmt: str | None, framerate: object
) -> RawGeometry | None:
    """The geometry of the raw side of a pair; None where none was given. Raises: UsageError."""
    if width is None and height is None:
        if pix_fmt is None and framerate is None:
            return None
        raise UsageError(
            "--pix-fmt and --framerate are for raw files", hint="give --width and --height too"
        )
    if width is None or height is None or pix_fmt is None:
        missing = "--width" if width is None else "--height" if height is None else "--pix-fmt"
        raise UsageError(
            f"the geometry of a raw file lacks {missing}",
            hint="give --width, --height and --pix-fmt (or -p and -b)",
        )
    try:
        rate = rate_from("25" if framerate is None else str(framerate))
    except ValueError:
        raise UsageError(
            f"--framerate {framerate} is not a number", hint="such as 25 or 24000/1001"
        ) from None
    return RawGeometry(width, height, pix_fmt, rate)


def open_pair(paths: tuple[Path, Path], raw: RawGeometry | None) -> tuple[Source, Source]:
    """Open both; the geometry describes the raw side, and is held against containers."""
    if raw is None:
        return open_source(paths[0]), open_source(paths[1])
    one, other = (_open_either(path, raw) for path in paths)
    if one.raw is None and other.raw is None:
        return open_source(paths[0], raw=raw), open_source(paths[1], raw=raw)
    return one, other


def _open_either(path: Path, raw: RawGeometry) -> Source:
    try:
        return open_source(path)
    except (UsageError, InputError):
        return open_source(path, raw=raw)


def _windows(
    sources: tuple[Source, Source], skips: tuple[int, int], frame_count: int | None
) -> tuple[Window | None, Window | None]:
    if frame_count is not None and frame_count < 1:
        raise UsageError(f"--frame_cnt {frame_count} is below 1", hint="leave it out for all")
    flags = ("--frame_skip_ref", "--frame_skip_dist")
    windows: list[Window | None] = []
    for source, skip, flag in zip(sources, skips, flags, strict=True):
        if not 0 <= skip < source.frame_count:
            raise UsageError(
                f"{flag} {skip} leaves no frame of {show(source.path)}",
                hint=f"it has {source.frame_count} frames",
            )
        rest = source.frame_count - skip
        frames = rest if frame_count is None else min(rest, frame_count)
        windows.append(None if frames == source.frame_count else Window(skip, frames))
    return windows[0], windows[1]


def _scorer(ffmpeg_bin: str | Path | None, backend: Backend) -> Scorer:
    program = find_ffmpeg(ffmpeg_bin)
    capabilities = read_capabilities(program)
    if backend.tool is not None:
        return Scorer(program, backend.tool_version, backend.tool)
    capabilities.require_libvmaf()
    names: dict[str, Literal["auto", "engine"]] = {"auto": "auto", "engine": "engine"}
    return Scorer(program, capabilities.version, backend=names.get(backend.word, "libvmaf"))


def _frames_done(
    on_progress: OnProgress | None, pair: Pair, request: ScoreRequest
) -> Callable[[Progress], None] | None:
    """Turns ffmpeg's reports into frames done over all passes; None when nobody listens."""
    if on_progress is None:
        return None
    window = pair.distorted_window
    frames = pair.distorted.frame_count if window is None else window.frames
    total = frames * pass_count(pair, request)
    done = before = 0

    def deliver(progress: Progress) -> None:
        nonlocal done, before
        done = max(done, min(total, before + min(progress.frame, frames)))
        if progress.is_last:
            before += frames
        on_progress(done, total)

    return deliver
