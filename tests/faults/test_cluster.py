"""Sweeps on a cluster of this machine: workers that die, differ, or do not see the source."""

from __future__ import annotations

import functools
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.corpus_kit import make_clips
from tests.faketools.fake import real_ffmpeg

from vmafkit import api
from vmafkit.errors import (
    Cancelled,
    Changed,
    ClusterLost,
    Refused,
    ToolFailed,
    Unreadable,
    UsageError,
)
from vmafkit.execute.cluster import answers, trials, worker
from vmafkit.execute.cluster.current import current
from vmafkit.execute.cluster.scores import score_somewhere
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.ffmpeg.run import Job
from vmafkit.media.hashing import content_hash
from vmafkit.media.probe import open_source
from vmafkit.scoring.pair import Pair, Scorer, score_pair
from vmafkit.scoring.score import ScoreRequest

pytest.importorskip("distributed")
Rounds = Callable[[int, int], int]


def _length(order: None, data: bytes, *, cancel: threading.Event) -> int:
    return len(data)


# What differs between two runs of one plan.
_OF_A_RUN = {
    "run_id", "timestamp", "encode_time_ms", "score_time_ms", "encode_cpu_s", "score_cpu_s",
    "checksum",
}  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))["one"]


@pytest.fixture(scope="module", autouse=True)
def _module_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers are processes, so that they see only the environment they are started in."""
    before = os.environ["VMAFKIT_CACHE"]
    os.environ["VMAFKIT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ["VMAFKIT_CACHE"] = before


@pytest.fixture(scope="module")
def two_workers(_module_cache: None) -> Iterator[int]:
    with api.on_cluster("local:2") as slots:
        yield slots


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _numbers(path: Path) -> list[dict[str, Any]]:
    rows = [{k: v for k, v in row.items() if k not in _OF_A_RUN} for row in _rows(path)]
    return sorted(rows, key=lambda row: row["trial_key"])


def _plan(clip: Path, crf: str, preset: str = "ultrafast") -> Any:
    return api.plan_corpus([clip], preset=[preset], crf=[crf], score_backend="libvmaf")


def test_a_cluster_makes_the_rows_that_this_machine_makes(
    clip: Path, two_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert two_workers == 2
    plan = _plan(clip, "20,30,40")
    api.corpus(plan, tmp_path / "there.jsonl", workers=2, keep_encodes=True)
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("vmafkit.execute.cluster.current._connected", [])
    api.corpus(_plan(clip, "20,30,40"), tmp_path / "here.jsonl", workers=2)
    there = [{**row, "encode_path": None} for row in _numbers(tmp_path / "there.jsonl")]
    for one, other in zip(there, _numbers(tmp_path / "here.jsonl"), strict=True):
        assert one == other
    for row in _rows(tmp_path / "there.jsonl"):
        assert Path(row["encode_path"]).stat().st_size == row["encode_size_bytes"]


def test_killed_workers_cost_no_row(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    count = rounds(16, 200)
    values = f"10:{10 + (count - 1) * 0.2:g}:0.2"
    kills = 0
    chance = random.Random(7)
    over = threading.Event()
    with api.on_cluster("local:2") as slots:
        connected = current()
        assert connected is not None

        def kill() -> None:
            nonlocal kills
            while not over.wait(chance.uniform(0.2, 2.5)):
                pids = list(connected.client.run(os.getpid, on_error="ignore").values())
                # A new worker takes seconds to start: without one nothing would be hit.
                if len(pids) == slots:
                    for pid in chance.sample(pids, chance.choice((1, 1, 1, 2))):
                        os.kill(pid, signal.SIGKILL)
                        kills += 1

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            done = api.corpus(_plan(clip, values), tmp_path / "rows.jsonl", workers=slots)
        finally:
            over.set()
            killer.join()
    rows = _rows(tmp_path / "rows.jsonl")
    print(f"{count} trials, {kills} workers killed")
    assert done.failed == 0 and kills > 0
    assert len({row["trial_key"] for row in rows}) == len(rows) == count
    assert all(row["exit_status"] == 0 for row in rows)
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "undisturbed"))
    api.corpus(_plan(clip, values), tmp_path / "undisturbed.jsonl", workers=2)
    assert _numbers(tmp_path / "rows.jsonl") == _numbers(tmp_path / "undisturbed.jsonl")


def test_a_stop_ends_the_programs_of_the_workers(clip: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    with api.on_cluster("local:2") as slots:
        threading.Timer(0.5, cancel.set).start()
        plan = _plan(clip, "10:20:0.1", preset="placebo")
        with pytest.raises(Cancelled):
            api.corpus(plan, tmp_path / "rows.jsonl", workers=slots, cancel=cancel)
    rows = _rows(tmp_path / "rows.jsonl") if (tmp_path / "rows.jsonl").exists() else []
    assert len(rows) < len(plan.cells)


def test_a_failed_trial_is_a_row_with_its_cause(
    clip: Path, two_workers: int, tmp_path: Path
) -> None:
    plan = api.plan_corpus([clip], preset=["medium"], crf=["25,35"], score_backend="libvmaf")
    wrong = ("-profile:v", "none")
    cells = [
        replace(cell, spec=replace(cell.spec, encode_argv=(*cell.spec.encode_argv, *wrong)))
        for cell in plan.cells
    ]
    done = api.corpus(replace(plan, cells=tuple(cells)), tmp_path / "rows.jsonl", workers=2)
    assert done.failed == 2
    assert {row["error_code"] for row in _rows(tmp_path / "rows.jsonl")} == {"encode-failed"}


def test_a_worker_with_another_file_at_the_path_is_refused(tmp_path: Path, clip: Path) -> None:
    here = tmp_path / "a.mkv"
    here.write_bytes(clip.read_bytes())
    source = open_source(here)
    located = worker.locate(source, content_hash(here))
    here.write_bytes(clip.read_bytes()[:-1] + b"x")
    with pytest.raises(Changed, match="another file"):
        worker.place(located, tmp_path)
    here.unlink()
    with pytest.raises(Unreadable, match="does not see"):
        worker.place(located, tmp_path)


def test_a_file_made_for_the_run_travels_with_the_task(tmp_path: Path, clip: Path) -> None:
    located = replace(worker.locate(open_source(clip), content_hash(clip)), is_private=True)
    placed = worker.place(located, tmp_path, clip.read_bytes())
    assert placed.path != clip and placed.path.read_bytes() == clip.read_bytes()


def test_other_versions_are_refused_unless_they_are_asked_for(clip: Path) -> None:
    cell = _plan(clip, "30").cells[0]
    old = replace(cell, spec=replace(
        cell.spec, toolchain=replace(cell.spec.toolchain, ffmpeg_version="n6.1", ffmpeg_sha256="00")
    ))  # fmt: skip
    located = worker.locate(cell.source, cell.spec.source_sha256)
    order = trials.Order(
        (old,), located, (False,), 1, trials.Limits(), worker.versions(), mixed_versions=False
    )
    with pytest.raises(answers.Unfit, match=r"planned with ffmpeg n6\.1") as told:
        trials.measure_order(order, None, cancel=threading.Event())
    assert isinstance(told.value.error, Refused)
    (taken,) = trials.measure_order(
        replace(order, mixed_versions=True), None, cancel=threading.Event()
    )
    assert isinstance(taken, trials.Delivered)
    # The row is that of the versions that made it.
    assert taken.measured.cell.spec.key == cell.spec.key
    assert taken.measured.facts["trial_key"] == cell.spec.key
    assert taken.measured.facts["ffmpeg_version"] == cell.spec.toolchain.ffmpeg_version


def test_a_pair_scored_on_a_worker_has_the_scores_of_this_machine(
    clip: Path, two_workers: int, tmp_path: Path
) -> None:
    program = find_ffmpeg()
    distorted = tmp_path / "b.mkv"
    real_ffmpeg("-i", clip, "-c:v", "libx264", "-crf", "40", distorted)
    pair = Pair(open_source(clip), open_source(distorted))
    scorer = Scorer(program, worker.worker_capabilities().version)
    there = score_somewhere(scorer, pair, ScoreRequest(), Job())
    here = score_pair(scorer, pair, ScoreRequest())
    assert there.table().equals(here.table())


def test_a_sweep_of_batches_outlives_a_task_that_no_worker_survives(
    clip: Path, two_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> Any:
        raise ToolFailed("the worker under one task died 11 times")

    plan = _plan(clip, "21,23")
    monkeypatch.setattr("vmafkit.execute.sweep.batches", lambda cells, workers: [(0, 1)])
    monkeypatch.setattr(trials, "measure_there", lost)
    done = api.corpus(plan, tmp_path / "rows.jsonl", workers=1)
    assert done.failed == 2
    assert [row["error_code"] for row in _rows(tmp_path / "rows.jsonl")] == ["tool-failed"] * 2


def test_what_was_sent_to_a_worker_that_died_is_sent_again(
    clip: Path, tmp_path: Path, _module_cache: None
) -> None:
    with api.on_cluster("local:1"):
        connected = current()
        assert connected is not None
        located = replace(worker.locate(open_source(clip), content_hash(clip)), is_private=True)
        cancel = threading.Event()
        assert connected.run(cancel, _length, None, [located]) == clip.stat().st_size
        for pid in connected.client.run(os.getpid).values():
            os.kill(pid, signal.SIGKILL)
        assert connected.run(cancel, _length, None, [located]) == clip.stat().st_size


def test_a_lost_scheduler_ends_the_sweep_and_says_so(
    clip: Path, two_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> Any:
        raise ClusterLost("the cluster's scheduler is lost")

    monkeypatch.setattr(trials, "measure_there", lost)
    with pytest.raises(ClusterLost):
        api.corpus(_plan(clip, "22"), tmp_path / "rows.jsonl", workers=1)
    assert not (tmp_path / "rows.jsonl").exists() or not _rows(tmp_path / "rows.jsonl")


def test_versions_say_what_differs() -> None:
    ours = worker.Versions("1.0", "n9", "a" * 64, "x86_64")
    assert ours.differences(replace(ours, engine="0")) == []
    assert ours.differences(replace(ours, ffmpeg="n8")) == ["ffmpeg n8, here n9"]
    assert ours.differences(replace(ours, tool="1.1", machine="aarch64")) == [
        "vmafkit 1.1, here 1.0", "processor aarch64, here x86_64",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["localhost", "http://x:1", "tcp://", "local:0", "local:x"])
def test_a_word_that_is_no_cluster_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--cluster"), api.on_cluster(word):
        pass


def test_a_scheduler_that_does_not_answer_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmafkit.execute.cluster.client._CONNECT_S", 0.3)
    with (
        pytest.raises(ToolFailed, match="no scheduler answers"),
        api.on_cluster("tcp://127.0.0.1:9"),
    ):
        pass


def test_the_command_takes_a_url_and_leaves_no_process(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(clip.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/{clip.name}"
    start = "import sys; from vmafkit.cli.tune import main; sys.exit(main())"
    words = [
        *(sys.executable, "-c", start, "corpus", url, "--crf", "30,40", "--preset", "ultrafast"),
        *("--cluster", "local:1", "-o", str(tmp_path / "rows.jsonl")),
    ]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    server.shutdown()
    server.server_close()
    assert ran.returncode == 0, ran.stderr
    rows = _rows(tmp_path / "rows.jsonl")
    assert [row["src"] for row in rows] == [url, url]
    assert "Traceback" not in ran.stderr
    time.sleep(0.2)
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True)
    assert left.stdout == ""
