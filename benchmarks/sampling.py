"""How far the score of sampled windows is from that of the whole title, and what it saves.

    python benchmarks/sampling.py [--minutes 10] [--crf 20,26,32,38] [CLIP ...]

A title of mixed content is made: short scenes of ffmpeg's own sources (still, smooth, detailed,
noisy, fast) and of the clips named, each cropped, mirrored and brightened in its own way. It is
measured whole and on windows at every CRF; both sides run the same trials in the same run.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

SIZE = "320x180"
SCENES = (
    "testsrc2=s={size}:r=24",
    "mandelbrot=s={size}:r=24:start_scale={a}",
    "life=s={size}:r=24:mold=10:ratio=0.{b}:seed={b}:life_color=#a0c060:death_color=#204060",
    "cellauto=s={size}:r=24:rule={b}:seed={b}",
    "gradients=s={size}:r=24:speed=0.0{b}:seed={b}",
    "color=c=#4060{b}:s={size}:r=24,noise=alls={b}:allf=t",
    "smptehdbars=s={size}:r=24",
    "zoneplate=s={size}:r=24:kt2={b}",
)
# One title has one colour description; a change within it would start the filters anew.
LABELS = (
    "scale=out_range=tv,format=yuv420p,setsar=1,setparams=range=tv:color_primaries=bt709:"
    "color_trc=bt709:colorspace=bt709:field_mode=prog"
)
CROPS = ("iw:ih:0:0", "iw*0.6:ih*0.6:iw*0.1:ih*0.1", "iw*0.5:ih*0.5:iw*0.4:ih*0.4")


def ffmpeg(*words: str) -> None:
    quiet = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
    subprocess.run([*quiet, *words], check=True, stdin=subprocess.DEVNULL)


def scene(number: int, clips: list[Path], folder: Path, seed: random.Random) -> tuple[Path, float]:
    seconds = seed.choice((2, 3, 5, 8, 13))
    output = folder / f"{number:04d}.mkv"
    end = ["-t", str(seconds), "-r", "24", "-an", "-c:v", "libx264", "-preset", "ultrafast"]
    end += ["-crf", "6", "-pix_fmt", "yuv420p", str(output)]
    if clips and number % 2:
        clip = seed.choice(clips)
        flip = seed.choice(("hflip,", ""))
        chain = (
            f"crop={seed.choice(CROPS)},{flip}eq=brightness={seed.uniform(-0.1, 0.1):.2f},"
            f"scale={SIZE.replace('x', ':')},{LABELS}"
        )
        start = f"{seed.uniform(0, 3):.2f}"
        ffmpeg("-stream_loop", "-1", "-ss", start, "-i", str(clip), "-vf", chain, *end)
    else:
        text = seed.choice(SCENES).format(
            size=SIZE, a=seed.uniform(0.01, 3), b=seed.randint(10, 60)
        )
        ffmpeg("-f", "lavfi", "-i", text, "-vf", LABELS, *end)
    return output, seconds


def title(minutes: float, clips: list[Path], folder: Path) -> Path:
    seed = random.Random(7)
    total, names = 0.0, []
    while total < minutes * 60:
        path, seconds = scene(len(names), clips, folder, seed)
        names.append(f"file '{path.name}'")
        total += seconds
    listing = folder / "scenes.txt"
    listing.write_text("\n".join(names), "utf-8")
    made = folder / "title.mkv"
    ffmpeg("-f", "concat", "-i", str(listing), "-c", "copy", str(made))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--minutes", type=float, default=10.2)
    parser.add_argument("--crf", default="20,26,32,38")
    parser.add_argument("--preset", default="veryfast")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["VMAFKIT_CACHE"] = str(folder / "cache")
        compare(
            title(options.minutes, [clip.absolute() for clip in options.clips], folder), options
        )


def compare(made: Path, options: argparse.Namespace) -> None:
    from vmafkit.api._searching import Goal, Sampling, means_of, prepare
    from vmafkit.decide.samples import full, half_width, widened
    from vmafkit.execute.search import measure

    means = means_of(
        enc=(), threads=1, workers=None, allow_hdr=False, ffmpeg_bin=None, timeout_s=None,
        geometry=(None, None, None, None),
    )  # fmt: skip
    ready = prepare(made, Goal(("93",)), Sampling(), means)
    encoder = ready.encoder("libx264")
    first = ready.samples
    plans = {"default": first, "widened once": widened(first, ready.weights)}
    print(f"title: {ready.source.duration_s:.0f} s, {ready.source.frame_count} frames")
    errors: dict[str, list[float]] = {name: [] for name in plans}
    costs: dict[str, float] = dict.fromkeys(plans, 0.0)
    whole_cost = 0.0
    with ready.bench() as bench:
        for quality in (float(word) for word in options.crf.split(",")):
            setup = ready.setup(bench, encoder, options.preset, full(ready.source.frame_count))
            whole = measure(setup, quality)
            whole_cost += whole.encode_s + whole.score_s
            print(
                f"crf {quality:g}: whole {whole.scores[0]:.3f}, {whole.probe.bitrate_kbps:.0f} kbps"
            )
            for name, samples in plans.items():
                part = measure(ready.setup(bench, encoder, options.preset, samples), quality)
                error = part.scores[0] - whole.scores[0]
                rate = part.probe.bitrate_kbps / whole.probe.bitrate_kbps - 1
                width = half_width(part.errors[0], len(samples.windows)) or 0.0
                errors[name].append(error)
                costs[name] += part.encode_s + part.score_s
                print(
                    f"  {name}: {len(samples.windows)} windows, {samples.share:.1%}: "
                    f"{part.scores[0]:.3f} ({error:+.3f}, stated ±{width:.3f}), "
                    f"bitrate {rate:+.1%}"
                )
    for name, found in errors.items():
        sizes = [abs(error) for error in found]
        print(
            f"{name}: mean |error| {sum(sizes) / len(sizes):.3f}, max {max(sizes):.3f}, "
            f"CPU {costs[name] / whole_cost:.3f} of the whole"
        )


if __name__ == "__main__":
    main()
