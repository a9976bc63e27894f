"""The programs with verbs, by name: what documentation and tests go through."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

_MODULES = {
    "vmaf-tune": "vmafkit.cli.tune",
    "vmaf-train": "vmafkit.cli.train",
    "vmaf-harness": "vmafkit.cli.harness",
    "vmafkit": "vmafkit.cli.kit",
}


def apps() -> dict[str, typer.Typer]:
    """The typer application of every program that has verbs; each is imported by the call."""
    return {name: import_module(module).app for name, module in _MODULES.items()}
