"""`ladder` on a real clip: what it picks was measured, and what it packages plays."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import av
import pytest
import typer
import typer.main

import tuning_kit as kit
from vmafkit import api
from vmafkit.cli import tune
from vmafkit.errors import OutputError, Refused, ToolFailed, UsageError
from vmafkit.execute import package as package_module
from vmafkit.schema.ladder import LadderRecord

pytestmark = pytest.mark.usefixtures("use_cache")
FAST: dict[str, Any] = {"encoder": "x264", "preset": "ultrafast"}
SIZES = ("320x180", "160x90", "96x54")
VALUES = "18,24,30,36,42"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    kit.ffmpeg(
        "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25", "-f", "lavfi", "-i", "sine", "-t", "1",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "6", "-pix_fmt", "yuv420p",
        "-c:a", "aac", path,
    )  # fmt: skip
    return path


def made(film: Path, **words: Any) -> LadderRecord:
    base = {**FAST, "resolutions": SIZES, "crf": [VALUES], "segment_duration_s": 0.4}
    return api.ladder(film, **{**base, **words})


def test_every_rung_is_on_the_hull_that_the_whole_grid_has(film: Path) -> None:
    whole = made(film, exhaustive=True)
    assert whole.encodes.used == whole.encodes.grid == 15
    assert {(each.width, each.height) for each in whole.points} == {
        (320, 180),
        (160, 90),
        (96, 54),
    }
    # No other measured setting is better than a rung at its bitrate or below.
    for rung in whole.renditions:
        cheaper = [each for each in whole.points if each.bitrate_kbps <= rung.bitrate_kbps]
        assert max(each.vmaf for each in cheaper) == rung.vmaf
    scores = [rung.vmaf for rung in whole.renditions]
    for high, low in itertools.pairwise(scores):
        apart = [high - each.vmaf for each in whole.hull if high - each.vmaf >= 3.0]
        assert high - low == min(apart, key=lambda gap: abs(gap - 6.0))
    slopes = [
        (high.vmaf - low.vmaf) / (high.bitrate_kbps - low.bitrate_kbps)
        for low, high in itertools.pairwise(whole.hull)
    ]
    assert slopes == sorted(slopes, reverse=True)

    # Small pictures are scored at the source's size, so they win only where bits are few.
    sizes = [point.width for point in whole.hull]
    assert sizes == sorted(sizes) and len(set(sizes)) > 1
    assert [(each.below, each.above) for each in whole.crossovers][-1][1] == "320x180"
    for crossing in whole.crossovers:
        inner = [p for p in whole.hull if f"{p.width}x{p.height}" == crossing.below]
        outer = [p for p in whole.hull if f"{p.width}x{p.height}" == crossing.above]
        low, high = inner[-1].bitrate_kbps, outer[0].bitrate_kbps
        assert low * 0.5 < crossing.bitrate_kbps < high * 2

    few = made(film)
    assert few.encodes.measured == 0 and few.encodes.used < whole.encodes.used
    top, best = few.renditions[0], whole.renditions[0]
    assert (top.width, top.crf) == (best.width, best.crf)


def test_the_rules_choose_rungs(film: Path) -> None:
    whole = made(film, exhaustive=True)
    targets = made(film, exhaustive=True, target_vmafs=["90,60"])
    for rung, score in zip(targets.renditions, (90.0, 60.0), strict=True):
        reaching = [each for each in whole.hull if each.vmaf >= score]
        assert rung.bitrate_kbps == min(each.bitrate_kbps for each in reaching)
    tiers = made(film, exhaustive=True, quality_tiers=3, spacing="log_bitrate")
    assert [rung.rung for rung in tiers.renditions] == [1, 2, 3]
    lowest = next(each for each in whole.hull if each.vmaf >= 30.0)
    assert tiers.renditions[-1].bitrate_kbps == lowest.bitrate_kbps
    cap = whole.renditions[0].bitrate_kbps * 0.9
    capped = made(film, exhaustive=True, max_kbps=cap)
    assert 0 < capped.renditions[0].bitrate_kbps <= cap


def test_the_packages_hold_the_very_packets_that_were_scored(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    page = tmp_path / "page.html"
    record = made(film, output=out, quality_tiers=2, report=page)
    assert record.packages == {
        "hls": str(out / "hls/master.m3u8"), "dash": str(out / "dash/manifest.mpd")
    }  # fmt: skip
    assert len(record.renditions) == 2
    for number, rung in enumerate(record.renditions):
        with av.open(record.packages["hls"]) as container:
            stream = container.streams.video[number]
            packets = [packet for packet in container.demux(stream) if packet.size]
        assert (stream.codec_context.width, stream.codec_context.height) == (
            rung.width, rung.height
        )  # fmt: skip
        assert len(packets) == 25 and rung.verified
        bits = sum(packet.size * 8 for packet in packets)
        assert bits / 1.0 / 1000 == pytest.approx(rung.bitrate_kbps, rel=1e-6)
        keys = [packet.pts for packet in packets if packet.is_keyframe]
        assert len(keys) == 3
        assert rung.codecs is not None and re.fullmatch(r"avc1\.[0-9a-f]{6}", rung.codecs)
        assert rung.bandwidth_bps is not None and rung.average_bandwidth_bps is not None
        assert rung.bandwidth_bps >= rung.average_bandwidth_bps > rung.bitrate_kbps * 1000
    kept = json.loads((out / "ladder.json").read_text())
    assert kept == record.record() and kept["type"] == "ladder"
    assert "plotly" in page.read_text().lower()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out", "page.html"]


def test_a_failed_package_leaves_nothing(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ToolFailed("playing it failed")

    monkeypatch.setattr(package_module, "check_playing", broken)
    with pytest.raises(ToolFailed):
        made(film, output=tmp_path / "out", format=["hls"], quality_tiers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"resolutions": ["640x360"]}, "larger than the source"),
        ({"resolutions": ["160x100"]}, "another shape"),
        ({"resolutions": ["161x90"]}, "multiples of 2"),
        ({"resolutions": ["big"]}, "is not a size"),
        ({"crf": ["20,30"]}, "2 values"),
        ({"crf": ["20,30,99"]}, "out of range"),
        ({"format": ["hls"]}, "needs a folder"),
        ({"format": ["smooth"]}, "--format smooth"),
        ({"target_vmafs": ["90"], "quality_tiers": 3}, "different ways"),
        ({"spacing": "uniform", "step": 5.0}, "--step and --spacing uniform"),
        ({"spacing": "list", "step": 5.0}, "--step and --spacing list"),
        ({"spacing": "list", "quality_tiers": 3}, "--quality-tiers and --spacing list"),
        ({"spacing": "log_bitrate", "target_vmafs": ["90"]}, "--target-vmafs and --spacing log"),
        ({"spacing": "uniform", "rungs_kbps": ["90"]}, "--rungs-kbps and --spacing uniform"),
        ({"target_vmafs": ["97,60"], "max_quality": 80.0}, "97 is above --max-quality 80"),
        ({"target_vmafs": ["90,25"], "min_quality": 30.0}, "25 is below --min-quality 30"),
        ({"rungs_kbps": ["500,100"], "max_kbps": 400.0}, "500 is above --max-kbps 400"),
        ({"rungs_kbps": ["500,100"], "min_kbps": 200.0}, "100 is below --min-kbps 200"),
        ({"min_quality": 60.0, "max_quality": 30.0}, "--min-quality 60 is above --max-quality 30"),
        ({"min_quality": 96.0}, "--min-quality 96 is above --max-quality 95"),
        ({"max_quality": 25.0}, "--min-quality 30 is above --max-quality 25"),
        *(
            ({name: value}, f"--{name.replace('_', '-')} {value:g} is not a number")
            for name in ("min_kbps", "max_kbps", "min_quality", "max_quality")
            for value in (math.nan, math.inf, -1.0)
        ),
        ({"step": math.inf, "spacing": "log_bitrate"}, "--step inf"),
        ({"quality_tiers": 0}, "0 rungs"),
        ({"spacing": "list"}, "no rung bitrates"),
        ({"segment_duration_s": 0.0}, "--segment-duration 0"),
        ({"min_kbps": 500.0, "max_kbps": 400.0}, "not below"),
        ({"encoder": "x266"}, "no encoder"),
        ({"preset": "warp"}, "no preset"),
    ],
)
def test_wrong_words_are_told_before_any_work(film: Path, words: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        made(film, **words)


def test_what_was_asked_for_and_cannot_be_is_told(film: Path) -> None:
    whole = made(film, exhaustive=True)
    low = whole.hull[0].bitrate_kbps
    listed = made(film, exhaustive=True, rungs_kbps=[f"9999,{low / 2:.3f}"])
    assert [each.bitrate_kbps for each in listed.renditions] == [whole.hull[-1].bitrate_kbps]
    assert listed.notes == [
        f"no rung for {low / 2:.3f} kbps: the lowest bitrate within the floors is {low:.1f} kbps"
    ]
    with pytest.raises(UsageError, match="or below"):
        made(film, exhaustive=True, rungs_kbps=[f"{low / 2:.3f}"])
    capped = made(film, exhaustive=True, rungs_kbps=["9999,500"], max_quality=50.0)
    enough = min(each.bitrate_kbps for each in whole.hull if each.vmaf >= 50.0)
    assert capped.renditions[0].bitrate_kbps == enough

    worst = min(each.vmaf for each in whole.hull)
    assert worst < 25.0
    target = made(film, exhaustive=True, target_vmafs=["25"])
    reaching = [each.bitrate_kbps for each in whole.hull if each.vmaf >= 25.0]
    assert [each.bitrate_kbps for each in target.renditions] == [min(reaching)]


def test_caps_hold_for_the_whole_source_where_windows_were_measured(tmp_path: Path) -> None:
    # Still for two thirds, then noise: the one window is of the still part.
    kit.ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=1,trim=end_frame=1,loop=49:1",
        "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=1,noise=alls=60:allf=t:all_seed=1",
        "-filter_complex", "[0]format=yuv420p[a];[1]format=yuv420p[b];[a][b]concat",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "6", tmp_path / "mixed.mkv",
    )  # fmt: skip
    words: dict[str, Any] = {
        "resolutions": ["160x96", "80x48"], "samples": 1, "sample_duration_s": 0.6,
        "min_quality": 0.0,
    }  # fmt: skip
    source = tmp_path / "mixed.mkv"
    windows = made(source, **words)
    assert not any(rung.verified for rung in windows.renditions)
    assert "of windows" in windows.notes[-1]
    assert "Measured on windows of the source" in api.ladder_text(windows)
    whole = made(source, full=True, **{**words, "samples": None, "sample_duration_s": None})
    rates = sorted(each.bitrate_kbps for each in whole.points)
    cap = rates[len(rates) // 2]
    # By the windows every setting would do.
    assert max(each.bitrate_kbps for each in windows.points) < cap

    record = made(source, output=tmp_path / "out", max_kbps=cap, **words)
    known = {each.trial_key: each for each in whole.points}
    for rung in record.renditions:
        assert rung.verified and rung.bitrate_kbps <= cap
        if rung.trial_key in known:
            assert rung.bitrate_kbps == known[rung.trial_key].bitrate_kbps
    assert "measured on the whole source" in record.notes[0]
    text = api.ladder_text(record)
    assert "Measured on the whole source." in text and "on windows of the source" in text

    floor = made(source, output=tmp_path / "floor", min_kbps=rates[3], **words)
    assert all(rung.bitrate_kbps >= rates[3] for rung in floor.renditions)
    with pytest.raises(UsageError, match="caps and floors"):
        made(source, output=tmp_path / "none", max_kbps=rates[0] / 4, **words)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("encoder", "preset", "word"),
    [
        ("libsvtav1", "12", r"av01\.0\.\d\dM\.10\.0\.11\d\.09\.16\.09\.0"),
        ("libvpx-vp9", "5", r"vp09\.02\.\d\d\.10\.0[01]\.09\.16\.09\.00"),
    ],
)
def test_codec_words_of_hdr_say_its_colours(
    tmp_path: Path, encoder: str, preset: str, word: str
) -> None:
    kit.hdr10(tmp_path / "hdr.mkv")
    record = api.ladder(
        tmp_path / "hdr.mkv", encoder=encoder, preset=preset, allow_hdr=True, crf=["30,40,50"],
        quality_tiers=1, min_quality=0.0, output=tmp_path / "out", format=["hls"],
    )  # fmt: skip
    assert re.fullmatch(word, record.renditions[0].codecs or "")
    assert f'CODECS="{record.renditions[0].codecs}"' in Path(record.packages["hls"]).read_text()


def test_an_output_that_cannot_be_is_told_before_any_work(film: Path, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("")
    with pytest.raises(OutputError, match="is not empty"):
        made(film, output=tmp_path / "used")
    with pytest.raises(UsageError, match="cannot be packaged"):
        made(film, output=tmp_path / "new", encoder="libkvazaar", preset="ultrafast",
             crf=["20,30,40"], resolutions=["320x176"])  # fmt: skip


def test_hdr_is_refused_unless_allowed(tmp_path: Path) -> None:
    kit.hdr10(tmp_path / "hdr.mkv")
    with pytest.raises(Refused, match="HDR10"):
        api.ladder(tmp_path / "hdr.mkv", **FAST)


def test_the_command_prints_what_was_asked_for(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Any = typer.main.get_command(tune.app)

    def run(*words: str) -> str:
        fixed = ["ladder", str(film), "--encoder", "x264", "--preset", "ultrafast", "-q"]
        fixed += ["--resolutions", ",".join(SIZES), "--crf", VALUES, "--segment-duration", "0.4"]
        assert command.main([*fixed, *words], prog_name="vmaf-tune", standalone_mode=False) == 0
        return capsys.readouterr().out

    record = json.loads(run("--json"))
    assert record["type"] == "ladder" and record["renditions"]
    table = run("--format", "csv").splitlines()
    assert table[0].startswith("table,rung,setting,kbps")
    assert sum(line.startswith("Rungs,") for line in table) == len(record["renditions"])
    commands = run("--dry-run").splitlines()
    assert len(commands) == 9 and all("-crf" in line for line in commands)
    assert any("scale=160:90" in line for line in commands)
