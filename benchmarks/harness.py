"""A test of a metric on a data set, with an empty result store and then with a warm one.

    python benchmarks/harness.py [--sources 4] [--size 1280x720] [--frames 100] [--processes 1]

Clips are drawn by ffmpeg and encoded in three qualities; each run is a process of its own. The
processor's time tells the same on a busy machine, where the clock does not.
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


def timed(recipe: Path, space: Path, processes: int) -> tuple[float, float, int]:
    """Seconds of one run by the clock and of the processor, and how many results were stored."""
    words = ["-m", "vmafkit.harness.run_testing", "VMAF", str(recipe), "--json", "--quiet"]
    words += ["--workspace", str(space), "--processes", str(processes)]
    started, before = time.monotonic(), os.times()
    done = subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, env=os.environ.copy()
    )
    wall_s, after = time.monotonic() - started, os.times()
    cpu_s = sum(
        getattr(after, n) - getattr(before, n) for n in ("children_user", "children_system")
    )
    return wall_s, cpu_s, json.loads(done.stdout)["known"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = make_data_set(folder, args.sources, args.size, args.frames)
        cold = timed(recipe, folder / "space", args.processes)
        warm = timed(recipe, folder / "space", args.processes)
    print(f"{args.sources * 3} assets of {args.frames} frames at {args.size}, {warm[2]} known")
    for name, first, second in zip(("clock", "processor"), cold, warm, strict=False):
        times = first / second
        print(f"{name}: first {first:.2f} s, warm {second:.2f} s, {times:.1f} times")


if __name__ == "__main__":
    main()
