"""`vmaf-tune`: sweep encoders into a corpus, and decide from it."""

from __future__ import annotations

import sys

import typer

from vmafkit.cli import output
from vmafkit.cli.verbs import (
    auto,
    benchmark,
    compare,
    corpus,
    export,
    ladder,
    recommend,
    tune_per_shot,
    zones,
)
from vmafkit.version import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Encode to a quality target and prove it; every command shares one store of trials.",
)
app.command("auto", help=auto.HELP)(auto.auto)
app.command("benchmark", help=benchmark.HELP)(benchmark.benchmark)
app.command("compare", help=compare.HELP)(compare.compare)
app.command("corpus", help=corpus.HELP)(corpus.corpus)
app.command("export", help=export.HELP)(export.export)
app.command("ladder", help=ladder.HELP)(ladder.ladder)
app.command("recommend", help=recommend.HELP)(recommend.recommend)
app.command("tune-per-shot", help=tune_per_shot.HELP)(tune_per_shot.tune_per_shot)
app.command("zones", help=zones.HELP)(zones.zones)


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
