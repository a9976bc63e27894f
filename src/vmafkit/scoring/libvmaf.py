"""Scores a pair with the libvmaf inside ffmpeg: one process, nothing decoded to disk."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vmafkit import settings
from vmafkit.errors import PairMismatch, ResultInvalid, ScoreFailed
from vmafkit.ffmpeg.decoded import decoded_streams
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.ffmpeg.words import RawVideo, input_words
from vmafkit.proc import Finished
from vmafkit.scoring import ensemble, graph
from vmafkit.scoring.libvmaf_log import LibvmafLog, parse_log
from vmafkit.scoring.score import FloatArray, Score, ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair, as the filter graph needs it.

    Attributes:
        path: the file.
        raw: its geometry when the file does not say it.
        frames: (first, count) of the frames to score; None for all.
        scale_to: (width, height) to scale to, or None.
    """

    path: Path
    raw: RawVideo | None = None
    frames: tuple[int, int] | None = None
    scale_to: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """The models and features that are scored on the same pictures, in one process."""

    pix_fmt: str
    request: ScoreRequest


def score_pass(
    program: Path,
    reference: Side,
    distorted: Side,
    this: Pass,
    *,
    job: Job | None = None,
) -> tuple[LibvmafLog, dict[str, FloatArray], Finished]:
    """Run libvmaf once over a pair.

    Returns:
        The log, its columns with model ids as names, and how the process ended.

    Raises:
        PairMismatch: the sides give different numbers of frames; both are named.
        ScoreFailed: ffmpeg failed.
        ResultInvalid: the log is not whole.
    """
    request = this.request
    with tempfile.TemporaryDirectory(prefix="vmafkit-") as name:
        folder = Path(name)
        members = _write_models(folder, program, request.models)
        words = _words(reference, distorted, this, members)
        finished = run_ffmpeg(
            program,
            words,
            cwd=folder,
            job=job,
            log_level="verbose",
            failure=ScoreFailed,
            what="scoring",
        )
        _check_lengths(finished, reference, distorted)
        log_file = folder / graph.LOG_NAME
        text = log_file.read_text("utf-8", "replace") if log_file.is_file() else ""
    log = parse_log(text, expected_frames=_expected(finished, distorted, request.subsample))
    return log, _named(log.columns, request), finished


def _words(reference: Side, distorted: Side, this: Pass, members: Sequence[str]) -> list[str]:
    chain = ";".join(
        (
            graph.side(
                "0:V:0", "d", this.pix_fmt, frames=distorted.frames, scale_to=distorted.scale_to
            ),
            graph.side(
                "1:V:0", "r", this.pix_fmt, frames=reference.frames, scale_to=reference.scale_to
            ),
            "[d][r]" + graph.libvmaf_filter(this.request, members, _threads(this.request)),
        )
    )
    return [
        *input_words(distorted.path, raw=distorted.raw),
        *input_words(reference.path, raw=reference.raw),
        "-filter_complex", chain, "-fps_mode", "passthrough", "-f", "null", "-",
    ]  # fmt: skip


def _threads(request: ScoreRequest) -> int:
    return request.threads or settings.core_count()


def _write_models(folder: Path, program: Path, models: Sequence[VmafModel]) -> list[str]:
    members: list[str] = []
    for index, model in enumerate(models):
        if model.path is not None:
            (folder / f"model{index}.json").write_bytes(model.path.read_bytes())
        if model.ensemble and not members:
            for position, text in enumerate(ensemble.member_models(program)):
                members.append(f"member{position}.json")
                (folder / members[-1]).write_text(text, "utf-8")
    return members


def _check_lengths(finished: Finished, reference: Side, distorted: Side) -> None:
    streams = decoded_streams(finished.stderr_tail)
    if 0 not in streams or 1 not in streams:
        raise ResultInvalid("ffmpeg did not say how many frames it decoded")
    counts = []
    for number, side in ((1, reference), (0, distorted)):
        decoded = streams[number]
        if decoded.errors:
            raise ResultInvalid(
                f"{side.path}: {decoded.errors} packets could not be decoded",
                hint="the file is damaged; make it again",
            )
        available = decoded.frames
        if side.frames is not None:
            available = max(0, min(available - side.frames[0], side.frames[1]))
        counts.append(available)
    if counts[0] != counts[1]:
        raise PairMismatch(
            f"{reference.path} has {counts[0]} frames and {distorted.path} has {counts[1]}",
            hint="score the same frames, for example with --frame_cnt",
        )


def _expected(finished: Finished, distorted: Side, subsample: int) -> int:
    frames = decoded_streams(finished.stderr_tail)[0].frames
    if distorted.frames is not None:
        frames = max(0, min(frames - distorted.frames[0], distorted.frames[1]))
    return -(-frames // subsample)


def _named(columns: Mapping[str, FloatArray], request: ScoreRequest) -> dict[str, FloatArray]:
    result: dict[str, FloatArray] = {}
    _, names = graph.model_words(request.models, request, [])
    for model, name in zip(request.models, names, strict=True):
        if model.ensemble:
            members = [
                columns[column]
                for column in sorted(
                    (c for c in columns if c.startswith(name)), key=lambda c: int(c[len(name) :])
                )
            ]
            parts = ensemble.combine(members, model.lo, model.hi)
            result[model.id] = parts.pop("bagging")
            result.update({f"{model.id}_{part}": values for part, values in parts.items()})
        else:
            result[model.id] = columns[name]
    internal = tuple(names)
    for column, values in columns.items():
        if column not in internal and not column.startswith(tuple(n for n in names if n[0] == "e")):
            result.setdefault(column, values)
    return result


def merge(
    results: Sequence[tuple[LibvmafLog, dict[str, FloatArray], Finished]],
) -> tuple[LibvmafLog, dict[str, FloatArray], float, float]:
    """Join passes over the same pair: (first log, all columns, wall s, CPU s)."""
    columns: dict[str, FloatArray] = {}
    for log, named, _ in results:
        if not np.array_equal(log.frame_numbers, results[0][0].frame_numbers):
            raise ResultInvalid("two scoring passes over one pair gave different frames")
        columns.update(named)
    wall_s = sum(finished.wall_s for _, _, finished in results)
    cpu_s = sum(finished.cpu_s for _, _, finished in results)
    return results[0][0], columns, wall_s, cpu_s


__all__ = ["Pass", "Score", "Side", "merge", "score_pass"]
