"""`vmaf-tune auto`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import flags, output

HELP = """Plan codec, preset and setting for a target; --execute encodes and proves it.

Without --execute nothing is encoded: the plan holds estimates with intervals. Exit code 7 says
that an executed cell does not reach the target.

Examples:

  vmaf-tune auto film.mkv --target 93 --allow-codecs libx265,libsvtav1 --json

  vmaf-tune auto film.mkv --target 93 --execute --runs-dir runs
"""

AllowCodecs = Annotated[
    flags.Many,
    typer.Option("--allow-codecs", "--codec", help="Encoders to choose from; list or repeat."),
]
MaxBitrate = Annotated[
    str | None,
    typer.Option("--max-bitrate", "--max-budget-bitrate", help="Cap: 2500 (kbps) or 2.5M."),
]
SampleDuration = Annotated[
    float | None,
    typer.Option("--sample-duration", "--sample-clip-seconds", help="Seconds of each window."),
]


def auto(
    source: flags.SourcePath = None,
    source_flag: flags.SourceFlag = None,
    target: flags.Target = None,
    target_vmaf: flags.TargetVmaf = None,
    model: flags.Model = None,
    allow_codecs: AllowCodecs = None,
    preset: Annotated[flags.Many, typer.Option(help="The encoders' words; list.")] = None,
    max_bitrate: MaxBitrate = None,
    max_size: flags.MaxSize = None,
    max_encoded_percent: flags.MaxPercent = None,
    tolerance: flags.Tolerance = None,
    strategy: flags.Strategy = "interpolate",
    probes_at_once: flags.ProbesAtOnce = 1,
    samples: flags.Samples = None,
    sample_duration: SampleDuration = None,
    full: flags.Full = False,
    execute: Annotated[bool, typer.Option("--execute", help="Run the selected cell.")] = False,
    execute_all: Annotated[bool, typer.Option("--execute-all", help="Run every cell.")] = False,
    runs_dir: Annotated[Path, typer.Option(help="Gets encodes and results.")] = Path("runs"),
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file for the plan.")
    ] = None,
    allow_hdr: flags.AllowHdr = False,
    threads: flags.Threads = 1,
    workers: flags.Workers = None,
    width: flags.Width = None,
    height: flags.Height = None,
    pix_fmt: flags.PixFmt = None,
    framerate: flags.Framerate = None,
    ffmpeg_bin: flags.FfmpegBin = None,
    score_backend: flags.ScoreBackend = "auto",
    vmaf_binary: flags.VmafBinary = None,
    timeout: flags.Timeout = None,
    report: flags.Report = None,
    form: flags.PrintedFormat = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.auto_text import auto_text
    from vmafkit.cli.search_shown import shown
    from vmafkit.cli.words import one_source
    from vmafkit.errors import TargetUnreached

    with shown("vmaf-tune", as_json=as_json, quiet=quiet) as on_event:
        done = api.auto(
            one_source(source, source_flag),
            target=target or [],
            target_vmaf=target_vmaf,
            model=model,
            allow_codecs=allow_codecs or [],
            preset=preset or [],
            max_bitrate=max_bitrate,
            max_size=max_size,
            max_encoded_percent=max_encoded_percent,
            tolerance=tolerance,
            strategy=strategy,
            probes_at_once=probes_at_once,
            samples=samples,
            sample_duration_s=sample_duration,
            full=full,
            execute=execute,
            execute_all=execute_all,
            runs_dir=runs_dir,
            output=output_file,
            allow_hdr=allow_hdr,
            threads=threads,
            workers=workers,
            width=width,
            height=height,
            pix_fmt=pix_fmt,
            framerate=framerate,
            ffmpeg_bin=ffmpeg_bin,
            score_backend=score_backend,
            vmaf_binary=vmaf_binary,
            timeout_s=timeout,
            report=report,
            on_event=on_event,
        )
    if as_json:
        output.json_line(done.record())
    else:
        text = api.result_text(done, form).rstrip("\n") if form else auto_text(done)
        output.result(text)
    return 0 if done.met or not (execute or execute_all) else TargetUnreached.exit_code
