"""`vmaf-tune zones`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import flags, output

HELP = """Move bits between frames (zones) or places (regions), and measure that it happened.

The source is encoded with and without them. An encoder that ignores them is refused.

Examples:

  vmaf-tune zones film.mkv --crf 24 --zone 0-249:b=0.5 -o film.x264.mkv

  vmaf-tune zones film.mkv --encoder x265 --roi 0,0,320,180,-0.3 --json
"""


def zones(
    source: flags.SourcePath = None,
    source_flag: flags.SourceFlag = None,
    encoder: flags.Encoder = "libx264",
    preset: flags.Preset = None,
    crf: Annotated[
        float | None, typer.Option("--crf", "--quality", help="The encoder's quality knob.")
    ] = None,
    zone: Annotated[
        flags.Many, typer.Option(help="0-50:q=40 (quantizer) or 0-50:b=0.5 (bits); repeatable.")
    ] = None,
    zones_file: Annotated[
        Path | None, typer.Option("--zones", help="A file of zones, one on a line.")
    ] = None,
    roi: Annotated[
        flags.Many, typer.Option(help="x,y,width,height,offset from -1 (best) to 1; repeatable.")
    ] = None,
    enc: flags.Enc = None,
    output_file: flags.Output = None,
    allow_hdr: flags.AllowHdr = False,
    threads: flags.Threads = 1,
    width: flags.Width = None,
    height: flags.Height = None,
    pix_fmt: flags.PixFmt = None,
    framerate: flags.Framerate = None,
    ffmpeg_bin: flags.FfmpegBin = None,
    timeout: flags.Timeout = None,
    report: flags.Report = None,
    form: flags.PrintedFormat = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.per_shot_text import zones_text
    from vmafkit.cli.search_shown import shown
    from vmafkit.cli.words import one_source

    with shown("vmaf-tune", as_json=as_json, quiet=quiet) as on_event:
        found = api.zones(
            one_source(source, source_flag),
            encoder=encoder,
            preset=preset,
            crf=crf,
            zone=zone or [],
            zones=zones_file,
            roi=roi or [],
            enc=enc or [],
            output=output_file,
            allow_hdr=allow_hdr,
            threads=threads,
            width=width,
            height=height,
            pix_fmt=pix_fmt,
            framerate=framerate,
            ffmpeg_bin=ffmpeg_bin,
            timeout_s=timeout,
            report=report,
            on_event=on_event,
        )
    if as_json:
        output.json_line(found.record())
    else:
        text = api.result_text(found, form).rstrip("\n") if form else zones_text(found)
        output.result(text)
    return 0
