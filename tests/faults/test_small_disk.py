"""Disks that are full or read-only, and odd surroundings, under a sweep (R17, R21)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faketools import checks, small_disk
from tests.faketools.fake import FakeFfmpeg
from tests.faketools.zygote import Zygote
from tests.r_record import note

from vmafkit.schema.corpus import from_line

Rounds = Callable[[int, int], int]
CELLS = 8
mounts = pytest.mark.skipif(not small_disk.may_mount(), reason="mounting is not allowed here")


def order(fake: FakeFfmpeg, disk: Path, **more: Any) -> dict[str, Any]:
    words = ["corpus", str(fake.source), "--ffmpeg-bin", str(fake.program), "--crf"]
    words += [f"20:{19 + CELLS}", "--workers", "2", "--json", "-o", str(disk / "out" / "c.jsonl")]
    places = {"VMAFKIT_CACHE": str(disk / "cache"), "TMPDIR": str(disk / "tmp")}
    return {"argv": words, "environment": places, **more}


def size(bytes_: int) -> list[list[str]]:
    return [["-o", f"remount,rw,size={bytes_}"]]


def good(text: str) -> list[str]:
    rows = [from_line(line.encode() + b"\n") for line in text.split("\n")[:-1]]
    return [row.trial_key or "" for row in rows if row.exit_status == 0]


@mounts
def test_r17_a_disk_that_fills_up_at_any_time(
    fake: FakeFfmpeg, tmp_path: Path, rounds: Rounds
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    large = 64 << 20
    first = [["-t", "tmpfs", "-o", f"size={large}", "none"]]
    (calm,) = small_disk.ask([order(fake, disk, mount=first)], disk)
    assert calm["status"] == 0 and len(good(calm["rows"])) == CELLS
    levels = rounds(6, 20)
    orders = [{"mount": first}]
    for level in range(levels):
        limit = max(4096, int(calm["used_bytes"] * (level + 0.5) / levels) // 4096 * 4096)
        orders += [
            {"mount": size(large), "clear": True},
            order(fake, disk, mount=size(limit)),
            order(fake, disk, mount=size(large)),
        ]
    answers = small_disk.ask(orders, disk)[1:]
    landed, slowest_s, kept = 0, 0.0, 0
    for full, after in zip(answers[1::3], answers[2::3], strict=True):
        assert full["status"] in (0, 8), full["output"]
        assert "Traceback" not in full["output"] and not full["left"]
        if full["status"]:
            landed += 1
            assert '"error": "store' in full["output"]
            slowest_s = max(slowest_s, full["wall_s"])
        before = good(full["rows"])
        kept += len(before)
        assert after["status"] == 0, after["output"]
        found = good(after["rows"])
        assert set(before) <= set(found) and len(found) == len(set(found)) == CELLS
    assert landed >= levels * 0.8
    assert slowest_s <= 5.0
    note("R17", levels, hits=landed, worst_s=slowest_s)


@mounts
def test_r21_a_read_only_disk(fake: FakeFfmpeg, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    first = [["-t", "tmpfs", "-o", "size=64m", "none"]]
    read_only = [["-o", "remount,ro"]]
    words = order(fake, disk)["argv"]
    fewer = [*words[:5], "20:22", *words[6:]]
    answers = small_disk.ask(
        [
            order(fake, disk, mount=first, argv=fewer),
            order(fake, disk, mount=read_only),
            order(fake, disk, mount=[["-o", "remount,rw"]]),
            {"mount": [["-o", "remount,rw"]], "clear": True},
            order(fake, disk, mount=read_only),
        ],
        disk,
    )
    some, closed, open_again, _, empty = answers
    assert some["status"] == 0 and len(good(some["rows"])) == 3
    for refused in (closed, empty):
        assert refused["status"] in (1, 8), refused["output"]
        assert "Traceback" not in refused["output"]
        assert "cannot write" in refused["output"]
    assert "permission denied" in closed["output"] or "read-only" in closed["output"]
    assert closed["rows"] == some["rows"]
    assert open_again["status"] == 0 and len(good(open_again["rows"])) == CELLS
    note("R21", 2)


SURROUNDINGS: dict[str, tuple[str, dict[str, str], tuple[int, ...]]] = {
    "no home": ("import os; os.environ.pop('HOME')", {}, (0,)),
    "no TMPDIR": ("import os; os.environ.pop('TMPDIR')", {}, (0,)),
    "TMPDIR is gone": ("", {"TMPDIR": "/nonexistent/tmp"}, (0,)),
    "working folder is gone": (
        "import os; os.mkdir('x'); os.chdir('x'); os.rmdir('../x')", {}, (1,)),
    "umask 0777": ("import os; os.umask(0o777)", {}, (0, 8)),
    "cache is a file": ("", {"VMAFKIT_CACHE": "/etc/hostname"}, (8,)),
    "cache cannot be made": ("", {"VMAFKIT_CACHE": "/proc/none/cache"}, (8,)),
    "standard error is closed": ("import os; os.close(2)", {}, (0,)),
}  # fmt: skip


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_r21_odd_surroundings(zygote: Zygote, fake: FakeFfmpeg, tmp_path: Path, name: str) -> None:
    act, environment, codes = SURROUNDINGS[name]
    output = tmp_path / "c.jsonl"
    words = ["corpus", fake.source, "--ffmpeg-bin", fake.program, "--crf", "20:22", "-o", output]
    places = {"VMAFKIT_CACHE": str(tmp_path / "cache"), **environment}
    status, command = zygote.run(words, tmp_path / "run", sabotage=act, **places)
    said = command.stdout() + command.stderr()
    assert status in codes, said
    assert "Traceback" not in said
    if status == 0:
        output.chmod(stat.S_IRUSR | stat.S_IWUSR)
        assert len(checks.good_keys(output)) == 3
    else:
        assert "VMAFKIT_CACHE" in said or "the working folder is gone" in said
        assert not output.exists()
    for folder, _, _ in os.walk(tmp_path):
        Path(folder).chmod(0o700)
    note("R21", 1)
