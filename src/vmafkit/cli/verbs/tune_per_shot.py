"""`vmaf-tune tune-per-shot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import flags, output

HELP = """Encode each shot with a setting of its own, join them, and prove that it pays.

The joined file is scored as a whole and held against the best single setting; what needs fewer
bits for the same promise is kept. Exit code 7 says that the target is not met.

Examples:

  vmaf-tune tune-per-shot film.mkv --target-vmaf 92 --encoder svt-av1 -o film.av1.mkv

  vmaf-tune tune-per-shot film.mkv --mode constant-quality --scenes scenes.json --json
"""


def tune_per_shot(
    source: flags.SourcePath = None,
    source_flag: flags.SourceFlag = None,
    encoder: flags.Encoder = "libx264",
    preset: flags.Preset = None,
    target: Annotated[
        str | None, typer.Option(help="92, xpsnr>=42 ..; a mean. Default: 92.")
    ] = None,
    target_vmaf: flags.TargetVmaf = None,
    mode: Annotated[
        str, typer.Option(help="constant-slope (mean over the title) or constant-quality.")
    ] = "constant-slope",
    worst: Annotated[
        float | None, typer.Option(help="In constant slope: no shot lies below.")
    ] = None,
    model: flags.Model = None,
    enc: flags.Enc = None,
    crf_min: Annotated[float | None, typer.Option(help="Of the encoder's quality knob.")] = None,
    crf_max: Annotated[float | None, typer.Option(help="Of the encoder's quality knob.")] = None,
    probes: Annotated[int, typer.Option(help="Settings measured in every shot at first.")] = 4,
    min_shot: Annotated[float, typer.Option(help="Seconds; shorter shots are merged.")] = 1.0,
    max_shot: Annotated[float, typer.Option(help="Seconds; longer shots are divided.")] = 10.0,
    scenes: Annotated[
        Path | None, typer.Option(help="scenes.json: read if it is there, else written.")
    ] = None,
    qpfile_out: Annotated[
        Path | None, typer.Option(help="Write the shots' key frames for x264 and x265.")
    ] = None,
    plan_out: Annotated[Path | None, typer.Option(help="Write the result as JSON.")] = None,
    segment_dir: Annotated[
        Path | None, typer.Option(help="For the chosen shots' encodes and their list.")
    ] = None,
    output_file: flags.Output = None,
    report: flags.Report = None,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Find shots, encode nothing.")] = False,
    form: flags.PrintedFormat = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.per_shot_text import per_shot_text
    from vmafkit.cli.search_shown import shown
    from vmafkit.cli.words import one_source
    from vmafkit.errors import TargetUnreached

    with shown("vmaf-tune", as_json=as_json, quiet=quiet) as on_event:
        found = api.tune_per_shot(
            one_source(source, source_flag),
            encoder=encoder,
            preset=preset,
            target=target,
            target_vmaf=target_vmaf,
            mode=mode,
            worst=worst,
            model=model,
            enc=enc or [],
            crf_min=crf_min,
            crf_max=crf_max,
            probes=probes,
            min_shot_s=min_shot,
            max_shot_s=max_shot,
            scenes=scenes,
            qpfile_out=qpfile_out,
            plan_out=plan_out,
            segment_dir=segment_dir,
            output=output_file,
            report=report,
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
            dry_run=dry_run,
            on_event=on_event,
        )
    if as_json:
        output.json_line(found.record())
    else:
        text = api.result_text(found, form).rstrip("\n") if form else per_shot_text(found)
        output.result(text)
    return 0 if found.met or dry_run else TargetUnreached.exit_code
