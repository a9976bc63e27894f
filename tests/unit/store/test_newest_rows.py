"""What a plan asks of the store: few rows, found by an index, however many there are."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vmafkit.api import _plan
from vmafkit.decide.plan_cost import NEWEST
from vmafkit.store.trials import TrialRecord, TrialStore

OF = {"encoder": "libx264", "preset": "fast"}


def put(path: Path, count: int, *, source: str = "a", preset: str = "fast") -> None:
    """Rows that need no sync each."""
    with closing(sqlite3.connect(path)) as link, link:
        rows = [
            TrialRecord(f"{source} {preset} {n}", source, "libx264", preset, 1.0, "{}",
                        json.dumps({"number": n, "encode_cpu_s": 1.0}), b"x" * 100).sealed()
            for n in range(count)
        ]  # fmt: skip
        link.executemany(
            "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [tuple(getattr(row, name) for name in TrialRecord.__slots__) for row in rows],
        )


@pytest.fixture
def store(tmp_path: Path) -> TrialStore:
    made = TrialStore(tmp_path)
    put(made.path, 700)
    put(made.path, 40, source="b")
    put(made.path, 50, preset="slow")
    return made


def test_the_newest_rows_come_last_and_no_more_than_asked_for(store: TrialStore) -> None:
    with store:
        found = store.newest_rows(**OF, most=60)
        assert [row["number"] for row in found] == [*range(680, 700), *range(40)]
        own = store.newest_rows(**OF, source_sha256="a", most=3)
        assert [row["number"] for row in own] == [697, 698, 699]
        assert store.newest_rows(encoder="none", preset="fast", most=9) == []
        assert (store.count(**OF), store.count(**OF, source_sha256="b")) == (740, 40)
        assert store.count(encoder="libx264", preset="'; DROP TABLE trials; --") == 0


def test_rows_are_found_by_an_index_and_never_by_a_walk_over_all(store: TrialStore) -> None:
    asked: list[str] = []
    with store:
        link = store._link  # pyright: ignore[reportPrivateUsage]
        link.set_trace_callback(asked.append)
        for source in (None, "a"):
            store.count(**OF, source_sha256=source)
            store.newest_rows(**OF, source_sha256=source, most=5)
        link.set_trace_callback(None)
        assert len(asked) == 4
        for query in asked:
            steps = [row[-1].decode() for row in link.execute(f"EXPLAIN QUERY PLAN {query}")]
            assert all(step.startswith("SEARCH trials USING") for step in steps), steps
            assert "encoder=? AND preset=?" in steps[0]


def test_a_row_that_is_none_is_left_out(store: TrialStore) -> None:
    with closing(sqlite3.connect(store.path)) as link, link:
        for text, key in (("{broken", "b fast 39"), ("[1]", "b fast 38"), (b"\xff", "b fast 37")):
            link.execute("UPDATE trials SET row_json = ? WHERE key = ?", (text, key))
    with store:
        found = store.newest_rows(**OF, source_sha256="b", most=5)
    assert [row["number"] for row in found] == [35, 36]


def test_a_store_that_was_made_without_the_index_gets_it(store: TrialStore) -> None:
    store.close()
    with closing(sqlite3.connect(store.path)) as link, link:
        link.execute("DROP INDEX trials_by_encoder")
    with TrialStore(store.folder) as again:
        assert len(again.newest_rows(**OF, most=1)) == 1
    with closing(sqlite3.connect(store.path)) as link:
        named = "SELECT count(*) FROM sqlite_master WHERE name = 'trials_by_encoder'"
        assert link.execute(named).fetchone() == (1,)


def test_a_plan_takes_no_more_rows_than_it_counts_with(
    store: TrialStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    real = TrialStore.newest_rows

    def counted(self: TrialStore, **words: object) -> list[dict[str, object]]:
        rows = real(self, **words)  # pyright: ignore[reportArgumentType]
        taken.append(len(rows))
        return rows

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("whole records were read")

    monkeypatch.setattr(TrialStore, "newest_rows", counted)
    monkeypatch.setattr(TrialStore, "find", refuse)
    monkeypatch.setattr(TrialStore, "get", refuse)
    monkeypatch.setattr(_plan, "content_hash", lambda *_: "a")
    monkeypatch.setattr(_plan.settings, "cache_folder", lambda: tmp_path)
    store.close()
    size = (10, 10)
    part = _plan._Part(_Named(tmp_path), "libx264", "fast", [size], size, 9, 1, None)  # pyright: ignore
    _, known = _plan._rates(part)  # pyright: ignore
    assert known == 700
    # Made-up rows tell no cost, so that those of other sources are looked at too.
    assert taken == [NEWEST, NEWEST]


class _Named:
    def __init__(self, path: Path) -> None:
        self.path = path
