"""Sweeps that are stopped, and what many cells leave behind."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.faketools import checks
from tests.faketools.fake import FakeFfmpeg
from tests.faketools.zygote import Zygote
from tests.r_record import note
from tests.sweep_kit import Rounds, words

from vmafkit import api
from vmafkit.execute.events import Event

# -- R20: nothing grows ----------------------------------------------------------------------------


def _held() -> tuple[int, int, int]:
    rss = int(Path("/proc/self/statm").read_text().split()[1])
    return rss, len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


@pytest.mark.slow
def test_r20_many_cells_leave_nothing_behind(
    fake: FakeFfmpeg, tmp_path: Path, new_cache: Path, rounds: Rounds
) -> None:
    presets = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
    many = rounds(3, 7)
    plans = [
        api.plan_corpus(
            [fake.source], preset=presets[:many], crf=["0:49"], enc=[f"refs={refs}"],
            ffmpeg_bin=fake.program,
        )
        for refs in range(1, rounds(1, 6) + 1)
    ]  # fmt: skip
    cells = many * 50 * len(plans)
    # Libraries open what they keep for good when they are first used.
    first = api.plan_corpus([fake.source], preset=presets[:1], crf=["51"], ffmpeg_bin=fake.program)
    api.corpus(first, tmp_path / "first.jsonl")
    seen: list[tuple[int, int, int]] = []

    def watch(event: Event) -> None:
        if event.type == "trial-finished":
            seen.append(_held())

    before = _held()
    measured = sum(
        api.corpus(plan, tmp_path / "c.jsonl", workers=2, on_event=watch).measured for plan in plans
    )
    after = _held()
    assert measured == cells == len(seen)
    # SQLite's cache fills first, 2 MB of it.
    early, late = seen[max(50, len(seen) // 4)][0], seen[-1][0]
    print(f"R20: {cells} cells, RSS {early} to {late} pages, {before[1:]} to {after[1:]}")
    assert late <= early * 1.05
    # What two workers hold at one moment varies; a leak would add one a cell, 100 and more.
    assert max(held[1] for held in seen[50:]) <= max(held[1] for held in seen[:50]) + 10
    assert after[1:] == before[1:]
    assert not list((new_cache / "scratch").iterdir())
    note("R20", cells)


# -- R23: stopping ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_r23_a_signal_stops_a_sweep_at_any_time(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    fake.hook("[ $kind = encode ] && sleep 0.02")
    dice = random.Random(23)
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
    many, landed, slowest_s = rounds(9, 100), 0, 0.0
    output = tmp_path / "c.jsonl"
    acknowledged: set[str] = set()
    attempt = 0
    while landed < many:
        number = list(codes)[attempt % 3]
        folder = tmp_path / f"run{attempt}"
        attempt += 1
        more = ("--workers", "4", "--preset", "ultrafast,superfast,veryfast,faster,fast")
        line = words(fake, output, "0:51", *more)
        command = zygote.start(line, folder, VMAFKIT_CACHE=str(tmp_path / "cache"))
        assert command.wait_for("sweep-started")
        time.sleep(dice.uniform(0, 0.3))
        began = time.monotonic()
        command.kill(number)
        status = command.wait()
        slowest_s = max(slowest_s, time.monotonic() - began)
        acknowledged |= checks.acknowledged(command)
        # Once the work is done the process is only leaving, and takes a signal as any does.
        if status == 0 or (status == -number and command.events("sweep-finished")):
            output, acknowledged = tmp_path / f"c{attempt}.jsonl", set()
            (tmp_path / "cache" / "trials.sqlite").unlink()
            continue
        landed += 1
        assert status == codes[number], command.stderr()
        assert "run the same command again to go on" in command.stderr()
        assert "Traceback" not in command.stderr()
        rows = output.read_bytes() if output.exists() else b""
        assert not rows or rows.endswith(b"\n")
        assert acknowledged <= set(checks.good_keys(output)) and not checks.doubled(output)
        assert checks.all_gone(fake.folder, 1.0)
        assert not list((folder / "tmp").iterdir())
    note("R23", attempt, hits=landed, worst_s=slowest_s)


def test_r23_a_second_ctrl_c_does_not_wait(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    fake.hook("trap '' TERM; echo on >> \"$here/deaf\"; while :; do sleep 0.05; done")
    slowest_s = 0.0
    for number in range(rounds(2, 20)):
        line = words(fake, tmp_path / "c.jsonl", "20:23", "--workers", "4")
        cache = str(tmp_path / "cache")
        # With so long a grace only the second one can end it in time.
        patient = "from vmafkit import proc; proc.run.__kwdefaults__['grace_s'] = 600.0"
        command = zygote.start(
            line, tmp_path / f"run{number}", sabotage=patient, VMAFKIT_CACHE=cache
        )
        until = time.monotonic() + 20
        while not (fake.folder / "deaf").exists() or (
            (fake.folder / "deaf").read_text().count("on") < 4
        ):
            assert time.monotonic() < until, command.stderr()
            time.sleep(0.01)
        (fake.folder / "deaf").unlink()
        command.kill(signal.SIGINT)
        time.sleep(0.5)
        assert checks.programs_under(fake.folder)
        began = time.monotonic()
        command.kill(signal.SIGINT)
        assert command.wait() == 130
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert checks.all_gone(fake.folder, 1.0)
    note("R23", number + 1, worst_s=slowest_s)


def test_a_sweep_that_waits_for_another_can_be_stopped(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path
) -> None:
    fake.hook("n=0; while [ $n -lt 300 ]; do n=$((n+1)); sleep 0.1; done")
    cache = str(tmp_path / "cache")
    first = zygote.start(words(fake, tmp_path / "a", "20"), tmp_path / "1", VMAFKIT_CACHE=cache)
    assert first.wait_for("trial-started")
    until = time.monotonic() + 10
    while not fake.starts():
        assert time.monotonic() < until
        time.sleep(0.01)
    second = zygote.start(words(fake, tmp_path / "b", "20"), tmp_path / "2", VMAFKIT_CACHE=cache)
    assert second.wait_for("trial-started")
    second.kill(signal.SIGINT)
    assert second.wait(20.0) == 130
    first.kill(signal.SIGKILL)
    first.wait()
