"""Measures the curves that the search is judged on: every whole CRF step of three encoders.

    python benchmarks/measure_curves.py CLIPS WORK [--output benchmarks/curves.parquet]

CLIPS holds bigbuckbunny.mp4, car-detection.mp4 and park_joy_420_720p50_frm0to9_480x270.y4m. The
sources are short windows and crops of them, and pictures that ffmpeg draws; WORK keeps the
sources, the trial store and the corpus file, so a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

import imageio_ffmpeg
import polars as pl

BBB, CAR, JOY = "bigbuckbunny.mp4", "car-detection.mp4", "park_joy_420_720p50_frm0to9_480x270.y4m"
FRAMES = 32
ENCODERS = {
    "libx264": ("medium", "0:51:1"),
    "libx265": ("fast", "0:51:1"),
    "libsvtav1": ("10", "1:63:1"),
}


def frames(first: int) -> str:
    return f"trim=start_frame={first}:end_frame={first + FRAMES},setpts=PTS-STARTPTS"


# Name to title and filter; titles are left out together where a source is left out.
REAL = {
    "bbb-wide": (BBB, f"{frames(0)},scale=384:216"),
    "car-two": (CAR, f"{frames(190)},crop=384:216:300:120"),
    "joy-full": (JOY, "null"),
    "bbb-grass": (BBB, f"{frames(20)},crop=384:216:300:480"),
    "car-white": (CAR, f"{frames(64)},scale=384:216"),
    "bbb-pan": (BBB, f"{frames(40)},crop=384:216:n*8:200"),
    "bbb-grain": (BBB, f"{frames(30)},scale=384:216,noise=alls=12:allf=t"),
    "car-fast": (CAR, f"framestep=4,{frames(10)},scale=384:216"),
    "bbb-face": (BBB, f"{frames(60)},crop=480:270:300:100"),
    "joy-part": (JOY, "crop=320:180:150:60"),
    "bbb-trees": (BBB, f"{frames(90)},crop=384:216:640:40"),
    "car-empty": (CAR, f"{frames(0)},crop=384:216:100:100"),
    "bbb-late": (BBB, f"{frames(98)},scale=480:270"),
    "car-grain": (CAR, f"{frames(160)},scale=384:216,noise=alls=8:allf=t"),
    "bbb-fast": (BBB, f"framestep=3,{frames(5)},scale=384:216"),
    "car-late": (CAR, f"{frames(310)},crop=320:180:380:0"),
}
DRAWN = {
    "testsrc2": "testsrc2=s=384x216:r=25",
    "mandelbrot": "mandelbrot=s=384x216:r=25:start_scale=0.5:end_scale=0.01:end_pts=60",
    "gradients": "gradients=s=384x216:r=25:seed=7:speed=0.05,noise=alls=3:allf=t:all_seed=5",
    "life": "life=s=192x108:r=12:seed=3:mold=10:death_color=#C83232:life_color=#00ff00,"
    "scale=384:216:flags=bilinear",
    "cellauto": "cellauto=s=384x216:r=25:rule=110:seed=9,boxblur=2",
    "fade": "testsrc=s=384x216:r=25:d=3,fade=in:0:20,noise=alls=6:allf=t:all_seed=2",
    "scroll": "mandelbrot=s=768x432:r=25:start_scale=0.3:end_scale=0.29,"
    "crop=384:216:n*6:n*2,noise=alls=4:all_seed=4",
}


def make_source(name: str, clips: Path, folder: Path) -> Path:
    path = folder / f"{name}.mkv"
    if path.exists():
        return path
    if name in REAL:
        title, graph = REAL[name]
        given = ["-i", str(clips / title)]
    else:
        given, graph = ["-f", "lavfi", "-i", DRAWN[name]], "null"
    part = path.with_suffix(".part.mkv")
    subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *given,
            "-vf", f"{graph},format=yuv420p", "-frames:v", str(FRAMES), "-an", "-sn",
            "-c:v", "ffv1", str(part),
        ],
        check=True,
    )  # fmt: skip
    part.replace(path)
    return path


def names() -> list[str]:
    """Real and drawn by turns, so that a part of the run is a fair part."""
    drawn = list(DRAWN)
    mixed: list[str] = []
    for index, name in enumerate(REAL):
        mixed.append(name)
        if index % 2 and drawn:
            mixed.append(drawn.pop(0))
    return mixed + drawn


def measure(clips: Path, work: Path, workers: int) -> Path:
    os.environ["VMAFKIT_CACHE"] = str(work / "cache")
    from vmafkit import api

    corpus = work / "curves.jsonl"
    (work / "sources").mkdir(parents=True, exist_ok=True)
    for name in names():
        source = make_source(name, clips, work / "sources")
        for encoder, (preset, values) in ENCODERS.items():
            plan = api.plan_corpus([source], encoder=[encoder], preset=[preset], crf=[values])
            done = api.corpus(plan, corpus, workers=workers)
            print(f"{name} {encoder}: {done.cells} cells, {done.failed} failed", flush=True)
    return corpus


def collect(corpus: Path, output: Path) -> None:
    from vmafkit.media.complexity import look
    from vmafkit.media.probe import open_source
    from vmafkit.store.corpus_file import CorpusFile

    rows = [row for row in CorpusFile(corpus).rows() if row.exit_status == 0]
    titles = {name: title.split(".")[0] for name, (title, _) in REAL.items()}
    activity = {name: look(open_source(name)) for name in {row.src for row in rows}}
    table = pl.DataFrame(
        {
            "source": [Path(row.src).stem for row in rows],
            "title": [titles.get(Path(row.src).stem, Path(row.src).stem) for row in rows],
            "encoder": [row.encoder for row in rows],
            "preset": [row.preset for row in rows],
            "quality": [row.crf for row in rows],
            "vmaf": [row.vmaf_score for row in rows],
            "vmaf_p5": [row.vmaf_p5 for row in rows],
            "bitrate_kbps": [row.bitrate_kbps for row in rows],
            "video_bytes": [row.video_bytes for row in rows],
            "width": [row.width for row in rows],
            "height": [row.height for row in rows],
            "fps": [row.framerate for row in rows],
            "si": [float(activity[row.src].si.mean()) for row in rows],
            "ti": [float(activity[row.src].ti.mean()) for row in rows],
        }
    )
    table.sort("source", "encoder", "quality").write_parquet(output, compression="zstd")
    print(f"{output}: {table.height} rows, {output.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("curves.parquet"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--collect-only", action="store_true")
    options = parser.parse_args()
    corpus = options.work / "curves.jsonl"
    if not options.collect_only:
        corpus = measure(options.clips, options.work, options.workers)
    collect(corpus, options.output)


if __name__ == "__main__":
    main()
