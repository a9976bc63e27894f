"""Killed sweeps: nothing acknowledged is lost, nothing is doubled, the next run goes on (R01, R02).

Acknowledged is what the command has printed; its output goes to a file that outlives it.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faketools import checks
from tests.faketools.fake import FakeFfmpeg, real_ffmpeg
from tests.faketools.killpoints import MARK, POINTS
from tests.faketools.zygote import Zygote
from tests.r_record import note

from vmafkit.store.corpus_file import read_corpus
from vmafkit.store.trials import TrialStore

Rounds = Callable[[int, int], int]
Words = list[str | Path]


def sweep(fake: FakeFfmpeg, output: Path, crf: str, workers: int = 4) -> Words:
    return [
        "corpus", fake.source, "--ffmpeg-bin", fake.program, "--crf", crf,
        "--workers", str(workers), "--json", "-o", output,
    ]  # fmt: skip


@pytest.fixture
def undisturbed(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path
) -> dict[str | None, dict[str, object]]:
    """The rows of crf 11 to 50 when nothing goes wrong."""
    whole = tmp_path / "whole.jsonl"
    cache = str(tmp_path / "whole")
    status, command = zygote.run(
        sweep(fake, whole, "11:50"), tmp_path / "calm", VMAFKIT_CACHE=cache
    )
    assert status == 0, command.stderr() + command.stdout()[-3000:]
    found = checks.facts(whole)
    assert len(found) == 40
    fake.forget()
    return found


@pytest.mark.slow
def test_r01_random_kills_lose_and_double_nothing(
    zygote: Zygote,
    fake: FakeFfmpeg,
    tmp_path: Path,
    rounds: Rounds,
    undisturbed: dict[str | None, dict[str, object]],
) -> None:
    dice = random.Random(1)
    wanted, landed, torn, most_redone, corpus = rounds(12, 50), 0, 0, 0, 0
    while landed < wanted:
        corpus += 1
        output, cache = tmp_path / f"{corpus}.jsonl", str(tmp_path / f"cache{corpus}")
        acknowledged: set[str] = set()
        kills, status = 0, -9
        while status == -signal.SIGKILL:
            folder = tmp_path / f"run{corpus}-{kills}"
            command = zygote.start(sweep(fake, output, "11:50"), folder, VMAFKIT_CACHE=cache)
            if landed < wanted and command.wait_for("sweep-started"):
                time.sleep(dice.uniform(0, 0.4))
                command.kill(signal.SIGKILL)
            status = command.wait()
            acknowledged |= checks.acknowledged(command)
            assert acknowledged <= set(checks.good_keys(output))
            if status == -signal.SIGKILL:
                kills, landed = kills + 1, landed + 1
                torn += bool(output.exists() and not output.read_bytes().endswith(b"\n"))
        assert status == 0
        assert not checks.doubled(output)
        assert checks.facts(output) == undisturbed
        redone = len(fake.starts()) - 40
        assert redone <= 4 * kills
        most_redone = max(most_redone, redone)
        fake.forget()
    print(f"R01: {landed} kills in {corpus} sweeps, {torn} torn tails, {most_redone} cells redone")
    assert landed >= wanted
    note("R01", landed)


@pytest.mark.slow
def test_r02_a_kill_at_every_named_point(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    assert len(POINTS) >= 12
    hits = dict.fromkeys(POINTS, 0)
    dice = random.Random(2)
    folders = {point: tmp_path / point for point in POINTS}
    for number in range(rounds(1, 5)):
        commands = {
            point: zygote.start(
                [*sweep(fake, folder / "c.jsonl", "11:22", 2), "--keep-encodes"],
                folder / f"run{number}",
                sabotage=f"import killpoints; killpoints.install({point!r}, {dice.randint(1, 2)})",
                VMAFKIT_CACHE=str(folder / "cache"),
            )
            for point, folder in folders.items()
        }
        for point, command in commands.items():
            assert command.wait() == -signal.SIGKILL, (point, command.stderr())
            hits[point] += MARK in command.stderr()
            assert checks.acknowledged(command) <= set(checks.good_keys(folders[point] / "c.jsonl"))
    finals = {
        point: zygote.start(
            [*sweep(fake, folder / "c.jsonl", "11:22", 2), "--keep-encodes"],
            folder / "last",
            VMAFKIT_CACHE=str(folder / "cache"),
        )
        for point, folder in folders.items()
    }
    for point, command in finals.items():
        assert command.wait() == 0, (point, command.stderr())
        output = folders[point] / "c.jsonl"
        rows = read_corpus(output)
        assert len(rows) == 12 and not checks.doubled(output), point
        assert all(Path(row.encode_path or "").is_file() for row in rows), point
        assert not list((folders[point] / "cache" / "scratch").iterdir()), point
        with TrialStore(folders[point] / "cache") as store:
            assert len(store.find()) == 12
    print(f"R02: hits {hits}")
    assert min(hits.values()) >= rounds(1, 5)
    note("R02", rounds(1, 5) * len(POINTS), hits=sum(hits.values()))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.y4m"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25,trim=end_frame=10", path)
    return path


@pytest.mark.slow
def test_twenty_kills_of_a_real_sweep(
    zygote: Zygote, tmp_path: Path, new_cache: Path, clip: Path, rounds: Rounds
) -> None:
    dice = random.Random(3)
    output = tmp_path / "corpus.jsonl"
    words: Words = [
        "corpus", clip, "--preset", "veryfast,medium", "--crf", "18:40:2", "--workers", "2",
        "--json", "-o", output,
    ]  # fmt: skip
    acknowledged: set[str] = set()
    kills = mid_work = orphans = 0
    status = -9
    while status != 0:
        folder = tmp_path / f"run{kills}"
        command = zygote.start(words, folder, VMAFKIT_CACHE=str(new_cache))
        if kills < 20:
            if command.wait_for("trial-started"):
                time.sleep(dice.uniform(0, 0.15))
            running = len(checks.programs_under(tmp_path))
            command.kill(signal.SIGKILL)
            kills += 1
            mid_work += bool(running)
        status = command.wait()
        acknowledged |= checks.acknowledged(command)
        assert acknowledged <= set(checks.good_keys(output))
        orphans += not checks.all_gone(tmp_path, 2.0)
        TrialStore(new_cache).close()
        if status == 0 and kills < 20:
            output, status = tmp_path / f"corpus{kills}.jsonl", -9
            words[-1] = output
            acknowledged = set()
            (new_cache / "trials.sqlite").unlink()
    rows = read_corpus(output)
    assert len(rows) == 24 and all(row.exit_status == 0 for row in rows)
    assert not checks.doubled(output)
    assert not list((new_cache / "scratch").iterdir())
    print(f"{kills} kills, {mid_work} while an encode or a score ran, {orphans} orphans")
    assert (kills, orphans) == (20, 0)
    assert mid_work >= 5
    note("R01", kills, hits=mid_work)


@pytest.mark.slow
def test_r22_four_running_encodes_end_with_us(
    zygote: Zygote, tmp_path: Path, new_cache: Path, rounds: Rounds
) -> None:
    clip = tmp_path / "long.y4m"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25,trim=end_frame=120", clip)
    words: Words = ["corpus", clip, "--preset", "placebo", "--crf", "10,11,12,13"]
    words += ["--workers", "4", "--json", "-o", tmp_path / "c.jsonl"]
    many = rounds(2, 20)
    for number in range(many):
        command = zygote.start(words, tmp_path / f"run{number}", VMAFKIT_CACHE=str(new_cache))
        until = time.monotonic() + 20
        while len(checks.programs_under(tmp_path)) < 4:
            assert time.monotonic() < until, command.stderr()
            time.sleep(0.01)
        command.kill(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL
        assert checks.all_gone(tmp_path, 2.0)
    note("R22", many)
