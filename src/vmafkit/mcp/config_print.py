"""The lines that make common clients start this server, or find it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

_NAME = "vmafkit"
_TOKEN = "TOKEN"


def config_text(program: str, words: Sequence[str], *, port: int | None = None) -> str:
    """What to put into the settings of a client, for each common form.

    Args:
        program: the path of `vmaf-mcp`.
        words: its arguments, folders absolute.
        port: where it listens; None for a server that the client starts itself.
    """
    if port is not None:
        return _over_http(program, words, f"http://127.0.0.1:{port}/mcp")
    entry: dict[str, Any] = {"command": program, "args": list(words)}
    stdio = {"type": "stdio", **entry}
    quoted = ", ".join(json.dumps(word) for word in words)
    return _text(
        (
            "Claude Desktop (claude_desktop_config.json), Cursor (.cursor/mcp.json), Windsurf "
            "(mcp_config.json),\nCline, Gemini CLI (settings.json)",
            _json("mcpServers", entry),
        ),
        ("Claude Code (.mcp.json)", _json("mcpServers", stdio)),
        (
            "Claude Code, by its command",
            shlex.join(["claude", "mcp", "add", _NAME, "--", program, *words]),
        ),
        ("VS Code (.vscode/mcp.json)", _json("servers", stdio)),
        ("Zed (settings.json)", _json("context_servers", {**entry, "env": {}})),
        (
            "Codex (config.toml)",
            f"[mcp_servers.{_NAME}]\ncommand = {json.dumps(program)}\nargs = [{quoted}]",
        ),
        ("By hand", shlex.join([program, *words])),
    )


def _over_http(program: str, words: Sequence[str], url: str) -> str:
    header = {"Authorization": f"Bearer {_TOKEN}"}
    entry = {"url": url, "headers": header}
    typed = {"type": "http", **entry}
    add = ["claude", "mcp", "add", "--transport", "http", _NAME, url]
    return _text(
        (f"Start it; {_TOKEN} below is what the token file holds", shlex.join([program, *words])),
        ("Cursor (.cursor/mcp.json)", _json("mcpServers", entry)),
        ("Claude Code (.mcp.json)", _json("mcpServers", typed)),
        (
            "Claude Code, by its command",
            shlex.join([*add, "--header", f"Authorization: Bearer {_TOKEN}"]),
        ),
        ("VS Code (.vscode/mcp.json)", _json("servers", typed)),
        ("Zed (settings.json)", _json("context_servers", entry)),
    )


def _json(key: str, entry: Mapping[str, Any]) -> str:
    return json.dumps({key: {_NAME: entry}}, indent=2)


def _text(*forms: tuple[str, str]) -> str:
    return "\n\n".join(f"{where}:\n\n{text}" for where, text in forms)
