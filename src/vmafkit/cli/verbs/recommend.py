"""`vmaf-tune recommend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import flags, output

HELP = """Find the cheapest setting that meets a quality target, by measuring.

Exit code 7 says that no setting meets it; the best attempt is shown.

Examples:

  vmaf-tune recommend film.mkv --target 93 --encoder svt-av1 --preset 8 -o film.av1.mkv

  vmaf-tune recommend film.mkv --target vmaf:p5>=90 --target xpsnr>=40 --max-bitrate 4M --json
"""


def recommend(
    source: flags.SourcePath = None,
    source_flag: flags.SourceFlag = None,
    encoder: flags.Encoder = "libx264",
    preset: flags.Preset = None,
    target: flags.Target = None,
    target_vmaf: flags.TargetVmaf = None,
    model: flags.Model = None,
    enc: flags.Enc = None,
    max_bitrate: flags.MaxBitrate = None,
    max_size: flags.MaxSize = None,
    max_encoded_percent: flags.MaxPercent = None,
    tolerance: flags.Tolerance = None,
    strategy: flags.Strategy = "interpolate",
    probes_at_once: flags.ProbesAtOnce = 1,
    samples: flags.Samples = None,
    sample_duration: flags.SampleDuration = None,
    full: flags.Full = False,
    proxy_preset: Annotated[str | None, typer.Option(help="Faster, for a first look.")] = None,
    from_corpus: Annotated[Path | None, typer.Option(help="Decide from these rows alone.")] = None,
    predict_only: Annotated[bool, typer.Option("--predict-only", help="Measure nothing.")] = False,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the first command.")] = False,
    form: flags.PrintedFormat = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.search_shown import recommendation_text, shown
    from vmafkit.cli.words import one_source, refuse_report_of_dry_run

    refuse_report_of_dry_run(report, dry_run)
    from vmafkit.errors import TargetUnreached

    with shown("vmaf-tune", as_json=as_json, quiet=quiet) as on_event:
        found = api.recommend(
            one_source(source, source_flag),
            encoder=encoder,
            preset=preset,
            target=target or [],
            target_vmaf=target_vmaf,
            model=model,
            enc=enc or [],
            max_bitrate=max_bitrate,
            max_size=max_size,
            max_encoded_percent=max_encoded_percent,
            tolerance=tolerance,
            strategy=strategy,
            probes_at_once=probes_at_once,
            samples=samples,
            sample_duration_s=sample_duration,
            full=full,
            proxy_preset=proxy_preset,
            from_corpus=from_corpus,
            predict_only=predict_only,
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
    elif form is not None and not dry_run:
        output.result(api.result_text(found, form).rstrip("\n"))
    else:
        output.result(found.command if dry_run else recommendation_text(found))
    return 0 if found.met or dry_run or predict_only else TargetUnreached.exit_code
