"""`vmaf-train eval`, `validate`, `compare` and `profile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vmafkit.cli import output
from vmafkit.cli.train_verbs.parts import Features, Json, number

EVAL_HELP = """Hold a model against its teacher on one part of a table.

Examples:

  vmaf-train eval --model model/tiny/nflx.onnx --features nflx.parquet --split test

  vmaf-train eval --model vmaf_tiny_v2 --features mine.parquet --split all --json
"""

VALIDATE_HELP = """Judge a model by limits; the exit code is 1 below the gate.

Examples:

  vmaf-train validate --model vmaf_tiny_v2 --features mine.parquet --min-plcc 0.97 --max-rmse 0.5

  vmaf-train validate --model nflx.onnx --features nflx.parquet --split test --out-json v.json
"""

COMPARE_HELP = """Hold several models against the same rows; the lowest RMSE is first.

Examples:

  vmaf-train compare vmaf_tiny_v2 other.onnx --features mine.parquet --split all

  vmaf-train compare a.onnx b.onnx --features mine.parquet --json
"""

PROFILE_HELP = """How long a model takes on so many frames at once.

Examples:

  vmaf-train profile --model vmaf_tiny_v2 --rows 1,240

  vmaf-train profile --model nflx.onnx --device cpu --iters 1000 --json
"""

Model = Annotated[str, typer.Option("--model", help="An .onnx file, or a model id.")]
Split = Annotated[str, typer.Option(help="train, val, test or all.")]
SplitBy = Annotated[str, typer.Option(help="source, or clip.")]
Device = Annotated[str, typer.Option("--device", help="auto, cuda, openvino, rocm or cpu.")]
OutJson = Annotated[Path | None, typer.Option("--out-json", help="Write the report here too.")]


def evaluate(
    model: Model,
    features: Features,
    split: Split = "test",
    split_by: SplitBy = "source",
    test_frac: Annotated[float, typer.Option(help="Share of the test part.")] = 0.1,
    val_frac: Annotated[float, typer.Option(help="Share of the validation part.")] = 0.1,
    device: Device = "cpu",
    bootstrap: Annotated[int, typer.Option(help="Draws for intervals; 0 for none.")] = 200,
    out_json: OutJson = None,
    as_json: Json = False,
) -> int:
    """See EVAL_HELP."""
    from vmafkit import api

    report = api.evaluate(
        model,
        features,
        split=split,
        split_by=_way(split_by),
        test_frac=test_frac,
        val_frac=val_frac,
        device=device,
        bootstrap=bootstrap,
        out_json=out_json,
        argv=sys.argv[1:],
    )
    if as_json:
        output.json_line(report)
        return 0
    output.result(f"{report['model']} on {split} of {features}, by {split_by}: n {report['n']}")
    intervals: dict[str, list[float | None]] = report["intervals_95"]
    for name in ("plcc", "srocc", "krocc", "rmse", "max_abs_error", "bias", "bias_above_90"):
        low, high = intervals.get(name, [None, None])
        span = "" if low is None or high is None else f"  [{low:.6f}, {high:.6f}]"
        output.result(f"{name.upper():14} {number(report[name])}{span}")
    output.result(f"clip means: RMSE {number(report['clips']['rmse'])}")
    return 0


def validate(
    model: Model,
    features: Features,
    rows: Annotated[int | None, typer.Option(help="Only the first so many.")] = None,
    min_plcc: Annotated[float, typer.Option(help="At least this.")] = 0.97,
    max_rmse: Annotated[float | None, typer.Option(help="At most this.")] = None,
    max_abs_error: Annotated[float | None, typer.Option(help="At most this.")] = None,
    max_bias: Annotated[float | None, typer.Option(help="At most this, either way.")] = None,
    split: Split = "all",
    split_by: SplitBy = "source",
    device: Device = "cpu",
    out_json: OutJson = None,
    as_json: Json = False,
) -> int:
    """See VALIDATE_HELP."""
    from vmafkit import api

    report = api.validate(
        model,
        features,
        rows=rows,
        min_plcc=min_plcc,
        max_rmse=max_rmse,
        max_abs_error=max_abs_error,
        max_bias=max_bias,
        split=split,
        split_by=_way(split_by),
        device=device,
        out_json=out_json,
        argv=sys.argv[1:],
    )
    return show_validation(report, as_json=as_json)


def show_validation(report: dict[str, Any], *, as_json: bool = False) -> int:
    """Print a validation; 0 if it passed, else 1."""
    if as_json:
        output.json_line(report)
    else:
        output.result(
            f"{report['model']}: {report['rows']} rows, PLCC {number(report['plcc'])}, "
            f"RMSE {number(report['rmse'])}, largest error {number(report['max_abs_error'])}: "
            f"{'passed' if report['passed'] else 'FAILED'}"
        )
    for failure in report["failures"]:
        output.note(f"vmaf-train: {failure}")
    return 0 if report["passed"] else 1


def compare(
    models: Annotated[list[str], typer.Argument(help="ONNX files or model ids.")],
    features: Features,
    split: Split = "test",
    split_by: SplitBy = "source",
    bootstrap: Annotated[int, typer.Option(help="Draws for intervals; 0 for none.")] = 0,
    device: Device = "cpu",
    as_json: Json = False,
) -> int:
    """See COMPARE_HELP."""
    from vmafkit import api

    found = api.compare_models(
        models,
        features,
        split=split,
        split_by=_way(split_by),
        bootstrap=bootstrap,
        device=device,
    )
    for error in found["errors"]:
        output.note(f"vmaf-train: {error['model']}: {error['error']}")
    if as_json:
        output.json_line(found)
    else:
        for each in found["ranked"]:
            output.result(
                f"{each['path']}: RMSE {number(each['rmse'])}, PLCC {number(each['plcc'])}, "
                f"SROCC {number(each['srocc'])}, largest error {number(each['max_abs_error'])}"
            )
    return 1 if found["errors"] else 0


def profile(
    model: Model,
    rows: Annotated[str, typer.Option(help="Frames at once; a list.")] = "1,240,10000",
    device: Device = "auto",
    warmup: Annotated[int, typer.Option(help="Runs before the clock.")] = 5,
    iters: Annotated[int, typer.Option(help="Runs under the clock.")] = 100,
    as_json: Json = False,
) -> int:
    """See PROFILE_HELP."""
    from vmafkit import api
    from vmafkit.errors import UsageError

    try:
        sizes = [int(part) for part in rows.split(",")]
    except ValueError:
        raise UsageError(f"--rows {rows} is not a list", hint="write 1,240") from None
    found = api.profile_model(model, rows=sizes, device=device, warmup=warmup, iterations=iters)
    if as_json:
        output.json_line(found)
        return 0
    for note in found["notes"]:
        output.note(f"vmaf-train: {note}")
    for each in found["results"]:
        output.result(
            f"{each['rows']} rows on {each['device']}: median {each['p50_ms']:.4f} ms, "
            f"p99 {each['p99_ms']:.4f} ms"
        )
    return 0


def _way(word: str) -> Any:
    # The library refuses a word that it does not know.
    return word
