"""`vmaf-harness run-vmaf`, `run-psnr`, `run-vmaf-in-batch` and `run-result-assembly`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.harness_verbs import flags, shown
from vmafkit.errors import UsageError

VMAF_HELP = """VMAF of one pair.

Examples:

  vmaf-harness run-vmaf yuv420p 576 324 ref.yuv dis.yuv --out-fmt json

  vmaf-harness run-vmaf notyuv 0 0 ref.mkv dis.mkv --local-explain --save-plot plots
"""

PSNR_HELP = """PSNR of one pair.

Examples:

  vmaf-harness run-psnr yuv420p 576 324 ref.yuv dis.yuv --pool perc5

  vmaf-harness run-psnr notyuv 0 0 ref.mkv dis.mkv --out-fmt json
"""

BATCH_HELP = """VMAF of many pairs: `fmt width height ref dis` on each line of a file.

Examples:

  vmaf-harness run-vmaf-in-batch pairs.txt --parallelize

  vmaf-harness run-vmaf-in-batch pairs.txt --model mine.json --json
"""

ASSEMBLY_HELP = """Join the logs of parts of a video in time; the file names one log on each line.

Examples:

  vmaf-harness run-result-assembly parts.txt --output whole.json

  vmaf-harness run-result-assembly parts.txt
"""

Model = Annotated[
    str | None,
    typer.Option("--model", help=f"A model id, or a JSON file; {flags.LOOKED_UP}"),
]
Phone = Annotated[bool, typer.Option("--phone-model", help="Apply the phone transform.")]
HELP = VMAF_HELP


def run_vmaf(
    fmt: flags.Format,
    width: flags.Width,
    height: flags.Height,
    ref_path: flags.Reference,
    dis_path: flags.Distorted,
    model: Model = None,
    out_fmt: flags.OutFmt = "text",
    pool: flags.Pool = "mean",
    phone_model: Phone = False,
    ci: Annotated[bool, typer.Option("--ci", help="The bootstrap model's interval.")] = False,
    local_explain: Annotated[
        bool, typer.Option("--local-explain", help="What each feature adds.")
    ] = False,
    save_plot: flags.SavePlot = None,
    cache_result: flags.CacheResult = False,
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
) -> int:
    from vmafkit import api

    _check_format(out_fmt)
    report = api.run_vmaf(
        fmt,
        width,
        height,
        ref_path,
        dis_path,
        model=model,
        pool=pool,
        phone_model=phone_model,
        ci=ci,
        local_explain=local_explain,
        save_plot=save_plot,
        cache_result=cache_result,
        ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout,
        workspace=workspace,
    )
    shown.pair(report, out_fmt)
    return 0


def run_psnr(
    fmt: flags.Format,
    width: flags.Width,
    height: flags.Height,
    ref_path: flags.Reference,
    dis_path: flags.Distorted,
    out_fmt: flags.OutFmt = "text",
    pool: flags.Pool = "mean",
    cache_result: flags.CacheResult = False,
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
) -> int:
    from vmafkit import api

    _check_format(out_fmt)
    report = api.run_psnr(
        fmt,
        width,
        height,
        ref_path,
        dis_path,
        pool=pool,
        cache_result=cache_result,
        ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout,
        workspace=workspace,
    )
    shown.pair(report, out_fmt)
    return 0


def run_vmaf_in_batch(
    list_path: Annotated[Path, typer.Argument(metavar="LIST", help="The file of pairs.")],
    model: Model = None,
    pool: flags.Pool = "mean",
    phone_model: Phone = False,
    parallelize: flags.Parallelize = False,
    processes: flags.Processes = None,
    cache_result: flags.CacheResult = True,
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    workspace: flags.Workspace = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api

    with output.frames_shown("vmaf-harness", quiet=quiet) as on_progress:
        report = api.run_vmaf_in_batch(
            list_path,
            model=model,
            pool=pool,
            phone_model=phone_model,
            parallelize=parallelize,
            processes=processes,
            cache_result=cache_result,
            ffmpeg_bin=ffmpeg_bin,
            timeout_s=timeout,
            workspace=workspace,
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(report)
    else:
        for each in report["pairs"]:
            output.result(f"{each['distorted']}: {shown.number(each['score'], 6)}")
    for each in report["failed"]:
        output.note(f"vmaf-harness: {each['distorted']} failed: {each['cause']}")
    return 1 if report["failed"] else 0


def run_result_assembly(
    list_path: Annotated[Path, typer.Argument(metavar="LIST", help="The file of logs.")],
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .json file; else standard output.")
    ] = None,
) -> int:
    from vmafkit import api

    joined = api.run_result_assembly(list_path, output_file)
    if output_file is None:
        output.json_line(joined)
    else:
        output.result(f"{output_file}: {len(joined['frames'])} frames")
    return 0


def _check_format(word: str) -> None:
    if word not in ("text", "json", "xml"):
        raise UsageError(f"--out-fmt {word} is not known", hint="text, json or xml")
