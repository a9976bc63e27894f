"""Brings a reference and a distorted video to a common form, and scores them.

What cannot be brought together without changing what is measured is refused; what is
brought together is named in `Score.steps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit.errors import PairMismatch, Refused, UsageError
from vmafkit.ffmpeg.run import Job
from vmafkit.media import pixfmt
from vmafkit.media.hashing import ensure_unchanged, show
from vmafkit.media.source import UNKNOWN, Source
from vmafkit.media.window import Window
from vmafkit.scoring.libvmaf import Pass, Side, merge, score_pass
from vmafkit.scoring.score import EncodeGeometry, Score, ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel, default_model

_HDR_NOTE = "the model was made for SDR video; its score on HDR has no known meaning"


@dataclass(frozen=True, slots=True)
class Scorer:
    """What computes the scores.

    Attributes:
        program: an ffmpeg with libvmaf.
        tool_version: how that ffmpeg names itself.
    """

    program: Path
    tool_version: str


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


def score_pair(
    scorer: Scorer, pair: Pair, request: ScoreRequest, *, job: Job | None = None
) -> Score:
    """Score one pair with every model and feature asked for.

    Models made for 10-bit input run in a pass of their own; everything else shares one.

    Raises:
        PairMismatch: size, length, colour range or matrix differ and scaling was not asked for.
        Refused: HDR video without `allow_hdr`.
        ScoreFailed, ResultInvalid, ToolTimeout, Cancelled: the run failed.
        Changed: a side changed while it was scored.
    """
    display, steps = _common_picture(pair, request)
    models, note = _models(request, display)
    if not models and not request.features:
        raise UsageError("there is nothing to score", hint="name a --model or a --feature")
    steps += _hdr_steps(pair, models)
    request = replace(
        request, models=models, encode_geometry=request.encode_geometry or _geometry(pair)
    )
    base = _common_format(pair)
    if pixfmt.bit_depth(base) > pixfmt.bit_depth(pair.distorted.pix_fmt):
        steps.append(f"distorted side taken from {pair.distorted.pix_fmt} to {base}")
    if pixfmt.bit_depth(base) > pixfmt.bit_depth(pair.reference.pix_fmt):
        steps.append(f"reference taken from {pair.reference.pix_fmt} to {base}")
    reference = _side(pair.reference, pair.reference_window, display)
    distorted = _side(pair.distorted, pair.distorted_window, display)
    passes = _passes(request, base)
    results = [score_pass(scorer.program, reference, distorted, this, job=job) for this in passes]
    for source in (pair.reference, pair.distorted):
        ensure_unchanged(source)
    log, columns, wall_s, cpu_s = merge(results)
    return Score(
        frame_numbers=log.frame_numbers,
        columns=columns,
        models=models,
        model_note=note,
        backend="ffmpeg-libvmaf",
        libvmaf_version=log.version,
        tool_version=scorer.tool_version,
        display=display,
        pix_fmt="+".join(this.pix_fmt for this in passes),
        steps=tuple(steps),
        wall_s=wall_s,
        cpu_s=cpu_s,
    )


def _models(request: ScoreRequest, display: tuple[int, int]) -> tuple[tuple[VmafModel, ...], str]:
    if request.models or request.features:
        return request.models, ""
    model = default_model(display[1])
    return (model,), f"chosen for a display of {display[1]} lines; --model overrides"


def _passes(request: ScoreRequest, base: str) -> tuple[Pass, ...]:
    ordinary = tuple(model for model in request.models if not model.ten_bit)
    ten_bit = tuple(model for model in request.models if model.ten_bit)
    deeper = pixfmt.at_least_ten_bit(base)
    if ten_bit and deeper == base:
        return (Pass(base, request),)
    passes: list[Pass] = []
    if ordinary or request.features:
        passes.append(Pass(base, replace(request, models=ordinary)))
    if ten_bit:
        passes.append(Pass(deeper, replace(request, models=ten_bit, features=())))
    return tuple(passes)


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
    _check_colour(reference, distorted)
    _check_length(pair)
    if reference.framerate != distorted.framerate:
        steps.append(
            f"frames matched by number: {reference.framerate} against {distorted.framerate} fps"
        )
    if reference.is_vfr or distorted.is_vfr:
        steps.append("frames matched by number: the frame rate varies")
    return request.display or reference.display_size, steps


def _check_colour(reference: Source, distorted: Source) -> None:
    for what in ("range", "matrix"):
        ours, theirs = getattr(reference.color, what), getattr(distorted.color, what)
        if UNKNOWN not in (ours, theirs) and ours != theirs:
            raise PairMismatch(
                f"{show(reference.path)} has colour {what} {ours} and "
                f"{show(distorted.path)} has {theirs}",
                hint=f"convert one side so that both have the same colour {what}",
            )


def _check_length(pair: Pair) -> None:
    counts: list[int] = []
    for source, window in (
        (pair.reference, pair.reference_window),
        (pair.distorted, pair.distorted_window),
    ):
        if window is None:
            counts.append(source.frame_count)
            continue
        if window.end_frame > source.frame_count:
            raise PairMismatch(
                f"{show(source.path)} has {source.frame_count} frames; frames up to "
                f"{window.end_frame} were asked for",
                hint="ask for fewer frames",
            )
        counts.append(window.frames)
    if counts[0] != counts[1]:
        raise PairMismatch(
            f"{show(pair.reference.path)} has {counts[0]} frames and "
            f"{show(pair.distorted.path)} has {counts[1]}",
            hint="score the same frames, for example with --frame_cnt",
        )


def _hdr_steps(pair: Pair, models: tuple[VmafModel, ...]) -> list[str]:
    if not models or pair.reference.hdr.kind == "sdr":
        return []
    if not pair.allow_hdr:
        raise Refused(
            f"{show(pair.reference.path)} is {pair.reference.hdr.kind.upper()} video: {_HDR_NOTE}",
            hint="--allow-hdr scores it all the same and labels the result",
        )
    return [f"{pair.reference.hdr.kind.upper()} video: {_HDR_NOTE}"]


def _common_format(pair: Pair) -> str:
    reference, distorted = pair.reference.pix_fmt, pair.distorted.pix_fmt
    return pixfmt.common_planar(reference, distorted)


def _geometry(pair: Pair) -> EncodeGeometry:
    width, height = pair.distorted.display_size
    return EncodeGeometry(width, height, 8 if pair.distorted.bit_depth <= 8 else 10)


def _side(source: Source, window: Window | None, display: tuple[int, int]) -> Side:
    return Side(
        path=source.path,
        raw=source.raw,
        frames=None if window is None or window.is_full else (window.start_frame, window.frames),
        scale_to=display if source.display_size != display else None,
    )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
