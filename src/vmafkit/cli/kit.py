"""`vmafkit`: looks after the installation."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.version import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Look after the installation.",
)


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


@app.command("version")
def version() -> int:
    """Print the version.

    Examples:

      vmafkit version
    """
    output.result(f"vmafkit {__version__}")
    return 0


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmafkit", app))
