"""The trial store: what it gives back is what was put in, or nothing."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from vmafkit import alive, fsio
from vmafkit.errors import SchemaTooNew, StoreError, StoreFull, StoreLocked
from vmafkit.store import claims
from vmafkit.store.trials import TrialRecord, TrialStore

FORK = multiprocessing.get_context("fork")


def record(key: str = "k", **changes: Any) -> TrialRecord:
    base = TrialRecord(
        key, "ab" * 32, "libx264", "fast", 23, '{"s":1}', '{"r":"ß"}', b"\x00par\xff"
    )
    return dataclasses.replace(base, **changes)


def test_a_record_comes_back_as_it_was_put(tmp_path: Path) -> None:
    with TrialStore(tmp_path / "new" / "cache") as store:
        assert store.get("k") is None
        kept = store.put(record())
        assert store.get("k") == kept
        assert (kept.quality, kept.frames) == (23.0, b"\x00par\xff")
    with TrialStore(tmp_path / "new" / "cache") as store:
        assert store.get("k") == kept
        newer = store.put(record(row_json="{}", frames=None, preset=None))
        assert store.find() == [newer]


def test_records_are_found_by_what_is_given(tmp_path: Path) -> None:
    with TrialStore(tmp_path) as store:
        store.put(record("a", created_s=2.0))
        store.put(record("b", created_s=1.0, quality=30.5))
        store.put(record("c", created_s=3.0, encoder="libx265"))
        assert [r.key for r in store.find()] == ["b", "a", "c"]
        assert [r.key for r in store.find(encoder="libx264", preset="fast")] == ["b", "a"]
        assert [r.key for r in store.find(source_sha256="ab" * 32, quality=30.5)] == ["b"]
        assert store.find(preset="'; DROP TABLE trials; --") == []


@pytest.mark.parametrize("column", ["row_json", "frames", "quality", "checksum", "encoder"])
def test_a_changed_record_is_a_miss_and_set_aside(
    tmp_path: Path, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    with TrialStore(tmp_path) as store:
        store.put(record("a"))
        whole = store.put(record("b"))
    value = 24.0 if column == "quality" else b"\xff\xfe"
    with sqlite3.connect(tmp_path / "trials.sqlite") as link:
        link.execute(f"UPDATE trials SET {column} = CAST(? AS TEXT) WHERE key = 'a'", (value,))
    with TrialStore(tmp_path) as store, caplog.at_level(logging.WARNING):
        assert store.get("a") is None
        assert store.find() == [whole]
        assert "set aside" in caplog.text
        again = store.put(record("a"))
        assert store.get("a") == again
    link = sqlite3.connect(tmp_path / "trials.sqlite")
    assert link.execute("SELECT count(*) FROM damaged").fetchone() == (1,)
    link.close()


@pytest.mark.parametrize("damage", ["text", "cut", "cut-header", "zeros"])
def test_a_damaged_database_is_moved_aside(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with TrialStore(tmp_path) as store:
        for index in range(50):
            store.put(record(f"k{index}", frames=os.urandom(3000)))
    path = tmp_path / "trials.sqlite"
    content = path.read_bytes()
    path.write_bytes(
        {
            "text": b"this is not a database, not at all" * 100,
            "cut": content[: len(content) // 2],
            "cut-header": content[:60],
            "zeros": content[:100] + bytes(len(content) - 100),
        }[damage]
    )
    with TrialStore(tmp_path) as store, caplog.at_level(logging.WARNING):
        assert store.get("k1") is None
        kept = store.put(record())
        assert store.get("k") == kept
    assert len(list(tmp_path.glob("trials.sqlite.damaged-*"))) == 1
    with TrialStore(tmp_path) as store:
        assert store.get("k") == kept


def test_damage_found_while_working_is_survived(tmp_path: Path) -> None:
    with TrialStore(tmp_path) as store:
        for index in range(200):
            store.put(record(f"k{index:03}", frames=os.urandom(3000)))
    path = tmp_path / "trials.sqlite"
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with TrialStore(tmp_path) as store:
        found = [store.get(f"k{index:03}") for index in range(200)]
        assert found.count(None) > 0
        kept = store.put(record())
        assert store.get("k") == kept


def test_a_newer_database_is_refused_and_kept(tmp_path: Path) -> None:
    TrialStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "trials.sqlite") as link:
        link.execute("PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNew):
        TrialStore(tmp_path)
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_folder_that_cannot_be_used_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="folder") as caught:
        TrialStore(tmp_path / "file" / "cache")
    assert "VMAFKIT_CACHE" in caught.value.sentence()

    def readonly(*_: Any, **__: Any) -> Any:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    monkeypatch.setattr(sqlite3, "connect", readonly)
    with pytest.raises(StoreError, match="readonly") as caught:
        TrialStore(tmp_path)
    assert "VMAFKIT_CACHE" in caught.value.sentence()


@pytest.mark.parametrize(
    ("code", "kind"), [(sqlite3.SQLITE_FULL, StoreFull), (sqlite3.SQLITE_BUSY, StoreLocked)]
)
def test_a_full_or_busy_database_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[StoreError]
) -> None:
    def fail(*_: Any) -> None:
        error = sqlite3.OperationalError("no")
        error.sqlite_errorcode = code
        raise error

    with TrialStore(tmp_path) as store:
        monkeypatch.setattr(claims, "drop", fail)
        with pytest.raises(kind):
            store.put(record())
        assert store.get("k") is None


def test_a_claim_is_for_one_owner(tmp_path: Path) -> None:
    with TrialStore(tmp_path) as store:
        assert store.claim("k", "one")
        assert store.claim("k", "one")
        assert not store.claim("k", "two")
        store.release("k", "two")
        assert not store.claim("k", "two")
        store.release("k", "one")
        assert store.obtain("k", "two") is None
        with pytest.raises(StoreLocked):
            store.obtain("k", "one", poll_s=0.01, timeout_s=0.05)
        kept = store.put(record())
        assert store.obtain("k", "one") == kept


def test_a_reused_process_number_is_not_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TrialStore(tmp_path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(alive, "start_of", lambda pid: "1")
            assert store.claim("k", "one")
        assert store.claim("k", "two")


def _worker(folder: Path, name: str, hang: bool, results: Queue[Any], turn: Any) -> None:
    with TrialStore(folder) as store:
        turn.wait()
        found = store.obtain("cell", name, poll_s=0.02)
        if found is None:
            results.put(("started", name, os.getpid()))
            time.sleep(60 if hang else 0.03)
            found = store.put(record("cell", row_json=name))
        results.put(("result", name, found.row_json))


@pytest.mark.parametrize("round_", range(10))
def test_two_processes_make_one_result(tmp_path: Path, round_: int) -> None:
    results, turn = FORK.Queue(), FORK.Event()
    pair = [
        FORK.Process(target=_worker, args=(tmp_path, name, False, results, turn))
        for name in ("one", "two")
    ]
    for process in pair:
        process.start()
    turn.set()
    events = [results.get(timeout=20) for _ in range(3)]
    for process in pair:
        process.join(20)
    assert sum(event[0] == "started" for event in events) == 1
    assert len({event[2] for event in events if event[0] == "result"}) == 1


@pytest.mark.parametrize("round_", range(5))
def test_a_waiter_takes_over_from_a_killed_owner(tmp_path: Path, round_: int) -> None:
    results, turn = FORK.Queue(), FORK.Event()
    turn.set()
    owner = FORK.Process(target=_worker, args=(tmp_path, "one", True, results, turn))
    owner.start()
    assert results.get(timeout=20)[:2] == ("started", "one")
    waiter = FORK.Process(target=_worker, args=(tmp_path, "two", False, results, turn))
    waiter.start()
    time.sleep(0.1)
    os.kill(owner.pid or 0, signal.SIGKILL)
    killed = time.monotonic()
    assert results.get(timeout=20)[:2] == ("started", "two")
    assert time.monotonic() - killed <= 2.0
    assert results.get(timeout=20) == ("result", "two", "two")
    owner.join(20)
    waiter.join(20)


HOLDER = """
import sqlite3, sys, time
link = sqlite3.connect(sys.argv[1], isolation_level=None)
link.execute("BEGIN IMMEDIATE")
link.execute("DELETE FROM trials")
print("held", flush=True)
time.sleep(60)
"""


def test_a_busy_store_names_the_process_that_writes(tmp_path: Path) -> None:
    with TrialStore(tmp_path, timeout_s=0.1) as store:
        words = [sys.executable, "-c", HOLDER, str(store.path)]
        holder = subprocess.Popen(words, stdout=subprocess.PIPE)
        try:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            with pytest.raises(StoreLocked, match=f"process {holder.pid} is writing") as told:
                store.claim("k", "me")
            assert "VMAFKIT_CACHE" in told.value.hint
        finally:
            holder.kill()
            holder.communicate()
        assert fsio.locked_by([store.path]) is None
        assert store.claim("k", "me")
