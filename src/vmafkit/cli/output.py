"""The only place that prints: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from vmafkit import settings
from vmafkit.errors import Cancelled, VmafkitError

_INTERNAL_ERROR = 70


def result(text: str) -> None:
    """Print a result."""
    print(_printable(text), flush=True)


def json_line(record: Any) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(record, allow_nan=False), flush=True)


def note(text: str) -> None:
    """Print a line about the work on standard error."""
    print(_printable(text), file=sys.stderr, flush=True)


def stderr_is_terminal() -> bool:
    """Whether a bar can be drawn."""
    return sys.stderr.isatty()


def _printable(text: str) -> str:
    # A name from a file system may hold escape bytes, which a terminal would obey.
    return "".join(
        c
        if c.isprintable() or c in "\n\t"
        else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )


class _Stopped(BaseException):
    """A signal asks the process to end."""

    def __init__(self, number: int) -> None:
        self.number = number


def _stop(number: int, frame: object) -> NoReturn:
    del frame
    raise _Stopped(number)


def run_command(program: str, command: Callable[[], int], *, as_json: bool = False) -> int:
    """Run a command; every failure becomes one sentence and an exit code.

    Ctrl-C gives 130, SIGTERM 143, SIGHUP 129; whatever was running is stopped first.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        return command()
    except VmafkitError as error:
        _tell(program, error, as_json)
        return error.exit_code
    except (KeyboardInterrupt, Cancelled):
        note(f"{program}: stopped; run the same command again to go on")
        return 130
    except _Stopped as stopped:
        note(f"{program}: stopped; run the same command again to go on")
        return 128 + stopped.number
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if settings.wants_traceback():
            raise
        note(
            f"{program}: internal error: {type(error).__name__}: {error} "
            "(please report it; VMAFKIT_DEBUG=1 shows where)"
        )
        return _INTERNAL_ERROR


def _tell(program: str, error: VmafkitError, as_json: bool) -> None:
    if as_json:
        json_line(error.record())
    note(f"{program}: error: {error.sentence()}")
