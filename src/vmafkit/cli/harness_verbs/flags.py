"""Flags that several verbs of the harness share, each with its one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[
    Path | None, typer.Option("--workspace", help="Its folder; wins over VMAF_WORKSPACE.")
]
# A help text that names a file of a model ends with it.
LOOKED_UP = "a bare name is looked up here, then in the workspace's model folder."
FfmpegBin = Annotated[str | None, typer.Option("--ffmpeg-bin", help="The ffmpeg to use.")]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds for each process.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Pool = Annotated[
    str,
    typer.Option("--pool", help="mean, harmonic_mean, min, median, perc5, perc10, perc20 .."),
]
CacheResult = Annotated[
    bool, typer.Option("--cache-result/--no-cache-result", help="Keep and use stored results.")
]
Parallelize = Annotated[bool, typer.Option("--parallelize", help="One asset for each core.")]
Processes = Annotated[int | None, typer.Option("--processes", help="Assets at once.")]
SubjModel = Annotated[
    str, typer.Option("--subj-model", help="MLE_CO_AP2, MOS, DMOS, SR_MOS, BR_SR_MOS, sureal:TYPE.")
]
TrainedOn = Annotated[
    str,
    typer.Option("--subj-model", help="As in run-testing, or PERSUBJECT: each score is a row."),
]
SavePlot = Annotated[Path | None, typer.Option("--save-plot", help="A folder for plots.")]
SuppressPlot = Annotated[
    bool, typer.Option("--suppress-plot", help="Taken for old scripts; no window ever opens.")
]
DataSet = Annotated[Path, typer.Argument(metavar="DATASET", help="A .yaml, .toml or .py recipe.")]
Format = Annotated[str, typer.Argument(metavar="FMT", help="yuv420p .. yuv444p16le, or notyuv.")]
Width = Annotated[int, typer.Argument(help="Of raw video; 0 with notyuv.")]
Height = Annotated[int, typer.Argument(help="Of raw video; 0 with notyuv.")]
Reference = Annotated[Path, typer.Argument(metavar="REF", help="The reference.")]
Distorted = Annotated[Path, typer.Argument(metavar="DIS", help="The distorted video.")]
OutFmt = Annotated[str, typer.Option("--out-fmt", help="text, json or xml.")]
