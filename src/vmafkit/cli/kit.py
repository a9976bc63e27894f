"""`vmafkit`: looks after the installation."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmafkit.cli import output
from vmafkit.cli.apps import new_app
from vmafkit.cli.limits import limited
from vmafkit.cli.verbs import verify as verify_verb
from vmafkit.version import __version__

if TYPE_CHECKING:
    from vmafkit.api._engine import EngineState

app = new_app("Look after the installation.")


@app.command("doctor")
def doctor(
    ffmpeg_bin: Annotated[str | None, typer.Option(help="The ffmpeg to look at.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Say what was found, what works, what is missing and how to get it.

    Every encoder and every model is tried on a few made frames.

    Examples:

      vmafkit doctor

      vmafkit doctor --ffmpeg-bin /usr/bin/ffmpeg --json
    """
    from dataclasses import asdict

    from vmafkit import api

    found = api.doctor(ffmpeg_bin=ffmpeg_bin)
    if as_json:
        findings = [asdict(finding) for finding in found.findings]
        output.json_line({"type": "doctor", "can_work": found.can_work, "findings": findings})
    else:
        for finding in found.findings:
            way_out = f" ({finding.hint})" if finding.hint else ""
            output.result(
                f"{finding.state:8}{finding.kind:9}{finding.name}: {finding.detail}{way_out}"
            )
    return 0 if found.can_work else 1


@app.command("schema")
def schema(
    name: Annotated[
        str | None, typer.Argument(help="The file format; left out, their names are printed.")
    ] = None,
) -> int:
    """Print the JSON Schema of a file format.

    Examples:

      vmafkit schema

      vmafkit schema corpus-row
    """
    from vmafkit.schema import exports

    if name is None:
        for each in exports.TABLE:
            output.result(each)
    else:
        output.result(json.dumps(exports.json_schema(name), indent=2))
    return 0


app.command("verify", help=verify_verb.HELP)(limited(verify_verb.verify))


@app.command("version")
def version(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Print the version.

    Examples:

      vmafkit version

      vmafkit version --json
    """
    if as_json:
        output.json_line({"type": "version", "version": __version__})
    else:
        output.result(f"vmafkit {__version__}")
    return 0


engine = typer.Typer(no_args_is_help=True, help="The in-process VMAF engine.")
app.add_typer(engine, name="engine")


@engine.command("build")
def engine_build(
    machine: Annotated[
        str | None, typer.Option(help="x86_64 or arm64; this machine's unless given.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file for it, in place of the cache.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Compile it even if it is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Compile the engine and keep it in the cache folder, or in a file.

    It takes a minute or so, and needs the Python package halide and a C compiler. For another
    kind of machine it needs a C compiler that makes code for it, such as aarch64-linux-gnu-gcc.

    Examples:

      vmafkit engine build

      vmafkit engine build --force

      vmafkit engine build --machine arm64 --output vmafkit_engine.so
    """
    from vmafkit import api

    made = api.build_engine(machine=machine, output=output_file, force=force)
    return _engine_told(made, as_json)


@engine.command("show")
def engine_show(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Say whether the engine is there, and where.

    Examples:

      vmafkit engine show

      vmafkit engine show --json
    """
    from vmafkit import api

    return _engine_told(api.engine_state(), as_json)


def _engine_told(state: EngineState, as_json: bool) -> int:
    if as_json:
        path = str(state.path) if state.path else None
        record = {"path": path, "machine": state.machine, "detail": state.detail}
        output.json_line({"type": "engine", **record, "hint": state.hint})
    else:
        output.result(f"{state.detail} ({state.hint})" if state.hint else state.detail)
    return 0 if state.path else 1


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmafkit", app))
