"""The server over HTTP on this machine: behind a token, and only for local names."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from mcp.client import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from mcp_kit import Live, environment, free_port, programs_of, record_of, server_words, wait_until
from vmafkit.errors import InputError
from vmafkit.mcp.app import read_token

from .conftest import LONG, Place

TOKEN = "0123456789abcdef-token"
HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A server that listens."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def status(self, **headers: str) -> int | None:
        """Of an initialize request with these headers; None where nobody listens."""
        given = {"Content-Type": "application/json",
                 "Accept": "application/json, text/event-stream", **headers}  # fmt: skip
        request = urllib.request.Request(self.url, json.dumps(HELLO).encode(), given)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, ConnectionError):
            return None

    def listens_at(self) -> set[str]:
        """The addresses of its port, as the system writes them."""
        found: set[str] = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]:
                address, port = line.split()[1].split(":")
                if int(port, 16) == self.port and line.split()[3] == "0A":
                    found.add(address)
        return found


@pytest.fixture(scope="module")
def site(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("http")
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    port = free_port()
    words = ["--http", str(port), "--token-file", str(token)]
    server = subprocess.Popen(
        server_words(place.media, folder, *words), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    try:
        found = Site(port, server.pid)
        wait_until(lambda: found.status() is not None)
        yield found
    finally:
        server.terminate()
        out, _ = server.communicate(timeout=20)
        assert out == b""


class Visitor:
    """The SDK's own client, with these headers."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self.seen: list[int] = []
        http = create_mcp_http_client(headers=headers)
        http.event_hooks = {"response": [self._note]}
        self.client = Client(streamable_http_client(site.url, http_client=http))

    async def _note(self, response: Any) -> None:
        self.seen.append(response.status_code)

    @contextmanager
    def connected(self) -> Iterator[Live]:
        """Shake hands; the client goes away at the end."""
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(self.client),
        ):
            yield Live(self.client, portal, None)


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def test_the_sdks_client_with_the_token_scores_and_is_told_progress(site: Site) -> None:
    told: list[float] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        told.append(done)

    with Visitor(site, bearer(TOKEN)).connected() as served:
        assert len(served.ask(served.client.list_tools).tools) == 19
        pair = {"reference": "good.mkv", "distorted": "poor.mkv"}
        answer = served.ask(served.client.call_tool, "score", pair, progress_callback=note)
        assert answer.structured_content["result"]["frames"] == 20
        assert told
        failure = served.failure("score", **{**pair, "distorted": "../secret"})
        assert failure["error"] == "refused"


def test_a_job_of_a_client_that_went_away_can_be_cancelled_by_the_next(site: Site) -> None:
    with Visitor(site, bearer(TOKEN)).connected() as first:
        job = record_of(first.call("recommend", **LONG, background=True))
        wait_until(lambda: len(programs_of(site.pid)) >= 2)
    with Visitor(site, bearer(TOKEN)).connected() as second:
        ended = record_of(second.call("job_cancel", job_id=job["job_id"]))
    assert ended["jobs"][0]["state"] == "cancelled"
    assert programs_of(site.pid) == []


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": TOKEN}])
def test_the_sdks_client_without_the_token_gets_nowhere(
    site: Site, headers: dict[str, str]
) -> None:
    visitor = Visitor(site, headers)
    with pytest.raises(BaseExceptionGroup), visitor.connected():
        pass
    assert set(visitor.seen) == {401}


def test_only_this_machines_own_address_is_listened_at(site: Site) -> None:
    assert site.listens_at() == {"0100007F"}


@pytest.mark.parametrize("word", ["0.0.0.0:8000", "::", "0", "65536"])
def test_no_other_address_can_be_asked_for(place: Place, word: str) -> None:
    words = server_words(place.media, place.out, "--http", word, "--token-file", "token")
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=environment(), timeout=60
    )
    assert done.returncode == 2
    assert "--http" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:5173"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_a_page_that_a_browser_loaded_from_elsewhere_is_refused(
    site: Site, headers: dict[str, str], status: int
) -> None:
    """A name that leads to 127.0.0.1 gives itself away by its Host and Origin."""
    assert site.status(**bearer(TOKEN), **headers) == status
    assert site.status(**headers) == 401


@pytest.mark.parametrize(
    ("mode", "text"), [(0o644, TOKEN), (0o600, "short"), (0o600, ""), (0o600, "\udcff" * 20)]
)
def test_a_token_that_is_open_or_short_is_refused(tmp_path: Path, mode: int, text: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    path.chmod(mode)
    with pytest.raises(InputError):
        read_token(path)
