"""`vmaf-train export` and `vmaf-train register`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.train_verbs.parts import Json

HELP = """Write a checkpoint as ONNX, with its card beside it.

The file is opened as it would be for scoring, and its scores on real rows are held against the
checkpoint's before anything is written.

Examples:

  vmaf-train export --checkpoint runs/nflx/last.ckpt --output model/tiny/nflx.onnx --opset 17

  vmaf-train export --checkpoint runs/nflx --output nflx.onnx --license Apache-2.0 --json
"""

REGISTER_HELP = """Add a model to the registry beside it, by the hash of its bytes.

Examples:

  vmaf-train register --model model/tiny/nflx.onnx --kind fr --license Apache-2.0

  vmaf-train register --model nflx.onnx --registry registry.json --id nflx
"""


def export(
    checkpoint: Annotated[Path, typer.Option(help="last.ckpt, or the folder of a run.")],
    output_file: Annotated[Path, typer.Option("--output", "-o", help="An .onnx file.")],
    sidecar: Annotated[Path | None, typer.Option(help="The card; default: NAME.json.")] = None,
    opset: Annotated[int, typer.Option(help="ONNX operator set.")] = 17,
    atol: Annotated[float, typer.Option(help="Largest difference accepted, in score.")] = 1e-3,
    model_id: Annotated[str | None, typer.Option("--id", help="Default: the file's name.")] = None,
    features: Annotated[
        Path | None, typer.Option(help="Check on this table instead of the checkpoint's rows.")
    ] = None,
    evaluation: Annotated[
        Path | None, typer.Option(help="Report of eval on these weights, for the card.")
    ] = None,
    license: Annotated[str | None, typer.Option(help="Of the model.")] = None,
    notes: Annotated[str | None, typer.Option(help="For the card.")] = None,
    as_json: Json = False,
) -> int:
    """See HELP."""
    from vmafkit import api

    made = api.export_model(
        checkpoint,
        output_file,
        sidecar=sidecar,
        opset=opset,
        atol=atol,
        model_id=model_id,
        features=features,
        evaluation=evaluation,
        license=license,
        notes=notes,
        argv=sys.argv[1:],
    )
    if as_json:
        output.json_line(
            {
                "type": "export",
                "onnx": str(made.onnx),
                "sidecar": str(made.sidecar),
                "sha256": made.sha256,
                "difference": made.difference,
                "torch_difference": made.torch_difference,
            }
        )
    else:
        output.result(f"{made.onnx}: sha256 {made.sha256}, differs by {made.difference:.2g}")
        output.result(f"{made.sidecar}")
    return 0


def register(
    model: Annotated[Path, typer.Option(help="An .onnx file beside or below the registry.")],
    kind: Annotated[str, typer.Option(help="fr, nr or filter.")] = "fr",
    registry: Annotated[
        Path | None, typer.Option(help="Default: registry.json beside the model.")
    ] = None,
    model_id: Annotated[str | None, typer.Option("--id", help="Default: the card's.")] = None,
    license: Annotated[str | None, typer.Option(help="Of the model.")] = None,
    license_url: Annotated[str | None, typer.Option(help="Of that licence.")] = None,
    description: Annotated[str | None, typer.Option(help="One line.")] = None,
    notes: Annotated[str | None, typer.Option(help="More lines.")] = None,
) -> int:
    """See REGISTER_HELP."""
    from vmafkit import api

    entry = api.register_model(
        model,
        registry_file=registry,
        model_id=model_id,
        kind=kind,
        license=license,
        license_url=license_url,
        description=description,
        notes=notes,
    )
    output.json_line(entry)
    return 0
