"""Flags that several verbs share, each with its one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Many = list[str] | None

SourcePath = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="The video.")]
SourceFlag = Annotated[str | None, typer.Option("--source", "--src", help="The video.")]
Sources = Annotated[list[str] | None, typer.Argument(help="Videos to encode.")]
MoreSources = Annotated[Many, typer.Option("--source", "--src", help="A video; repeatable.")]
Encoder = Annotated[str, typer.Option("--encoder", "--codec", help="ffmpeg's name or an alias.")]
Preset = Annotated[str | None, typer.Option(help="The encoder's own word.")]
Target = Annotated[Many, typer.Option(help="93, vmaf:p5>=90, xpsnr>=42 ..; all must hold.")]
OneTarget = Annotated[str | None, typer.Option(help="93, vmaf:p5>=90 or xpsnr>=42.")]
TargetVmaf = Annotated[float | None, typer.Option(help="A number, as in --target.")]
Model = Annotated[str | None, typer.Option(help="VMAF model id or path=FILE.")]
Metric = Annotated[str, typer.Option(help="Without --target: vmaf, xpsnr, ssim ..")]
Statistic = Annotated[str, typer.Option(help="Without --target: mean, p5, min ..")]
BaselineEncoder = Annotated[
    str | None, typer.Option(help="The anchor: an encoder or encoder:preset.")
]
Interpolation = Annotated[
    Literal["pchip", "akima"], typer.Option(help="Of the BD-rate: pchip or akima.")
]
Display = Annotated[str | None, typer.Option(help="Score at WxH instead.")]
Enc = Annotated[Many, typer.Option(help="k=v for the encoder; repeatable.")]
MaxBitrate = Annotated[str | None, typer.Option(help="Cap: 2500 (kbps), 2500k or 2.5M.")]
MaxSize = Annotated[str | None, typer.Option(help="Cap on the video: 700M, 1GiB.")]
MaxPercent = Annotated[str | None, typer.Option(help="Cap: percent of the source's video.")]
Tolerance = Annotated[float | None, typer.Option(help="Overshoot that is good enough.")]
Strategy = Annotated[str, typer.Option(help="interpolate, bisect or coarse-to-fine.")]
ProbesAtOnce = Annotated[int, typer.Option(help="Settings measured side by side, in fewer rounds.")]
Samples = Annotated[int | None, typer.Option(help="Windows to measure.")]
SampleDuration = Annotated[float | None, typer.Option(help="Seconds of each window.")]
Full = Annotated[bool, typer.Option("--full", help="Measure the whole source.")]
AllowHdr = Annotated[bool, typer.Option("--allow-hdr", help="Score HDR with a model for SDR.")]
Threads = Annotated[int, typer.Option(help="Of each encode; results depend on it.")]
Workers = Annotated[int | None, typer.Option(help="Trials at once; default: cores.")]
Width = Annotated[int | None, typer.Option(help="Of raw YUV.")]
Height = Annotated[int | None, typer.Option(help="Of raw YUV.")]
PixFmt = Annotated[str | None, typer.Option(help="Of raw YUV.")]
Framerate = Annotated[str | None, typer.Option(help="Of raw YUV, such as 30000/1001.")]
FfmpegBin = Annotated[str | None, typer.Option(help="The ffmpeg to use.")]
ScoreBackend = Annotated[str, typer.Option(help="auto, engine, libvmaf or vmaf-binary.")]
VmafBinary = Annotated[str | None, typer.Option(help="Score with libvmaf's own tool.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds for each ffmpeg run.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object; events on stderr.")]
Report = Annotated[Path | None, typer.Option(help="Write an HTML page.")]
_CSV = "One CSV has all tables; its column `table` names the one of each row."
ComparisonFormat = Annotated[
    Literal["markdown", "csv", "json"],
    typer.Option("--format", help=f"Of what is printed: markdown, csv or json. {_CSV}"),
]
PrintedFormat = Annotated[
    Literal["markdown", "csv", "json"] | None,
    typer.Option("--format", help=f"Print markdown, csv or json instead. {_CSV}"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No bar, no lines.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The final file, .mkv or .mp4.")
]
