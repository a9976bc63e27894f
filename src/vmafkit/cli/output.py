"""The only place that prints: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from vmafkit import settings
from vmafkit.errors import Cancelled, VmafkitError

_INTERNAL_ERROR = 70
_PLAIN_EVERY_S = 5.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
_STOPPING = ("SIGTERM", "SIGHUP")

OnFrames = Callable[[int, int], None]


def result(text: str) -> None:
    """Print a result."""
    print(_printable(text), flush=True)


def json_line(record: Any) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(record, allow_nan=False), flush=True)


def note(text: str) -> None:
    """Print a line about the work on standard error, if anybody still reads it."""
    with contextlib.suppress(OSError, ValueError):
        print(_printable(text), file=sys.stderr, flush=True)


def short_path(path: str) -> str:
    """A path as seen from the current folder where it lies below it, else as it is."""
    with contextlib.suppress(OSError, ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return path


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


@contextlib.contextmanager
def frames_shown(program: str, *, quiet: bool = False) -> Generator[OnFrames | None]:
    """A function that is told (frames done, frames to do): a bar on a terminal, else rare lines.

    Args:
        program: begins each line.
        quiet: gives None, and nothing is shown.
    """
    if quiet:
        yield None
    elif stderr_is_terminal():
        with _bar() as show:
            yield show
    else:
        yield _rare_lines(program)


def _rare_lines(program: str) -> OnFrames:
    last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_EVERY_S:
            last = time.monotonic()
            note(f"{program}: {done} of {total} frames")

    return show


@contextlib.contextmanager
def _bar() -> Generator[OnFrames]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True, no_color=not settings.wants_colour())
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("frames", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Stopped(BaseException):
    """A signal asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    # A second signal must not cut short the stopping of the children.
    signal.signal(number, signal.SIG_IGN)
    raise _Stopped(number)


@contextlib.contextmanager
def _signals_raise() -> Generator[None]:
    previous: dict[int, Any] = {}
    for name in _STOPPING:
        number = getattr(signal, name, None)
        # Under nohup SIGHUP is ignored, and stays so.
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue
        with contextlib.suppress(ValueError):  # not the main thread
            previous[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def run_command(program: str, command: Callable[[], int], *, as_json: bool = False) -> int:
    """Run a command; every failure becomes one sentence and an exit code.

    Ctrl-C gives 130, SIGTERM 143, SIGHUP 129; whatever was running is stopped first. A
    reader of standard output that went away gives 141, a fault of ours 70.
    """
    with _signals_raise():
        try:
            code = command()
            sys.stdout.flush()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except VmafkitError as error:
            _tell(program, error, as_json)
            code = error.exit_code
        except KeyboardInterrupt:
            note(f"{program}: stopped; run the same command again to go on")
            code = Cancelled.exit_code
        except _Stopped as stopped:
            note(f"{program}: stopped; run the same command again to go on")
            code = 128 + stopped.number
        except BrokenPipeError:
            code = 141
        except OSError as error:
            code = _tell_system(program, error)
        except Exception as error:
            code = _tell_internal(program, error)
    _let_go_of_stdout()
    return code


def _tell(program: str, error: VmafkitError, as_json: bool) -> None:
    if as_json:
        json_line(error.record())
    if isinstance(error, Cancelled):
        note(f"{program}: stopped; run the same command again to go on")
    else:
        note(f"{program}: error: {error.sentence()}")


def _tell_system(program: str, error: OSError) -> int:
    if settings.wants_traceback():
        raise error
    if error.errno == errno.ENOENT and not error.filename and not _has_working_folder():
        note(f"{program}: error: the working folder is gone (change to another one)")
        return 1
    where = f": {error.filename!s}" if error.filename else ""
    hint = " (free some space)" if error.errno in _FULL else ""
    note(f"{program}: error: {error.strerror or error}{where}{hint}")
    return 1


def _has_working_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _tell_internal(program: str, error: Exception) -> int:
    if settings.wants_traceback():
        raise error
    what = " ".join(str(error).split())[:300]
    note(
        f"{program}: internal error: {type(error).__name__}: {what} "
        "(please report it; VMAFKIT_DEBUG=1 shows where)"
    )
    return _INTERNAL_ERROR


def _let_go_of_stdout() -> None:
    """Keep the interpreter from failing once more on what it could not write."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
