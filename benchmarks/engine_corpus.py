"""A sweep from end to end, scored by the engine and by libvmaf, in one run.

    python benchmarks/engine_corpus.py VIDEO [--crf 20,23,26,29,32,35,38,41] [--frames N]

Each backend gets a store of its own, and the two take turns. CPU seconds are those of the whole
command with all its child processes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg

from vmafkit import settings

BACKENDS = ("libvmaf", "engine")


def timed(argv: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        sys.exit(f"{argv} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.monotonic() - started


def cut(video: Path, frames: int, folder: Path) -> Path:
    """The first frames alone, coded as they were."""
    clip = folder / f"clip{video.suffix}"
    words = ["-i", str(video), "-an", "-c", "copy", "-frames:v", str(frames), str(clip)]
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-nostdin", "-v", "error", *words], check=True)
    return clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--crf", default="20,23,26,29,32,35,38,41")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--frames", type=int, help="only so many of the video")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in BACKENDS}
    rows: dict[str, dict[float, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = options.video.absolute()
        if options.frames:
            video = cut(video, options.frames, folder)
        for number in range(options.rounds):
            for backend in BACKENDS:
                own = folder / f"{backend}{number}"
                own.mkdir()
                environment = {**os.environ, "VMAFKIT_CACHE": str(own / "cache")}
                environment.pop("PYTHONDONTWRITEBYTECODE", None)
                engine = settings.cache_folder() / "engine"
                if engine.is_dir():
                    (own / "cache").mkdir()
                    (own / "cache" / "engine").symlink_to(engine)
                tune = [str(Path(sys.executable).with_name("vmaf-tune")), "corpus", str(video)]
                # What ffmpeg can do is read once, and is no part of a sweep.
                timed([*tune, "--dry-run"], environment)
                sweep = [*tune, "--preset", options.preset, "--crf", options.crf,
                         "--score-backend", backend, "-o", str(own / "c.jsonl")]  # fmt: skip
                spent[backend].append(timed(sweep, environment))
                lines = (own / "c.jsonl").read_text("utf-8").splitlines()
                rows[backend] = {row["crf"]: row for row in map(json.loads, lines)}
    for backend in BACKENDS:
        cpu_s, wall_s = (statistics.median(values) for values in zip(*spent[backend], strict=True))
        encodes = sum(row["encode_cpu_s"] for row in rows[backend].values())
        scores = sum(row["score_cpu_s"] for row in rows[backend].values())
        print(f"{backend:8} {wall_s:7.2f} s wall, {cpu_s:7.2f} s CPU"
              f" (encodes {encodes:.2f}, scores {scores:.2f})")  # fmt: skip
    worst = max(
        abs(row["vmaf_score"] - rows["engine"][crf]["vmaf_score"])
        for crf, row in rows["libvmaf"].items()
    )
    print(f"greatest difference of a score {worst:.1e}")


if __name__ == "__main__":
    main()
