"""Flags and words that several verbs of `vmaf-train` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Features = Annotated[Path, typer.Option(help="A feature table.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def number(value: float | None) -> str:
    """A figure, which a correlation of equal numbers is not."""
    return "not defined" if value is None else f"{value:.6f}"


def summary(found: dict[str, Any]) -> str:
    """What a model does on some frames, in a line."""
    return (
        f"{found['n']} frames, PLCC {number(found['plcc'])}, RMSE {found['rmse']:.4f}, "
        f"largest error {found['max_abs_error']:.3f}"
    )
