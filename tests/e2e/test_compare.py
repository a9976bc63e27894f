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
    assert [name for name, _ in found.failed] == ["h264_nvenc"]
    # A value that only one of them takes.
    found = api.compare([clips / "one.mkv"], encoder=["x264", "svt-av1"], preset=["ultrafast"],
                        crf=["0,18,26"])  # fmt: skip
    assert [curve.encoder for curve in found.curves] == ["libx264"]
    ((name, why),) = found.failed
    assert name == "libsvtav1" and "out of range" in why


def test_when_all_fail_the_exit_code_is_1(clips: Path) -> None:
    with pytest.raises(VmafkitError, match="every encoder failed: h264_nvenc") as told:
        api.compare([clips / "one.mkv"], encoder=["h264_nvenc"], crf=["30"])
    assert told.value.exit_code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"encoder": ["x266"]}, "no encoder"),
        ({"encoder": ["x264"], "preset": ["warp"]}, "no preset"),
        ({"encoder": ["x264", "libx365:fast"]}, "no encoder 'libx365'"),
        ({"encoder": ["x264:8"]}, "libx264 has no preset '8'"),
        ({"encoder": ["x264:"]}, "libx264 has no preset ''"),
        ({"encoder": [" , "]}, "names none"),
        ({"encoder": ["x264:fast"], "preset": ["slow"]}, "for no encoder"),
        ({"target_vmaf": 90.0, "metric": "xpsnr"}, "no score of xpsnr"),
        ({"crf": ["many"]}, "not a number"),
        ({"threads": 0}, "--threads 0"),
        ({"target": "vmaf"}, "vmaf"),
        ({"metric": "nope"}, "no such metric"),
        ({"metric": "cambi"}, "lower is better"),
        ({"target": "cambi<=5"}, "lower is better"),
        ({"statistic": "foo"}, "no such statistic"),
        ({"metric": "xpsnr", "statistic": "p5"}, "xpsnr p5 cannot"),
        ({"target": "vmaf:p7>=80"}, "vmaf p7 cannot"),
        ({"target": "90", "target_vmaf": 90.0}, "say the same"),
        ({"encoder": ["x264"], "baseline_encoder": "nope"}, "--baseline-encoder nope"),
        ({"encoder": ["x264:fast,x264:slow"], "baseline_encoder": "x264"}, "means 2 curves"),
    ],
)
def test_wrong_words_are_told_before_anything_is_encoded(
    clips: Path, words: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("work began")

    monkeypatch.setattr("vmafkit.api._compare.run_sweep", refuse)
    monkeypatch.setattr("vmafkit.api._compare.run_search", refuse)
    with pytest.raises(UsageError, match=told):
        api.compare([clips / "one.mkv"], **words)


def test_without_a_source_there_is_nothing_to_compare(clips: Path) -> None:
    with pytest.raises(UsageError, match="no source"):
        api.compare([])
    with pytest.raises(Unreadable):
        api.compare([clips / "none.mkv"], **PAIR)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"metric": "xpsnr"}, "xpsnr mean"),
        ({"metric": "ms-ssim"}, "ms_ssim mean"),
        ({"metric": "psnr", "statistic": "min"}, "psnr min"),
        ({"metric": "vmaf_v0.6.1neg"}, "vmaf_v0.6.1neg mean"),
    ],
)
def test_any_metric_of_the_table_is_compared(
    clips: Path, tmp_path: Path, words: dict[str, Any], told: str
) -> None:
    clip = kit.moving(tmp_path / "clip.mkv", frames=5, size="320x192")
    found = api.compare([clip], encoder=["x264:ultrafast,x264:veryfast"], crf=["24,40"], **words)
    assert found.metric == told and found.failed == ()
    assert found.anchor == "libx264 ultrafast" and len(found.curves) == 2
    for curve in found.curves:
        assert curve.points[0].score < curve.points[1].score


def test_a_corpus_holds_the_metrics_that_are_named_as_features(clips: Path, tmp_path: Path) -> None:
    rows_file = tmp_path / "rows.jsonl"
    plan = api.plan_corpus(
        [clips / "one.mkv"], preset=["ultrafast,veryfast"], crf=["24,40"], feature=["xpsnr,ssim"]
    )  # fmt: skip
    api.corpus(plan, rows_file)
    assert all({"xpsnr", "float_ssim"} <= set(row.features or {}) for row in read_corpus(rows_file))
    assert len(api.benchmark(rows_file, metric="xpsnr").deltas) == 1
    with pytest.raises(UsageError, match="feature 'nope' is not known"):
        api.plan_corpus([clips / "one.mkv"], crf=["24"], feature=["nope"])


def test_a_grid_beside_a_target_has_the_scores_of_its_metric(clips: Path) -> None:
    found = api.compare([clips / "one.mkv"], encoder=["x264:ultrafast"], crf=["20,44"],
                        target="xpsnr>=34")  # fmt: skip
    values = {point.value for curve in found.curves for point in curve.points}
    assert values > {20.0, 44.0}


def test_each_encoder_has_the_presets_named_with_it(clips: Path) -> None:
    found = api.compare(
        [clips / "one.mkv"], encoder=["x264:ultrafast,x265:ultrafast", "x264:veryfast", "svt-av1"],
        preset=["12"], crf=["26,34"], baseline_encoder="x264:veryfast",
    )  # fmt: skip
    names = ["libx264 ultrafast", "libx264 veryfast", "libx265 ultrafast", "libsvtav1 12"]
    assert sorted(curve.name for curve in found.curves) == sorted(names)
    assert found.anchor == "libx264 veryfast"
    assert found.failed == ()


def test_the_command_says_what_failed(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command: Any = typer.main.get_command(tune.app)
    words = ["compare", str(clips / "one.mkv"), "--encoder", "x264:ultrafast,vp9_qsv"]
    words += ["--crf", *GRID, "-q", "--format"]
    for form in ("json", "markdown", "csv"):
        assert command.main([*words, form], prog_name="vmaf-tune", standalone_mode=False) == 1
        told = capsys.readouterr()
        assert "vmaf-tune: vp9_qsv failed: " in told.err
        if form == "json":
            (failed,) = json.loads(told.out)["failed"]
            assert failed["encoder"] == "vp9_qsv" and failed["error"]
        else:
            assert "vp9_qsv" in told.out


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
