"""`make demo`: a first run, on a clip made on the spot or on a video of yours."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vmafkit.cli import output
from vmafkit.cli.search_shown import recommendation_text, shown
from vmafkit.errors import TargetUnreached, UsageError
from vmafkit.schema.recommendation import Recommendation

PROGRAM = "demo"
FOLDER = Path("demo")
TARGET = "93"
ENCODER, PRESET = "libx264", "fast"
# A zoom into a fractal is as hard to encode as film is, and is the same on every machine.
CLIP = "mandelbrot=size=640x360:rate=25:end_scale=0.02:end_pts=200:maxiter=512"
CLIP_FRAMES = 75


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    return output.run_command(PROGRAM, lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    if len(words) > 1:
        raise UsageError(f"one video at a time, not {len(words)}", hint='make demo SRC="a b.mkv"')
    source = Path(words[0]) if words else _clip()
    output_file, report = FOLDER / f"{source.stem}.vmaf93.mkv", FOLDER / f"{source.stem}.html"
    found = _recommend(source, output_file, report)
    for line in recommendation_text(found).splitlines():
        output.result(line)
    output.result(f"report: {report}")
    return 0 if found.met else TargetUnreached.exit_code


def _clip() -> Path:
    """The made clip, lossless; the one of an earlier run where there is one."""
    from vmafkit import fsio
    from vmafkit.ffmpeg.locate import find_ffmpeg
    from vmafkit.ffmpeg.run import run_ffmpeg
    from vmafkit.ffmpeg.words import output_word

    clip = FOLDER / "clip.mkv"
    if clip.is_file():
        return clip
    output.note(f"{PROGRAM}: making {clip}, {CLIP_FRAMES} frames")
    fsio.ensure_folder(FOLDER)
    with fsio.atomic_path(clip, user_output=True) as temp:
        run_ffmpeg(
            find_ffmpeg(None),
            [
                "-f", "lavfi", "-i", CLIP, "-frames:v", str(CLIP_FRAMES),
                "-c:v", "ffv1", "-pix_fmt", "yuv420p", output_word(temp),
            ],
            cwd=FOLDER,
            what="making the clip",
        )  # fmt: skip
    return clip


def _recommend(source: Path, output_file: Path, report: Path) -> Recommendation:
    from vmafkit import api, fsio

    fsio.ensure_folder(FOLDER)
    with shown(PROGRAM, as_json=False, quiet=False) as on_event:
        return api.recommend(
            source,
            encoder=ENCODER,
            preset=PRESET,
            target=[TARGET],
            output=output_file,
            report=report,
            on_event=on_event,
        )


if __name__ == "__main__":
    raise SystemExit(main())
