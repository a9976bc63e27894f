"""`vmaf-tune corpus`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import flags, output
from vmafkit.cli.words import parse_size, refuse_report_of_dry_run

HELP = """Measure sources x encoders x presets x quality values into a corpus.

Rows are appended one by one; run the same command again to go on after a stop.
A trial that is already known costs nothing.

Examples:

  vmaf-tune corpus film.mkv --encoder libx264 --preset fast,slow --crf 18:40:2 -o corpus.jsonl

  vmaf-tune corpus --source a.yuv --width 1920 --height 1080 --encoder svt-av1 --crf 20,30,40
"""


def corpus(
    sources: flags.Sources = None,
    source: flags.MoreSources = None,
    encoder: Annotated[
        flags.Many,
        typer.Option("--encoder", "--codec", help="ffmpeg's name or an alias; repeatable."),
    ] = None,
    preset: Annotated[flags.Many, typer.Option(help="The encoder's words; list or repeat.")] = None,
    crf: Annotated[
        flags.Many, typer.Option("--crf", "--quality", help="23, 18,20,22 or 18:40:2; repeatable.")
    ] = None,
    enc: flags.Enc = None,
    model: Annotated[
        flags.Many, typer.Option(help="VMAF model id or path=FILE; repeatable.")
    ] = None,
    feature: Annotated[
        flags.Many, typer.Option(help="A further score: psnr, cambi, xpsnr ..")
    ] = None,
    output_file: Annotated[
        Path, typer.Option("--output", "-o", help="The corpus file; continued when it exists.")
    ] = Path("corpus.jsonl"),
    display: flags.Display = None,
    subsample: Annotated[int, typer.Option(help="Score every n-th frame.")] = 1,
    allow_hdr: Annotated[bool, typer.Option(help="Score HDR with a model for SDR.")] = False,
    threads: flags.Threads = 1,
    workers: flags.Workers = None,
    keep_encodes: Annotated[bool, typer.Option(help="Keep the encoded files.")] = False,
    encode_dir: Annotated[Path | None, typer.Option(help="Where they are kept.")] = None,
    width: flags.Width = None,
    height: flags.Height = None,
    pix_fmt: flags.PixFmt = None,
    framerate: flags.Framerate = None,
    ffmpeg_bin: flags.FfmpegBin = None,
    score_backend: flags.ScoreBackend = "auto",
    vmaf_binary: flags.VmafBinary = None,
    timeout: flags.Timeout = None,
    report: flags.Report = None,
    dry_run: Annotated[bool, typer.Option(help="Print the commands and stop.")] = False,
    form: flags.PrintedFormat = None,
    as_json: Annotated[bool, typer.Option("--json", help="Events as JSON lines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No bar.")] = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.progress import choose

    refuse_report_of_dry_run(report, dry_run)
    plan = api.plan_corpus(
        [*(sources or []), *(source or [])],
        encoder=encoder or ["libx264"],
        preset=preset or [],
        crf=crf or [],
        enc=enc or [],
        model=model or [],
        feature=feature or [],
        display=parse_size(display, "--display"),
        subsample=subsample,
        allow_hdr=allow_hdr,
        threads=threads,
        width=width,
        height=height,
        pix_fmt=pix_fmt,
        framerate=framerate,
        ffmpeg_bin=ffmpeg_bin,
        score_backend=score_backend,
        vmaf_binary=vmaf_binary,
        output=output_file,
        timeout_s=timeout,
    )
    if dry_run:
        for command in plan.commands:
            output.result(command)
        return 0
    with choose(as_json=as_json, quiet=quiet) as shown:
        done = api.corpus(
            plan,
            output_file,
            keep_encodes=keep_encodes,
            encode_dir=encode_dir,
            workers=workers,
            timeout_s=timeout,
            report=report,
            on_event=shown.show,
        )
    if form is not None:
        output.result(api.corpus_text(output_file, form).rstrip("\n"))
    elif not as_json:
        output.result(
            f"{output_file}: {done.cells} cells, {done.measured} measured, {done.known} known, "
            f"{done.skipped} there already, {done.failed} failed"
        )
    return 1 if done.failed else 0
