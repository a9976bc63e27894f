"""The commands of `vmafkit` that need no ffmpeg."""

from __future__ import annotations

import json
import sys

import pytest

from vmafkit.cli import kit
from vmafkit.cli.typer_main import run_app
from vmafkit.schema import exports
from vmafkit.version import __version__


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["vmafkit", *words])
    return run_app("vmafkit", kit.app)


def test_schema_lists_the_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "schema") == 0
    assert capsys.readouterr().out.split() == list(exports.TABLE)


@pytest.mark.parametrize("name", exports.TABLE)
def test_schema_prints_a_format(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "schema", name) == 0
    assert json.loads(capsys.readouterr().out) == exports.json_schema(name)


def test_an_unknown_format_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "schema", "nope") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "corpus-row" in told.err


def test_the_version_for_people_and_for_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "version") == 0
    assert capsys.readouterr().out == f"vmafkit {__version__}\n"
    assert run(monkeypatch, "version", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"type": "version", "version": __version__}
