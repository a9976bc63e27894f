"""`auto`: the plan is the same every time, and what it executes is measured and kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.errors import CapabilityMissing, OutputError, Refused, UsageError
from vmafkit.execute import batch
from vmafkit.media.probe import open_source
from vmafkit.schema.auto_plan import TuneResult

WORDS: dict[str, Any] = {"target": ["90"], "preset": ["ultrafast,13"], "tolerance": 2.0}
SEED_KEYS = (
    "cell_index", "codec", "preset", "crf", "selected", "estimated_vmaf",
    "estimated_bitrate_kbps", "prediction_source", "encode_size_bytes", "encode_time_ms",
    "encode_exit_status", "ffmpeg_version", "encoder_version", "encode_path", "vmaf_score",
    "score_time_ms", "score_exit_status", "vmaf_binary_version",
)  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.film(tmp_path_factory.mktemp("clips") / "film.mkv")


@pytest.fixture(autouse=True)
def _own_store(new_cache: Path) -> None:
    del new_cache


def rows(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "tune_results.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_plan_encodes_nothing_and_is_a_function_of_its_words(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a plan measured something")

    monkeypatch.setattr(batch, "run_trial", never)
    texts = {api.auto(film, **WORDS, runs_dir=tmp_path / "runs").plan.text() for _ in range(3)}
    assert len(texts) == 1 and not (tmp_path / "runs").exists()
    plan = json.loads(texts.pop())
    assert [cell["codec"] for cell in plan["cells"]] == ["libx264", "libx265", "libsvtav1"]
    assert sum(cell["selected"] for cell in plan["cells"]) == 1
    winner = plan["metadata"]["winner"]
    assert plan["cells"][winner["cell_index"]]["selected"]
    assert "estimate" in winner["reason"] and "met" not in json.dumps(plan["cells"])
    for cell in plan["cells"]:
        low, high = cell["estimated_vmaf_interval"]
        assert low <= cell["estimated_vmaf"] <= high


def test_the_plan_does_not_depend_on_the_hash_seed(film: Path, tmp_path: Path) -> None:
    program = str(Path(sys.executable).with_name("vmaf-tune"))
    words = [program, "auto", str(film), "--target", "90", "--allow-codecs", "x265,x264", "--json"]
    told = [
        subprocess.run(
            words, capture_output=True, check=True, timeout=60, cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "77")
    ]  # fmt: skip
    assert told[0] == told[1] and json.loads(told[0])["type"] == "plan"


def test_executed_cells_are_proved_and_a_restart_skips_them(film: Path, tmp_path: Path) -> None:
    runs, before = tmp_path / "runs", kit.sha256(film)
    first = api.auto(film, **WORDS, execute=True, runs_dir=runs)
    assert first.met and first.skipped == 0
    (row,) = rows(runs)
    assert tuple(row)[: len(SEED_KEYS)] == SEED_KEYS
    assert row["selected"] and row["met"] and row["encode_exit_status"] == 0
    assert any(key.startswith("feature_adm2_mean") for key in row)
    made = Path(row["encode_path"])
    assert made.suffix == ".mkv" and made.stat().st_size == row["encode_size_bytes"]
    assert open_source(made).frame_count == open_source(film).frame_count
    assert api.score(film, made).pooled("vmaf_v0.6.1") == pytest.approx(row["vmaf_score"], abs=1e-6)

    every = api.auto(film, **WORDS, execute_all=True, runs_dir=runs)
    assert every.skipped == 1 and len(every.results) == 3 and len(rows(runs)) == 3
    again = api.auto(film, **WORDS, execute_all=True, runs_dir=runs)
    assert again.skipped == 3 and len(rows(runs)) == 3
    assert again.plan.text() == first.plan.text()
    assert kit.sha256(film) == before

    made.write_bytes(b"something else")
    mended = api.auto(film, **WORDS, execute=True, runs_dir=runs)
    assert mended.skipped == 0 and mended.met and len(rows(runs)) == 4
    assert open_source(made).frame_count == open_source(film).frame_count
    names = {each.name for each in runs.iterdir()}
    assert not [name for name in names if name.startswith(".")]


def test_an_estimate_that_misses_is_corrected(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vmafkit.api import _auto

    real = _auto.expect

    def far_off(*words: Any) -> Any:
        from dataclasses import replace

        return replace(real(*words), quality=48.0)

    monkeypatch.setattr(_auto, "expect", far_off)
    done = api.auto(
        film, target=["92"], preset=["ultrafast"], allow_codecs=["x264"], execute=True,
        runs_dir=tmp_path / "runs",
    )  # fmt: skip
    (row,) = done.results
    assert row.planned_crf == 48.0 and row.probes[0]["quality"] == 48.0
    assert row.probes[0]["scores"][0] < 92.0 <= row.scores[0] and row.met


def test_what_is_out_of_reach_is_said_and_makes_no_file(film: Path, tmp_path: Path) -> None:
    done = api.auto(
        film, target=["95"], max_bitrate="20", preset=["ultrafast"], allow_codecs=["x264"],
        execute=True, runs_dir=tmp_path / "runs",
    )  # fmt: skip
    (row,) = done.results
    assert not row.met and not done.met and row.encode_path is None and "20 kbps" in row.reason
    assert row.vmaf_score is not None and row.error is None
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["tune_results.jsonl"]


def test_a_failing_codec_is_a_row_and_the_others_go_on(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vmafkit.errors import EncodeFailed

    real = batch.run_trial

    def failing(bench: Any, cell: Any, **words: Any) -> Any:
        if cell.spec.encoder == "libx265":
            raise EncodeFailed("libx265 broke", exit_status=3)
        return real(bench, cell, **words)

    monkeypatch.setattr(batch, "run_trial", failing)
    words = {**WORDS, "allow_codecs": ["libx265,libx264"], "preset": ["ultrafast"]}
    done = api.auto(film, **words, execute_all=True, runs_dir=tmp_path / "runs")
    by_codec = {row.codec: row for row in done.results}
    assert by_codec["libx265"].encode_exit_status == 3
    assert by_codec["libx265"].error_code == "encode-failed" and not by_codec["libx265"].met
    assert by_codec["libx264"].met
    for line in (tmp_path / "runs" / "tune_results.jsonl").read_bytes().splitlines():
        TuneResult.model_validate_json(line)


def test_a_torn_row_is_set_aside(film: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    words = {**WORDS, "allow_codecs": ["x264"], "preset": ["ultrafast"]}
    api.auto(film, **words, execute=True, runs_dir=runs)
    results = runs / "tune_results.jsonl"
    whole = results.read_bytes()
    results.write_bytes(whole + whole[:100])
    assert api.auto(film, **words, execute=True, runs_dir=runs).skipped == 1
    assert results.read_bytes() == whole and list(runs.glob("*.torn-*"))


def test_an_mp4_gives_an_mp4(tmp_path: Path) -> None:
    film = kit.film(tmp_path / "film.mp4")
    words = {**WORDS, "allow_codecs": ["x264"], "preset": ["ultrafast"]}
    done = api.auto(film, **words, execute=True, runs_dir=tmp_path / "runs")
    assert done.met and str(done.results[0].encode_path).endswith(".mp4")


def test_sources_of_one_name_keep_their_own_files(tmp_path: Path) -> None:
    words = {**WORDS, "allow_codecs": ["x264"], "preset": ["ultrafast"]}
    films = [tmp_path / name / "film.mkv" for name in ("one", "two")]
    for path, frames in zip(films, (10, 14), strict=True):
        path.parent.mkdir()
        kit.moving(path, frames=frames)
    runs = tmp_path / "runs"
    for _ in range(2):
        for path, frames in zip(films, (10, 14), strict=True):
            (row,) = api.auto(path, **words, execute=True, runs_dir=runs).results
            assert open_source(Path(row.encode_path or "")).frame_count == frames
    first, second = rows(runs)
    assert first["encode_path"] != second["encode_path"]
    assert second["cell_key"][:8] in Path(second["encode_path"]).name


def test_hdr_is_planned_for_and_not_scored_by_itself(tmp_path: Path) -> None:
    clip = kit.hdr10(tmp_path / "hdr.mkv")
    planned = api.auto(clip, **WORDS).plan
    assert planned.metadata.source_meta["hdr"] == "hdr10" and planned.metadata.notes
    assert planned.metadata.source_meta["mastering_display"]
    with pytest.raises(Refused, match="HDR10"):
        api.auto(clip, **WORDS, execute=True, runs_dir=tmp_path / "runs")


def test_wrong_words_are_refused(film: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="quality target"):
        api.auto(film, max_bitrate="500")
    with pytest.raises(UsageError, match="no encoder"):
        api.auto(film, target=["93"], allow_codecs=["nope"])
    with pytest.raises(CapabilityMissing):
        api.auto(film, target=["93"], allow_codecs=["hevc_videotoolbox"])
    with pytest.raises(UsageError, match="no preset"):
        api.auto(film, target=["93"], preset=["quick"])
    with pytest.raises(UsageError, match="is the source"):
        api.auto(film, target=["93"], output=film)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(OutputError):
        api.auto(film, target=["93"], execute=True, runs_dir=blocked / "runs")
