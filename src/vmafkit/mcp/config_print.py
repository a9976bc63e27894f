"""The lines that make common clients start this server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence


def config_text(program: str, words: Sequence[str]) -> str:
    """What to put into the settings of a client, for each common form.

    Args:
        program: the path of `vmaf-mcp`.
        words: its arguments, folders absolute.
    """
    entry = {"command": program, "args": list(words)}
    common = json.dumps({"mcpServers": {"vmafkit": entry}}, indent=2)
    typed = json.dumps({"servers": {"vmafkit": {"type": "stdio", **entry}}}, indent=2)
    quoted = ", ".join(json.dumps(word) for word in words)
    return "\n".join(
        [
            "Clients that read mcpServers (claude_desktop_config.json, .mcp.json, mcp.json):",
            "",
            common,
            "",
            "VS Code (.vscode/mcp.json):",
            "",
            typed,
            "",
            "Codex (config.toml):",
            "",
            "[mcp_servers.vmafkit]",
            f"command = {json.dumps(program)}",
            f"args = [{quoted}]",
            "",
            "By hand:",
            "",
            shlex.join([program, *words]),
        ]
    )
