"""No verb takes from standard input what another program is meant to read (R26)."""

from __future__ import annotations

import array
import fcntl
import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from tests.r_record import note
from tests.tuning_kit import moving

TYPED = b'q\nq\n{"jsonrpc": "2.0"}\n' * 20
FRAMES = 25
_QUICK = "--preset ultrafast"
# Later lines use what earlier ones have made; the codes are those that the verb may end with.
LINES = (
    ("vmaf", "-r a.mkv -d b.mkv -o log.json", (0,)),
    ("tune", f"corpus a.mkv {_QUICK} --crf 20,30,40 -o c.jsonl", (0,)),
    ("tune", "corpus a.mkv --encoder libx265 --preset ultrafast --crf 20,30,40 -o d.jsonl", (0,)),
    ("tune", f"recommend a.mkv {_QUICK} --target 60 -o made.mkv", (0,)),
    ("tune", f"compare a.mkv --encoder libx264,libx265 {_QUICK} --crf 20,30,40", (0,)),
    ("tune", f"ladder a.mkv --resolutions 128x72,96x54 {_QUICK} --crf 20,30,40 -o l", (0,)),
    ("tune", f"tune-per-shot a.mkv {_QUICK} --target 60 --plan-out plan.json", (0,)),
    ("tune", "auto a.mkv --target 60", (0, 7)),
    ("tune", f"zones a.mkv --crf 30 --zone 0-5:b=2 {_QUICK}", (0, 1)),
    ("tune", "export c.jsonl c.csv", (0,)),
    ("tune", "benchmark c.jsonl d.jsonl", (0, 1, 2)),
    ("kit", "verify c.jsonl --sample 1", (0,)),
    ("kit", "doctor", (0,)),
    ("harness", "run-psnr yuv420p 128 72 a.yuv a.yuv", (0,)),
    ("harness", "run-vmaf yuv420p 128 72 a.yuv a.yuv", (0,)),
)


def waiting(handle: int) -> int:
    """Bytes in a pipe that nobody has taken."""
    count = array.array("i", [0])
    fcntl.ioctl(handle, termios.FIONREAD, count)
    return count[0]


@pytest.mark.slow
def test_r26_no_verb_takes_from_standard_input(tmp_path: Path, new_cache: Path) -> None:
    moving(tmp_path / "a.mkv", frames=FRAMES)
    moving(tmp_path / "b.mkv", frames=FRAMES)
    (tmp_path / "a.yuv").write_bytes(bytes(range(216)) * (128 * 72 * 3 // 2 // 216) * FRAMES)
    reads, writes = os.pipe()
    os.write(writes, TYPED)
    environment = {**os.environ, "VMAF_WORKSPACE": str(tmp_path / "workspace")}
    for program, words, codes in LINES:
        line = [sys.executable, "-c", f"from vmafkit.cli.{program} import main; main()"]
        done = subprocess.run(
            [*line, *words.split()], stdin=reads, capture_output=True, check=False, timeout=120,
            cwd=tmp_path, env=environment,
        )  # fmt: skip
        assert done.returncode in codes, (words, done.stderr[-1000:])
        assert waiting(reads) == len(TYPED), words
    os.close(writes)
    assert os.read(reads, 10_000) == TYPED
    os.close(reads)
    note("R26", len(LINES))
