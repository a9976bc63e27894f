"""A package's modules as syntax trees, from a folder or from given text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "vmafkit"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its path within the package, its text and its tree."""

    name: str
    text: str
    tree: ast.Module

    @property
    def is_verb(self) -> bool:
        """Whether typer makes the flags of a command from this module's function."""
        return self.name.startswith("cli/") and "import typer" in self.text

    def at(self, node: ast.AST, what: str) -> str:
        """A finding, with its place."""
        return f"{self.name}:{getattr(node, 'lineno', 0)}: {what}"


def module(name: str, text: str) -> Module:
    """A module from its text."""
    return Module(name, text, ast.parse(text))


def package(folder: Path = PACKAGE) -> list[Module]:
    """Every module of the package."""
    return [
        module(path.relative_to(folder).as_posix(), path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.py"))
    ]


def functions(node: ast.AST) -> Iterator[Function]:
    """Every function, nested ones too."""
    for each in ast.walk(node):
        if isinstance(each, Function):
            yield each


def dotted(node: ast.AST) -> str:
    """`a.b.c` of names and attributes; `?` stands for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def imported(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every imported name in full: `os`, `subprocess.run`, `vmafkit.errors.UsageError`."""
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            for name in each.names:
                yield each, name.name
        elif isinstance(each, ast.ImportFrom) and each.module:
            for name in each.names:
                yield each, f"{each.module}.{name.name}"


def calls(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted name of what is called."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            yield each, dotted(each.func)
