"""`compare` on real clips: curves that were measured, equal quality, and encoders that fail."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

import tuning_kit as kit
from vmafkit import api
from vmafkit.cli import tune
from vmafkit.errors import Unreadable, UsageError, VmafkitError
from vmafkit.store.corpus_file import read_corpus

pytestmark = pytest.mark.usefixtures("use_cache")
PAIR: dict[str, Any] = {"encoder": ["x264"], "preset": ["ultrafast,veryfast"]}
GRID = ["18,26,34,42"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    kit.moving(folder / "one.mkv", frames=12)
    kit.moving(folder / "two.mkv", frames=12, size="160x96")
    return folder


def test_curves_are_the_rows_that_were_measured(clips: Path, tmp_path: Path) -> None:
    rows_file, page = tmp_path / "rows.jsonl", tmp_path / "page.html"
    sources = [clips / "one.mkv", clips / "two.mkv"]
    found = api.compare(sources, **PAIR, crf=GRID, output=rows_file, report=page)
    names = {(curve.source, curve.name) for curve in found.curves}
    presets = ("libx264 ultrafast", "libx264 veryfast")
    assert names == {(source.name, preset) for source in sources for preset in presets}
    assert found.anchor == "libx264 ultrafast" and len(found.deltas) == 2
    rows = {
        (row.src.rpartition("/")[2], row.preset, row.crf): row for row in read_corpus(rows_file)
    }
    assert len(rows) == 16
    for curve in found.curves:
        assert len(curve.points) == 4
        for point in curve.points:
            row = rows[curve.source, curve.name.split()[1], point.value]
            assert (row.vmaf_score, row.bitrate_kbps) == (point.score, point.bitrate_kbps)
    assert all(delta.rate is not None and delta.rate.value < 0 for delta in found.deltas)
    text = page.read_text("utf-8")
    commands = re.findall(r"<pre[^>]*>([^<]*-c:v libx264 [^<]*)</pre>", text)
    assert len(set(commands)) == 16
    # The rows alone say the same.
    again = api.benchmark(rows_file, allow_mixed=True)
    assert [d.rate for d in again.deltas] == [d.rate for d in found.deltas]


def test_settings_at_a_target_are_the_cheapest_that_reach_it(clips: Path) -> None:
    found = api.compare([clips / "one.mkv"], **PAIR, target_vmaf=90.0)
    assert [each.meets for each in found.matched] == [True, True]
    for each in found.matched:
        best = api.recommend(
            clips / "one.mkv", encoder="x264", preset=each.name.split()[1], target=["90"], full=True
        )
        assert best.quality is not None and best.met
        assert (each.measured.value, each.measured.score) == (best.quality.value, best.score)


def test_an_encoder_that_fails_is_named_and_the_rest_compared(clips: Path) -> None:
    found = api.compare([clips / "one.mkv"], encoder=["x264", "h264_nvenc"], preset=["ultrafast"],
                        crf=GRID)  # fmt: skip
    assert [curve.encoder for curve in found.curves] == ["libx264"]
    assert any(note.startswith("h264_nvenc") and "failed: " in note for note in found.notes)
    # A value that only one of them takes.
    found = api.compare([clips / "one.mkv"], encoder=["x264", "svt-av1"], preset=["ultrafast"],
                        crf=["0,18,26"])  # fmt: skip
    assert [curve.encoder for curve in found.curves] == ["libx264"]
    assert any("libsvtav1 failed" in note and "out of range" in note for note in found.notes)


def test_when_all_fail_the_exit_code_is_1(clips: Path) -> None:
    with pytest.raises(VmafkitError, match="every encoder failed: h264_nvenc") as told:
        api.compare([clips / "one.mkv"], encoder=["h264_nvenc"], crf=["30"])
    assert told.value.exit_code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"encoder": ["x266"]}, "no encoder"),
        ({"encoder": ["x264"], "preset": ["warp"]}, "no preset"),
        ({"target_vmaf": 90.0, "metric": "xpsnr"}, "no score of xpsnr"),
        ({"crf": ["many"]}, "not a number"),
        ({"threads": 0}, "--threads 0"),
        ({"target": "vmaf"}, "vmaf"),
    ],
)
def test_wrong_words_are_told(clips: Path, words: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        api.compare([clips / "one.mkv"], **words)
    with pytest.raises(UsageError, match="no source"):
        api.compare([])
    with pytest.raises(Unreadable):
        api.compare([clips / "none.mkv"], **PAIR)


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_the_command_prints_every_form(
    clips: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Any = typer.main.get_command(tune.app)
    words = ["compare", str(clips / "one.mkv"), "--encoder", "x264", "--preset", "ultrafast"]
    words += ["--preset", "veryfast", "--crf", *GRID, "--format", form, "-q"]
    assert command.main(words, prog_name="vmaf-tune", standalone_mode=False) == 0
    text = capsys.readouterr().out
    if form == "json":
        assert json.loads(text)["type"] == "comparison"
    else:
        assert "libx264 veryfast" in text
