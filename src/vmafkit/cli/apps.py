"""What the typer applications have in common."""

from __future__ import annotations

import typer

from vmafkit.cli import output
from vmafkit.version import __version__


def new_app(about: str) -> typer.Typer:
    """An application, or a group of commands in one."""
    return typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help=about,
    )


def new_program(name: str, about: str) -> typer.Typer:
    """An application that knows `--version`."""
    app = new_app(about)

    def print_version(wanted: bool) -> None:
        if wanted:
            output.result(f"{name} {__version__}")
            raise typer.Exit

    def root(
        version: bool = typer.Option(False, "--version", callback=print_version, is_eager=True),
    ) -> None:
        del version

    app.callback()(root)
    return app
