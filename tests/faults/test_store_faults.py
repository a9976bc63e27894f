"""Crashes, full disks, flipped bits and crowds (R03, R04, R06, R07), and proof that the tests see.

The sabotage tests (R51) switch one protection off and demand that the same check goes red.
"""

from __future__ import annotations

import errno
import functools
import multiprocessing
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.r_record import note
from tests.rows_kit import row

from vmafkit import fsio
from vmafkit.errors import StoreCorrupt, StoreError
from vmafkit.fsio import disk
from vmafkit.fsio import whole as whole_files
from vmafkit.schema.corpus import from_line, to_line
from vmafkit.store import corpus_file
from vmafkit.store.corpus_file import CorpusFile, read_corpus

FORK = multiprocessing.get_context("fork")
HOOKS = ("open_file", "write", "fsync", "fdatasync", "truncate", "replace", "unlink", "lock")


def keys(path: Path) -> list[str | None]:
    return [found.trial_key for found in read_corpus(path)]


def without_sync(patch: pytest.MonkeyPatch) -> None:
    for name in ("fsync", "fdatasync"):
        patch.setattr(disk, name, lambda _: None)


def test_r03_every_cut_of_the_last_two_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sync(monkeypatch)
    monkeypatch.setattr(corpus_file, "from_line", functools.cache(from_line))
    lines = [to_line(row(f"k{index}")) for index in range(100)]
    whole = b"".join(lines)
    first = len(whole) - len(lines[-1]) - len(lines[-2])
    added = row("new")
    path = tmp_path / "corpus.jsonl"
    for cut in range(first, len(whole) + 1):
        path.write_bytes(whole[:cut])
        complete, _, torn = whole[:cut].rpartition(b"\n")
        left = complete.count(b"\n") + 1
        if torn + b"\n" in lines[98:]:
            left, torn = left + 1, b""
        corpus = CorpusFile(path)
        assert (corpus.torn.read_bytes() if corpus.torn else b"") == torn
        corpus.append(added)
        expected = [*(f"k{index}" for index in range(left)), "new"]
        assert [found.trial_key for found in CorpusFile(path).rows()] == expected, cut
        aside = list(tmp_path.glob("*.torn-*"))
        assert len(aside) == bool(torn)
        for each in aside:
            each.unlink()
    note("R03", len(whole) + 1 - first)


def fail_nth(
    patch: pytest.MonkeyPatch, hook: str, nth: int, code: int, for_ever: bool
) -> Callable[[], int]:
    real = getattr(disk, hook)
    calls = 0

    def maybe(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth or (for_ever and calls > nth):
            raise OSError(code, os.strerror(code))
        return real(*arguments)

    patch.setattr(disk, hook, maybe)
    return lambda: calls


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR])
@pytest.mark.parametrize("hook", HOOKS)
def test_r04_the_nth_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, code: int, for_ever: bool
) -> None:
    fired = False
    for nth in range(1, 40):
        folder = tmp_path / str(nth)
        folder.mkdir()
        path, report = folder / "corpus.jsonl", folder / "report.json"
        path.write_bytes(to_line(row("k0")) + b'{"half')
        report.write_bytes(b"old")
        acknowledged = ["k0"]
        with monkeypatch.context() as patch:
            calls = fail_nth(patch, hook, nth, code, for_ever)
            written = b"old"
            try:
                corpus = CorpusFile(path)
                for index in range(1, 4):
                    corpus.append(row(f"k{index}"))
                    acknowledged.append(f"k{index}")
                written = b"either"
                fsio.write_atomic(report, b"new")
                written = b"new"
            except StoreError:
                pass
            reached = calls() >= nth
        reopened = CorpusFile(path)
        found = [r.trial_key for r in reopened.rows()]
        assert set(acknowledged) <= set(found), (nth, found)
        assert len(found) == len(set(found)) and len(found) - len(acknowledged) <= 1
        assert report.read_bytes() in ((b"old", b"new") if written == b"either" else (written,))
        fsio.remove_strays(folder, older_than_s=-1.0)
        assert not list(folder.glob(f"{fsio.TEMP_PREFIX}*"))
        if not reached:
            break
        fired = True
    else:
        pytest.fail("the fault fired for ever")
    assert fired
    note("R04", nth, hits=nth - 1)


def _append_many(path: Path, name: str, count: int, sizes: int) -> None:
    dice = random.Random(name)
    for index in range(count):
        key = f"{name}-{index}"
        line = to_line(row(key, note="n" * int(sizes ** dice.random())))
        fsio.append_line(path, line)


def _crowd(work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    crowd = [FORK.Process(target=work, args=each) for each in arguments]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(60)
    assert all(process.exitcode == 0 for process in crowd)


def test_r06_eight_processes_add_500_rows_each(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    _crowd(_append_many, [(path, f"p{index}", 500, 62_000) for index in range(8)])
    found = keys(path)
    assert len(found) == len(set(found)) == 4000
    assert not list(tmp_path.glob("*.torn-*"))
    note("R06", len(found))


def test_r07_flipped_bits_are_named_and_cost_no_other_row(tmp_path: Path) -> None:
    lines = [to_line(row(f"k{index}", encode_cpu_s=1.5)) for index in range(5)]
    whole = b"".join(lines)
    expected = {line: from_line(line) for line in lines}
    path = tmp_path / "corpus.jsonl"
    dice = random.Random(11)
    seen = 0
    for _ in range(1000):
        at = dice.randrange(len(whole))
        hit = whole[:at].count(b"\n")
        damaged = bytearray(whole)
        damaged[at] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(StoreCorrupt, match=rf"corpus\.jsonl:{hit + 1} "):
            read_corpus(path)
        seen += 1
        kept = read_corpus(path, on_corrupt="skip")
        others = [expected[line] for index, line in enumerate(lines) if index != hit]
        assert [found for found in kept if found.trial_key != f"k{hit}"] == others
        assert all(found == expected[lines[hit]] for found in kept if found not in others)
    assert seen == 1000
    note("R07", seen)


# -- sabotage: the checks above must see it when a protection is gone ------------------------------


def _append_slowly(path: Path, name: str, count: int, locked: bool) -> None:
    """As on a disk where a write comes in two parts."""

    def in_two(handle: int, data: bytes) -> int:
        half = os.write(handle, data[: len(data) // 2])
        time.sleep(0.001)
        return half + os.write(handle, data[half:])

    disk.write = in_two
    if not locked:
        disk.lock = lambda *_: None
    for index in range(count):
        try:
            fsio.append_line(path, to_line(row(f"{name}-{index}")))
        except StoreError:
            continue


def _rows_of_a_slow_crowd(folder: Path, locked: bool) -> int:
    path = folder / "corpus.jsonl"
    _crowd(_append_slowly, [(path, f"p{index}", 20, locked) for index in range(4)])
    found = read_corpus(path, on_corrupt="skip")
    return 0 if list(folder.glob("*.torn-*")) else len({each.trial_key for each in found})


def test_r51_without_the_lock_rows_are_torn(tmp_path: Path) -> None:
    for locked in (True, False):
        folder = tmp_path / str(locked)
        folder.mkdir()
        assert (_rows_of_a_slow_crowd(folder, locked) == 80) is locked


def _survives_a_full_disk(path: Path, patch: pytest.MonkeyPatch) -> bool:
    path.write_bytes(b"old content")
    fail_nth(patch, "fsync", 1, errno.ENOSPC, for_ever=False)
    with pytest.raises(StoreError):
        fsio.write_atomic(path, b"new")
    return path.exists() and path.read_bytes() == b"old content"


@pytest.mark.parametrize("in_place", [False, True])
def test_r51_written_in_place_the_old_file_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_place: bool
) -> None:
    if in_place:
        plain = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        monkeypatch.setattr(whole_files, "_temp_name", lambda final: final)
        monkeypatch.setattr(disk, "open_file", lambda path, *_: os.open(path, plain, 0o666))
    assert _survives_a_full_disk(tmp_path / "report.json", monkeypatch) is not in_place


def _synced_before_return(path: Path, patch: pytest.MonkeyPatch, hook: str) -> bool:
    real = getattr(disk, hook)
    synced: list[int] = []

    def note(handle: int) -> None:
        synced.append(os.fstat(handle).st_size)
        real(handle)

    if real is not _no_sync:
        patch.setattr(disk, hook, note)
    fsio.append_line(path, b'{"a":1}\n')
    return path.stat().st_size in synced


def _no_sync(_: int) -> None:
    return None


@pytest.mark.parametrize("sabotaged", [False, True])
def test_r51_without_sync_a_row_is_not_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotaged: bool
) -> None:
    if sabotaged:
        monkeypatch.setattr(disk, "fdatasync", _no_sync)
    done = _synced_before_return(tmp_path / "corpus.jsonl", monkeypatch, "fdatasync")
    assert done is not sabotaged
