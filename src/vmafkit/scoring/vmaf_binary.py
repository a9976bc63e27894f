"""Scores a pair with libvmaf's own `vmaf` tool.

The tool reads y4m and raw files only and trusts what it is given, so every other input
is first decoded to y4m in a private folder, and what the tool writes is checked as
strictly as ffmpeg's log.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from vmafkit import fsio, proc, settings
from vmafkit.errors import ResultInvalid, ScoreFailed, ToolFailed, ToolMissing
from vmafkit.ffmpeg.decoded import decoded_streams
from vmafkit.ffmpeg.run import Job, last_words, run_ffmpeg
from vmafkit.ffmpeg.words import input_words, output_word
from vmafkit.media import pixfmt
from vmafkit.media.hashing import show
from vmafkit.scoring import graph
from vmafkit.scoring.features import unbounded_columns
from vmafkit.scoring.libvmaf import Pass, Result, Side, read_log
from vmafkit.scoring.libvmaf_log import parse_log
from vmafkit.scoring.score import FloatArray, ScoreRequest

_HINT = "it did not answer; name another --vmaf-binary"
_VERSION_LIMITS = proc.Limits(wall_s=20.0, hint=_HINT)
_PARTS = ("stddev", "ci_p95_lo", "ci_p95_hi")
_MEMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs: an ffmpeg that decodes, and the vmaf tool."""

    ffmpeg: Path
    vmaf: Path


def find_vmaf(named: str | Path) -> Path:
    """The vmaf tool at a path or on PATH.

    Raises:
        ToolMissing: it is not an executable file.
    """
    found = shutil.which(str(named))
    if found is None:
        raise ToolMissing(
            f"--vmaf-binary names {named}, which is not an executable file",
            hint="correct the path, or leave it out to use the libvmaf of ffmpeg",
        )
    return Path(found).absolute()


def read_version(program: Path) -> str:
    """How the tool names its version.

    Raises:
        ToolMissing: it does not answer `--version` as the vmaf tool does.
    """
    with fsio.scratch_folder() as folder:
        try:
            done = proc.run([str(program), "--version"], cwd=folder, limits=_VERSION_LIMITS)
        except ToolFailed as error:
            raise ToolMissing(
                f"{program} does not answer: {error.message}", hint=error.hint or _HINT
            ) from error
    lines = (done.stdout.decode("utf-8", "replace") + done.stderr_tail).split()
    if done.exit_status != 0 or not lines:
        raise ToolMissing(
            f"{program} does not answer --version as the vmaf tool does ({done.cause})",
            hint="name libvmaf's vmaf program with --vmaf-binary",
        )
    return lines[-1][:80]


def score_pass(
    tools: Tools, reference: Side, distorted: Side, this: Pass, *, job: Job | None = None
) -> tuple[Result, list[str]]:
    """Run the tool once over a pair.

    Returns:
        What `libvmaf.score_pass` returns, and which sides were decoded first, in words.

    Raises:
        ScoreFailed: the tool or ffmpeg failed.
        ResultInvalid: the log or a decoded side is not whole.
    """
    job = job or Job()
    steps: list[str] = []
    with fsio.scratch_folder() as folder:
        words: list[str] = []
        pair = (("reference", reference), ("distorted", distorted))
        direct = all(_is_direct(side, this.pix_fmt) for _, side in pair) and _one_kind(
            reference, distorted
        )
        for flag, side in pair:
            path = side.path
            if not direct:
                path = _decode(tools.ffmpeg, side, this.pix_fmt, folder / f"{flag}.y4m", job)
                steps.append(f"{flag} side decoded to y4m for the vmaf tool")
            words += [f"--{flag}", str(path)]
        words += _geometry(reference) if direct else []
        words += _request_words(folder, this.request)
        argv = [str(tools.vmaf), *words]
        finished = proc.run(argv, cwd=folder, limits=job.limits, cancel=job.cancel)
        if finished.exit_status != 0:
            raise ScoreFailed(
                f"the vmaf tool failed ({finished.cause}): {last_words(finished.stderr_tail)}",
                detail="\n".join(finished.stderr_tail.splitlines()[-20:]),
                exit_status=finished.exit_status,
            )
        text = read_log(folder / graph.LOG_NAME)
    expected = -(-distorted.count // this.request.subsample)
    log = parse_log(
        text, expected_frames=expected, unbounded=unbounded_columns(this.request.features)
    )
    return (log, _named(dict(log.columns), this.request), finished), steps


def _is_direct(side: Side, pix_fmt: str) -> bool:
    return side.is_plain == pix_fmt and side.frames is None and side.scale_to is None


def _one_kind(reference: Side, distorted: Side) -> bool:
    # The tool takes both sides as raw, or both as y4m.
    return (reference.raw is None) == (distorted.raw is None)


def _geometry(side: Side) -> list[str]:
    if side.raw is None:
        return []
    sampling, depth = pixfmt.tool_format(side.raw.pix_fmt)
    return [
        "--width", str(side.raw.width), "--height", str(side.raw.height),
        "--pixel_format", sampling, "--bitdepth", str(depth),
    ]  # fmt: skip


def _decode(program: Path, side: Side, pix_fmt: str, output: Path, job: Job) -> Path:
    words = [
        *input_words(side.path, raw=side.raw),
        "-filter_complex", side.chain("0:V:0", "o", pix_fmt), "-map", "[o]",
        "-fps_mode", "passthrough", "-strict", "-1", "-f", "yuv4mpegpipe", output_word(output),
    ]  # fmt: skip
    finished = run_ffmpeg(
        program, words, cwd=output.parent, job=job, log_level="verbose", failure=ScoreFailed,
        what=f"decoding {show(side.path)}",
    )  # fmt: skip
    decoded = decoded_streams(finished.stderr_tail).get(0)
    first = side.frames[0] if side.frames else 0
    if decoded is None or decoded.errors or decoded.frames < first + side.count:
        found = decoded.frames if decoded else 0
        raise ResultInvalid(
            f"{show(side.path)} gave {found} whole frames where {first + side.count} were expected",
            hint="the file is damaged; make it again",
        )
    return output


def _request_words(folder: Path, request: ScoreRequest) -> list[str]:
    words = ["--json", "--output", graph.LOG_NAME, "--quiet"]
    words += ["--threads", str(request.threads or settings.core_count())]
    if request.subsample > 1:
        words += ["--subsample", str(request.subsample)]
    for index, model in enumerate(request.models):
        source = f"version={model.version}"
        if model.path is not None:
            source = f"path=model{index}.json"
            fsio.write_scratch(folder / f"model{index}.json", model.path.read_bytes())
        options = graph.model_options(model, request)
        words += ["--model", ":".join((source, f"name=m{index}", *options))]
    if not request.models:
        words.append("--no_prediction")
    for feature in request.features:
        options = ":".join(f"{key}={value}" for key, value in feature.options)
        words += ["--feature", f"{feature.name}={options}" if options else feature.name]
    return words


def _named(columns: dict[str, FloatArray], request: ScoreRequest) -> dict[str, FloatArray]:
    result: dict[str, FloatArray] = {}
    models = {f"m{index}": model for index, model in enumerate(request.models)}
    for column, values in columns.items():
        head, _, rest = column.partition("_")
        model = models.get(head)
        if model is None:
            result[column] = values
        elif rest == ("bagging" if model.ensemble else ""):
            result[model.id] = values
        elif rest in _PARTS:
            result[f"{model.id}_{rest}"] = values
        elif rest and not _MEMBER.fullmatch(rest):
            result[column] = values
    missing = [model.id for model in request.models if model.id not in result]
    if missing:
        raise ResultInvalid(f"the vmaf tool's log holds no scores of {missing[0]}")
    return result
