"""`vmaf-tune benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vmafkit.cli import flags, output

HELP = """Compare the encoders of a corpus: BD-rate, bitrate at equal quality, speed.

Nothing is encoded. Settings between measured ones are interpolated and labelled so.

Examples:

  vmaf-tune benchmark --from-corpus corpus.jsonl --target-vmaf 93 --baseline-encoder libx264

  vmaf-tune benchmark --from-corpus corpus.jsonl --statistic p5 --format csv --report out.html
"""


def benchmark(
    from_corpus: Annotated[Path, typer.Option(help="The rows to compare.")],
    target: Annotated[str | None, typer.Option(help="93, vmaf:p5>=90 or xpsnr>=42.")] = None,
    target_vmaf: flags.TargetVmaf = None,
    metric: Annotated[str, typer.Option(help="Without --target: vmaf, xpsnr, ssim ..")] = "vmaf",
    statistic: Annotated[str, typer.Option(help="Without --target: mean, p5, min ..")] = "mean",
    model: Annotated[str | None, typer.Option(help="VMAF model id in the rows.")] = None,
    display: Annotated[str | None, typer.Option(help="Scores made at WxH only.")] = None,
    baseline_encoder: Annotated[
        str | None, typer.Option(help="The anchor: an encoder or encoder:preset.")
    ] = None,
    interpolation: Annotated[
        Literal["pchip", "akima"], typer.Option(help="Of the BD-rate: pchip or akima.")
    ] = "pchip",
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Compare several models or versions.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page.")] = None,
    form: Annotated[
        Literal["markdown", "csv", "json"],
        typer.Option("--format", help="Of what is printed: markdown, csv or json."),
    ] = "markdown",
    as_json: flags.Json = False,
) -> int:
    from vmafkit import api
    from vmafkit.cli.words import parse_size

    found = api.benchmark(
        from_corpus,
        target=target,
        target_vmaf=target_vmaf,
        metric=metric,
        statistic=statistic,
        model=model,
        display=parse_size(display, "--display"),
        baseline_encoder=baseline_encoder,
        interpolation=interpolation,
        allow_mixed=allow_mixed,
        report=report,
    )
    output.result(api.comparison_text(found, "json" if as_json else form).rstrip("\n"))
    return 0
