"""Starting the server: its words, its settings for clients, and HTTP behind a token."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from anyio.from_thread import start_blocking_portal
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from mcp_kit import START, Live, environment
from vmafkit.mcp.server import app, main

from .conftest import Place


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the program in this process to its end; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["vmaf-mcp", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def printed_forms(text: str) -> dict[str, Any]:
    """What is printed for each client: JSON, TOML, or a command as words."""
    found: dict[str, Any] = {}
    parts = re.split(r"^([A-Z][^\n:]*(?:\n[^\n:]+)?):\n\n", text, flags=re.M)[1:]
    for where, form in zip(parts[::2], parts[1::2], strict=True):
        if form.startswith("{"):
            found[where] = json.loads(form)
        elif form.startswith("["):
            found[where] = tomllib.loads(form)
        else:
            found[where] = shlex.split(form)
    return found


def test_print_config_gives_what_each_client_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a b'\"c"
    folder.mkdir()
    named = ["--root", f"media={folder}", "--out", str(folder), "--time-limit=60", "--cpus=1"]
    assert run(monkeypatch, *named, "--print-config") == 0
    forms = printed_forms(capsys.readouterr().out)
    desktop, code, command, vs_code, zed, codex, by_hand = forms.values()
    assert "Claude Desktop" in next(iter(forms)) and "Cursor" in next(iter(forms))
    entry = desktop["mcpServers"]["vmafkit"]
    assert entry["args"] == named
    assert code["mcpServers"]["vmafkit"] == {"type": "stdio", **entry}
    assert vs_code["servers"]["vmafkit"] == {"type": "stdio", **entry}
    assert zed["context_servers"]["vmafkit"] == {**entry, "env": {}}
    assert codex["mcp_servers"]["vmafkit"] == entry
    assert by_hand == [entry["command"], *named]
    assert command == ["claude", "mcp", "add", "vmafkit", "--", *by_hand]


def test_print_config_for_http_holds_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef-secret")
    named = ["--root", f"media={tmp_path}", "--out", str(tmp_path)]
    http = ["--http", "8765", "--token-file", str(token)]
    assert run(monkeypatch, *named, *http, "--print-config") == 0
    printed = capsys.readouterr().out
    assert "secret" not in printed
    start, cursor, code, _, vs_code, zed = printed_forms(printed).values()
    assert start[1:] == [*named, *http]
    entry = {"url": "http://127.0.0.1:8765/mcp", "headers": {"Authorization": "Bearer TOKEN"}}
    assert cursor["mcpServers"]["vmafkit"] == entry
    assert zed["context_servers"]["vmafkit"] == entry
    assert vs_code["servers"]["vmafkit"] == code["mcpServers"]["vmafkit"]
    assert code["mcpServers"]["vmafkit"] == {"type": "http", **entry}


def test_what_is_printed_starts_the_server(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of the printed form is really run, by the SDK's client."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    words = ["--root", f"media={place.media}", "--out", str(place.out)]
    assert run(monkeypatch, *words, "--print-config") == 0
    entry = next(iter(printed_forms(capsys.readouterr().out).values()))["mcpServers"]["vmafkit"]
    assert Path(entry["command"]).name == "vmaf-mcp"
    if not Path(entry["command"]).is_absolute():
        pytest.skip("the console script is not installed")
    parameters = StdioServerParameters(**entry, env=environment())
    with start_blocking_portal() as portal:
        client = Client(parameters)
        with portal.wrap_async_context_manager(client):
            about = Live(client, portal, None).ask(client.read_resource, "vmafkit://server")
    assert json.loads(about.contents[0].text)["roots"] == ["media", "out"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--root", "/nowhere", "--out", "/tmp"],
        ["--root", "/", "--out", "/tmp"],
        ["--root", "/tmp", "--out", "/tmp", "--http", "8000"],
        *(
            ["--root", "/tmp", "--out", "/tmp", flag, seconds]
            for flag in ("--time-limit", "--cpu-limit")
            for seconds in ("inf", "nan", "1e300", "0.5")
        ),
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


@pytest.mark.parametrize("flag", ["--root", "--out"])
def test_a_folder_that_is_not_there_is_told_by_its_flag(
    flag: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    absent = tmp_path / "absent"
    folders = {"--root": str(tmp_path), "--out": str(tmp_path), flag: str(absent)}
    assert run(monkeypatch, *(word for pair in folders.items() for word in pair)) == 2
    assert capsys.readouterr().err == (
        f"vmaf-mcp: error: {flag} {absent} is no folder: No such file or directory "
        "(make it first, with mkdir)\n"
    )


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


def test_the_document_names_every_tool_and_flag() -> None:
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text("utf-8")
    tools = json.loads(Path(__file__).with_name("tools.json").read_text("utf-8"))
    assert [name for name in tools if f"| `{name}` |" not in text] == []
    flags = {option for each in typer.main.get_command(app).params for option in each.opts}
    assert [flag for flag in flags if f"`{flag}" not in text and flag != "--version"] == []
