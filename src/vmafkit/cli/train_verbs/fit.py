"""`vmaf-train fit` and `vmaf-train cross-validate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vmafkit.cli import output
from vmafkit.cli.train_verbs.parts import Features, Json, Quiet, summary

HELP = """Train a tiny model on a feature table by a recipe.

Writes last.ckpt (safetensors: weights, scaler, facts) and stats.json.

Examples:

  vmaf-train fit --config ai/configs/fr_tiny_v1.yaml --features nflx.parquet --output runs/nflx

  vmaf-train fit --config vmaf_tiny_v2.yaml --features all.parquet --output runs/v2 --seeds 0,1,2
"""

CROSS_VALIDATE_HELP = """Train without each source in turn, and judge on the one left out.

Examples:

  vmaf-train cross-validate --config vmaf_tiny_v2.yaml --features all.parquet --output loso.json

  vmaf-train cross-validate --config c.yaml --features all.parquet --output k5.json --folds 5
"""

Config = Annotated[Path, typer.Option(help="A recipe in YAML.")]
Epochs = Annotated[int | None, typer.Option(help="Instead of the recipe's.")]
Seeds = Annotated[str | None, typer.Option(help="0,1,2: a sweep; the best on validation stays.")]
Threads = Annotated[int | None, typer.Option(help="Of torch; default: 1.")]


def fit(
    config: Config,
    features: Annotated[
        Path | None, typer.Option("--features", "--cache", help="A feature table.")
    ] = None,
    output_folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder of the run.")
    ] = None,
    epochs: Epochs = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    seeds: Seeds = None,
    threads: Threads = None,
    out_ckpt: Annotated[Path | None, typer.Option(help="Default: last.ckpt there.")] = None,
    out_stats: Annotated[Path | None, typer.Option(help="Default: stats.json there.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """See HELP."""
    from vmafkit import api

    with output.frames_shown("vmaf-train", quiet=quiet) as on_progress:
        made = api.fit(
            features,
            output_folder,
            config=config,
            epochs=epochs,
            seed=seed,
            seeds=_numbers(seeds),
            threads=threads,
            out_ckpt=out_ckpt,
            out_stats=out_stats,
            argv=sys.argv[1:],
            on_progress=on_progress,
        )
    if as_json:
        figures = {k: v for k, v in made.record.items() if k.endswith("_metrics")}
        record = {"type": "fit", "checkpoint": str(made.checkpoint), "stats": str(made.stats)}
        output.json_line({**record, "seed": made.record["seed"], **figures})
        return 0
    output.result(f"{made.checkpoint}: seed {made.record['seed']}")
    for part in ("train", "val", "test"):
        found: dict[str, Any] | None = made.record[f"{part}_metrics"]
        if found:
            output.result(f"{part}: {summary(found)}")
    return 0


def cross_validate(
    config: Config,
    features: Features,
    output_file: Annotated[Path, typer.Option("--output", "-o", help="The JSON report.")],
    folds: Annotated[int | None, typer.Option(help="So many folds; default: LOSO.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Leave out only this one.")] = None,
    epochs: Epochs = None,
    seeds: Seeds = None,
    threads: Threads = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """See CROSS_VALIDATE_HELP."""
    from vmafkit import api

    with output.frames_shown("vmaf-train", quiet=quiet) as on_progress:
        report = api.cross_validate(
            features,
            output_file,
            config=config,
            folds_count=folds,
            sources=source or (),
            epochs=epochs,
            seeds=_numbers(seeds),
            threads=threads,
            argv=sys.argv[1:],
            on_progress=on_progress,
        )
    if as_json:
        output.json_line(report)
        return 0
    for name, found in report["loso_per_fold"].items():
        output.result(f"{name}: {summary(found)}")
    return 0


def _numbers(text: str | None) -> list[int]:
    from vmafkit.errors import UsageError

    try:
        return [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"--seeds {text} is not a list", hint="write 0,1,2") from None
