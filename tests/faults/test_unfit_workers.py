"""A worker that cannot measure is left out: the others do its work."""

from __future__ import annotations

import importlib
import json
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faketools.fake import real_ffmpeg

from vmafkit import api, proc
from vmafkit.errors import ClusterLost, Refused, StoreError, StoreFull, Unreadable, VmafkitError
from vmafkit.execute.cluster import answers, client, roster, worker
from vmafkit.execute.cluster.current import current, use
from vmafkit.ffmpeg.locate import find_ffmpeg

pytest.importorskip("distributed")

# A worker of another machine, whose disks are not the coordinator's.
BLIND = """
def dask_setup(dask_worker):
    from vmafkit.errors import Unreadable
    from vmafkit.execute.cluster import worker
    def blind(path, *_):
        raise Unreadable(f"{path} does not exist")
    worker.content_hash = blind
"""


def _own_niceness(order: None, *, cancel: threading.Event) -> int:
    return int(subprocess.run(["nice"], capture_output=True, text=True, check=True).stdout)


def _die_once(mark: Path, *, cancel: threading.Event) -> int:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "a.mkv"
    made = "testsrc2=s=320x180:r=25,trim=end_frame=60"
    real_ffmpeg("-f", "lavfi", "-i", made, "-c:v", "ffv1", path)
    return path


@pytest.fixture(scope="module")
def other_ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same program with other bytes."""
    path = tmp_path_factory.mktemp("tools") / "ffmpeg"
    shutil.copy(find_ffmpeg(), path)
    with path.open("ab") as file:
        file.write(b"x")
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, other_ffmpeg: Path) -> Iterator[str]:
    """A scheduler with one worker that is well and three that are not."""
    distributed: Any = importlib.import_module("distributed")
    folder = tmp_path_factory.mktemp("workers")
    (folder / "blind.py").write_text(BLIND)

    def spec(cache: str, **rest: Any) -> dict[str, Any]:
        env = {"VMAFKIT_CACHE": cache, **rest.pop("env", {})}
        options = {"nthreads": 1, "env": env, "dashboard_address": None, **rest}
        return {"cls": distributed.Nanny, "options": options}

    workers = {
        "well": spec(str(folder / "1")),
        "other": spec(str(folder / "2"), env={"VMAFKIT_FFMPEG": str(other_ffmpeg)}),
        "blind": spec(str(folder / "3"), preload=[str(folder / "blind.py")]),
        "full": spec("/dev/full/cache"),
    }
    scheduler = {"cls": distributed.Scheduler, "options": {"dashboard_address": None}}
    with distributed.SpecCluster(workers, scheduler, silence_logs=50) as cluster:
        yield cluster.scheduler_address


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _plan(clip: Path, crf: str, preset: str = "ultrafast") -> Any:
    return api.plan_corpus([clip], preset=[preset], crf=[crf], score_backend="libvmaf")


@pytest.mark.usefixtures("new_cache")
def test_workers_that_join_and_cannot_measure_cost_no_row(
    clip: Path,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # They were not there when the run began.
    monkeypatch.setattr(client, "_faults", lambda *_, **__: {})
    with api.on_cluster(address) as slots:
        assert slots == 4
        done = api.corpus(_plan(clip, "20:31:1"), tmp_path / "rows.jsonl", workers=slots)
    assert (done.failed, done.measured) == (0, 12)
    assert [row["exit_status"] for row in _rows(tmp_path / "rows.jsonl")] == [0] * 12
    told = sorted(each.getMessage() for each in caplog.records if each.levelno == logging.WARNING)
    assert all("is left out: " in line for line in told)
    whats = ("has ffmpeg's bytes", "does not see", "/dev/full/cache")
    assert [sum(what in line for line in told) for what in whats] == [1, 1, 1], told
    assert len(told) == 3


@pytest.mark.usefixtures("new_cache")
def test_a_worker_with_another_ffmpeg_is_left_out_from_the_start(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with api.on_cluster(address) as slots:
        assert slots == 3
    (told,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "has ffmpeg's bytes" in told and "VMAFKIT_FFMPEG" in told


@pytest.mark.usefixtures("new_cache")
def test_another_ffmpeg_that_is_taken_is_said(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with api.on_cluster(address, mixed_versions=True) as slots:
        assert slots == 4
    (told,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "has ffmpeg's bytes" in told and "name that" in told


@pytest.mark.usefixtures("new_cache")
def test_the_bound_on_memory_holds_on_the_workers(clip: Path, address: str, tmp_path: Path) -> None:
    with api.on_cluster(address):
        api.limit_work(max_memory="20M")
        try:
            done = api.corpus(_plan(clip, "30", "placebo"), tmp_path / "rows.jsonl", workers=1)
        finally:
            proc.bound_memory(None)
    assert done.failed == 1
    (row,) = _rows(tmp_path / "rows.jsonl")
    assert row["error_code"] == "tool-failed" and "took more than 20 MB" in row["error"]


@pytest.mark.usefixtures("new_cache")
def test_work_on_the_workers_gives_way_as_it_does_here(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api.on_cluster(address):
        cluster = current()
        assert cluster is not None
        own = cluster.run(threading.Event(), _own_niceness, None, [])
        wanted = min(own + 6, 19)
        with monkeypatch.context() as patch:
            patch.setattr(os, "nice", lambda _: wanted)
            assert cluster.run(threading.Event(), _own_niceness, None, []) == wanted
        # The worker itself is as it was.
        found = {cluster.run(threading.Event(), _own_niceness, None, []) for _ in range(4)}
    assert found == {own}


@pytest.mark.usefixtures("new_cache")
def test_the_only_worker_that_can_may_die_and_come_back(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_COUNT_SOME_WORKERS_EVERY_S", 0.2)
    with api.on_cluster(address):
        cluster = current()
        assert cluster is not None
        pids = cluster.client.run(os.getpid)
        caches = cluster.client.run(os.getenv, "VMAFKIT_CACHE")
        (well,) = [name for name, cache in caches.items() if str(cache).endswith("/1")]
        for name in pids.keys() - {well}:
            cluster.roster.leave_out(_answer(name, Refused("old"), of_machine=True), "")
        again = cluster.run(threading.Event(), _die_once, tmp_path / "mark", [])
    assert again not in pids.values()


def test_workers_of_this_machine_have_the_ffmpeg_that_was_named(
    clip: Path, other_ffmpeg: Path, new_cache: Path, tmp_path: Path
) -> None:
    plan = api.plan_corpus(
        [clip], crf=["30"], preset=["ultrafast"], ffmpeg_bin=other_ffmpeg, score_backend="libvmaf"
    )
    with api.on_cluster("local:1", ffmpeg_bin=other_ffmpeg):
        done = api.corpus(plan, tmp_path / "rows.jsonl", workers=1)
    assert (done.failed, done.measured) == (0, 1)
    assert _rows(tmp_path / "rows.jsonl")[0]["trial_key"] == plan.cells[0].spec.key


def test_a_sweep_of_mixed_versions_that_is_run_again_measures_nothing_again(
    clip: Path, other_ffmpeg: Path, new_cache: Path, tmp_path: Path
) -> None:
    api.corpus(_plan(clip, "30,31"), tmp_path / "rows.jsonl")
    made = {row["trial_key"] for row in _rows(tmp_path / "rows.jsonl")}
    words: dict[str, Any] = {"crf": ["30,31"], "preset": ["ultrafast"], "score_backend": "libvmaf"}
    plan = api.plan_corpus([clip], ffmpeg_bin=other_ffmpeg, **words)
    assert made.isdisjoint(cell.spec.key for cell in plan.cells)
    # Nothing can be sent to this one.
    nowhere = roster.Roster(list[str], 0)
    ours = worker.Versions("", "", "", "")
    mixed = client.Cluster(None, 1, "stop", ours, nowhere, mixed_versions=True)
    with use(mixed):
        again = api.corpus(plan, tmp_path / "rows.jsonl")
        elsewhere = api.corpus(plan, tmp_path / "others.jsonl")
    assert (again.skipped, again.measured, again.failed) == (2, 0, 0)
    assert (elsewhere.known, elsewhere.measured, elsewhere.failed) == (2, 0, 0)
    assert {row["trial_key"] for row in _rows(tmp_path / "others.jsonl")} == made
    words["crf"] = ["32"]
    other = api.plan_corpus([clip], ffmpeg_bin=other_ffmpeg, **words)
    with use(mixed), pytest.raises(AttributeError):
        api.corpus(other, tmp_path / "others.jsonl")


def _answer(name: str, error: VmafkitError, *, of_machine: bool = False) -> answers.Answer:
    return answers.Answer(name, f"node-{name}", None, error, True, of_machine)


def test_a_source_that_one_worker_lacks_leaves_it_the_others() -> None:
    found = roster.Roster(lambda: ["a", "b"], 0)
    found.leave_out(_answer("a", Unreadable("x is not here")), "source-1")
    assert found.choose("source-1", {}, threading.Event()) == ["b"]
    assert found.choose("source-2", {}, threading.Event()) is None
    found.leave_out(_answer("a", Refused("other versions"), of_machine=True), "source-1")
    assert found.choose("source-2", {}, threading.Event()) == ["b"]


@pytest.mark.parametrize(
    ("errors", "kind", "text"),
    [
        ([(Refused("old"), True), (Refused("old"), True)], ClusterLost, "worker node-b: old"),
        ([(Refused("old"), True), (Unreadable("gone"), False)], Unreadable, "worker node-b: gone"),
        ([(StoreError("odd"), True), (StoreFull("full"), False)], StoreFull, "worker node-b: full"),
        ([(StoreError("no"), True), (StoreError("no"), True)], StoreError, "worker node-b: no"),
    ],
)
def test_where_no_worker_is_left_the_sentence_names_one(
    errors: list[tuple[VmafkitError, bool]], kind: type[VmafkitError], text: str
) -> None:
    found = roster.Roster(lambda: ["a", "b"], 0)
    for name, (error, of_machine) in zip("ab", errors, strict=True):
        found.leave_out(_answer(name, error, of_machine=of_machine), "s")
    with pytest.raises(VmafkitError) as told:
        found.choose("s", {}, threading.Event())
    assert type(told.value) is kind and text in told.value.sentence()


def test_a_worker_that_was_lost_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "_LOOK_S", 0.01)
    looks = iter([["bad"], ["bad"], ["bad", "new"]])
    found = roster.Roster(lambda: next(looks), 60.0, fit=["good"])
    found.leave_out(_answer("bad", Refused("old"), of_machine=True), "s")
    assert found.choose("s", {}, threading.Event()) == ["new"]


def test_a_worker_is_asked_again_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = roster.Roster(lambda: ["a", "b"], 0)
    monkeypatch.setattr(roster, "_LEFT_OUT_S", -1.0)
    found.leave_out(_answer("a", StoreError("no"), of_machine=True), "s")
    assert found.choose("s", {}, threading.Event()) is None
