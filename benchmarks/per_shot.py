"""BD-rate of per-shot settings against the best single CRF, on a title made of real clips.

python benchmarks/per_shot.py CLIPS_FOLDER WORK_FOLDER [--title mixed] [--encoders libx264]

CLIPS_FOLDER holds bigbuckbunny.mp4, car-detection.mp4 and park_joy_420_720p50_frm0to9_480x270.y4m.
Every point is a whole title, scored from its first frame to its last; bits are those of its video
packets. "Same keys" is the anchor with a key frame at every shot, as streaming has them. The store
in WORK_FOLDER makes a second run cheap.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

from vmafkit import api
from vmafkit.decide.bd_rate import bd_rate
from vmafkit.decide.hull import RatePoint
from vmafkit.errors import TargetUnreached, VmafkitError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.schema.per_shot import PerShotResult
from vmafkit.schema.scenes import scenes_of

BUNNY, CARS = "bigbuckbunny.mp4", "car-detection.mp4"
PARK = "park_joy_420_720p50_frm0to9_480x270.y4m"
# (clip, first frame, frames, filter). `returning`: cuts to and fro between two places every two
# seconds, as in a dialogue, and one short shot that is hard to code; an encoder that sees the
# whole profits from what comes back. `mixed`: longer shots of other kinds: a pan to and fro, a
# close crop, a dark grade, a steady street, a still. `zooms`: soft close crops among sharp wide
# views; made last, when all was settled, to see what holds on a title nothing was tuned on.
_PAN = ((PARK, 0, 10, ""), (PARK, 0, 10, "reverse,"))
TITLES: dict[str, tuple[tuple[tuple[str, int, int, str], ...], ...]] = {
    "returning": (
        ((BUNNY, 0, 44, ""),), ((CARS, 0, 50, ""),), ((BUNNY, 44, 44, ""),), ((PARK, 0, 10, ""),),
        ((CARS, 100, 50, ""),), ((BUNNY, 88, 44, ""),), ((CARS, 200, 50, ""),),
        ((CARS, 300, 50, ""),),
    ),
    "mixed": (
        ((BUNNY, 0, 132, ""),), ((CARS, 0, 100, ""),), ((BUNNY, 0, 100, "crop=640:360:320:180,"),),
        (*_PAN, *_PAN), ((CARS, 150, 115, "crop=384:216:0:180,"),),
        ((BUNNY, 60, 72, "eq=brightness=-0.15:contrast=0.6,"),), ((CARS, 265, 100, ""),),
        ((BUNNY, 100, 1, "tpad=stop_mode=clone:stop=74,"),),
    ),
    "zooms": (
        ((CARS, 200, 150, "hflip,"),), ((BUNNY, 0, 66, "crop=320:180:100:400,"),),
        ((CARS, 0, 1, "tpad=stop_mode=clone:stop=74,"),), ((BUNNY, 66, 66, "hflip,"),),
        (*_PAN, *_PAN, *_PAN), ((CARS, 0, 120, "crop=192:108:300:200,"),),
        ((BUNNY, 0, 132, ""),),
    ),
}  # fmt: skip
TARGETS = (95.0, 92.0, 87.0, 80.0)
PRESETS = {"libx264": "medium", "libsvtav1": "8", "libx265": "medium"}


def make_title(clips: Path, folder: Path, name: str, size: str) -> tuple[Path, Path]:
    """(the title, its scenes.json)."""
    title, scenes = folder / f"{name}_{size}.mkv", folder / f"{name}.json"
    pieces: list[Path] = []
    bounds: list[tuple[int, int]] = []
    for shot in TITLES[name]:
        begin = end = bounds[-1][1] if bounds else 0
        for clip, first, count, words in shot:
            pieces.append(folder / f"piece{len(pieces)}.mkv")
            end += 75 if "tpad" in words else count
            graph = (
                f"trim=start_frame={first}:end_frame={first + count},settb=1/25,setpts=N,fps=25,"
                f"{words}settb=1/25,setpts=N,scale={size.replace('x', ':')}:flags=bicubic,"
                "setsar=1,format=yuv420p"
            )
            if not title.exists():
                _ffmpeg("-y", "-i", clips / clip, "-vf", graph, "-an", "-c:v", "ffv1", pieces[-1])
        bounds.append((begin, end))
    if not title.exists():
        listed = folder / "pieces.txt"
        listed.write_text("".join(f"file '{piece.absolute()}'\n" for piece in pieces), "utf-8")
        _ffmpeg("-f", "concat", "-safe", "0", "-i", listed, "-vf", "settb=1/25,setpts=N",
                "-c:v", "ffv1", title)  # fmt: skip
        for piece in (*pieces, listed):
            piece.unlink()
    scenes.write_text(scenes_of(bounds).text(), "utf-8")
    return title, scenes


def _ffmpeg(*words: str | Path) -> None:
    command = [str(find_ffmpeg()), "-v", "error", *map(str, words)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def tuned(
    title: Path, scenes: Path, encoder: str, mode: str, target: float, folder: Path
) -> PerShotResult | None:
    """One title, or None where the target is out of reach."""
    began = time.monotonic()
    try:
        found = api.tune_per_shot(
            title, encoder=encoder, preset=PRESETS.get(encoder), mode=mode, target_vmaf=target,
            scenes=scenes, plan_out=folder / f"{title.stem}_{encoder}_{mode}_{target:g}.json",
        )  # fmt: skip
    except TargetUnreached:
        return None
    shots, single = found.per_shot, found.single
    line = [f"{encoder:10} {mode:16} {target:4g}"]
    for name, each in (("shots", shots), ("single", single)):
        if each:
            line.append(
                f"{name} {each.mean:6.2f} worst {each.worst_shot:6.2f} {each.bitrate_kbps:7.1f}"
            )
    equal = found.change_at_equal_score_percent
    line.append(f"equal {equal:+.1f} %" if equal is not None else "")
    print(" | ".join(line), f"{found.kept} {time.monotonic() - began:.0f} s", flush=True)
    return found


def points(found: list[PerShotResult], which: str, scale: str = "mean") -> list[RatePoint]:
    """(kbps, VMAF) of the titles: the mean over the frames, or that of the worst shot."""
    titles = [getattr(each, which) for each in found]
    return [RatePoint(each.bitrate_kbps, getattr(each, scale)) for each in titles if each]


def comparisons(
    found: list[PerShotResult], anchor: list[RatePoint]
) -> dict[str, tuple[list[RatePoint], list[RatePoint]]]:
    """(anchor, by shot) by what they are compared at.

    Constant quality promises the worst shot, so it is compared at that too.
    """
    mean = points(found, "per_shot")
    return {
        "": (anchor, mean),
        " same keys": (with_same_keys(found), mean),
        " worst shot": (
            points(found, "single", "worst_shot"), points(found, "per_shot", "worst_shot")
        ),
    }  # fmt: skip


def with_same_keys(found: list[PerShotResult]) -> list[RatePoint]:
    """One CRF for all shots, each with a key frame at its start: no encodes beside the probes.

    It tells what the sharing of bits gains by itself, apart from what key frames cost.
    """
    rates: dict[float, RatePoint] = {}
    for each in found:
        tables = [{probe.crf: probe for probe in shot.probes} for shot in each.shots]
        seconds = each.frames / each.framerate
        for crf in set.intersection(*(set(table) for table in tables)):
            bits = sum(table[crf].video_bits for table in tables)
            mean = sum(
                table[crf].score * shot.frames
                for table, shot in zip(tables, each.shots, strict=True)
            )
            rates[crf] = RatePoint(bits / seconds / 1000, mean / each.frames)
    return list(rates.values())


def main() -> None:
    """Measure every target in both modes, then the deltas."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--title", default="mixed", choices=tuple(TITLES))
    parser.add_argument("--size", default="480x270")
    parser.add_argument("--modes", default="constant-slope,constant-quality")
    parser.add_argument("--encoders", default="libx264,libsvtav1")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.environ["VMAFKIT_CACHE"] = str(given.folder.absolute() / "cache")
    title, scenes = make_title(given.clips, given.folder, given.title, given.size)
    summary: dict[str, float] = {}
    anchors: dict[str, list[RatePoint]] = {}
    for mode in given.modes.split(","):
        for encoder in given.encoders.split(","):
            every = [tuned(title, scenes, encoder, mode, each, given.folder) for each in TARGETS]
            found = [each for each in every if each is not None]
            # Both modes are held against the same anchor, at equal mean VMAF.
            anchor = anchors.setdefault(encoder, points(found, "single"))
            for name, (one, by_shot) in comparisons(found, anchor).items():
                try:
                    delta = bd_rate(one, by_shot)
                except VmafkitError as error:
                    print(f"{encoder} {mode}{name}: {error.sentence()}", flush=True)
                    continue
                summary[f"{encoder} {mode}{name}"] = round(delta.value, 2)
                print(
                    f"{encoder} {mode}{name}: BD-rate {delta.value:+.2f} % "
                    f"(overlap {delta.overlap:.2f})",
                    flush=True,
                )
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
