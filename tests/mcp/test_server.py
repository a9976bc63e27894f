"""Starting the server: its words, its settings for clients, and HTTP behind a token."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import typer.main

from mcp_kit import START, environment, server_words, wait_until
from vmafkit.errors import InputError
from vmafkit.mcp.server import app, main

from .conftest import Place

TOKEN = "0123456789abcdef-token"


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the program in this process to its end; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["vmaf-mcp", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_print_config_gives_what_clients_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--root", f"media={tmp_path}", "--out", str(tmp_path)]
    assert run(monkeypatch, *named, "--print-config") == 0
    printed = capsys.readouterr().out
    entry, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
    assert entry["mcpServers"]["vmafkit"]["args"] == named


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--root", "/nowhere", "--out", "/tmp"],
        ["--root", "/", "--out", "/tmp"],
        ["--root", "/tmp", "--out", "/tmp", "--http", "8000"],
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("vmaf-mcp: error: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_help_loads_no_sdk() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from vmafkit.mcp.server import main\n"
        "try: main()\n"
        "finally: assert not {'mcp', 'numpy', 'pydantic', 'av'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--print-config" in done.stdout


def test_without_the_sdk_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    words = ["--root", str(tmp_path), "--out", str(tmp_path)]
    code = f"import sys; sys.modules['mcp'] = None; sys.argv[1:] = {words!r}\n{START[1]}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 4
    assert done.stderr == (
        "vmaf-mcp: error: vmaf-mcp needs the package mcp (pip install 'vmafkit[mcp]')\n"
    )


@pytest.mark.parametrize(("mode", "text"), [(0o644, TOKEN), (0o600, "short")])
def test_a_token_that_is_open_or_short_is_refused(tmp_path: Path, mode: int, text: str) -> None:
    from vmafkit.mcp.app import read_token

    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(InputError):
        read_token(path)


def test_http_wants_the_token_and_a_local_host(place: Place, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    words = server_words(place.media, place.out, "--http", str(port), "--token-file", str(token))
    server = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(),
    )  # fmt: skip
    try:
        wait_until(lambda: answers(port, None) is not None)
        assert answers(port, None) == 401
        assert answers(port, "Bearer wrong") == 401
        assert answers(port, f"Bearer {TOKEN}") == 200
        assert answers(port, f"Bearer {TOKEN}", host="evil.example") == 421
    finally:
        server.terminate()
        out, _ = server.communicate(timeout=20)
    assert out == b""


def answers(port: int, token: str | None, *, host: str = "") -> int | None:
    """The status of an initialize request; None where nobody listens."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "test", "version": "1"}}  # fmt: skip
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/mcp",
        json.dumps(message).encode(),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
    )
    if token:
        request.add_header("Authorization", token)
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, ConnectionError):
        return None


def test_the_server_ends_on_sigterm_without_a_traceback(place: Place) -> None:
    server = subprocess.Popen(
        server_words(place.media, place.out), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment(), text=True,
    )  # fmt: skip
    assert server.stdin is not None
    hello = {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "test", "version": "1"}}  # fmt: skip
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    server.stdin.write(json.dumps(message) + "\n")
    server.stdin.flush()
    assert server.stdout is not None
    assert json.loads(server.stdout.readline())["id"] == 1
    server.terminate()
    out, err = server.communicate(timeout=20)
    assert server.returncode == 143, err
    assert out == ""
    assert "Traceback" not in err


def test_the_document_names_every_tool_and_flag() -> None:
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text("utf-8")
    tools = json.loads(Path(__file__).with_name("tools.json").read_text("utf-8"))
    assert [name for name in tools if f"| `{name}` |" not in text] == []
    flags = {option for each in typer.main.get_command(app).params for option in each.opts}
    assert [flag for flag in flags if f"`{flag}" not in text and flag != "--version"] == []
