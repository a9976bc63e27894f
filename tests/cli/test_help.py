"""Help that helps, results on standard output, all else on standard error, and no colour."""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from vmafkit.cli import programs, vmaf
from vmafkit.ffmpeg.locate import find_ffmpeg

PROGRAMS = programs.apps()
COLOUR = re.compile(rb"\x1b\[[0-9;]*?(3[0-8]|9[0-7])[0-9;]*m")


def _commands() -> Iterator[Any]:
    for program, app in PROGRAMS.items():
        group = typer.main.get_command(app)
        for name, command in group.commands.items():  # pyright: ignore
            parts = getattr(command, "commands", {"": command})
            for part, each in parts.items():
                full = f"{program} {name} {part}".rstrip()
                yield pytest.param(full, each, id=full)


def examples(text: str, command: str) -> list[list[str]]:
    """The words of every example of a command in its help."""
    _, _, after = text.partition("xamples:")
    lines = [line.strip() for line in after.splitlines()]
    return [shlex.split(line) for line in lines if f"{line} ".startswith(f"{command} ")]


@pytest.mark.parametrize(("name", "command"), list(_commands()))
def test_a_verb_has_two_examples_that_parse(name: str, command: Any) -> None:
    shown = examples(command.help or "", name)
    assert len(shown) >= 2, f"{name} --help needs two examples"
    for words in shown:
        assert command.make_context(name, words[len(name.split()) :]).params is not None


@pytest.mark.parametrize(("name", "command"), list(_commands()))
def test_every_flag_of_a_verb_is_explained(name: str, command: Any) -> None:
    assert [param.name for param in command.params if not (param.help or "").strip()] == [], name


def test_the_vmaf_command_has_two_examples_that_parse() -> None:
    shown = examples(vmaf.parser().format_help(), "vmaf")
    assert len(shown) >= 2
    for words in shown:
        assert vmaf.parser().parse_args(words[1:]).reference


def test_every_flag_of_vmaf_is_explained() -> None:
    actions = vmaf.parser()._actions
    hidden = (argparse.SUPPRESS, None, "")
    assert [each.dest for each in actions if each.help in hidden] == []


def test_an_example_of_another_command_does_not_count() -> None:
    assert examples("Examples:\n\n  vmaf-tune other a\n", "vmaf-tune corpus") == []


class Program:
    """Runs the installed commands in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")},
            "TERM": "xterm-256color",
        }
        ffmpeg = str(find_ffmpeg(None))
        source = "testsrc2=size=128x72:rate=25,trim=end_frame=10"
        subprocess.run(
            [ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "ffv1", "clip.mkv"],
            cwd=folder, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def __call__(
        self, name: str, *words: str, stderr: int = subprocess.PIPE, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        script = Path(sys.executable).with_name(name)
        return subprocess.run(
            [str(script), *words],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            env=self.environment | environment, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("commands"))


@pytest.mark.parametrize("name", ["vmaf", *PROGRAMS])
def test_help_and_version_go_to_standard_output(program: Program, name: str) -> None:
    told = program(name, "--help")
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout.lower().startswith(b"usage: " + name.encode())
    version = program(name, "version" if name == "vmafkit" else "--version")
    assert (version.returncode, version.stderr) == (0, b"")
    assert re.search(rb"\d+\.\d+", version.stdout)


@pytest.mark.parametrize(
    ("words", "code", "names"),
    [
        (("vmaf", "-r", "gone.mkv", "-d", "clip.mkv"), 1, "gone.mkv"),
        (("vmaf", "-r", "clip.mkv"), 2, "--distorted"),
        (("vmaf", "-r", "clip.mkv", "-d", "clip.mkv", "-m", "nope"), 2, "nope"),
        (("vmaf-tune", "corpus", "gone.mkv"), 1, "gone.mkv"),
        (("vmaf-tune", "corpus", "clip.mkv", "--crf", "99"), 2, "99"),
        (("vmaf-tune", "nope"), 2, "nope"),
        (("vmaf-tune", "corpus", "clip.mkv", "--nope"), 2, "--nope"),
        (("vmaf-tune", "export", "gone.jsonl", "out.csv"), 1, "gone.jsonl"),
        (("vmafkit", "nope"), 2, "nope"),
    ],
)
def test_a_failure_is_one_sentence_on_standard_error(
    program: Program, words: tuple[str, ...], code: int, names: str
) -> None:
    told = program(*words)
    assert (told.returncode, told.stdout) == (code, b"")
    lines = told.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{words[0]}: error: ")
    assert names in lines[0]


def test_a_failure_for_programs_is_one_json_object(program: Program) -> None:
    told = program("vmaf-tune", "corpus", "gone.mkv", "--json")
    record = json.loads(told.stdout)
    assert (told.returncode, record["type"], record["error"]) == (1, "error", "unreadable")
    assert "gone.mkv" in record["message"]


def test_events_for_programs_are_alone_on_standard_output(program: Program) -> None:
    told = program("vmaf-tune", "corpus", "clip.mkv", "--crf", "30", "-o", "a.jsonl", "--json")
    assert told.returncode == 0
    types = [json.loads(line)["type"] for line in told.stdout.splitlines()]
    assert types[0] == "sweep-started"
    assert types[-1] == "sweep-finished"
    assert told.stderr == b""


def test_a_sweep_tells_its_result_on_standard_output(program: Program) -> None:
    told = program("vmaf-tune", "corpus", "clip.mkv", "--crf", "30", "-o", "b.jsonl")
    assert told.returncode == 0
    assert told.stdout.startswith(b"b.jsonl: 1 cells")
    assert b"libx264" in told.stderr


def _on_a_terminal(program: Program, output: str, **environment: str) -> bytes:
    """What a sweep writes to a terminal on its standard error."""
    ours, theirs = os.openpty()
    try:
        words = ("vmaf-tune", "corpus", "clip.mkv", "--crf", "30", "-o", output)
        told = program(*words, stderr=theirs, **environment)
        assert told.returncode == 0
        shown = b""
        while select.select([ours], [], [], 0)[0]:
            shown += os.read(ours, 65536)
        return shown
    finally:
        os.close(ours)
        os.close(theirs)


def test_no_color_is_heeded_on_a_terminal(program: Program) -> None:
    coloured = _on_a_terminal(program, "c.jsonl")
    assert COLOUR.search(coloured), "the other half of this test says nothing without colours"
    plain = _on_a_terminal(program, "d.jsonl", NO_COLOR="1")
    assert b"trials" in plain
    assert not COLOUR.search(plain)


@pytest.mark.parametrize("name", ["vmaf", *PROGRAMS])
def test_no_escape_reaches_a_pipe(program: Program, name: str) -> None:
    assert b"\x1b" not in program(name, "--help").stdout
    assert b"\x1b" not in program(name, "--nope\x1b[31m").stderr
