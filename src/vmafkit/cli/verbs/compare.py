"""`vmaf-tune compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import flags, output

HELP = """Compare encoders and presets by measuring: BD-rate, bitrate at equal quality, speed.

Every encoder is measured at values spread over its own knob, at --crf, or searched for a target.
An encoder that fails, or that this ffmpeg lacks, is named with its reason and the others are
compared; the exit code is then 1. NAME:PRESET gives an encoder a preset of its own.

Examples:

  vmaf-tune compare film.mkv --encoder libx264:medium,libsvtav1:8 --report codecs.html

  vmaf-tune compare a.mkv b.mkv --encoder x264 --preset fast,slow --target-vmaf 93 --format csv
"""


def compare(
    sources: flags.Sources = None,
    source: flags.MoreSources = None,
    encoder: Annotated[
        flags.Many,
        typer.Option(
            "--encoder", "--encoders", "--codec", help="NAME or NAME:PRESET; list or repeat."
        ),
    ] = None,
    preset: Annotated[flags.Many, typer.Option(help="Of those named without one.")] = None,
    crf: Annotated[flags.Many, typer.Option("--crf", "--quality", help="18:42:4, for all.")] = None,
    target: flags.OneTarget = None,
    target_vmaf: flags.TargetVmaf = None,
    metric: flags.Metric = "vmaf",
    statistic: flags.Statistic = "mean",
    model: flags.Model = None,
    display: flags.Display = None,
    baseline_encoder: flags.BaselineEncoder = None,
    interpolation: flags.Interpolation = "pchip",
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Keep the rows in this corpus.")
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
    form: flags.ComparisonFormat = "markdown",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.search_shown import shown
    from vmafkit.cli.words import parse_size

    with shown("vmaf-tune", as_json=as_json, quiet=quiet) as on_event:
        found = api.compare(
            [*(sources or []), *(source or [])],
            encoder=encoder or ["libx264", "libx265", "libsvtav1"],
            preset=preset or [],
            crf=crf or [],
            target=target,
            target_vmaf=target_vmaf,
            metric=metric,
            statistic=statistic,
            model=model,
            display=parse_size(display, "--display"),
            baseline_encoder=baseline_encoder,
            interpolation=interpolation,
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
    output.result(api.comparison_text(found, "json" if as_json else form).rstrip("\n"))
    for name, why in found.failed:
        output.note(f"vmaf-tune: {name} failed: {why}")
    return 1 if found.failed else 0
