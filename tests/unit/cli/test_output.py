"""Printing, and how a command ends."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Callable

import pytest

from vmafkit.cli import output
from vmafkit.errors import Cancelled, StoreFull, UsageError


def test_escape_bytes_of_a_name_reach_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.result("a\x1b[31m\r\u202eb\udcff")
    output.note("c\x07\n\td")
    told = capsys.readouterr()
    assert told.out == "a\\x1b[31m\\r\\u202eb\\udcff\n"
    assert told.err == "c\\x07\n\td\n"


def test_a_json_line_is_strict() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.json_line({"a": float("nan")})


def _raise(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("--crf x is wrong", hint="write 23"), 2, "--crf x is wrong (write 23)"),
        (StoreFull("the disk is full"), 8, "the disk is full"),
        (Cancelled("stopped"), 130, "run the same command again"),
        (KeyboardInterrupt(), 130, "run the same command again"),
        (OSError(errno.ENOSPC, "No space left on device", "a.mkv"), 1, "a.mkv (free some space)"),
        (BrokenPipeError(), 141, ""),
        (SystemExit(3), 3, ""),
        (RuntimeError("two\nlines"), 70, "internal error: RuntimeError: two lines"),
    ],
)
def test_every_end_has_its_code_and_its_sentence(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert output.run_command("p", _raise(error)) == code
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""
    assert len(told.err.splitlines()) == (1 if says else 0)


def test_an_error_is_also_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.run_command("p", _raise(UsageError("no", hint="do")), as_json=True) == 2
    record = json.loads(capsys.readouterr().out)
    assert record == {
        "type": "error",
        "error": "usage",
        "message": "no",
        "hint": "do",
        "detail": "",
    }


def test_the_traceback_of_a_fault_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMAFKIT_DEBUG", "1")
    with pytest.raises(RuntimeError):
        output.run_command("p", _raise(RuntimeError("fault")))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_command_with_its_code(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = signal.Signals[name]
    before = signal.getsignal(number)

    def command() -> int:
        signal.raise_signal(number)
        return 0

    assert output.run_command("p", command) == 128 + number
    assert signal.getsignal(number) is before
    assert "stopped" in capsys.readouterr().err


def test_a_result_is_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.run_command("p", lambda: 0) == 0
    assert capsys.readouterr().err == ""
