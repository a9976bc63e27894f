"""Killed sweeps that score several encodes at once: a kill costs the batch of each worker, no more.

The commands, ffmpeg and the engine are the real ones; they only say what they are at.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine_kit import library
from tests.faketools import checks
from tests.faketools.fake import real_ffmpeg
from tests.faketools.zygote import Command, Zygote
from tests.r_record import note

from vmafkit.scoring.engine import native
from vmafkit.scoring.engine.native import Library
from vmafkit.store.corpus_file import read_corpus
from vmafkit.store.trials import TrialStore

__all__ = ["library"]

Rounds = Callable[[int, int], int]

MOST_LOST = 4
WORKERS = 2
CRFS = range(20, 52, 2)
# Each line is written whole: what, the thread, and the CRF or how many are scored.
TELLING = """
import os, threading
from vmafkit.execute import measuring
from vmafkit.scoring.engine import many

def tell(*words):
    os.write(2, (" ".join(map(str, ("@", words[0], threading.get_ident(), *words[1:]))) + "\\n").encode())

def encode_cell(program, cell, output, **more):
    made = real_encode(program, cell, output, **more)
    tell("encoded", cell.quality)
    return made

def score_many(scorer, ready, **more):
    tell("scoring", len(ready))
    try:
        return real_score(scorer, ready, **more)
    finally:
        tell("scored", len(ready))

real_encode, measuring.encode_cell = measuring.encode_cell, encode_cell
real_score, many.score_many = many.score_many, score_many
"""  # noqa: E501


def told(command: Command, what: str) -> list[tuple[str, float]]:
    """Threads and numbers of what was told, in its order."""
    lines = [line.split() for line in command.stderr().split("\n")[:-1] if line.startswith("@ ")]
    return [(thread, float(number)) for _, kind, thread, number in lines if kind == what]


def scores_running(command: Command) -> list[float]:
    """How many encodes each call that has not ended scores."""
    ended = [thread for thread, _ in told(command, "scored")]
    running: list[float] = []
    for thread, size in told(command, "scoring"):
        if thread in ended:
            ended.remove(thread)
        else:
            running.append(size)
    return running


def new_cache(folder: Path, library: Library) -> Path:
    """An empty store, and the engine."""
    engine = folder / "engine" / native.source_hash()
    engine.mkdir(parents=True)
    shutil.copy(library.path, engine / native.LIBRARY_NAME)
    return folder


def known(cache: Path) -> set[float]:
    """The CRFs that the store has a record of."""
    with TrialStore(cache) as store:
        return {record.quality for record in store.find()}


def assert_last_of_each_worker(command: Command, kept: set[float]) -> int:
    """What is lost is the end of each thread's work, one batch at most; gives how much."""
    encoded = told(command, "encoded")
    total = 0
    for thread in {thread for thread, _ in encoded}:
        order = [crf for each, crf in encoded if each == thread]
        lost = [crf for crf in order if crf not in kept]
        assert lost == order[len(order) - len(lost) :], (order, lost)
        assert len(lost) <= MOST_LOST, (order, lost)
        total += len(lost)
    return total


def kill_while_scoring(command: Command, dice: random.Random) -> int:
    """Kill at a random moment after the start of a random batch's score; gives the batch sizes."""
    wanted, until = dice.randint(1, 3), time.monotonic() + 30
    program = Path(f"/proc/{command.pid}/cmdline")
    while len(told(command, "scoring")) < wanted and program.read_bytes():
        assert time.monotonic() < until, command.stderr()
        time.sleep(0.003)
    time.sleep(dice.uniform(0, 0.12))
    command.kill(signal.SIGKILL)
    return int(max(scores_running(command), default=0))


@pytest.mark.slow
def test_a_kill_while_a_batch_is_scored_costs_that_batch(
    zygote: Zygote, library: Library, tmp_path: Path, rounds: Rounds
) -> None:
    clip = tmp_path / "clip.y4m"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25,trim=end_frame=10", clip)
    words: list[str | Path] = ["corpus", clip, "--preset", "ultrafast"]
    words += ["--crf", ",".join(map(str, CRFS)), "--score-backend", "engine"]
    words += ["--workers", str(WORKERS), "--json", "-o"]

    def start(output: Path, name: str, cache: Path) -> Command:
        return zygote.start(
            [*words, output], tmp_path / name, sabotage=TELLING, VMAFKIT_CACHE=str(cache)
        )

    calm = start(tmp_path / "calm.jsonl", "calm", new_cache(tmp_path / "calm-cache", library))
    assert calm.wait() == 0, calm.stderr()
    undisturbed = checks.facts(tmp_path / "calm.jsonl")
    assert len(undisturbed) == len(CRFS) and len(told(calm, "scoring")) < len(CRFS)
    dice = random.Random(4)
    wanted, kills, in_batch, lost, most, sweeps = rounds(4, 50), 0, 0, 0, 0, 0
    while kills < wanted:
        sweeps += 1
        output, cache = tmp_path / f"{sweeps}.jsonl", new_cache(tmp_path / f"c{sweeps}", library)
        status, encoded, killed_here = -signal.SIGKILL, 0, 0
        while status == -signal.SIGKILL:
            command = start(output, f"run{sweeps}-{kills}", cache)
            size = kill_while_scoring(command, dice) if kills < wanted else 0
            status = command.wait()
            assert checks.all_gone(tmp_path, 2.0)
            encoded += len(told(command, "encoded"))
            assert checks.acknowledged(command) <= set(checks.good_keys(output))
            assert not output.exists() or output.read_bytes()[-1:] in (b"", b"\n")
            gone = assert_last_of_each_worker(command, known(cache))
            if status == -signal.SIGKILL:
                kills, killed_here, in_batch = kills + 1, killed_here + 1, in_batch + (size > 1)
                lost, most = lost + gone, max(most, gone)
        assert status == 0, command.stderr()
        assert not checks.doubled(output)
        assert len(read_corpus(output)) == len(CRFS)
        assert checks.facts(output) == undisturbed
        assert encoded - len(CRFS) <= MOST_LOST * WORKERS * killed_here
        assert not list((cache / "scratch").iterdir())
    print(
        f"{kills} kills in {sweeps} sweeps, {in_batch} while a batch was scored; "
        f"{lost} encodes lost, {most} at most"
    )
    assert in_batch >= wanted // 4
    note("R01", kills, hits=in_batch)
