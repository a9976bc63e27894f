"""Bounds on what the work takes: time, memory, niceness, disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks
from tests.faketools.fake import FakeFfmpeg
from tests.faketools.zygote import Zygote

from vmafkit import api, errors, proc
from vmafkit.execute import machine, space
from vmafkit.store.corpus_file import read_corpus

HUNGRY = 'exec "{python}" -c "x = b\'x\' * 300_000_000; import time; time.sleep(60)"'


@pytest.fixture
def unbound() -> Iterator[None]:
    yield
    proc.bound_memory(None)


def plan(fake: FakeFfmpeg, crf: str) -> Any:
    return api.plan_corpus([fake.source], crf=[crf], ffmpeg_bin=fake.program)


def test_a_program_that_takes_too_much_memory_fails_its_trial_alone(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, unbound: None
) -> None:
    hungry = HUNGRY.format(python=sys.executable)
    fake.hook(f"[ $kind = encode ] && [ $crf = 21 ] && {hungry}")
    api.limit_work(max_memory="150M")
    done = api.corpus(plan(fake, "20:23"), tmp_path / "c.jsonl", workers=2)
    assert (done.failed, done.measured) == (1, 3)
    (bad,) = [row for row in read_corpus(tmp_path / "c.jsonl") if row.exit_status]
    assert bad.crf == 21
    assert "took more than 150 MB of memory" in (bad.error or "")
    assert checks.all_gone(fake.folder, 2.0)
    api.limit_work()
    fake.hook("")
    assert api.corpus(plan(fake, "20:23"), tmp_path / "c.jsonl").measured == 1


def test_fewer_trials_run_at_once_where_memory_is_bounded(unbound: None) -> None:
    api.limit_work(max_memory="1G")
    assert machine.free_memory_bytes() == 1_000_000_000
    api.limit_work()
    assert (machine.free_memory_bytes() or 2_000_000_000) > 1_000_000_000


def test_the_flags_hold_for_the_programs_too(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path
) -> None:
    fake.hook('[ $kind = encode ] && nice >> "$here/niceness"')
    words = ["corpus", fake.source, "--ffmpeg-bin", fake.program, "--crf", "20:22"]
    words += ["--nice", "7", "--max-memory", "1G", "-o", tmp_path / "c.jsonl"]
    status, command = zygote.run(words, tmp_path / "run", VMAFKIT_CACHE=str(tmp_path / "cache"))
    assert status == 0, command.stderr()
    own = int(subprocess.run(["nice"], capture_output=True, text=True, check=True).stdout)
    found = (fake.folder / "niceness").read_text().split()
    assert found == [str(min(own + 7, 19))] * 3


@pytest.mark.parametrize("words", [{"nice": -1}, {"nice": 20}, {"max_memory": "much"}])
def test_bounds_that_are_none_are_refused(words: dict[str, Any]) -> None:
    before = os.nice(0)
    with pytest.raises(errors.UsageError):
        api.limit_work(**words)
    assert os.nice(0) == before
    assert proc.memory_bound() is None


def little(patch: pytest.MonkeyPatch, free_bytes: int) -> None:
    usage = shutil.disk_usage("/")._replace(free=free_bytes)
    patch.setattr(space.shutil, "disk_usage", lambda _: usage)


def test_a_sweep_that_the_disk_has_no_room_for_is_refused_before_it_starts(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = plan(fake, "20:23")
    with monkeypatch.context() as patch:
        little(patch, 1000)
        with pytest.raises(errors.StoreFull, match=r"this sweep needs about .* 0\.0 MB free"):
            api.corpus(ready, tmp_path / "c.jsonl")
    assert fake.starts() == []
    # Little room is room enough for as little.
    with monkeypatch.context() as patch:
        little(patch, 100_000)
        assert api.corpus(ready, tmp_path / "c.jsonl").measured == 4
    with monkeypatch.context() as patch:
        little(patch, 0)
        assert api.corpus(ready, tmp_path / "c.jsonl").skipped == 4


def test_a_disk_that_has_filled_up_since_stops_the_next_trial(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = plan(fake, "20:23")
    usage, looks = shutil.disk_usage("/"), 0

    def shrinking(_: Path) -> Any:
        nonlocal looks
        looks += 1
        return usage._replace(free=10**9 if looks < 4 else 0)

    monkeypatch.setattr(space.shutil, "disk_usage", shrinking)
    with pytest.raises(errors.StoreFull, match=r"a trial of .*source"):
        api.corpus(ready, tmp_path / "c.jsonl", workers=1)
    assert len(fake.starts()) == 2
    assert len(checks.good_keys(tmp_path / "c.jsonl")) == 2


def test_the_space_of_a_folder_that_is_not_there_yet_is_that_of_its_disk(tmp_path: Path) -> None:
    space.ensure_space(tmp_path / "a" / "b", 1, "it")
    with pytest.raises(errors.StoreFull, match="needs about 1000000000"):
        space.ensure_space(tmp_path / "a" / "b", 10**18, "it")
