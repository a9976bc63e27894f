"""The server's two ends of standard input and output: every line is answered, and signals end it.

The protocol's library drops a line that it cannot read, and the client would wait for ever; here
such a line is answered with an error of JSON-RPC.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from types import FrameType
from typing import Any, BinaryIO, Protocol, cast

import anyio
import anyio.to_thread
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, jsonrpc_message_adapter
from pydantic import ValidationError

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_LONGEST_SAID = 200
# An id that stands before whatever cannot be read.
_ID_AT_HEAD = re.compile(
    r'\s*\{\s*(?:"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,\s*)*'
    r'"id"\s*:\s*(-?(?:0|[1-9]\d{0,17})|"[^"\\]{1,200}")\s*[,}]'
)


class _Sends(Protocol):
    async def send(self, item: SessionMessage, /) -> None: ...


class _Lines:
    """The lines of standard input that are messages; the rest is answered here."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.answers: _Sends | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        while line := await anyio.to_thread.run_sync(self._file.readline):
            text = line.decode("utf-8", "replace")
            if not text.strip():
                continue
            refusal = refusal_of(text)
            if refusal is None:
                yield text
            elif self.answers is not None:
                with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                    await self.answers.send(SessionMessage(refusal))


@contextlib.asynccontextmanager
async def streams() -> AsyncGenerator[tuple[Any, Any]]:
    """Streams of messages in and out, for the server of the protocol's library.

    Meanwhile standard input is empty for everybody else, and what others write to standard output
    goes to standard error.
    """
    with _standard_input() as file:
        lines = _Lines(file)
        async with stdio_server(stdin=cast("anyio.AsyncFile[str]", lines)) as (read, write):
            lines.answers = write
            yield read, write


@contextlib.contextmanager
def _standard_input() -> Generator[BinaryIO]:
    ours = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        # A thread may still read from it at the end, so it is never closed.
        yield os.fdopen(ours, "rb", closefd=False)
    finally:
        os.dup2(ours, 0)


def refusal_of(line: str) -> JSONRPCError | None:
    """The answer to a line that the protocol's library would drop; none for a good one."""
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        return _answer_to(line, error)
    # A request with an id of a wrong kind is read as a notification, which nobody answers.
    if isinstance(message, JSONRPCNotification) and "id" in (_parsed(line) or {}):
        return _reply(INVALID_REQUEST, "the id is neither text nor a whole number", None)
    return None


def _answer_to(line: str, error: ValidationError) -> JSONRPCError | None:
    record = _parsed(line)
    found = error.errors(include_url=False, include_input=False, include_context=False)
    unreadable = next((each["msg"] for each in found if each["type"] == "json_invalid"), None)
    if record is None and unreadable is None:
        return _reply(INVALID_REQUEST, "a message is one object", None)
    if record is None:
        match = _ID_AT_HEAD.match(line)
        return _reply(PARSE_ERROR, str(unreadable), json.loads(match[1]) if match else None)
    if "method" not in record and ("result" in record or "error" in record):
        # A bad answer is not answered.
        return None
    if unreadable is not None:
        return _reply(INVALID_REQUEST, unreadable, record.get("id"))
    first = next((each for each in found if each["loc"][:1] == ("JSONRPCRequest",)), found[0])
    where = ".".join(str(part) for part in first["loc"][1:])
    return _reply(INVALID_REQUEST, f"{where}: {first['msg']}", record.get("id"))


def _parsed(line: str) -> dict[str, Any] | None:
    """A line that is an object, read with more patience: large numbers are left out."""
    try:
        found = json.loads(line, parse_int=lambda word: int(word) if len(word) < 100 else None)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _reply(code: int, what: str, request: Any) -> JSONRPCError:
    if isinstance(request, bool) or not isinstance(request, int | str):
        request = None
    elif isinstance(request, str):
        # Half of a pair cannot be sent back.
        with contextlib.suppress(UnicodeEncodeError):
            request.encode()
            return _reply_with(code, what, request)
        request = None
    return _reply_with(code, what, request)


def _reply_with(code: int, what: str, request: int | str | None) -> JSONRPCError:
    title = "Parse error" if code == PARSE_ERROR else "Invalid request"
    said = ErrorData(code=code, message=f"{title}: {what[:_LONGEST_SAID]}")
    return JSONRPCError(jsonrpc="2.0", id=request, error=said)


@contextlib.contextmanager
def ended_by_signals(close: Callable[[], None]) -> Generator[None]:
    """Let SIGINT, SIGTERM and SIGHUP call `close` and end this process with 128 + their number.

    A thread that waits for standard input cannot be stopped, so the process ends without it. A
    second signal does not wait for `close`.
    """
    # The system tells a pipe, whatever the main thread does: it may be about to sleep, and then
    # a handler in Python would wait until it wakes.
    told, tells = os.pipe()
    os.set_blocking(tells, False)
    before = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    previous: dict[int, Any] = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # Under nohup SIGHUP is ignored, and stays so.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            previous[number] = signal.signal(number, _do_nothing)
    args = (told, frozenset(previous), close)
    threading.Thread(target=_end_when_told, args=args, name="end", daemon=True).start()
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(tells)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    del number, frame


def _end_when_told(told: int, numbers: frozenset[int], close: Callable[[], None]) -> None:
    def end(number: int) -> None:
        try:
            close()
        finally:
            os._exit(128 + number)

    was_told = False
    while byte := os.read(told, 1):
        if byte[0] not in numbers:
            continue
        if was_told:
            os._exit(128 + byte[0])
        was_told = True
        threading.Thread(target=end, args=(byte[0],), name="close", daemon=True).start()
    os.close(told)
