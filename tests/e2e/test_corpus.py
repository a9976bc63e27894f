"""`vmaf-tune corpus` and `export` from end to end, with the true ffmpeg on small made clips."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import av
import polars as pl
import pytest
from tests.corpus_kit import FRAMES, make_clips, tune

import vmafkit
from vmafkit import api, errors, proc
from vmafkit.execute import toolchain
from vmafkit.ffmpeg import capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.schema.corpus import V1_KEYS
from vmafkit.store.trials import TrialStore

# The row of the users' document, in its order.
DOCUMENTED = [
    "schema_version",
    "run_id",
    "timestamp",
    "src",
    "src_sha256",
    "width",
    "height",
    "pix_fmt",
    "framerate",
    "duration_s",
    "encoder",
    "encoder_version",
    "preset",
    "crf",
    "extra_params",
    "encode_path",
    "encode_size_bytes",
    "bitrate_kbps",
    "encode_time_ms",
    "vmaf_score",
    "vmaf_model",
    "score_time_ms",
    "ffmpeg_version",
    "vmaf_binary_version",
    "exit_status",
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Sequence[str]]]:
    """The words of every program that this process starts."""
    seen: list[Sequence[str]] = []
    real = proc._start

    def start(argv: Sequence[str], *more: Any) -> Any:
        seen.append(argv)
        return real(argv, *more)

    monkeypatch.setattr(proc, "_start", start)
    yield seen


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def packet_bits(path: Path) -> int:
    with av.open(str(path)) as container:
        return 8 * sum(packet.size for packet in container.demux(video=0))


@pytest.fixture(scope="module")
def big(
    clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """(corpus file, cache) of two sources, three encoders, and lists and ranges of values."""
    folder = tmp_path_factory.mktemp("big")
    patch = pytest.MonkeyPatch()
    patch.setenv("VMAFKIT_CACHE", str(folder / "cache"))
    code = tune(
        patch, "corpus", clips["one"], "--source", clips["two"],
        "--encoder", "libx264,libx265", "--codec", "svt-av1",
        "--preset", "ultrafast,superfast", "--preset", "12",
        "--crf", "20:40:20", "--quality", "30,40",
        "--feature", "psnr", "--keep-encodes", "-o", folder / "c.jsonl",
    )  # fmt: skip
    patch.undo()
    assert code == 0
    yield folder / "c.jsonl", folder / "cache"


def test_the_grid_is_whole_and_in_the_documented_schema(
    big: tuple[Path, Path], clips: dict[str, Path]
) -> None:
    rows = lines(big[0])
    grid = {(Path(r["src"]).stem, r["encoder"], r["preset"], r["crf"]) for r in rows}
    assert grid == {
        (name, encoder, preset, crf)
        for name in FRAMES
        for encoder, presets in (
            ("libx264", ("ultrafast", "superfast")),
            ("libx265", ("ultrafast", "superfast")),
            ("libsvtav1", ("12",)),
        )
        for preset in presets
        for crf in (20, 30, 40)
    }
    assert len(rows) == len(grid) == 30
    for row in rows:
        assert list(row)[:25] == DOCUMENTED == list(V1_KEYS)
        assert tuple(row) == vmafkit.CORPUS_ROW_KEYS
        assert row["schema_version"] == vmafkit.SCHEMA_VERSION > 1
    assert len({row["run_id"] for row in rows}) == 1
    assert len({row["trial_key"] for row in rows}) == 30


def test_the_columns_mean_what_they_say(big: tuple[Path, Path], clips: dict[str, Path]) -> None:
    ours = subprocess.run([find_ffmpeg(), "-version"], capture_output=True, text=True, check=True)
    version = ours.stdout.split()[2]
    for row in lines(big[0]):
        name = Path(row["src"]).stem
        kept = Path(row["encode_path"])
        assert row["exit_status"] == 0 and row["error"] is None
        assert row["src_sha256"] == _sha256(clips[name])
        assert (row["width"], row["height"]) == ((128, 72) if name == "one" else (160, 96))
        assert row["pix_fmt"] in ("yuv420p", "yuv444p", "yuv420p10le", "bgr0", "gbrp")
        rate = 25.0 if name == "one" else 30000 / 1001
        assert row["framerate"] == pytest.approx(rate, abs=1e-3)
        assert row["source_frame_count"] == FRAMES[name]
        assert row["duration_s"] == pytest.approx(FRAMES[name] / rate, abs=2e-3)
        assert row["encode_size_bytes"] == kept.stat().st_size
        assert row["video_bits"] == packet_bits(kept) < 8 * kept.stat().st_size
        assert row["bitrate_kbps"] == pytest.approx(row["video_bits"] / row["duration_s"] / 1000)
        assert row["encode_time_ms"] > 0 and row["score_time_ms"] > 0
        assert 0 <= row["vmaf_min"] <= row["vmaf_score"] <= 100
        assert row["vmaf_pooling"] == "mean"
        assert row["vmaf_model"] == "vmaf_v0.6.1"
        assert row["ffmpeg_version"] == version
        assert row["tool_version"] == vmafkit.__version__
        assert re.match(r"\d+\.\d+|v?\d|core \d+", row["encoder_version"]), row["encoder_version"]
        assert re.match(r"v?\d+\.\d+|[0-9a-f]{7}", row["libvmaf_version"])
        assert {"psnr_y", "integer_motion2"} <= set(row["features"])
        assert row["argv"][:2] == ["-c:v", row["encoder"]]
        with av.open(str(kept)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.codec.canonical_name == row["codec"]
            assert not container.streams.audio
            assert sum(bool(p.size) for p in container.demux(stream)) == FRAMES[name]


def test_more_bits_give_more_quality(big: tuple[Path, Path]) -> None:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in lines(big[0]):
        groups.setdefault((row["src"], row["encoder"], row["preset"]), []).append(row)
    for rows in groups.values():
        ordered = sorted(rows, key=lambda row: row["crf"])
        assert [r["video_bits"] for r in ordered] == sorted(
            (r["video_bits"] for r in rows), reverse=True
        )
        assert ordered[0]["vmaf_score"] > ordered[-1]["vmaf_score"]


def test_a_known_cell_costs_nothing(
    big: tuple[Path, Path],
    clips: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    starts: list[Sequence[str]],
) -> None:
    monkeypatch.setenv("VMAFKIT_CACHE", str(big[1]))
    words = ["corpus", clips["one"], "--encoder=libx264", "--preset", "ultrafast"]
    words += ["--crf", "20,30,40", "--feature", "psnr"]
    # The same corpus has them already, another corpus takes them from the store.
    before = big[0].read_bytes()
    assert tune(monkeypatch, *words, "-o", big[0]) == 0
    assert big[0].read_bytes() == before
    assert tune(monkeypatch, *words, "-o", tmp_path / "c.jsonl") == 0
    assert starts == []
    old = {row["trial_key"]: row for row in lines(big[0])}
    new = lines(tmp_path / "c.jsonl")
    assert len(new) == 3
    for row in new:
        for name in ("vmaf_score", "video_bits", "encoder_version", "scores", "features", "argv"):
            assert row[name] == old[row["trial_key"]][name]
        assert row["encode_path"] is None
    # Another feature is another trial; a known one whose encode is wanted is only encoded.
    assert tune(monkeypatch, *words[:5], "--crf", "30", "-o", tmp_path / "d.jsonl") == 0
    assert len(starts) == 2
    starts.clear()
    kept = tmp_path / "kept"
    assert tune(monkeypatch, *words, "--encode-dir", kept, "-o", tmp_path / "e.jsonl") == 0
    assert len(starts) == 3
    for row in lines(tmp_path / "e.jsonl"):
        assert packet_bits(Path(row["encode_path"])) == row["video_bits"]
        assert Path(row["encode_path"]).parent == kept


def test_a_kept_encode_is_never_replaced_by_another_trials(
    clips: dict[str, Path], tmp_path: Path, new_cache: Path
) -> None:
    other = tmp_path / "one.mkv"
    other.write_bytes(clips["two"].read_bytes())
    output, kept = tmp_path / "c.jsonl", tmp_path / "kept"
    runs: list[tuple[Path, dict[str, Any]]] = [
        (clips["one"], {}), (clips["one"], {"enc": ["g=2"]}), (clips["one"], {"threads": 2}),
        (other, {}),
    ]  # fmt: skip
    for source, more in runs:
        plan = api.plan_corpus([source], preset=["ultrafast"], crf=["30"], **more)
        api.corpus(plan, output, encode_dir=kept)
        # Another corpus file with the same folder.
        api.corpus(plan, tmp_path / "d.jsonl", encode_dir=kept)
    for rows in (lines(output), lines(tmp_path / "d.jsonl")):
        assert len({row["encode_path"] for row in rows}) == len(rows) == 4
        for row in rows:
            assert packet_bits(Path(row["encode_path"])) == row["video_bits"]
        assert Path(rows[0]["encode_path"]).name == "one__libx264__ultrafast__30.mkv"
    assert len(list(kept.iterdir())) == 4
    plan = api.plan_corpus([other], preset=["ultrafast"], crf=["30"])
    api.corpus(plan, tmp_path / "e.jsonl", encode_dir=kept)
    assert lines(tmp_path / "e.jsonl")[0]["encode_path"] == lines(output)[3]["encode_path"]


def test_encodes_wanted_later_are_made_and_no_row_is_added(
    clips: dict[str, Path], tmp_path: Path, new_cache: Path, starts: list[Sequence[str]]
) -> None:
    output = tmp_path / "c.jsonl"
    plan = api.plan_corpus([clips["one"]], preset=["ultrafast"], crf=["30,40"])
    api.corpus(plan, output)
    before = output.read_bytes()
    done = api.corpus(plan, output, keep_encodes=True)
    assert (done.skipped, done.known, done.measured) == (0, 2, 0)
    bits = {packet_bits(path) for path in (tmp_path / "encodes").iterdir()}
    assert bits == {row["video_bits"] for row in lines(output)}
    starts.clear()
    assert api.corpus(plan, output, keep_encodes=True).skipped == 2
    assert starts == [] and output.read_bytes() == before


def test_the_note_on_the_model_is_of_the_run(
    clips: dict[str, Path], tmp_path: Path, new_cache: Path
) -> None:
    runs: dict[str, dict[str, Any]] = {"c": {}, "d": {"model": ["vmaf_v0.6.1"]}}
    for name, more in runs.items():
        plan = api.plan_corpus([clips["one"]], preset=["ultrafast"], crf=["30"], **more)
        api.corpus(plan, tmp_path / f"{name}.jsonl")
    (first,), (second,) = lines(tmp_path / "c.jsonl"), lines(tmp_path / "d.jsonl")
    assert first["trial_key"] == second["trial_key"]
    assert "--model overrides" in first["model_note"] and second["model_note"] is None


def test_a_version_that_cannot_be_found_out_stops_the_plan(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise errors.ToolTimeout("libx264 ran longer than 60 s")

    toolchain._known_version.cache_clear()
    monkeypatch.setattr(toolchain, "_is_self_contained", lambda _: False)
    with monkeypatch.context() as patch:
        patch.setattr(toolchain, "try_encoder", fails)
        with pytest.raises(errors.ToolTimeout, match="libx264") as told:
            api.plan_corpus([clips["one"]], preset=["ultrafast"], crf=["30"])
        assert "doctor" in told.value.hint
    (cell,) = api.plan_corpus([clips["one"]], preset=["ultrafast"], crf=["30"]).cells
    assert cell.spec.toolchain.encoder_version


SLEEPS = """#!/bin/sh
case "$*" in {on}) exec sleep 60 ;; *) exec {program} "$@" ;; esac
"""


@pytest.mark.parametrize(
    ("on", "failure"),
    [("*libx264*", errors.ToolTimeout), ("-version", errors.ToolMissing)],
)
def test_a_program_that_does_not_answer_is_not_waited_for(
    clips: dict[str, Path], tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch,
    on: str, failure: type[errors.VmafkitError],
) -> None:  # fmt: skip
    program = tmp_path / "ffmpeg"
    program.write_text(SLEEPS.format(on=on, program=shlex.quote(str(find_ffmpeg()))))
    program.chmod(0o755)
    plan = partial(api.plan_corpus, [clips["one"]], crf=["30"], ffmpeg_bin=program)
    with pytest.raises(failure, match=r"ran longer than 0\.4 s") as told:
        plan(timeout_s=0.4)
    assert "another --ffmpeg-bin, or raise --timeout" in told.value.hint
    with pytest.raises(failure) as told, monkeypatch.context() as patch:
        for room, name in ((toolchain, "_TRY_LIMITS"), (capabilities, "_LIST_LIMITS")):
            patch.setattr(room, name, replace(getattr(room, name), wall_s=0.4))
        plan(timeout_s=1000.0)
    assert "another --ffmpeg-bin" in told.value.hint and "--timeout" not in told.value.hint
    with pytest.raises(errors.UsageError, match="--timeout 0 is not above 0"):
        plan(timeout_s=0)


def test_an_encoder_without_its_hardware_has_a_way_out(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise errors.ToolFailed("h264_nvenc failed (exit status 1): Cannot load libcuda.so.1")

    toolchain._known_version.cache_clear()
    monkeypatch.setattr(toolchain, "try_encoder", fails)
    with pytest.raises(errors.CapabilityMissing, match="libcuda") as told:
        api.plan_corpus([clips["one"]], encoder=["h264_nvenc"], crf=["30"])
    assert told.value.exit_code == 4 and "nvidia hardware" in told.value.hint
    with pytest.raises(errors.CapabilityMissing, match="libcuda"):
        api.recommend(clips["one"], encoder="h264_nvenc", target=["90"])


def test_the_dry_run_prints_commands_that_run(
    clips: dict[str, Path],
    tmp_path: Path,
    new_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["corpus", clips["one"], "--encoder", "libx264,libx265", "--preset", "ultrafast"]
    words += ["--crf", "30,40", "--enc", "g=5"]
    assert tune(monkeypatch, *words, "--dry-run") == 0
    assert not list(tmp_path.glob("*.jsonl"))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    for command in printed:
        done = subprocess.run(
            shlex.split(command), capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        assert done.returncode == 0, done.stderr
    assert tune(monkeypatch, *words, "-o", "c.jsonl") == 0
    made = {path.name: packet_bits(path) for path in tmp_path.glob("*.mkv")}
    rows = lines(tmp_path / "c.jsonl")
    assert sorted(made.values()) == sorted(row["video_bits"] for row in rows)
    assert all(row["extra_params"] == ["g=5"] for row in rows)


@pytest.mark.parametrize(("output", "code"), [("none/c.jsonl", 1), ("film.mkv", 2), (".", 1)])
def test_the_dry_run_refuses_an_output_that_the_sweep_would(
    clips: dict[str, Path],
    tmp_path: Path,
    new_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    film = tmp_path / "film.mkv"
    film.write_bytes(clips["one"].read_bytes())
    words = ["corpus", film, "--preset", "ultrafast", "--crf", "30", "-o", output]
    told: list[str] = []
    for flags in (["--dry-run"], []):
        assert tune(monkeypatch, *words, *flags) == code
        shown = capsys.readouterr()
        assert shown.out == ""
        told.append(shown.err)
    assert told[0] == told[1] != ""
    assert film.read_bytes() == clips["one"].read_bytes()


def test_events_are_json_lines(
    clips: dict[str, Path],
    tmp_path: Path,
    new_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["corpus", clips["one"], "--preset", "ultrafast", "--crf", "30,35", "--json"]
    assert tune(monkeypatch, *words, "-o", tmp_path / "c.jsonl") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-1]) == ("sweep-started", "sweep-finished")
    assert kinds.count("trial-started") == kinds.count("trial-finished") == 2
    assert "trial-progress" in kinds
    rows = {row["trial_key"]: row for row in lines(tmp_path / "c.jsonl")}
    for event in events:
        if event["type"] == "trial-finished":
            assert event["outcome"] == "measured"
            assert event["vmaf_score"] == rows[event["trial_key"]]["vmaf_score"]
        if event["type"] == "trial-progress":
            assert 0 <= event["frame"] <= event["frames"] == 10
    assert events[-1]["measured"] == 2


def test_a_failed_cell_is_a_row_and_the_command_fails(
    clips: dict[str, Path],
    tmp_path: Path,
    new_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "c.jsonl"
    words = ["corpus", clips["one"], "--preset", "ultrafast", "-o", output]
    # The profile has no room for 10 bits; the encoder itself says so.
    bad = [*words, "--crf", "30", "--enc", "profile=baseline", "--enc", "level=99"]
    assert tune(monkeypatch, *bad) == 1
    assert tune(monkeypatch, *words, "--crf", "31") == 0
    failed, good = lines(output)
    assert failed["exit_status"] != 0 and failed["error"] and failed["error_code"]
    assert failed["vmaf_score"] is failed["bitrate_kbps"] is failed["encode_size_bytes"] is None
    assert good["exit_status"] == 0
    assert "1 failed" in capsys.readouterr().out
    # It is tried again, and fails again.
    assert tune(monkeypatch, *bad) == 1
    assert [row["exit_status"] == 0 for row in lines(output)] == [False, True, False]
    with TrialStore(new_cache) as store:
        assert len(store.find()) == 1


def test_export_keeps_every_column(
    big: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = lines(big[0])
    for name in ("c.parquet", "c.csv", "c.jsonl"):
        assert tune(monkeypatch, "export", big[0], tmp_path / name) == 0
    table = pl.read_parquet(tmp_path / "c.parquet")
    assert tuple(table.columns) == vmafkit.CORPUS_ROW_KEYS
    assert table["vmaf_score"].to_list() == [row["vmaf_score"] for row in rows]
    assert json.loads(table["features"][0]) == rows[0]["features"]
    assert pl.read_csv(tmp_path / "c.csv")["video_bits"].to_list() == [
        row["video_bits"] for row in rows
    ]
    assert (tmp_path / "c.jsonl").read_bytes() == big[0].read_bytes()


def test_old_and_new_rows_are_read(big: tuple[Path, Path], tmp_path: Path) -> None:
    old = dict(zip(DOCUMENTED, (None,) * 25, strict=True)) | {
        "schema_version": 1, "run_id": "r", "timestamp": "2025-01-01T00:00:00", "src": "a.yuv",
        "src_sha256": "00", "width": 64, "height": 64, "pix_fmt": "yuv420p", "framerate": 24.0,
        "duration_s": 1.0, "encoder": "libx264", "encoder_version": "libx264-164",
        "preset": "medium", "crf": 23, "extra_params": [], "encode_path": "", "encode_size_bytes":
        1000, "bitrate_kbps": 8.0, "encode_time_ms": 1.5, "vmaf_score": 91.25,
        "vmaf_model": "vmaf_v0.6.1", "score_time_ms": 2.0, "ffmpeg_version": "6.0",
        "vmaf_binary_version": "3.0.0", "exit_status": 0,
    }  # fmt: skip
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_bytes(json.dumps(old).encode() + b"\n" + big[0].read_bytes())
    rows = vmafkit.read_corpus(mixed)
    assert len(rows) == 31
    assert (rows[0].schema_version, rows[0].vmaf_score, rows[0].trial_key) == (1, 91.25, None)
    assert rows[1].vmaf_pooling == "mean"


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
