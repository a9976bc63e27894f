"""Runs a typer application so that every failure is one sentence and an exit code."""

from __future__ import annotations

import sys

import typer
import typer.main

from vmafkit.cli import output
from vmafkit.errors import Cancelled, UsageError

# Newer typer carries click inside itself, so its base error is found through typer's own.
_PARSE_ERROR: type[Exception] = next(
    base
    for base in typer.BadParameter.__mro__
    if issubclass(base, Exception) and base.__name__ == "ClickException"
)


def run_app(program: str, app: typer.Typer) -> int:
    """Parse the arguments and run the command; returns the exit code."""
    command = typer.main.get_command(app)

    def call() -> int:
        try:
            value = command.main(prog_name=program, standalone_mode=False)
        except _PARSE_ERROR as error:
            text = str(getattr(error, "format_message", error.__str__)())
            if type(error).__name__ == "NoArgsIsHelpError":
                output.result(text)
                return 2
            raise UsageError(text, hint=f"see {program} --help") from error
        except typer.Abort:
            raise KeyboardInterrupt from None
        except typer.Exit as stop:
            return stop.exit_code
        if value == Cancelled.exit_code:
            # typer turns Ctrl-C into this code and says nothing.
            raise KeyboardInterrupt
        return value if isinstance(value, int) else 0

    return output.run_command(program, call, as_json="--json" in sys.argv[1:])
