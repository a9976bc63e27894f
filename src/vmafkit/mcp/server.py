"""`vmaf-mcp`: the command line, and the server behind it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer

from vmafkit.cli import output
from vmafkit.errors import ToolMissing, UsageError
from vmafkit.mcp.jobs import JobLimits
from vmafkit.version import __version__

HELP = """Serve the toolkit to programs that speak the Model Context Protocol.

Files below the roots may be read; what is written goes into the output folder. The server talks
over standard input and output, or with --http over HTTP on this machine alone.

Examples:

  vmaf-mcp --root ~/videos --out ~/vmafkit-out

  vmaf-mcp --root media=/srv/media --out /srv/out --print-config

  vmaf-mcp --root /srv/media --out /srv/out --http 8765 --token-file ~/.vmaf-mcp-token
"""

_USUAL = JobLimits()
# Three years; the clocks of the system count no further than some centuries.
_LONGEST_S = 1e8
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
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Jobs that run at once.")
    ] = _USUAL.at_once,
    waiting: Annotated[
        int, typer.Option(min=0, max=1000, help="Jobs that may wait.")
    ] = _USUAL.waiting,
    time_limit: Annotated[float, typer.Option(help="Seconds that a job may run.")] = _USUAL.time_s,
    cpu_limit: Annotated[
        float, typer.Option(help="CPU seconds that a job may use, its programs included.")
    ] = _USUAL.cpu_s,
    cpus: Annotated[
        int, typer.Option(min=0, max=4096, help="Processors of a job; 0 shares them out.")
    ] = _USUAL.cpus,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what common clients need.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> int:
    """Serve until the client goes away."""
    del version
    if not root or out is None:
        raise UsageError("there are no folders to serve", hint="give --root and --out")
    if (http is None) != (token_file is None):
        raise UsageError("--http and --token-file go together")
    for flag, seconds in (("--time-limit", time_limit), ("--cpu-limit", cpu_limit)):
        # Written so that what is no number is refused as well.
        if not 1 <= seconds <= _LONGEST_S:
            raise UsageError(f"{flag} {seconds:g} is not between 1 and {_LONGEST_S:.0f} seconds")
    limits = JobLimits(at_once=jobs, waiting=waiting, time_s=time_limit, cpu_s=cpu_limit, cpus=cpus)
    if print_config:
        _print(root, out, _flags_of(limits), http, token_file)
        return 0
    try:
        import mcp.server  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ToolMissing(
            "vmaf-mcp needs the package mcp", hint="pip install 'vmafkit[mcp]'"
        ) from error
    _run(root, out, limits, http, token_file)
    return 0


def _run(
    root: list[str], out: str, limits: JobLimits, http: int | None, token_file: Path | None
) -> None:
    from vmafkit.mcp import leftovers
    from vmafkit.mcp.app import Shared, http_app, make_server
    from vmafkit.mcp.stdio import ended_by_signals

    _raise_file_limit()
    shared = Shared.made(root, out, limits)
    leftovers.tidy(shared.roots.out.handle, Path(shared.roots.out.path))
    server = make_server(shared)
    if http is None or token_file is None:
        with ended_by_signals(shared.close):
            try:
                with _until_nobody_reads():
                    server.run("stdio")
            finally:
                shared.close()
        return
    try:
        import uvicorn

        uvicorn.run(http_app(server, token_file), host="127.0.0.1", port=http, log_level="warning")
    finally:
        shared.close()


def _raise_file_limit() -> None:
    """Let this process open as many files as the system allows it; a call may hold hundreds."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A system that says that there is no limit may still refuse to set none.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def _until_nobody_reads() -> Generator[None]:
    """A client that went away in the middle of an answer is the end, and no fault."""
    try:
        yield
    except* (BrokenPipeError, ConnectionResetError):
        # What is left of the answer must not be tried again at the end of the interpreter.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _flags_of(limits: JobLimits) -> list[str]:
    """The flags that ask for these limits, without those that are as usual."""
    pairs = (
        ("--jobs", limits.at_once, _USUAL.at_once),
        ("--waiting", limits.waiting, _USUAL.waiting),
        ("--time-limit", limits.time_s, _USUAL.time_s),
        ("--cpu-limit", limits.cpu_s, _USUAL.cpu_s),
        ("--cpus", limits.cpus, _USUAL.cpus),
    )
    return [f"{flag}={value:g}" for flag, value, usual in pairs if value != usual]


def _print(
    root: list[str], out: str, more: list[str], http: int | None, token_file: Path | None
) -> None:
    from vmafkit.mcp.config_print import config_text
    from vmafkit.mcp.roots import Roots

    words: list[str] = []
    for each in Roots(root, out).read:
        words += ["--root", f"{each.name}={each.path}"]
    words += ["--out", str(Path(out).resolve()), *more]
    if http is not None and token_file is not None:
        words += ["--http", str(http), "--token-file", str(token_file.absolute())]
    found = shutil.which(sys.argv[0]) or shutil.which("vmaf-mcp")
    program = str(Path(found).absolute()) if found else "vmaf-mcp"
    output.result(config_text(program, words, port=http))


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmaf-mcp", app))
