"""`vmaf-tune compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vmafkit.cli import flags, output

HELP = """Compare encoders and presets by measuring: BD-rate, bitrate at equal quality, speed.

Every encoder is measured at values spread over its own knob, at --crf, or searched for a target.
An encoder that fails is named with its reason; the others are compared.

Examples:

  vmaf-tune compare film.mkv --encoder libx264,libx265,svt-av1 --report codecs.html

  vmaf-tune compare a.mkv b.mkv --encoder x264 --preset fast,slow --target-vmaf 93 --format csv
"""


def compare(
    sources: Annotated[list[str] | None, typer.Argument(help="Videos to encode.")] = None,
    source: Annotated[
        flags.Many, typer.Option("--source", "--src", help="A video; repeatable.")
    ] = None,
    encoder: Annotated[
        flags.Many,
        typer.Option("--encoder", "--encoders", "--codec", help="Names; list or repeat."),
    ] = None,
    preset: Annotated[flags.Many, typer.Option(help="The encoders' own words.")] = None,
    crf: Annotated[flags.Many, typer.Option("--crf", "--quality", help="18:42:4, for all.")] = None,
    target: Annotated[str | None, typer.Option(help="93, vmaf:p5>=90 or xpsnr>=42.")] = None,
    target_vmaf: flags.TargetVmaf = None,
    metric: Annotated[str, typer.Option(help="Without --target: vmaf, xpsnr, ssim ..")] = "vmaf",
    statistic: Annotated[str, typer.Option(help="Without --target: mean, p5, min ..")] = "mean",
    model: flags.Model = None,
    display: Annotated[str | None, typer.Option(help="Score at WxH instead.")] = None,
    baseline_encoder: Annotated[
        str | None, typer.Option(help="The anchor: an encoder or encoder:preset.")
    ] = None,
    interpolation: Annotated[
        Literal["pchip", "akima"], typer.Option(help="Of the BD-rate: pchip or akima.")
    ] = "pchip",
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
    timeout: flags.Timeout = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page.")] = None,
    form: Annotated[
        Literal["markdown", "csv", "json"],
        typer.Option("--format", help="Of what is printed: markdown, csv or json."),
    ] = "markdown",
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
            timeout_s=timeout,
            report=report,
            on_event=on_event,
        )
    output.result(api.comparison_text(found, "json" if as_json else form).rstrip("\n"))
    return 0
