"""The commands and the code that the pages show are ones that the programs take."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer.main

import vmafkit
from vmafkit.cli import programs, vmaf
from vmafkit.mcp import server

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
TYPER = programs.apps()


def shown(language: str) -> list[str]:
    """Every block of a language, of every page."""
    return [
        text
        for page in PAGES
        for kind, text in BLOCK.findall(page.read_text("utf-8"))
        if kind == language
    ]


COMMANDS = sorted(
    {line[2:] for text in shown("console") for line in text.splitlines() if line[:2] == "$ "}
)


def parse(command: str) -> None:
    """Parse a command as its program would; what is wrong is raised."""
    program, *words = shlex.split(command, comments=True)
    if program == "make":
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
        assert set(words) <= targets
    elif program == "vmaf":
        vmaf.parser().parse_args(words)
    elif program == "vmaf-mcp":
        typer.main.get_command(server.app).make_context(program, words)
    else:
        group = typer.main.get_command(TYPER[program])
        group.commands[words[0]].make_context(program, words[1:])  # pyright: ignore


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_shown_parses(command: str) -> None:
    parse(command)


@pytest.mark.parametrize("command", ["make nothing", "vmaf -r a", "vmaf-tune corpus --nope"])
def test_a_wrong_command_would_not(command: str) -> None:
    with pytest.raises(Exception, match=r"nothing|distorted|nope"):
        parse(command)


def test_code_that_is_shown_uses_names_there_are() -> None:
    blocks = shown("python")
    assert blocks
    for node in (n for text in blocks for n in ast.walk(ast.parse(text))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "vmafkit":
            assert hasattr(vmafkit, node.attr)
