"""A real server on pipes with a real client, driven from ordinary tests."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult

START = ("-c", "from vmafkit.mcp.server import main; main()")


def server_words(root: Path, out: Path, *more: str) -> list[str]:
    """The command that starts a server."""
    return [sys.executable, *START, "--root", f"media={root}", "--out", str(out), *more]


def environment() -> dict[str, str]:
    """What the server inherits: the tests' own cache and temporary folder."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


class Live:
    """A client that is connected."""

    def __init__(self, client: Client, portal: BlockingPortal, pid_file: Path | None) -> None:
        self.client = client
        self.portal = portal
        self.pid_file = pid_file

    def ask(self, function: Callable[..., Any], *words: Any, **named: Any) -> Any:
        """Call one of the client's functions."""

        async def call() -> Any:
            with anyio.fail_after(60):
                return await function(*words, **named)

        return self.portal.call(call)

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool."""
        return self.ask(self.client.call_tool, tool, arguments)

    def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a call that has to go well."""
        return record_of(self.call(tool, **arguments))["result"]

    def failure(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The failure of a call that has to fail."""
        answer = self.call(tool, **arguments)
        assert answer.is_error, answer.structured_content
        assert answer.structured_content is not None
        return answer.structured_content["failure"]


def record_of(answer: CallToolResult) -> dict[str, Any]:
    """The object that an answer holds; its text must say the same."""
    assert not answer.is_error, answer.content
    record = answer.structured_content
    assert record is not None
    assert json.loads(answer.content[0].text) == record  # pyright: ignore
    return record


@contextmanager
def live(root: Path, out: Path, *more: str, client_mode: str = "auto") -> Iterator[Live]:
    """Start a server and connect to it."""
    command, *words = server_words(root, out, *more)
    parameters = StdioServerParameters(command=command, args=words, env=environment())
    with start_blocking_portal() as portal:
        client = Client(parameters, mode=client_mode)
        with portal.wrap_async_context_manager(client):
            yield Live(client, portal, None)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def programs_of(pid: int) -> list[int]:
    """The processes below one, whatever they are."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            child = int(path.parent.name)
            found += [child, *programs_of(child)]
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def two_seconds() -> float:
    """Two seconds of a machine that has nothing else to do; more when it has."""
    return 2.0 * max(1.0, 2.0 * os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(look: Callable[[], Any], within_s: float = 20.0) -> Any:
    """What `look` gives once it gives something; fails when that takes too long."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")
