"""The server on standard input and output, spoken to line by line: bad lines, and signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_kit import environment, is_alive, programs_of, server_words, two_seconds, wait_until
from vmafkit.mcp.stdio import refusal_of

from .conftest import LONG, Place

DEEP = "[" * 5000 + "]" * 5000
CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"probe","arguments":%s}}'
# Lines that are no messages; the id and the code that each is answered with.
BAD: list[tuple[str, int | str | None, int]] = [
    ("{not json", None, -32700),
    (CALL % "{", 7, -32700),
    (CALL % ('{"source":' + DEEP + "}"), 7, -32700),
    ('{"id":"a","method":"ping","jsonrpc":"2.0"', "a", -32700),
    ('{"a":{"id":3},"id":4', None, -32700),
    (CALL % '{"source":"\\ud800.mkv"}', 7, -32600),
    (CALL % '{"\\ud800":1}', 7, -32600),
    (CALL % ('{"frame_count":' + "9" * 5000 + "}"), 7, -32600),
    ('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[]}', 7, -32600),
    ('{"id":"b","method":"ping"}', "b", -32600),
    ('{"jsonrpc":"1.0","id":8,"method":"ping"}', 8, -32600),
    ('{"jsonrpc":"2.0","id":8,"method":5}', 8, -32600),
    ('{"jsonrpc":"2.0","id":8}', 8, -32600),
    ('{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
    ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', None, -32600),
    ('{"jsonrpc":"2.0","id":{},"method":"ping"}', None, -32600),
    ('{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', None, -32600),
    ("[]", None, -32600),
    ('[{"jsonrpc":"2.0","id":9,"method":"ping"}]', None, -32600),
    ("null", None, -32600),
    ("3", None, -32600),
]
GOOD = (
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}',
    # A bad answer is not answered, or both sides could go on for ever.
    '{"id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"error":3}',
)


class Talk:
    """A server, with its end of the pipes held open."""

    def __init__(self, place: Place, out: Path, *more: str) -> None:
        self.process = subprocess.Popen(
            server_words(place.media, out, *more), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(), text=True,
        )  # fmt: skip
        hello = {"protocolVersion": "2025-06-18", "capabilities": {},
                 "clientInfo": {"name": "test", "version": "1"}}  # fmt: skip
        self.ask(id=0, method="initialize", params=hello)

    def line(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, **message: Any) -> dict[str, Any]:
        self.line(json.dumps({"jsonrpc": "2.0", **message}))
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def talk(place: Place, tmp_path: Path) -> Iterator[Talk]:
    talk = Talk(place, tmp_path)
    yield talk
    talk.end()


@pytest.mark.parametrize(("line", "request_id", "code"), BAD)
def test_a_line_that_is_no_message_has_an_answer(
    line: str, request_id: int | str | None, code: int
) -> None:
    refusal = refusal_of(line)
    assert refusal is not None
    assert (refusal.id, refusal.error.code) == (request_id, code)
    assert len(refusal.model_dump_json()) < 400


@pytest.mark.parametrize("line", GOOD)
def test_messages_and_bad_answers_have_none(line: str) -> None:
    assert refusal_of(line) is None


def test_a_bad_line_is_answered_and_the_server_goes_on(talk: Talk) -> None:
    for number, (line, request_id, code) in enumerate(BAD, 100):
        talk.line("")
        talk.line(line)
        answer = talk.answer()
        assert (answer["id"], answer["error"]["code"]) == (request_id, code)
        assert talk.ask(id=number, method="ping") == {"jsonrpc": "2.0", "id": number, "result": {}}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_server_while_its_input_stays_open(talk: Talk, name: str) -> None:
    number = getattr(signal, name)
    talk.process.send_signal(number)
    assert talk.process.wait(20) == 128 + number
    assert talk.process.communicate() == ("", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_its_jobs_and_their_programs(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "cache"))
    talk = Talk(place, out)
    try:
        words = {**LONG, "output": "x.mkv", "background": True}
        talk.ask(id=1, method="tools/call", params={"name": "recommend", "arguments": words})
        programs = wait_until(lambda: [] if len(p := programs_of(talk.process.pid)) < 2 else p)
        talk.process.send_signal(getattr(signal, name))
        wait_until(lambda: not any(map(is_alive, programs)), two_seconds())
        assert talk.process.wait(20) == 128 + getattr(signal, name)
        assert talk.process.communicate() == ("", "")
        assert list(out.iterdir()) == []
        assert list((tmp_path / "cache" / "scratch").iterdir()) == []
    finally:
        talk.end()


def test_a_signal_in_the_middle_of_many_calls_prints_nothing(talk: Talk) -> None:
    for number in range(40):
        call = {"name": "list_encoders", "arguments": {}}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
        talk.line(json.dumps(message))
    talk.process.terminate()
    _, err = talk.process.communicate(timeout=20)
    assert (talk.process.returncode, err) == (143, "")


def test_a_second_signal_does_not_wait() -> None:
    code = (
        "import time; from vmafkit.mcp.stdio import ended_by_signals\n"
        "def close():\n    print('closing', flush=True); time.sleep(600)\n"
        "with ended_by_signals(close):\n    print('up', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closing\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.communicate()
