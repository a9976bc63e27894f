"""`vmaf-tune`: sweep encoders into a corpus, and decide from it."""

from __future__ import annotations

import sys

import typer

from vmafkit.cli import output
from vmafkit.cli.verbs import corpus, export
from vmafkit.version import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Encode to a quality target and prove it; every command shares one store of trials.",
)
app.command("corpus", help=corpus.HELP)(corpus.corpus)
app.command("export", help=export.HELP)(export.export)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.result(f"vmaf-tune {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True),
) -> None:
    del version


def main() -> None:
    """The entry point of the console script."""
    from vmafkit.cli.typer_main import run_app

    sys.exit(run_app("vmaf-tune", app))
