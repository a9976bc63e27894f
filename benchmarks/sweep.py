"""CPU cost of a corpus cell against the two bare ffmpeg commands that it stands for.

    python benchmarks/sweep.py VIDEO [--crf 22:36:2] [--preset veryfast]

Both sides run one after the other on one worker in the same run. The bare side runs each
cell's encode and libvmaf commands by hand. CPU seconds are those of all child processes
and, for the sweep, of this tool itself (it runs as a process of its own).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg

from vmafkit.decide.values import parse_values


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(argv: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    before, started = cpu_of_children(), time.monotonic()
    done = subprocess.run(
        argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        sys.exit(f"{shlex.join(argv)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return cpu_of_children() - before, time.monotonic() - started


def bare(video: Path, preset: str, values: tuple[float, ...], folder: Path) -> tuple[float, float]:
    """CPU seconds of all encodes and of all scores."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    quiet = [ffmpeg, "-nostdin", "-v", "error", "-y"]
    encodes = scores = 0.0
    for value in values:
        made = str(folder / "bare.mkv")
        encode = ["-c:v", "libx264", "-preset", preset, "-crf", f"{value:g}", "-threads", "1"]
        encodes += timed([*quiet, "-i", str(video), "-an", "-sn", *encode, made])[0]
        graph = f"[0:v][1:v]libvmaf=n_threads=1:log_fmt=json:log_path={folder}/bare.json"
        score = [*quiet, "-i", made, "-i", str(video), "-lavfi", graph, "-f", "null", "-"]
        scores += timed(score)[0]
    return encodes, scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--crf", default="22:36:2")
    parser.add_argument("--preset", default="veryfast")
    options = parser.parse_args()
    values = parse_values([options.crf], "--crf")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep = [
            str(Path(sys.executable).with_name("vmaf-tune")), "corpus", str(options.video),
            "--preset", options.preset, "--crf", options.crf, "--workers", "1",
            "-o", str(folder / "corpus.jsonl"),
        ]  # fmt: skip
        environment = {**os.environ, "VMAFKIT_CACHE": str(folder / "cache")}
        # Installed packages are compiled once; without this every run compiles them anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        # The first run also reads what ffmpeg can do; both runs of the bare side warm the files.
        warm = [sweep[0], "corpus", str(options.video), "--dry-run"]
        timed(warm, environment)
        ours, _ = timed(sweep, environment)
        encodes, scores = bare(options.video.absolute(), options.preset, values, folder)
        _, again = timed(sweep, environment)
        lines = (folder / "corpus.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    cells = len(values)
    assert len(rows) == cells
    our_encodes = sum(row["encode_cpu_s"] for row in rows)
    our_scores = sum(row["score_cpu_s"] for row in rows)
    theirs = encodes + scores
    own = ours - our_encodes - our_scores
    print(f"cells                      {cells}")
    print(f"bare ffmpeg, CPU s a cell  {theirs / cells:.3f}"
          f" (encode {encodes / cells:.3f}, score {scores / cells:.3f})")  # fmt: skip
    print(f"vmaf-tune, CPU s a cell    {ours / cells:.3f}"
          f" (encode {our_encodes / cells:.3f}, score {our_scores / cells:.3f},"
          f" the rest {own / cells:.3f})")  # fmt: skip
    print(f"ratio                      {ours / theirs:.3f}")
    print(f"same sweep again, wall s   {again:.3f}")


if __name__ == "__main__":
    main()
