"""`vmaf-tune benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    target: flags.OneTarget = None,
    target_vmaf: flags.TargetVmaf = None,
    metric: flags.Metric = "vmaf",
    statistic: flags.Statistic = "mean",
    model: Annotated[str | None, typer.Option(help="VMAF model id in the rows.")] = None,
    display: Annotated[str | None, typer.Option(help="Scores made at WxH only.")] = None,
    baseline_encoder: flags.BaselineEncoder = None,
    interpolation: flags.Interpolation = "pchip",
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Compare several models or versions.")
    ] = False,
    report: flags.Report = None,
    form: flags.ComparisonFormat = "markdown",
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
