"""Scores a pair with the libvmaf inside ffmpeg: one process, nothing decoded to disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vmafkit import fsio, settings
from vmafkit.errors import PairMismatch, ResultInvalid, ScoreFailed
from vmafkit.ffmpeg.decoded import decoded_streams
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import RawVideo, input_words
from vmafkit.media.hashing import show
from vmafkit.media.seeking import seek_words
from vmafkit.proc import Finished
from vmafkit.scoring import ensemble, graph
from vmafkit.scoring.features import unbounded_columns
from vmafkit.scoring.libvmaf_log import LibvmafLog, parse_log
from vmafkit.scoring.score import FloatArray, ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel

Result = tuple[LibvmafLog, dict[str, FloatArray], Finished]
Members = dict[int, tuple[str, ...]]
_MOTION = ("VMAF_integer_feature_motion_sad_score", "integer_motion2", "integer_motion3")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair, as the filter graph needs it.

    Attributes:
        path: the file.
        raw: its geometry when the file does not say it.
        frames: (first, count) of the frames to score; None for all.
        scale_to: (width, height) to scale to, or None.
        full_range: the pair's samples span the full range.
        is_rgb: the samples are RGB.
        count: frames to score, as probed.
        is_plain: the file's samples are raw or y4m, in this pixel format; else empty.
        seek_s: seconds to seek to; the first frame read is then the first of `frames`.
    """

    path: Path
    raw: RawVideo | None = None
    frames: tuple[int, int] | None = None
    scale_to: tuple[int, int] | None = None
    full_range: bool = False
    is_rgb: bool = False
    count: int = 0
    is_plain: str = ""
    seek_s: float | None = None

    @property
    def span(self) -> tuple[int, int] | None:
        """(first, count) of the frames to score, among those that are read."""
        return (0, self.frames[1]) if self.frames and self.seek_s is not None else self.frames

    @property
    def words(self) -> tuple[str, ...]:
        """The words that open it."""
        return (*seek_words(self.seek_s), *input_words(self.path, raw=self.raw))

    def chain(self, label: str, out: str, pix_fmt: str) -> str:
        """Its part of the filter graph."""
        return graph.side(
            label,
            out,
            pix_fmt,
            frames=self.span,
            scale_to=self.scale_to,
            full_range=self.full_range,
            is_rgb=self.is_rgb,
        )


@dataclass(frozen=True, slots=True)
class Pass:
    """The models and features that are scored on the same pictures, in one process."""

    pix_fmt: str
    request: ScoreRequest


def score_pass(
    program: Path, reference: Side, distorted: Side, this: Pass, *, job: Job | None = None
) -> Result:
    """Run libvmaf once over a pair.

    Returns:
        The log, its columns with model ids as names, and how the process ended.

    Raises:
        PairMismatch: the sides give different numbers of frames; both are named.
        ScoreFailed: ffmpeg failed.
        ResultInvalid: the log is not whole.
    """
    request = this.request
    with fsio.scratch_folder() as folder:
        members = write_models(folder, program, request.models)
        finished = run_ffmpeg(
            program,
            _words(reference, distorted, this, _counts(members)),
            cwd=folder,
            job=job,
            log_level="verbose",
            failure=ScoreFailed,
            what="scoring",
        )
        frames = check_lengths(finished, reference, distorted)
        text = read_log(folder / graph.LOG_NAME)
    log = parse_log(
        text,
        expected_frames=-(-frames // request.subsample),
        unbounded=unbounded_columns(request.features),
    )
    return log, _named(log.columns, request, members), finished


def read_log(path: Path) -> str:
    """The text of a log; empty when there is none."""
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _words(reference: Side, distorted: Side, this: Pass, members: Mapping[int, int]) -> list[str]:
    threads = this.request.threads or settings.core_count()
    chain = ";".join(
        (
            distorted.chain("0:V:0", "d", this.pix_fmt),
            reference.chain("1:V:0", "r", this.pix_fmt),
            "[d][r]" + graph.libvmaf_filter(this.request, members, threads),
        )
    )
    return [
        *distorted.words,
        *reference.words,
        "-filter_complex", chain, "-fps_mode", "passthrough", "-f", "null", "-",
    ]  # fmt: skip


def write_models(folder: Path, program: Path, models: Sequence[VmafModel]) -> Members:
    """Put the models that libvmaf reads from files into the folder that it runs in.

    Returns:
        The members' JSON texts of each ensemble, by its place among the models.

    Raises:
        CapabilityMissing: the program does not carry an ensemble.
        Unreadable: the file of an ensemble is no collection.
    """
    members: Members = {}
    if not models:
        fsio.write_scratch(folder / graph.NO_MODEL_NAME, graph.NO_MODEL)
    for index, model in enumerate(models):
        if model.path is not None and not model.ensemble:
            fsio.write_scratch(folder / f"model{index}.json", model.path.read_bytes())
        if model.ensemble:
            members[index] = (
                ensemble.members_of_file(model.path)
                if model.path is not None
                else ensemble.member_models(program, model.version)
            )
            for position, text in enumerate(members[index]):
                fsio.write_scratch(folder / graph.member_name(index, position), text)
    return members


def _counts(members: Members) -> dict[int, int]:
    return {index: len(texts) for index, texts in members.items()}


def check_lengths(finished: Finished, reference: Side, distorted: Side) -> int:
    """The number of frames that both sides really gave.

    Raises:
        PairMismatch: they differ.
        ResultInvalid: a side could not be decoded whole.
    """
    streams = decoded_streams(finished.stderr_tail)
    if 0 not in streams or 1 not in streams:
        raise ResultInvalid("ffmpeg did not say how many frames it decoded")
    counts: list[int] = []
    for number, side in ((1, reference), (0, distorted)):
        decoded = streams[number]
        if decoded.errors:
            raise ResultInvalid(
                f"{show(side.path)}: {decoded.errors} packets could not be decoded",
                hint="the file is damaged; make it again",
            )
        available = decoded.frames
        if side.span is not None:
            available = max(0, min(available - side.span[0], side.span[1]))
        counts.append(available)
    if counts[0] != counts[1]:
        raise PairMismatch(
            f"{show(reference.path)} has {counts[0]} frames and "
            f"{show(distorted.path)} has {counts[1]}",
            hint="score the same frames, for example with --frame_cnt",
        )
    return counts[0]


def _named(
    columns: Mapping[str, FloatArray], request: ScoreRequest, members: Members
) -> dict[str, FloatArray]:
    """The features by name, then the models under their ids.

    The order of the log itself changes with the timing of libvmaf's threads.
    """
    _, names = graph.model_words(request.models, request, {})
    models = dict(zip(names, request.models, strict=True))
    dropped = () if request.models else (graph.NO_MODEL_COLUMN, *_unasked_motion(request))
    result: dict[str, FloatArray] = {}
    for column in sorted(columns):
        prefix = column[: column.find("_") + 1]
        if column not in models and prefix not in models and column not in dropped:
            result[column] = columns[column]
    for index, (name, model) in enumerate(models.items()):
        if model.ensemble:
            result.update(_ensemble(columns, name, model, members[index]))
        elif name in columns:
            result[model.id] = columns[name]
    missing = [model.id for model in request.models if model.id not in result]
    if missing:
        raise ResultInvalid(f"libvmaf's log holds no scores of {missing[0]}")
    return result


def _unasked_motion(request: ScoreRequest) -> tuple[str, ...]:
    return () if any(f.name == "motion" for f in request.features) else _MOTION


def _ensemble(
    columns: Mapping[str, FloatArray], prefix: str, model: VmafModel, members: Sequence[str]
) -> dict[str, FloatArray]:
    names = [f"{prefix}{position}" for position in range(len(members))]
    if not all(name in columns for name in names):
        return {}
    parts = ensemble.combine(
        [columns[name] for name in names],
        model.lo,
        model.hi,
        curve=ensemble.curve_of(members[0]) if model.phone else None,
        clip=model.clip,
    )
    named = {model.id: parts.pop("bagging")}
    return named | {f"{model.id}_{part}": values for part, values in parts.items()}


def merge(results: Sequence[Result]) -> tuple[LibvmafLog, dict[str, FloatArray], float, float]:
    """Join passes over the same pair: (first log, all columns, wall s, CPU s).

    A column that several passes give is taken from the first.
    """
    columns: dict[str, FloatArray] = {}
    for log, named, _ in results:
        if not np.array_equal(log.frame_numbers, results[0][0].frame_numbers):
            raise ResultInvalid("two scoring passes over one pair gave different frames")
        columns = {**columns, **{k: v for k, v in named.items() if k not in columns}}
    wall_s = sum(finished.wall_s for _, _, finished in results)
    cpu_s = sum(finished.cpu_s for _, _, finished in results)
    return results[0][0], columns, wall_s, cpu_s
