"""`vmaf-tune ladder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vmafkit.cli import flags, output

HELP = """Measure a bitrate ladder: renditions on their hull, compared at display size.

With --output the rungs are packaged as HLS and DASH, and every variant is played back.

Examples:

  vmaf-tune ladder film.mkv --resolutions 1280x720,640x360 --max-kbps 6000 --json

  vmaf-tune ladder film.mkv --target-vmafs 95,90,80 --format hls --output film-hls

  vmaf-tune ladder film.mkv --encoder svt-av1 --quality-tiers 5 --spacing log_bitrate
"""


def ladder(
    source: flags.SourcePath = None,
    source_flag: flags.SourceFlag = None,
    encoder: flags.Encoder = "libx264",
    preset: flags.Preset = None,
    resolutions: Annotated[flags.Many, typer.Option(help="1280x720,640x360 or lines.")] = None,
    crf: Annotated[
        flags.Many, typer.Option("--crf", "--quality", help="To choose from: 18:42:3.")
    ] = None,
    target_vmafs: Annotated[flags.Many, typer.Option(help="A rung for each: 95,90,80.")] = None,
    quality_tiers: Annotated[int | None, typer.Option(help="Rungs, evenly spaced.")] = None,
    spacing: Annotated[
        Literal["vmaf", "log_bitrate", "uniform", "list"],
        typer.Option(help="Of rungs: vmaf, log_bitrate, uniform or list."),
    ] = "vmaf",
    step: Annotated[float | None, typer.Option(help="VMAF points, or a bitrate ratio.")] = None,
    rungs_kbps: Annotated[flags.Many, typer.Option(help="For list: 4000,2000,900.")] = None,
    min_kbps: Annotated[float | None, typer.Option(help="No rung below.")] = None,
    max_kbps: Annotated[float | None, typer.Option(help="No rung above.")] = None,
    min_quality: Annotated[
        float | None, typer.Option(help="No rung with less VMAF; 30 unless rungs are named.")
    ] = None,
    max_quality: Annotated[
        float | None, typer.Option(help="The top rung need not pass it; 95 unless named.")
    ] = None,
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help="The whole grid.")] = False,
    model: flags.Model = None,
    display: Annotated[str | None, typer.Option(help="Compare at WxH instead.")] = None,
    samples: flags.Samples = None,
    sample_duration: flags.SampleDuration = None,
    full: flags.Full = False,
    segment_duration: Annotated[float, typer.Option(help="Seconds of a segment.")] = 4.0,
    form: Annotated[
        flags.Many,
        typer.Option("--format", help="hls, dash; printed: markdown, csv or json."),
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new folder for HLS and DASH.")
    ] = None,
    enc: flags.Enc = None,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the first commands.")] = False,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.search_shown import shown
    from vmafkit.cli.words import one_source, parse_size, refuse_report_of_dry_run

    refuse_report_of_dry_run(report, dry_run)

    with shown("vmaf-tune", as_json=as_json, quiet=quiet) as on_event:
        found = api.ladder(
            one_source(source, source_flag),
            encoder=encoder,
            preset=preset,
            resolutions=resolutions or [],
            crf=crf or [],
            target_vmafs=target_vmafs or [],
            quality_tiers=quality_tiers,
            spacing=spacing,
            step=step,
            rungs_kbps=rungs_kbps or [],
            min_kbps=min_kbps,
            max_kbps=max_kbps,
            min_quality=min_quality,
            max_quality=max_quality,
            exhaustive=exhaustive,
            model=model,
            display=parse_size(display, "--display"),
            samples=samples,
            sample_duration_s=sample_duration,
            full=full,
            segment_duration_s=segment_duration,
            format=form or [],
            output=output_file,
            enc=enc or [],
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
            dry_run=dry_run,
            on_event=on_event,
        )
    if dry_run and not as_json:
        output.result("\n".join(found.commands))
    else:
        words = ["json"] if as_json else form or []
        output.result(api.ladder_text(found, words).rstrip("\n"))
    return 0
