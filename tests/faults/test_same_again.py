"""A clock that is set back, other hash seeds, secrets around us, a store that is tidied (R16, R28,
R49, R50).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks
from tests.faketools.fake import FakeFfmpeg
from tests.faketools.zygote import Zygote
from tests.r_record import note

from vmafkit import fsio
from vmafkit.fsio import disk
from vmafkit.store.objects import ObjectStore

Rounds = Callable[[int, int], int]
FORK = multiprocessing.get_context("fork")


def words(fake: FakeFfmpeg, output: Path, crf: str, *more: str | Path) -> list[str | Path]:
    base: list[str | Path] = ["corpus", fake.source, "--ffmpeg-bin", fake.program, "--crf", crf]
    return [*base, "--json", "-o", output, *more]


# -- R28: the clock --------------------------------------------------------------------------------

DAY_AHEAD = "import time; real = time.time; time.time = lambda: real() + {}"


def test_r28_a_clock_that_is_set_back_changes_nothing(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    status, _ = zygote.run(
        words(fake, tmp_path / "calm.jsonl", "20:29"), tmp_path / "calm",
        VMAFKIT_CACHE=str(tmp_path / "calm-cache"),
    )  # fmt: skip
    assert status == 0
    calm, cut = checks.facts(tmp_path / "calm.jsonl"), 0
    for number in range(rounds(2, 20)):
        output, cache = tmp_path / f"{number}.jsonl", str(tmp_path / f"cache{number}")
        line = words(fake, output, "20:29", "--workers", "1")
        ahead = DAY_AHEAD.format(86400 * (number + 1))
        first = zygote.start(line, tmp_path / f"a{number}", sabotage=ahead, VMAFKIT_CACHE=cache)
        assert first.wait_for("trial-finished", 1 + number % 5)
        first.kill(signal.SIGKILL)
        cut += first.wait() == -signal.SIGKILL
        status, second = zygote.run(line, tmp_path / f"b{number}", VMAFKIT_CACHE=cache)
        assert status == 0, second.stderr()
        assert checks.facts(output) == calm and not checks.doubled(output)
        assert checks.acknowledged(first) <= set(checks.good_keys(output))
    note("R28", rounds(2, 20), hits=cut)


# -- R49: secrets ----------------------------------------------------------------------------------

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "canary-one-3f9a", "GITHUB_TOKEN": "canary-two-81bc",
    "HF_TOKEN": "canary-three-77de", "DATABASE_URL": "postgres://u:canary-four-20af@h/d",
    "HTTPS_PROXY": "http://u:canary-five-9d41@proxy:1",
}  # fmt: skip


@pytest.mark.parametrize("fails", [True, False])
def test_r49_secrets_around_us_are_in_nothing_that_is_written(
    zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, fails: bool
) -> None:
    # A program that tells all it knows, and fails so that its words are kept.
    fake.hook("env >&2; [ $kind = encode ] && [ $crf = 21 ] && exit 3" if fails else "env >&2")
    output, page = tmp_path / "c.jsonl", tmp_path / "page.html"
    status, command = zygote.run(
        words(fake, output, "20:22", "--report", page), tmp_path / "run",
        VMAFKIT_CACHE=str(tmp_path / "cache"), VMAFKIT_DEBUG="1", **SECRETS,
    )  # fmt: skip
    assert status == int(fails), command.stderr()
    looked = 0
    for path in tmp_path.rglob("*"):
        if path.is_file() and fake.folder not in path.parents:
            data = path.read_bytes()
            looked += 1
            assert b"canary-" not in data, path
    assert looked >= 5 and page.exists()
    note("R49", len(SECRETS))


def test_r51_with_the_whole_environment_a_secret_is_written(
    fake: FakeFfmpeg, zygote: Zygote, tmp_path: Path
) -> None:
    fake.hook('echo "Error: $GITHUB_TOKEN" >&2; exit 3')
    leak = "import os; from vmafkit import settings; settings.child_environment = os.environ.copy"
    output = tmp_path / "c.jsonl"
    for sabotage in ("", leak):
        zygote.run(
            words(fake, output, "20"), tmp_path / "run", sabotage=sabotage,
            VMAFKIT_CACHE=str(tmp_path / "cache"), **SECRETS,
        )  # fmt: skip
        assert (b"canary-two" in output.read_bytes()) is bool(sabotage)


# -- R50: the same plan ----------------------------------------------------------------------------


def _plan_of(fake: FakeFfmpeg, folder: Path, seed: int) -> str:
    code = (
        "import random, sys; random.seed(int(sys.argv[3]))\n"
        "from vmafkit import api\n"
        "from vmafkit.learn import splits\n"
        "names = [f'clip{n}' for n in range(30)]; random.shuffle(names)\n"
        "plan = api.plan_corpus([sys.argv[1]], preset=['fast,slow'], crf=['20:30:2'],"
        " enc=['bf=2', 'refs=3'], ffmpeg_bin=sys.argv[2])\n"
        "print([cell.spec.key for cell in plan.cells], plan.commands)\n"
        "rule = splits.SplitRule(by='clip')\n"
        "print({name: splits.part_of_clip(name, rule) for name in sorted(set(names))})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(fake.source), str(fake.program), str(seed)],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "VMAFKIT_CACHE": str(folder)},
        capture_output=True, text=True, check=False, timeout=60, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_r50_a_plan_is_the_same_whatever_the_hash_seed(
    fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    many = rounds(3, 100)
    plans = {_plan_of(fake, tmp_path, seed) for seed in range(1, many + 1)}
    assert len(plans) == 1
    (plan,) = plans
    assert plan.count("'") > 24
    note("R50", many)


# -- R16: a kill while the store makes room --------------------------------------------------------


def _fill(folder: Path, numbers: list[int], kill_at: int) -> None:
    store, passed = ObjectStore(folder, 3000), 0
    real = disk.unlink

    def maybe(path: Any) -> None:
        nonlocal passed
        passed += 1
        if passed == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        real(path)

    disk.unlink = maybe
    for number in numbers:
        _put(store, folder, number)


def _put(store: ObjectStore, folder: Path, number: int, **more: Any) -> str:
    content = b"%d" % number + bytes(1000)
    temp = folder / f"t{number}.mkv"
    temp.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    store.put(temp, sha256, **more)
    return sha256


def test_r16_a_kill_while_room_is_made_costs_nothing_in_use(tmp_path: Path, rounds: Rounds) -> None:
    dice, landed, many = random.Random(16), 0, rounds(8, 50)
    for number in range(many):
        folder = tmp_path / str(number)
        folder.mkdir()
        store = ObjectStore(folder, 3000)
        pinned = _put(store, folder, 999)
        child = FORK.Process(target=_fill, args=(folder, list(range(8)), dice.randint(1, 4)))
        child.start()
        child.join(20)
        landed += child.exitcode == -signal.SIGKILL
        if store.get(pinned, ".mkv") is None:
            pinned = _put(store, folder, 999)
        last = _put(store, folder, 500, keep={pinned})
        assert store.get(last, ".mkv") and store.get(pinned, ".mkv")
        kept = [path for path in (folder / "objects").glob("??/*") if path.suffix == ".mkv"]
        assert sum(path.stat().st_size for path in kept) <= 3000 + 1010
        for path in kept:
            assert fsio.sha256_file(path) == path.stem
    note("R16", many, hits=landed)
