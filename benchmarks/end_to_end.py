"""What proving a target costs beside the one encode that comes of it.

    python benchmarks/end_to_end.py [--target 93] [--encoder libx264] [--preset medium] CLIP ...

For each clip `vmaf-tune auto --execute` runs twice on an empty store, once with its own search and
once with bisect. CPU seconds are those of the whole command: every probe, every score, the final
file and its checks, and the tool itself. They are divided by the CPU seconds of one ffmpeg call
that encodes the clip with the setting found. All runs follow each other on one worker.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg

STRATEGIES = ("interpolate", "bisect")


def cpu_of(argv: list[str], environment: dict[str, str] | None = None) -> tuple[float, bytes]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.stdout


def proved(
    clip: Path, options: argparse.Namespace, strategy: str, folder: Path
) -> tuple[float, dict[str, Any]]:
    runs = folder / strategy
    tool = str(Path(sys.executable).with_name("vmaf-tune"))
    words = [
        tool, "auto", str(clip), "--target", options.target, "--allow-codecs", options.encoder,
        "--preset", options.preset, "--strategy", strategy, "--workers", "1", "--execute",
        "--runs-dir", str(runs), "--json",
    ]  # fmt: skip
    environment = {**os.environ, "VMAFKIT_CACHE": str(folder / f"cache-{strategy}")}
    # What ffmpeg can do is read once for all runs of a user, and is no part of the work.
    plan_only = [word for word in words if word != "--execute"]
    subprocess.run(plan_only, check=True, capture_output=True, env=environment)
    spent, told = cpu_of(words, environment)
    return spent, json.loads(told)["results"][0]


def one_encode(clip: Path, row: dict[str, Any], options: argparse.Namespace, folder: Path) -> float:
    quiet = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i", str(clip)]
    from vmafkit.encoders import EncodeSettings, get

    encoder = get(options.encoder)
    settings = EncodeSettings(options.preset, row["crf"], "yuv420p", threads=1)
    words = encoder.argv(settings)
    out = str(folder / "one.mkv")
    return cpu_of([*quiet, "-map", "0:V:0", "-an", "-fps_mode", "passthrough", *words, out])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--target", default="93")
    parser.add_argument("--encoder", default="libx264")
    parser.add_argument("--preset", default="medium")
    options = parser.parse_args()
    print(f"{options.encoder} {options.preset}, target {options.target}")
    for clip in options.clips:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for strategy in STRATEGIES:
                spent, row = proved(clip.absolute(), options, strategy, folder)
                encode = one_encode(clip.absolute(), row, options, folder)
                score = row["scores"][0] if row["scores"] else float("nan")
                probes = [p for p in row["probes"] if not p["known"]]
                print(
                    f"{clip.name} {strategy}: {len(probes)} probes, crf {row['crf']:g}, "
                    f"{score:.3f}, {spent:.1f} CPU s / {encode:.1f} of one encode = "
                    f"{spent / encode:.2f}"
                )


if __name__ == "__main__":
    main()
