"""Writes the exchange in docs/mcp.md: a real server is asked, and what was said is written down.

    python docs/exchange.py

Messages go over the server's own standard input and output. Left out are only the members that
`SHOWN` does not name; job ids, times and the folders are put into words that stay the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vmafkit.ffmpeg.locate import find_ffmpeg

DOCUMENT = Path(__file__).parent / "mcp.md"
BEGIN, END = "<!-- made by docs/exchange.py -->\n", "<!-- end -->\n"
ELLIPSIS = "..."
SHOWN = {
    "score": ["job_id", "tool", "state", "done", "total", "resources", "result"],
    "score.result": ["model", "statistic", "score", "frames", "display", "worst", "versions"],
    "plan": ["job_id", "tool", "state", "result"],
    "plan.result": ["verb", "encoder", "preset", "frames", "known_trials", "estimate", "at_most"],
    "plan.result.estimate": ["encodes", "is_estimate", "basis"],
    "plan.result.at_most": ["encodes"],
    "recommend": ["job_id", "tool", "state", "result"],
    "recommend.result": [
        "encoder", "preset", "quality", "met", "score", "target", "model", "bitrate_kbps", "reason",
    ],
}  # fmt: skip
CALLS: list[dict[str, Any]] = [
    {"name": "score", "arguments": {"reference": "a.mkv", "distorted": "b.mkv"}},
    {"name": "plan", "arguments": {"verb": "recommend", "source": "a.mkv", "target": ["90"],
                                   "preset": "fast"}},
    {"name": "recommend", "arguments": {"source": "a.mkv", "target": ["90"], "preset": "fast"},
     "_meta": {"progressToken": "p1"}},
    {"name": "score", "arguments": {"reference": "concat:a.mkv|b.mkv", "distorted": "b.mkv"}},
]  # fmt: skip


def made() -> str:
    """The exchange as Markdown."""
    said: list[str] = []
    with _server() as (ask, places):
        for number, call in enumerate(CALLS, 1):
            said.append("> " + _text({"id": number, "method": "tools/call", "params": call}))
            messages = ask(number, call)
            notes = [each for each in messages if "probe" in str(each.get("params"))]
            said += ["< " + _text(each) for each in notes[:1]]
            said.append("< " + _text(_answer(messages[-1], call["name"])) + "\n")
    text = "\n".join(said)
    for folder, word in places.items():
        text = text.replace(folder, word)
    jobs = dict.fromkeys(re.findall(r"job-[0-9a-f]{12}", text))
    for number, job in enumerate(jobs, 1):
        text = text.replace(job, f"job-{number:012d}")
    return f"```text\n{text.rstrip()}\n```\n"


def written(text: str) -> str:
    """The document with another exchange."""
    document = DOCUMENT.read_text("utf-8")
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{text}\n{END}{tail}"


def _answer(message: dict[str, Any], tool: str) -> dict[str, Any]:
    result = message["result"]
    record = result["structuredContent"]
    shown = record if result["isError"] else _kept(record, tool)
    content = result["content"] if result["isError"] else [ELLIPSIS]
    return {
        "id": message["id"],
        "result": {"isError": result["isError"], "content": content, "structuredContent": shown},
    }


def _kept(value: Any, path: str) -> Any:
    """A record with the members that are shown, and dots where others were."""
    if not isinstance(value, dict):
        return value
    names = SHOWN.get(path, list(value))
    kept = {name: _kept(value[name], f"{path}.{name}") for name in names}
    return kept if len(kept) == len(value) else {**kept, ELLIPSIS: 0}


def same(one: str, other: str) -> bool:
    """Whether two exchanges are the same but for versions, progress and the last digits."""
    return _fixed(one) == _fixed(other) and all(
        abs(a - b) <= 0.02 * max(1.0, abs(a))
        for a, b in zip(_numbers(one), _numbers(other), strict=True)
    )


_NUMBER = re.compile(r"(?<![\w.\-])\d+(?:\.\d+)?(?![\w\-])")


def _fixed(text: str) -> str:
    return _NUMBER.sub("N", _without_chance(text))


def _numbers(text: str) -> list[float]:
    return [float(word) for word in _NUMBER.findall(_without_chance(text))]


def _without_chance(text: str) -> str:
    text = re.sub(r'("versions": )\{[^}]*\}', r"\1{}", text)
    text = re.sub(r'"progress": [\d.]+', '"progress": N', text)
    return re.sub(r'("message": "job-\d+:)[^"]*', r"\1", text)


def _text(message: dict[str, Any]) -> str:
    text = json.dumps({"jsonrpc": "2.0", **message}, indent=1)
    text = text.replace(f'"{ELLIPSIS}": 0', ELLIPSIS).replace(f'"{ELLIPSIS}"', ELLIPSIS)
    # What is short goes on one line.
    pattern = re.compile(r"([\[{])\n\s*([^\[\]{}]*?)\n\s*([\]}])")
    while True:
        joined = pattern.sub(_on_one_line, text)
        if joined == text:
            return text
        text = joined


def _on_one_line(found: re.Match[str]) -> str:
    inner = re.sub(r"\n\s*", " ", found[2])
    line = f"{found[1]}{inner}{found[3]}"
    return line if len(line) < 92 else found[0]


@contextmanager
def _server() -> Iterator[tuple[Any, dict[str, str]]]:
    base = Path(tempfile.mkdtemp()).resolve()
    media, out = base / "media", base / "out"
    for folder in (media, out):
        folder.mkdir()
    _clips(media)
    words = [sys.executable, "-c", "from vmafkit.mcp.server import main; main()"]
    words += ["--root", str(media), "--out", str(out)]
    cache = {"VMAFKIT_CACHE": str(base / "cache")}
    server = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **cache}
    )
    assert server.stdin is not None and server.stdout is not None
    to_server, from_server = server.stdin, server.stdout

    def send(message: dict[str, Any]) -> None:
        to_server.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        to_server.flush()

    def ask(number: int, call: dict[str, Any]) -> list[dict[str, Any]]:
        send({"id": number, "method": "tools/call", "params": call})
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1].get("id") != number:
            messages.append(json.loads(from_server.readline()))
        return messages

    hello = {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "example", "version": "1"}}  # fmt: skip
    try:
        send({"id": 0, "method": "initialize", "params": hello})
        from_server.readline()
        send({"method": "notifications/initialized"})
        yield ask, {str(media): "/srv/media", str(out): "/srv/out"}
        to_server.close()
        server.wait(20)
    finally:
        server.kill()
        server.wait()
        from_server.close()
        shutil.rmtree(base, ignore_errors=True)


def _clips(folder: Path) -> None:
    for name, crf in (("a.mkv", "1"), ("b.mkv", "35")):
        subprocess.run(
            [
                find_ffmpeg(None), "-v", "error", "-nostdin", "-f", "lavfi",
                "-i", "testsrc2=size=128x72:rate=10", "-frames:v", "20", "-c:v", "libx264",
                "-threads", "1", "-pix_fmt", "yuv420p", "-crf", crf, folder / name,
            ],
            check=True,
        )  # fmt: skip


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(written(made()), "utf-8")


if __name__ == "__main__":
    main()
