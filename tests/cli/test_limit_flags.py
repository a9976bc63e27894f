"""`--nice` and `--max-memory` on every command that works for long."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main

from vmafkit import api
from vmafkit.cli import programs

PROGRAMS = programs.apps()
PAIR = ["yuv420p", "64", "48", "r.yuv", "d.yuv"]
TABLE = ["--features", "t.parquet"]
BOTH = {
    "vmaf-tune auto": ["a.mkv"],
    "vmaf-tune compare": ["a.mkv"],
    "vmaf-tune corpus": ["a.mkv"],
    "vmaf-tune ladder": ["a.mkv"],
    "vmaf-tune recommend": ["a.mkv"],
    "vmaf-tune tune-per-shot": ["a.mkv"],
    "vmaf-tune zones": ["a.mkv"],
    "vmafkit verify": ["c.jsonl"],
    "vmaf-train extract-features": ["--dataset", "made", "--output", "t.parquet"],
    "vmaf-harness run-testing": ["VMAF", "set.yaml"],
    "vmaf-harness run-vmaf": PAIR,
    "vmaf-harness run-psnr": PAIR,
    "vmaf-harness run-vmaf-in-batch": ["pairs.txt"],
    "vmaf-harness run-vmaf-training": ["set.yaml", "f.yaml", "p.yaml", "m.json"],
    "vmaf-harness run-vmaf-cross-validation": ["set.yaml", "f.yaml", "p.yaml"],
    "vmaf-harness run-encode": ["a.mkv"],
}
# No program runs behind these.
NICE_ALONE = {
    "vmaf-train fetch": ["--dataset", "konvid-1k", "--root", "k"],
    "vmaf-train fit": ["--config", "c.yaml"],
    "vmaf-train cross-validate": ["--config", "c.yaml", *TABLE, "--output", "o.json"],
    "vmaf-train eval": ["--model", "m.onnx", *TABLE],
    "vmaf-train validate": ["--model", "m.onnx", *TABLE],
    "vmaf-train compare": ["m.onnx", *TABLE],
}


class Bounded(Exception):
    """Raised where the bounds would be set."""


def given(patch: pytest.MonkeyPatch, verb: str, words: list[str]) -> dict[str, Any]:
    """The bounds that a command line asks for, before the work itself starts."""
    found: dict[str, Any] = {}

    def noted(**bounds: Any) -> None:
        found.update(bounds)
        raise Bounded

    patch.setattr(api, "limit_work", noted)
    program, name = verb.split()
    command = typer.main.get_command(PROGRAMS[program])
    with pytest.raises(Bounded):
        command([name, *words], standalone_mode=False)
    return found


@pytest.mark.parametrize("verb", BOTH)
def test_both_bounds(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*BOTH[verb], "--nice", "7", "--max-memory", "2G"]
    assert given(monkeypatch, verb, words) == {"nice": 7, "max_memory": "2G"}


@pytest.mark.parametrize("verb", NICE_ALONE)
def test_niceness(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*NICE_ALONE[verb], "--nice", "7"]
    assert given(monkeypatch, verb, words) == {"nice": 7, "max_memory": None}
    program, name = verb.split()
    group: Any = typer.main.get_command(PROGRAMS[program])
    assert "--max-memory" not in {word for p in group.commands[name].params for word in p.opts}
