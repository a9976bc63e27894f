"""`vmaf`: the flags of libvmaf's tool, for any video that ffmpeg reads."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from vmafkit import __version__
from vmafkit.cli import output
from vmafkit.errors import UsageError

if TYPE_CHECKING:
    from vmafkit.scoring.score import Score

PROGRAM = "vmaf"
_SUFFIXES = {".json": "json", ".csv": "csv", ".sub": "sub"}
_EPILOG = """examples:
  vmaf -r reference.mp4 -d encode.mp4
  vmaf -r ref.yuv -d dis.yuv -w 1920 -h 1080 -p 420 -b 8 --feature psnr -o log.json --json
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint="`vmaf --help` lists the flags")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, such as 1920x1080")
    return int(match[1]), int(match[2])


def _mask(text: str) -> int:
    return int(text, 0)


def _precision(text: str) -> int:
    digits = int(text)
    if not 0 <= digits <= 17:
        raise argparse.ArgumentTypeError(f"{digits} is not within 0 and 17")
    return digits


def parser() -> argparse.ArgumentParser:
    """The command's flags; `-h` is the height, as in libvmaf's tool."""
    made = _Parser(
        prog=PROGRAM,
        add_help=False,
        allow_abbrev=False,
        description="Scores a distorted video against its reference with libvmaf.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--help", action="help", help="show this and exit")
    made.add_argument("-v", "--version", action="version", version=f"vmaf (vmafkit) {__version__}")
    _add_input_flags(made)
    _add_score_flags(made)
    _add_output_flags(made)
    return made


def _add_input_flags(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("input")
    add = group.add_argument
    add("-r", "--reference", required=True, metavar="PATH", help="any video file, or raw samples")
    add("-d", "--distorted", required=True, metavar="PATH", help="the same frames, encoded")
    add("-w", "--width", type=int, metavar="N", help="of raw files")
    add("-h", "--height", type=int, metavar="N", help="of raw files")
    add("-p", "--pixel_format", choices=("420", "422", "444"), help="of raw files, with -b")
    add("-b", "--bitdepth", type=int, choices=(8, 10, 12, 16), help="of raw files, with -p")
    add("--pix-fmt", metavar="NAME", help="of raw files, in ffmpeg's names; instead of -p and -b")
    add("--framerate", metavar="FPS", help="of raw files, such as 25 or 24000/1001")
    add("--frame_cnt", type=int, default=0, metavar="N", help="at most so many; 0 for all")
    add("--frame_skip_ref", type=int, default=0, metavar="N", help="leave out the first N")
    add("--frame_skip_dist", "--frame_skip_dis", type=int, default=0, metavar="N",
        help="leave out the first N")  # fmt: skip
    add("--display", type=_size, metavar="WxH", help="scale both sides to this size, bicubic")
    add("--allow-hdr", action="store_true", help="score HDR video with a model made for SDR")


def _add_score_flags(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("score")
    add = group.add_argument
    add("-m", "--model", action="append", default=[], metavar="WORD",
        help="an id, or version=..|path=..[:name=..][:option[=value]]; repeatable. Left out: "
        "vmaf_v0.6.1, or vmaf_4k_v0.6.1 from 2160 lines on")  # fmt: skip
    add("--feature", action="append", default=[], metavar="WORD",
        help="psnr, float_ssim, .., or name=psnr:enable_chroma=false; repeatable")  # fmt: skip
    add("-n", "--no_prediction", action="store_true", help="features only, no model")
    add("--subsample", type=int, default=1, metavar="N", help="every N-th frame; 0 and 1 for all")
    add("--threads", type=int, default=0, metavar="N", help="of libvmaf; 0 for all cores")
    add("--timeout", type=float, metavar="S", help="stop a pass that takes longer, in seconds")
    add("--ffmpeg-bin", metavar="PATH", help="an ffmpeg with libvmaf")
    add("--score-backend", default="auto", metavar="NAME",
        help="libvmaf, engine (in this process) or vmaf-binary; auto: the engine where it is "
        "built and proven, else libvmaf")  # fmt: skip
    add("--vmaf-binary", metavar="PATH", help="score with libvmaf's own tool")
    add("--tiny-model", metavar="PATH|ID",
        help="an ONNX file, or the id of a tiny model that comes along: scored beside")  # fmt: skip
    add("--tiny-device", default="auto", metavar="DEVICE",
        help="where it runs: cuda, openvino, rocm, cpu, or auto for the first of them")  # fmt: skip
    add("-c", "--cpumask", type=_mask, metavar="N", help="accepted; has no effect here")
    add("--gpumask", type=_mask, metavar="N", help="accepted; has no effect here")
    add("--aom_ctc", metavar="V", help="not offered: name the models and features")
    add("--nflx_ctc", metavar="V", help="not offered: name the models and features")


def _add_output_flags(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("output")
    add = group.add_argument
    add("-o", "--output", metavar="PATH", help="a file in libvmaf's layout")
    forms = group.add_mutually_exclusive_group()
    for form in ("xml", "json", "csv", "sub"):
        text = f"write that file as {form.upper()}"
        if form == "json":
            text += "; without -o, print a summary as one JSON object"
        if form == "xml":
            text += " (the default, unless its name ends in .json, .csv or .sub)"
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=text)
    add("--pool", default="mean", metavar="STAT",
        help="of what is printed: mean, harmonic_mean, min, max, median, stddev, pN")  # fmt: skip
    add("--precision", type=_precision, default=6, metavar="N", help="digits after the point")
    add("--report", metavar="PATH", help="write an HTML page: the frames, the worst as pictures")
    add("-q", "--quiet", action="store_true", help="print no scores and no progress")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return output.run_command(PROGRAM, lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    arguments = parser().parse_args(argv)
    _refuse(arguments)
    for flag in ("cpumask", "gpumask"):
        if getattr(arguments, flag) is not None and not arguments.quiet:
            output.note(f"{PROGRAM}: --{flag} has no effect here")
    from vmafkit.api import score, score_record

    with output.frames_shown(PROGRAM, quiet=arguments.quiet) as on_progress:
        result = score(on_progress=on_progress, **_keywords(arguments))
    if arguments.form == "json" and arguments.output is None:
        output.json_line(
            score_record(result, arguments.reference, arguments.distorted, arguments.pool)
        )
    elif not arguments.quiet:
        _print_score(result, arguments)
    return 0


def _refuse(arguments: argparse.Namespace) -> None:
    for flag in ("aom_ctc", "nflx_ctc"):
        if getattr(arguments, flag) is not None:
            raise UsageError(f"--{flag} is not offered", hint="use --model and --feature")
    if (arguments.pixel_format is None) != (arguments.bitdepth is None):
        missing = "--bitdepth" if arguments.bitdepth is None else "--pixel_format"
        raise UsageError(f"{missing} is missing", hint="-p and -b go together")
    if arguments.pixel_format and arguments.pix_fmt:
        raise UsageError("--pix-fmt and -p say the same thing", hint="give one of them")
    if arguments.form not in (None, "json") and arguments.output is None:
        raise UsageError(f"--{arguments.form} needs --output", hint="add -o FILE")


def _keywords(arguments: argparse.Namespace) -> dict[str, Any]:
    pix_fmt = arguments.pix_fmt
    if arguments.pixel_format:
        depth = "" if arguments.bitdepth == 8 else f"{arguments.bitdepth}le"
        pix_fmt = f"yuv{arguments.pixel_format}p{depth}"
    suffix = re.search(r"\.\w+$", arguments.output or "")
    inferred = _SUFFIXES.get(suffix[0].lower(), "xml") if suffix else "xml"
    return {
        "reference": arguments.reference,
        "distorted": arguments.distorted,
        "models": arguments.model,
        "features": arguments.feature,
        "predict": not arguments.no_prediction,
        "width": arguments.width,
        "height": arguments.height,
        "pix_fmt": pix_fmt,
        "framerate": arguments.framerate,
        "display": arguments.display,
        "subsample": 1 if arguments.subsample == 0 else arguments.subsample,
        "threads": arguments.threads,
        "frame_count": arguments.frame_cnt or None,
        "skip_reference": arguments.frame_skip_ref,
        "skip_distorted": arguments.frame_skip_dist,
        "allow_hdr": arguments.allow_hdr,
        "ffmpeg_bin": arguments.ffmpeg_bin,
        "score_backend": arguments.score_backend,
        "vmaf_binary": arguments.vmaf_binary,
        "tiny_model": arguments.tiny_model,
        "tiny_device": arguments.tiny_device,
        "timeout_s": arguments.timeout,
        "statistic": arguments.pool,
        "output": arguments.output,
        "output_format": arguments.form or inferred,
        "precision": arguments.precision,
        "report": arguments.report,
    }


def _print_score(result: Score, arguments: argparse.Namespace) -> None:
    for step in (*result.steps, *result.notes):
        output.note(f"{PROGRAM}: {step}")
    digits, statistic = arguments.precision, arguments.pool
    suffix = "" if statistic == "mean" else f" ({statistic})"
    for model in result.models:
        text = f"{model.id}{suffix}: {result.pooled(model.id, statistic):.{digits}f}"
        if model.ensemble:
            lo, hi, deviation = (
                result.pooled(f"{model.id}_{part}", statistic)
                for part in ("ci_p95_lo", "ci_p95_hi", "stddev")
            )
            text += f", ci.p95: [{lo:.{digits}f}, {hi:.{digits}f}], stddev: {deviation:.{digits}f}"
        output.result(text)
    for tiny in result.tiny:
        output.result(f"{tiny.id}{suffix}: {result.pooled(tiny.id, statistic):.{digits}f}")
    for column in result.feature_columns:
        output.result(f"{column}{suffix}: {result.pooled(column, statistic):.{digits}f}")
    for name, value in result.aggregates.items():
        output.result(f"{name}: {value:.{digits}f}")


if __name__ == "__main__":
    raise SystemExit(main())
