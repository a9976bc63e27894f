"""A test of a metric on a data set, with an empty result store and then with a warm one.

    python benchmarks/harness.py [--sources 4] [--size 640x360] [--frames 100] [--processes 2]

Clips are drawn by ffmpeg and encoded in three qualities; each run is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
import yaml

from vmafkit import api


def make_data_set(folder: Path, sources: int, size: str, frames: int) -> Path:
    """Draw and encode the clips; returns the recipe."""
    paths: list[str | Path] = []
    for number in range(sources):
        path = folder / f"source{number}.mkv"
        graph = f"testsrc2=s={size}:r=25,noise=alls={6 + 4 * number}:allf=t:all_seed={number}"
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-f", "lavfi",
             "-i", f"{graph},format=yuv420p", "-frames:v", str(frames), "-c:v", "ffv1", str(path)],
            check=True,
        )  # fmt: skip
        paths.append(path)
    recipe = folder / "set.yaml"
    api.run_encode(
        paths, preset=["veryfast"], crf=[20, 32, 44], recipe=recipe, workspace=folder / "space"
    )
    values = yaml.safe_load(recipe.read_text("utf-8"))
    for number, video in enumerate(values["dis_videos"]):
        video["mos"] = 90.0 - 25.0 * (number % 3) + number // 3
    recipe.write_text(yaml.safe_dump(values), "utf-8")
    return recipe


def timed(recipe: Path, space: Path, processes: int) -> tuple[float, int]:
    """Seconds of one run, and how many results it found stored."""
    words = ["-m", "vmafkit.harness.run_testing", "VMAF", str(recipe), "--json", "--quiet"]
    words += ["--workspace", str(space), "--processes", str(processes)]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, env=os.environ.copy()
    )
    return time.monotonic() - started, json.loads(done.stdout)["known"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = make_data_set(folder, args.sources, args.size, args.frames)
        cold_s, _ = timed(recipe, folder / "space", args.processes)
        warm_s, known = timed(recipe, folder / "space", args.processes)
    print(f"{args.sources * 3} assets of {args.frames} frames at {args.size}")
    print(f"cold {cold_s:.2f} s, warm {warm_s:.2f} s ({known} known): {cold_s / warm_s:.1f} times")


if __name__ == "__main__":
    main()
