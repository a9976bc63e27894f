"""Every state that a loss of power could leave on the disk, built anew and opened (R05)."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_store_faults import row
from tests.r_record import note

from vmafkit import fsio
from vmafkit.fsio import disk
from vmafkit.schema.corpus import from_line
from vmafkit.store import corpus_file
from vmafkit.store.corpus_file import CorpusFile

Rounds = Callable[[int, int], int]
Step = tuple[str, Any, Any]


@dataclass
class Recorder:
    """Notes every change of a disk in its order, and what was acknowledged between them."""

    patch: pytest.MonkeyPatch
    steps: list[Step] = field(default_factory=list[Step])
    _open: dict[int, int] = field(default_factory=dict[int, int])
    _inodes: dict[Path, int] = field(default_factory=dict[Path, int])

    def start(self) -> None:
        for name in ("open_file", "write", "fsync", "fdatasync", "truncate", "replace", "unlink"):
            real = getattr(disk, name)
            self.patch.setattr(disk, name, functools.partial(getattr(self, name), real))

    def acknowledge(self, what: str, value: str) -> None:
        self.steps.append(("ack", what, value))

    def open_file(self, real: Any, path: Path, flags: int, *more: Any) -> int:
        path, is_folder = Path(path), bool(flags & os.O_DIRECTORY)
        is_new = bool(flags & os.O_CREAT) and not path.exists()
        handle = real(path, flags, *more)
        if is_new:
            self._inodes[path] = len(self.steps)
            self.steps.append(("create", path, self._inodes[path]))
        self._open[handle] = -1 if is_folder else self._inodes[path]
        if is_folder:
            self._inodes[path] = -1
        return handle

    def write(self, real: Any, handle: int, data: bytes) -> int:
        done = real(handle, data)
        self.steps.append(("write", self._open[handle], bytes(data[:done])))
        return done

    def fsync(self, real: Any, handle: int) -> None:
        real(handle)
        inode = self._open[handle]
        self.steps.append(("sync-folder", None, None) if inode < 0 else ("sync", inode, None))

    def fdatasync(self, real: Any, handle: int) -> None:
        self.fsync(real, handle)

    def truncate(self, real: Any, handle: int, size: int) -> None:
        real(handle, size)
        self.steps.append(("truncate", self._open[handle], size))

    def replace(self, real: Any, old: Path, new: Path) -> None:
        real(old, new)
        self._inodes[Path(new)] = self._inodes.pop(Path(old))
        self.steps.append(("rename", Path(old), Path(new)))

    def unlink(self, real: Any, path: Path) -> None:
        real(path)
        self.steps.append(("unlink", Path(path), None))


def left_on_disk(steps: list[Step], *, synced_only: bool) -> dict[Path, bytes]:
    """The files after these steps; with `synced_only`, without all that no sync had reached."""
    content: dict[int, bytes] = {}
    names: dict[Path, int] = {}
    safe_content: dict[int, bytes] = {}
    safe_names: dict[Path, int] = {}
    for kind, what, value in steps:
        if kind == "create":
            names[what], content[value] = value, b""
        elif kind == "write":
            content[what] += value
        elif kind == "truncate":
            content[what] = content[what][:value]
        elif kind == "rename":
            names[value] = names.pop(what)
        elif kind == "unlink":
            names.pop(what, None)
        elif kind == "sync":
            safe_content[what] = content[what]
        elif kind == "sync-folder":
            safe_names = dict(names)
    if not synced_only:
        return {path: content[inode] for path, inode in names.items()}
    return {path: safe_content.get(inode, b"") for path, inode in safe_names.items()}


def work(folder: Path, recorder: Recorder, rows: int) -> None:
    """Rows, reports that replace each other, and a torn tail that is set aside on the way."""
    path, report = folder / "corpus.jsonl", folder / "report.json"
    for number in range(rows):
        if number % 5 == 3:
            handle = disk.open_file(path, os.O_WRONLY | os.O_APPEND)
            disk.write(handle, b'{"half')
            os.close(handle)
        CorpusFile(path).append(row(f"k{number}"))
        recorder.acknowledge("row", f"k{number}")
        if number % 3 == 0:
            fsio.write_atomic(report, f"report {number}")
            recorder.acknowledge("report", f"report {number}")


def lost(steps: list[Step], folder: Path) -> list[str]:
    """What was acknowledged and is gone, over every prefix and both ways of losing power."""
    found: list[str] = []
    for length in range(len(steps) + 1):
        prefix = steps[:length]
        acks = [(what, value) for kind, what, value in prefix if kind == "ack"]
        for synced_only in (False, True):
            for each in folder.iterdir():
                each.unlink()
            for path, data in left_on_disk(prefix, synced_only=synced_only).items():
                (folder / path.name).write_bytes(data)
            path, report = folder / "corpus.jsonl", folder / "report.json"
            kept = {each.trial_key for each in CorpusFile(path).rows()}
            missing = [value for what, value in acks if what == "row" and value not in kept]
            reports = [value for what, value in acks if what == "report"]
            text = report.read_text() if report.exists() else ""
            order = [f"report {n}" for n in range(0, 1000, 3)]
            if reports and text not in order[order.index(reports[-1]) :][:2]:
                missing.append(f"{reports[-1]} is {text!r}")
            CorpusFile(path).append(row("new"))
            found += [f"{length} {synced_only}: {each}" for each in missing]
    return found


def recorded(folder: Path, patch: pytest.MonkeyPatch, rows: int) -> list[Step]:
    folder.mkdir()
    with patch.context() as inner:
        recorder = Recorder(inner)
        recorder.start()
        work(folder, recorder, rows)
    return recorder.steps


def test_r05_no_loss_of_power_costs_what_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    steps = recorded(tmp_path / "first", monkeypatch, rounds(9, 90))
    (tmp_path / "again").mkdir()
    monkeypatch.setattr(corpus_file, "from_line", functools.cache(from_line))
    monkeypatch.setattr(disk, "fsync", lambda _: None)
    monkeypatch.setattr(disk, "fdatasync", lambda _: None)
    assert lost(steps, tmp_path / "again") == []
    states = [
        [left_on_disk(steps[:length], synced_only=each) for each in (False, True)]
        for length in range(len(steps) + 1)
    ]
    assert any(data.endswith(b'{"half') for whole, _ in states for data in whole.values())
    note("R05", 2 * len(states), hits=sum(whole != synced for whole, synced in states))


@pytest.mark.parametrize("gone", ["sync", "sync-folder"])
def test_r51_without_a_sync_a_loss_of_power_costs_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    steps = recorded(tmp_path / "first", monkeypatch, 4)
    (tmp_path / "again").mkdir()
    left = [step for step in steps if step[0] != gone]
    assert len(left) < len(steps)
    assert lost(left, tmp_path / "again") != []
