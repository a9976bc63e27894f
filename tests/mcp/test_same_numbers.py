"""The same call by the command line and by the server gives the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from mcp_kit import Live, environment

from .conftest import Place

CALLS = {
    "score": (
        "vmaf",
        ["-r", "good.mkv", "-d", "poor.mkv", "--feature", "psnr", "--json"],
        {"reference": "good.mkv", "distorted": "poor.mkv", "features": ["psnr"]},
        ("score", "frames", "pooled", "display", "pix_fmt", "model"),
    ),
    "recommend": (
        "tune",
        ["recommend", "good.mkv", "--target", "85", "--preset", "veryfast", "--json"],
        {"source": "good.mkv", "target": ["85"], "preset": "veryfast"},
        ("quality", "score", "met", "bitrate_kbps", "window", "size_bytes"),
    ),
    "auto": (
        "tune",
        ["auto", "good.mkv", "--target", "90", "--json"],
        {"source": "good.mkv", "target": ["90"]},
        ("cells", "metadata"),
    ),
    "compare": (
        "tune",
        ["compare", "good.mkv", "--encoder", "libx264", "--preset", "ultrafast,superfast", "--crf",
         "24,28,32,36", "--json"],
        {"sources": ["good.mkv"], "encoder": ["libx264"], "preset": ["ultrafast", "superfast"],
         "crf": ["24,28,32,36"]},
        ("metric", "anchor", "deltas"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("tool", CALLS)
def test_both_faces_give_the_same_numbers(served: Live, place: Place, tool: str) -> None:
    program, words, arguments, fields = CALLS[tool]
    start = f"from vmafkit.cli.{program} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", start, *words], capture_output=True, text=True, check=False,
        cwd=place.media, env=environment(), timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found = served.result(tool, **arguments)
    found = found["plan"] if tool == "auto" else found
    if tool == "score":
        # The server leaves out what the model computes on its way.
        assert set(found["pooled"]) == {"vmaf_v0.6.1", "psnr_y", "psnr_cb", "psnr_cr"}
        printed["pooled"] = {name: printed["pooled"][name] for name in found["pooled"]}
    for field in fields:
        assert found[field] == printed[field], field
