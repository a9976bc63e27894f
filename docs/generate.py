"""Writes what is derived in docs/: the command reference and the JSON Schemas.

    python docs/generate.py

It reads the programs' own parsers; a test says when it has to be run again.
"""

from __future__ import annotations

import argparse
import json
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import typer.main

from vmafkit.cli import programs, vmaf
from vmafkit.mcp import server
from vmafkit.schema import exports

FOLDER = Path(__file__).parent
PROGRAMS = programs.apps()
PROGRAMS |= {
    f"{program} {group.name}": group.typer_instance
    for program, app in PROGRAMS.items()
    for group in app.registered_groups
    if group.typer_instance is not None
}
_WORDS = {int: "N", float: "X", Path: "PATH", str: "TEXT", bool: ""}


def made() -> dict[str, str]:
    """Every derived file: its name within docs/ and its text."""
    schemas = {
        f"schemas/{name}.json": json.dumps(exports.json_schema(name), indent=2) + "\n"
        for name in exports.TABLE
    }
    return {"cli.md": cli_reference(), **schemas}


def cli_reference() -> str:
    """The command reference as Markdown."""
    parts = [
        "# The commands\n\nMade by `python docs/generate.py` from the programs themselves. "
        "Exit codes: [errors.md](errors.md).\n\nEvery command prints its results to standard "
        "output and everything else to standard error. It never asks anything, except "
        "`vmaf-harness workspace clean` before it destroys more than scratch. `NO_COLOR` turns "
        "colours off. `VMAFKIT_CACHE` names the folder of the trial store, `VMAFKIT_FFMPEG` "
        "another ffmpeg, and `VMAFKIT_DEBUG=1` shows the traceback of an internal error.\n",
        _vmaf(),
    ]
    for program, app in PROGRAMS.items():
        group: Any = typer.main.get_command(app)
        for command in app.registered_commands:
            if not command.hidden:
                parts.append(_verb(f"{program} {command.name}", group.commands[command.name]))
    parts.append(_command("vmaf-mcp", typer.main.get_command(server.app), server.serve))
    return "\n".join(parts)


def _vmaf() -> str:
    parser = vmaf.parser()
    rows = [_argparse_row(action) for action in parser._actions]
    examples = textwrap.dedent((parser.epilog or "").partition("\n")[2]).strip()
    return _section("vmaf", parser.description or "", examples, rows)


def _argparse_row(action: argparse.Action) -> tuple[str, str, str]:
    choices = "\\|".join(map(str, action.choices)) if action.choices else ""
    value = "" if action.nargs == 0 else str(action.metavar or choices)
    default = _default(action.default) if action.nargs != 0 else ""
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    help_text = (action.help or "") + (" (required)" if action.required else "")
    return f"{names} {value}".strip(), default, help_text


def _verb(name: str, command: Any) -> str:
    program, _, verb = name.rpartition(" ")
    callbacks = PROGRAMS[program].registered_commands
    return _command(name, command, next(each.callback for each in callbacks if each.name == verb))


def _command(name: str, command: Any, function: Any) -> str:
    about, _, examples = (command.help or "").partition("Examples:")
    kinds = typing.get_type_hints(function)
    rows = [_typer_row(param, kinds.get(param.name, str)) for param in command.params]
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    return _section(name, about, "\n".join(lines), rows)


def _typer_row(param: Any, kind: Any) -> tuple[str, str, str]:
    is_argument = param.param_type_name == "argument"
    names = [str(param.name).upper()] if is_argument else param.opts
    shown = ", ".join(f"`{name}`" for name in names)
    value = "" if is_argument else _value_word(kind)
    help_text = (param.help or "") + (" (required)" if param.required and not is_argument else "")
    return f"{shown} {value}".strip(), _default(param.default), help_text


def _default(value: Any) -> str:
    is_nothing = value is None or isinstance(value, bool) or value in ([], (), argparse.SUPPRESS)
    return "" if is_nothing else str(value)


def _value_word(kind: Any) -> str:
    parts = list(_parts(kind))
    literals = [part for part in parts if isinstance(part, str)]
    if literals:
        return "\\|".join(literals)
    return next((_WORDS[part] for part in parts if part in _WORDS), "TEXT")


def _parts(kind: Any) -> Iterator[Any]:
    inner = typing.get_args(kind)
    for each in inner or (kind,):
        yield from _parts(each) if inner else (each,)


def _section(name: str, about: str, examples: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"## {name}", "", about.strip(), "", "```console"]
    lines += [f"$ {line}" for line in examples.splitlines()]
    lines += ["```", "", "| flag | default | what |", "| --- | --- | --- |"]
    lines += [f"| {flag} | {default} | {_cell(what)} |" for flag, default, what in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the files."""
    for name, text in made().items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
