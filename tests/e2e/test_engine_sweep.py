"""A sweep that scores with the engine: in batches, and as if each cell were alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.engine_kit import library
from tests.faults.test_score_faults import tool
from tests.tuning_kit import moving

from vmafkit import api, errors
from vmafkit.api._corpus import SweepPlan
from vmafkit.decide import batches
from vmafkit.execute import batch, measuring
from vmafkit.execute.trial import Bench
from vmafkit.schema.corpus import CorpusRow
from vmafkit.scoring.engine import many, native
from vmafkit.scoring.engine.native import Library
from vmafkit.store.corpus_file import read_corpus
from vmafkit.store.trials import TrialStore

__all__ = ["library"]

_OF_THE_CLOCK = {"run_id", "timestamp", "encode_time_ms", "score_time_ms", "encode_cpu_s",
                 "score_cpu_s", "checksum"}  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving(tmp_path_factory.mktemp("engine") / "clip.mkv", frames=10)


@pytest.fixture(autouse=True)
def _engine_is_there(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (native, many):
        monkeypatch.setattr(module, "find_library", lambda: library.path)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many encodes each call of the engine scored."""
    seen: list[int] = []
    real = many.score_many

    def counted(scorer: Any, ready: Sequence[Any], **more: Any) -> Any:
        seen.append(len(ready))
        return real(scorer, ready, **more)

    monkeypatch.setattr(many, "score_many", counted)
    return seen


def sweep(clip: Path, output: Path, crf: str = "20:45:5", **more: Any) -> list[CorpusRow]:
    plan = api.plan_corpus([clip], crf=[crf], preset=["ultrafast"], **more)
    api.corpus(plan, output, workers=1)
    return read_corpus(output)


def bench_of(plan: SweepPlan, store: TrialStore) -> Bench:
    program, version = Path(plan.capabilities.path), plan.capabilities.version
    return Bench(program=program, version=version, store=store)


def facts(rows: Sequence[CorpusRow]) -> dict[float, dict[str, Any]]:
    return {row.crf: row.model_dump(exclude=_OF_THE_CLOCK) for row in rows}


def test_a_batched_sweep_gives_the_rows_of_one_by_one(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "one"))
    together = sweep(clip, tmp_path / "together.jsonl")
    assert sizes == [3, 3]
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(batches, "MOST", 1)
    alone = sweep(clip, tmp_path / "alone.jsonl")
    assert sizes == [3, 3] + 6 * [1]
    assert facts(together) == facts(alone)
    for row in together:
        assert (row.score_backend, row.score_backend_note) == ("engine", None)
        assert native.version() in (row.libvmaf_version or "")
        assert (row.score_filter or "").startswith("engine in yuv420p")
    theirs = facts(sweep(clip, tmp_path / "libvmaf.jsonl", score_backend="libvmaf"))
    for row in together:
        other = theirs[row.crf]
        assert row.trial_key != other["trial_key"]
        assert other["score_backend"] == "libvmaf"
        assert row.video_bits == other["video_bits"]
        assert row.vmaf_score == pytest.approx(other["vmaf_score"], abs=1e-3)


def test_auto_says_in_the_row_why_it_was_libvmaf(
    clip: Path, tmp_path: Path, new_cache: Path
) -> None:
    row = sweep(clip, tmp_path / "c.jsonl", crf="30", feature=["psnr"])[0]
    assert row.score_backend == "libvmaf"
    assert "features beside the models" in (row.score_backend_note or "")
    with pytest.raises(errors.CapabilityMissing, match="features beside") as caught:
        sweep(clip, tmp_path / "c.jsonl", crf="30", feature=["psnr"], score_backend="engine")
    assert "--score-backend libvmaf" in caught.value.hint


def test_what_is_known_is_not_scored_again(
    clip: Path, tmp_path: Path, new_cache: Path, sizes: list[int]
) -> None:
    sweep(clip, tmp_path / "a.jsonl", crf="20,30")
    sizes.clear()
    rows = sweep(clip, tmp_path / "b.jsonl", crf="20,25,30,35")
    assert sizes == [2]
    assert [row.exit_status for row in rows] == [0] * 4


def test_a_failed_encode_does_not_stop_its_batch(
    clip: Path, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    real = measuring.encode_cell

    def broken(program: Path, cell: Any, output: Path, **more: Any) -> Any:
        if cell.quality == 25:
            raise errors.EncodeFailed("the encoder broke", exit_status=1)
        return real(program, cell, output, **more)

    monkeypatch.setattr(measuring, "encode_cell", broken)
    rows = sweep(clip, tmp_path / "c.jsonl", crf="20,25,30,35")
    assert sizes == [3]
    assert {row.crf: row.error_code for row in rows} == {
        20: None, 25: "encode-failed", 30: None, 35: None,
    }  # fmt: skip
    with TrialStore(new_cache) as store:
        assert {record.quality for record in store.find()} == {20, 30, 35}
        assert store.claim(next(row.trial_key or "" for row in rows if row.crf == 25), "another")


def test_a_failed_score_is_one_cells_own(
    clip: Path, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = many.score_many

    def broken(scorer: Any, ready: Sequence[Any], **more: Any) -> Any:
        if any(each.pair.distorted.video_bits == worst[0] for each in ready):
            raise errors.ScoreFailed("it cannot be decoded")
        return real(scorer, ready, **more)

    bits = {row.crf: row.video_bits for row in sweep(clip, tmp_path / "a.jsonl", crf="20,25,30")}
    worst = [bits[25]]
    monkeypatch.setattr(many, "score_many", broken)
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "other"))
    rows = sweep(clip, tmp_path / "b.jsonl", crf="20,25,30")
    assert {row.crf: row.error_code for row in rows} == {20: None, 25: "score-failed", 30: None}


def test_a_cell_that_another_one_measures_is_waited_for_last(
    clip: Path, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    plan = api.plan_corpus([clip], crf=["20,25,30"], preset=["ultrafast"])
    cells = plan.cells
    order: list[float] = []
    with TrialStore(new_cache) as store:
        bench = bench_of(plan, store)
        key = cells[0].spec.key
        assert store.claim(key, "another")

        def release() -> None:
            while len(order) < 2:
                time.sleep(0.01)
            store.release(key, "another")

        thread = threading.Thread(target=release)
        thread.start()
        batch.run_batch(
            bench,
            [batch.Task(cell) for cell in cells],
            lambda task, outcome: order.append(task.cell.quality),
        )
        thread.join()
        assert order == [25, 30, 20] and sizes == [2, 1]
        assert len(store.find()) == 3
        assert all(store.claim(cell.spec.key, "another") for cell in cells)


def test_a_stop_gives_all_claims_back(
    clip: Path, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = api.plan_corpus([clip], crf=["20,25,30"], preset=["ultrafast"])

    def stopped(*_: Any, **__: Any) -> Any:
        raise errors.Cancelled("stopped")

    monkeypatch.setattr(many, "score_many", stopped)
    with TrialStore(new_cache) as store:
        bench = bench_of(plan, store)
        tasks = [batch.Task(cell) for cell in plan.cells]
        with pytest.raises(errors.Cancelled):
            batch.run_batch(bench, tasks, lambda task, outcome: None)
        assert all(store.claim(cell.spec.key, "another") for cell in plan.cells)
        assert store.find() == []


def test_a_score_says_which_backend_made_it(clip: Path, tmp_path: Path) -> None:
    ours = api.score(clip, clip)
    assert (ours.backend, ours.backend_note) == ("engine", "")
    theirs = api.score(clip, clip, features=["psnr"])
    assert theirs.backend == "ffmpeg-libvmaf" and "features" in theirs.backend_note
    assert api.score(clip, clip, score_backend="libvmaf").backend_note == ""
    with pytest.raises(errors.CapabilityMissing, match="every n-th"):
        api.score(clip, clip, subsample=2, score_backend="engine")
    with pytest.raises(errors.UsageError, match="has no program"):
        api.score(clip, clip, score_backend="vmaf-binary")
    with pytest.raises(errors.UsageError, match="contradict"):
        api.score(clip, clip, score_backend="engine", vmaf_binary="/bin/true")
    with pytest.raises(errors.UsageError, match="'gpu' is none"):
        api.score(clip, clip, score_backend="gpu")
    record = api.score_record(ours, clip, clip)
    assert json.loads(json.dumps(record))["backend"] == "engine"


def test_the_rungs_of_a_ladder_share_one_reference(
    tmp_path: Path, new_cache: Path, sizes: list[int]
) -> None:
    source = moving(tmp_path / "larger.mkv", frames=6, size="192x128")
    words: dict[str, Any] = {
        "preset": "ultrafast", "crf": ["20", "30", "40"], "resolutions": ["192x128", "128x86"],
        "full": True, "exhaustive": True, "workers": 1, "quality_tiers": 2,
    }  # fmt: skip
    ours = api.ladder(source, **words)
    assert sizes == [3, 3]
    theirs = api.ladder(source, **words, score_backend="libvmaf")
    assert [each.bitrate_kbps for each in ours.points] == [
        each.bitrate_kbps for each in theirs.points
    ]
    assert native.version() in ours.versions["libvmaf"]
    assert native.version() not in theirs.versions["libvmaf"]


def test_the_values_of_a_shot_share_one_reference(
    tmp_path: Path, new_cache: Path, sizes: list[int]
) -> None:
    clip = moving(tmp_path / "clip.mkv", frames=12)
    api.tune_per_shot(clip, target="90", preset="ultrafast", probes=3, workers=1)
    assert sizes[0] == 3


def test_the_vmaf_binary_scores_trials_of_its_own(
    clip: Path, tmp_path: Path, new_cache: Path
) -> None:
    program, said = tool(tmp_path)
    row = sweep(clip, tmp_path / "tool.jsonl", crf="30", vmaf_binary=program)[0]
    assert said.is_file()
    assert (row.score_backend, row.vmaf_binary_version) == ("vmaf-binary", "3.2.0")
    plain = sweep(clip, tmp_path / "plain.jsonl", crf="30", score_backend="libvmaf")[0]
    assert plain.vmaf_score == pytest.approx(row.vmaf_score, abs=1e-4)
    program.write_text(program.read_text() + "\n")
    other = sweep(clip, tmp_path / "other.jsonl", crf="30", vmaf_binary=program)[0]
    assert len({row.trial_key, plain.trial_key, other.trial_key}) == 3


def test_probes_side_by_side_share_one_reference(
    clip: Path, new_cache: Path, sizes: list[int]
) -> None:
    found = api.recommend(
        clip, preset="ultrafast", target=["85"], tolerance=0.0, full=True, probes_at_once=3,
        workers=1, score_backend="engine",
    )  # fmt: skip
    assert found.met
    assert sizes[0] == 3
    assert found.cost.probes_measured == sum(sizes)
