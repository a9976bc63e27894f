"""Brings a reference and a distorted video to a common form, and scores them.

What cannot be brought together without changing what is measured is refused; what is
brought together is named in `Score.steps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vmafkit.errors import PairMismatch, Refused, UsageError
from vmafkit.ffmpeg.run import Job
from vmafkit.media import pixfmt
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.media.seeking import seek_s
from vmafkit.media.source import UNKNOWN, Source
from vmafkit.media.window import Window
from vmafkit.scoring import vmaf_binary, xpsnr
from vmafkit.scoring.libvmaf import Pass, Result, Side, merge, score_pass
from vmafkit.scoring.metrics import in_libvmaf
from vmafkit.scoring.score import EncodeGeometry, Score, ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel, default_model

_HDR_NOTE = "the model was made for SDR video; its score on HDR has no known meaning"
# libvmaf crashes from about 128 columns on (measured); these are the most a model can add.
_COLUMNS_LIMIT = 110
_COLUMNS_OF_MODEL = 16
_COLUMNS_OF_ENSEMBLE = 36
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, slots=True)
class Scorer:
    """What computes the scores.

    Attributes:
        program: an ffmpeg, with libvmaf unless there is a vmaf_binary.
        tool_version: how that ffmpeg, or the vmaf_binary, names itself.
        vmaf_binary: libvmaf's own tool, which then computes the scores.
        backend: `libvmaf`; `engine` for the one in this process, and `auto` for that where
            it is there and proven for the pair.
    """

    program: Path
    tool_version: str
    vmaf_binary: Path | None = None
    backend: Literal["auto", "engine", "libvmaf"] = "libvmaf"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two videos, and the frames of each that belong together.

    Attributes:
        reference, distorted: probed sources.
        reference_window, distorted_window: None for all frames.
        allow_hdr: score HDR video with a model for SDR, and say so.
    """

    reference: Source
    distorted: Source
    reference_window: Window | None = None
    distorted_window: Window | None = None
    allow_hdr: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pair that was checked, and how it is compared.

    Attributes:
        pair, request: as given; the request names its models.
        display: (width, height) of the compared pictures.
        models, note: what is scored, and why when it was not asked for by name.
        passes: the runs of libvmaf it takes.
        steps: what is done to the sides, in words.
        sides: reference and distorted side, as the filter graph needs them.
    """

    pair: Pair
    request: ScoreRequest
    display: tuple[int, int]
    models: tuple[VmafModel, ...]
    note: str
    passes: tuple[Pass, ...]
    steps: list[str]
    sides: tuple[Side, Side]

    @property
    def frame_count(self) -> int:
        """Frames to compare."""
        window = self.pair.reference_window
        return window.frames if window else self.pair.reference.frame_count


def score_pair(
    scorer: Scorer, pair: Pair, request: ScoreRequest, *, job: Job | None = None
) -> Score:
    """Score one pair with every model and feature asked for.

    Models made for 10-bit input run in a pass of their own; everything else shares one.

    Raises:
        PairMismatch: size, length, colour range or matrix differ and scaling was not asked for.
        Refused: HDR video without `allow_hdr`, or a picture too small for a model or feature.
        ScoreFailed, ResultInvalid, ToolTimeout, Cancelled: the run failed.
        Changed: a side changed while it was scored.
    """
    ready = prepare(pair, request)
    note = ""
    if scorer.backend != "libvmaf":
        from vmafkit.scoring.engine import many

        note = many.why_not(ready)
        if scorer.backend == "engine" or not note:
            return many.score_many(scorer, [ready], job=job, threads=request.threads)[0]
    request, sides, passes, steps = ready.request, ready.sides, ready.passes, ready.steps
    base = pixfmt.common_planar(pair.reference.pix_fmt, pair.distorted.pix_fmt)
    results = [_run(scorer, *sides, this, steps, job) for this in passes]
    if xpsnr.FEATURE in request.features:
        results.append(xpsnr.as_result(scorer.program, sides, base, results, job))
    for source in (pair.reference, pair.distorted):
        ensure_unchanged(source)
    log, columns, wall_s, cpu_s = merge(results)
    return Score(
        frame_numbers=log.frame_numbers,
        columns=columns,
        models=ready.models,
        model_note=ready.note,
        backend="vmaf-binary" if scorer.vmaf_binary else "ffmpeg-libvmaf",
        libvmaf_version=log.version,
        tool_version=scorer.tool_version,
        display=ready.display,
        pix_fmt="+".join(this.pix_fmt for this in passes),
        steps=tuple(dict.fromkeys(steps)),
        wall_s=wall_s,
        cpu_s=cpu_s,
        aggregates=log.aggregates,
        features=request.features,
        statistic=request.statistic,
        backend_note=f"not by the engine: {note}" if note else "",
    )


def prepare(pair: Pair, request: ScoreRequest) -> Prepared:
    """Check a pair and settle how it is compared.

    Raises:
        UsageError, PairMismatch, Refused: as `score_pair`.
    """
    display, steps = _common_picture(pair, request)
    models, note = _models(request, display)
    if not models and not request.features:
        raise UsageError("there is nothing to score", hint="name a --model or a --feature")
    request = replace(
        request, models=models, encode_geometry=request.encode_geometry or _geometry(pair)
    )
    _check_size(request, display)
    steps += _hdr_steps(pair, models)
    base = pixfmt.common_planar(pair.reference.pix_fmt, pair.distorted.pix_fmt)
    passes = _passes(replace(request, features=in_libvmaf(request.features)), base)
    steps += _format_steps(pair, passes)
    return Prepared(pair, request, display, models, note, passes, steps, _sides(pair, display))


def pass_count(pair: Pair, request: ScoreRequest) -> int:
    """How many times `score_pair` reads the pair from end to end."""
    models, _ = _models(request, request.display or pair.reference.display_size)
    base = pixfmt.common_planar(pair.reference.pix_fmt, pair.distorted.pix_fmt)
    return len(_passes(replace(request, models=models), base))


def _run(
    scorer: Scorer, reference: Side, distorted: Side, this: Pass, steps: list[str], job: Job | None
) -> Result:
    if scorer.vmaf_binary is None:
        return score_pass(scorer.program, reference, distorted, this, job=job)
    tools = vmaf_binary.Tools(scorer.program, scorer.vmaf_binary)
    result, decoded = vmaf_binary.score_pass(tools, reference, distorted, this, job=job)
    steps += decoded
    return result


def _models(request: ScoreRequest, display: tuple[int, int]) -> tuple[tuple[VmafModel, ...], str]:
    if request.models or (request.features and not request.with_default):
        return request.models, ""
    model = default_model(display[1])
    return (model,), f"chosen for a display of {display[1]} lines; --model overrides"


def _passes(request: ScoreRequest, base: str) -> tuple[Pass, ...]:
    ordinary = tuple(model for model in request.models if not model.ten_bit)
    ten_bit = tuple(model for model in request.models if model.ten_bit)
    deeper = pixfmt.at_least_ten_bit(base)
    if ten_bit and deeper == base:
        return tuple(_split(Pass(base, request)))
    passes: list[Pass] = []
    if ordinary or request.features:
        passes += _split(Pass(base, replace(request, models=ordinary)))
    if ten_bit:
        passes += _split(Pass(deeper, replace(request, models=ten_bit, features=())))
    return tuple(passes)


def _split(this: Pass) -> Iterator[Pass]:
    """Several passes where libvmaf would have too many columns for one."""
    request = this.request
    used = sum(len(feature.columns) for feature in request.features)
    group: list[VmafModel] = []
    for model in request.models:
        more = _COLUMNS_OF_ENSEMBLE if model.ensemble else _COLUMNS_OF_MODEL
        if group and used + more > _COLUMNS_LIMIT:
            yield replace(this, request=replace(request, models=tuple(group)))
            request = replace(request, features=())
            group, used = [], 0
        group.append(model)
        used += more
    yield replace(this, request=replace(request, models=tuple(group)))


def _check_size(request: ScoreRequest, display: tuple[int, int]) -> None:
    short, long = sorted(display)
    named = [("model", m.id, m.smallest) for m in request.models]
    named += [("feature", f.name, f.smallest) for f in request.features]
    for kind, name, (least_short, least_long) in named:
        if short < least_short or long < least_long:
            raise Refused(
                f"a picture of {_size(display)} is too small for {kind} {name}, which needs"
                f" {least_long}x{least_short} at least",
                hint=f"compare at a larger --display, or choose another --{kind}",
            )


def _common_picture(pair: Pair, request: ScoreRequest) -> tuple[tuple[int, int], list[str]]:
    reference, distorted = pair.reference, pair.distorted
    steps: list[str] = []
    for name, source in (("reference", reference), ("distorted side", distorted)):
        if source.rotation:
            steps.append(f"{name} turned by {source.rotation} degrees as its header asks")
        if request.display and source.display_size != request.display:
            steps.append(
                f"{name} scaled from {_size(source.display_size)} to {_size(request.display)}, "
                "bicubic"
            )
    if request.display is None and reference.display_size != distorted.display_size:
        raise PairMismatch(
            f"{show(reference.path)} is {_size(reference.display_size)} and "
            f"{show(distorted.path)} is {_size(distorted.display_size)}",
            hint=f"scale the distorted side with --display {_size(reference.display_size)}",
        )
    steps += _colour_steps(reference, distorted)
    _check_length(pair)
    if reference.framerate != distorted.framerate:
        steps.append(
            f"frames matched by number: {reference.framerate} against {distorted.framerate} fps"
        )
    late_s = distorted.start_s - reference.start_s
    if abs(late_s) * reference.framerate >= 0.5:
        when = "later" if late_s > 0 else "earlier"
        steps.append(
            f"frames matched by number: the distorted side starts {abs(late_s):.3f} s {when}"
        )
    if reference.is_vfr or distorted.is_vfr:
        steps.append("frames matched by number: the frame rate varies")
    return request.display or reference.display_size, steps


def _colour_steps(reference: Source, distorted: Source) -> list[str]:
    rgb = pixfmt.is_rgb(reference.pix_fmt) or pixfmt.is_rgb(distorted.pix_fmt)
    for what in () if rgb else ("range", "matrix"):
        ours, theirs = getattr(reference.color, what), getattr(distorted.color, what)
        if UNKNOWN not in (ours, theirs) and ours != theirs:
            raise _colour_mismatch(reference, distorted, what, ours, theirs)
    ours, theirs = reference.color.transfer, distorted.color.transfer
    if UNKNOWN not in (ours, theirs) and ours != theirs and {ours, theirs} & {*_HDR_TRANSFERS}:
        raise _colour_mismatch(reference, distorted, "transfer", ours, theirs)
    ranges = (reference.color.range, distorted.color.range)
    if "pc" in ranges and UNKNOWN in ranges and not rgb:
        silent = "reference" if ranges[0] == UNKNOWN else "distorted side"
        return [f"{silent} does not state its colour range: taken to be full, as the other's"]
    return []


def _colour_mismatch(
    reference: Source, distorted: Source, what: str, ours: str, theirs: str
) -> PairMismatch:
    return PairMismatch(
        f"{show(reference.path)} has colour {what} {ours} and {show(distorted.path)} has {theirs}",
        hint=f"convert one side so that both have the same colour {what}",
    )


def _check_length(pair: Pair) -> None:
    counts: list[int] = []
    for source, window in (
        (pair.reference, pair.reference_window),
        (pair.distorted, pair.distorted_window),
    ):
        if window is not None and window.end_frame > source.frame_count:
            raise PairMismatch(
                f"{show(source.path)} has {source.frame_count} frames; frames up to "
                f"{window.end_frame} were asked for",
                hint="ask for fewer frames",
            )
        counts.append(source.frame_count if window is None else window.frames)
    if counts[0] != counts[1]:
        raise PairMismatch(
            f"{show(pair.reference.path)} has {counts[0]} frames and "
            f"{show(pair.distorted.path)} has {counts[1]}",
            hint="score the same frames, for example with --frame_cnt",
        )


def _hdr_steps(pair: Pair, models: tuple[VmafModel, ...]) -> list[str]:
    for source in (pair.reference, pair.distorted):
        if not models or source.hdr.kind == "sdr":
            continue
        if not pair.allow_hdr:
            raise Refused(
                f"{show(source.path)} is {source.hdr.kind.upper()} video: {_HDR_NOTE}",
                hint="--allow-hdr scores it all the same and labels the result",
            )
        return [f"{source.hdr.kind.upper()} video: {_HDR_NOTE}"]
    return []


def _format_steps(pair: Pair, passes: tuple[Pass, ...]) -> list[str]:
    steps: list[str] = []
    for this in passes:
        for name, source in (("reference", pair.reference), ("distorted side", pair.distorted)):
            if source.pix_fmt.replace("yuvj", "yuv") != this.pix_fmt:
                names = ", ".join(model.id for model in this.request.models)
                why = f" for {names}" if len(passes) > 1 and names else ""
                steps.append(f"{name} taken from {source.pix_fmt} to {this.pix_fmt}{why}")
    return steps


def _geometry(pair: Pair) -> EncodeGeometry:
    width, height = pair.distorted.display_size
    return EncodeGeometry(width, height, 8 if pair.distorted.bit_depth <= 8 else 10)


def _sides(pair: Pair, display: tuple[int, int]) -> tuple[Side, Side]:
    full = "pc" in (pair.reference.color.range, pair.distorted.color.range)
    return (
        _side(pair.reference, pair.reference_window, display, full),
        _side(pair.distorted, pair.distorted_window, display, full),
    )


def _side(source: Source, window: Window | None, display: tuple[int, int], full: bool) -> Side:
    part = window is not None and not window.is_full
    is_plain = source.container in ("rawvideo", "yuv4mpegpipe")
    return Side(
        path=source.path,
        raw=source.raw,
        frames=(window.start_frame, window.frames) if window is not None and part else None,
        seek_s=seek_s(source, window),
        scale_to=display if source.display_size != display else None,
        full_range=full,
        is_rgb=pixfmt.is_rgb(source.pix_fmt),
        count=window.frames if window is not None else source.frame_count,
        is_plain=source.pix_fmt if is_plain else "",
    )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
