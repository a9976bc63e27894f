"""`vmaf-mcp`: the command line, and the server behind it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmafkit.cli import output
from vmafkit.errors import ToolMissing, UsageError
from vmafkit.version import __version__

if TYPE_CHECKING:
    from vmafkit.mcp.jobs import JobLimits

HELP = """Serve the toolkit to programs that speak the Model Context Protocol.

Files below the roots may be read; what is written goes into the output folder. The server talks
over standard input and output, or with --http over HTTP on this machine alone.

Examples:

  vmaf-mcp --root ~/videos --out ~/vmafkit-out

  vmaf-mcp --root media=/srv/media --out /srv/out --print-config

  vmaf-mcp --root /srv/media --out /srv/out --http 8765 --token-file ~/.vmaf-mcp-token
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.result(f"vmaf-mcp {__version__}")
        raise typer.Exit


@app.command(help=HELP)
def serve(
    root: Annotated[
        list[str] | None,
        typer.Option(help="FOLDER or NAME=FOLDER that may be read; may be given again."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="The folder that may be written.")] = None,
    http: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve HTTP on this port of 127.0.0.1.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the token that HTTP clients must send.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Jobs that run at once.")] = 2,
    waiting: Annotated[int, typer.Option(min=0, max=1000, help="Jobs that may wait.")] = 32,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds that a job may run.")] = 3600,
    cpus: Annotated[
        int, typer.Option(min=0, max=4096, help="Processors of a job; 0 shares them out.")
    ] = 0,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what common clients need.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> int:
    """Serve until the client goes away."""
    del version
    if not root or out is None:
        raise UsageError("there are no folders to serve", hint="give --root and --out")
    if (http is None) != (token_file is None):
        raise UsageError("--http and --token-file go together")
    if print_config:
        _print(root, out)
        return 0
    try:
        import mcp.server  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ToolMissing(
            "vmaf-mcp needs the package mcp", hint="pip install 'vmafkit[mcp]'"
        ) from error
    from vmafkit.mcp.jobs import JobLimits

    limits = JobLimits(at_once=jobs, waiting=waiting, time_s=time_limit, cpus=cpus)
    _run(root, out, limits, http, token_file)
    return 0


def _run(
    root: list[str], out: str, limits: JobLimits, http: int | None, token_file: Path | None
) -> None:
    from vmafkit import proc
    from vmafkit.mcp.app import Shared, http_app, make_server

    # A client that cancels waits for the answer; what was half made is thrown away in any case.
    proc.hurry()
    shared = Shared.made(root, out, limits)
    server = make_server(shared)
    try:
        if http is None or token_file is None:
            server.run("stdio")
        else:
            import uvicorn

            uvicorn.run(
                http_app(server, token_file), host="127.0.0.1", port=http, log_level="warning"
            )
    finally:
        shared.close()


def _print(root: list[str], out: str) -> None:
    from vmafkit.mcp.config_print import config_text
    from vmafkit.mcp.roots import Roots

    words: list[str] = []
    for each in Roots(root, out).read:
        words += ["--root", f"{each.name}={each.path}"]
    words += ["--out", str(Path(out).resolve())]
    found = shutil.which(sys.argv[0]) or shutil.which("vmaf-mcp")
    output.result(config_text(str(Path(found).absolute()) if found else "vmaf-mcp", words))


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmaf-mcp", app))
