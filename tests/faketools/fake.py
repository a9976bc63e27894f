"""A folder with the false ffmpeg and all that it hands out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg

FRAMES = 5
CRFS = range(52)


def real_ffmpeg(*words: str | Path) -> None:
    """Run the true ffmpeg, or fail with the end of what it said."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


class FakeFfmpeg:
    """The program, its hook, and how often it was started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "ffmpeg"
        self.source = folder / "source.y4m"

    @classmethod
    def made(cls, folder: Path) -> FakeFfmpeg:
        """A new one: 52 true encodes of five small frames, and a log of as many."""
        fake = cls(folder)
        (folder / "clips").mkdir(parents=True)
        picture = f"testsrc2=s=64x48:r=25,trim=end_frame={FRAMES}"
        real_ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", fake.source)
        encodes: list[str | Path] = []
        for crf in CRFS:
            encodes += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", str(crf)]
            encodes += ["-threads", "1", folder / "clips" / f"{crf}.mkv"]
        real_ffmpeg("-i", fake.source, *encodes)
        # The answer when its encoder is tried.
        real_ffmpeg("-i", fake.source, "-frames:v", "1", "-c:v", "libx264", folder / "try.mkv")
        said = "Input stream #{}:0 (video): 5 packets read (1 bytes); 5 frames decoded"
        (folder / "counts").write_text("".join(f"  {said.format(n)};\n" for n in (0, 1)))
        frames = [
            {"frameNum": number, "metrics": {"integer_motion2": 1.0, "m0": "@"}}
            for number in range(FRAMES)
        ]
        log = {"version": "fake", "frames": frames, "pooled_metrics": {}, "aggregate_metrics": {}}
        text = json.dumps(log, indent=1).replace('"@"', "50.@")
        (folder / "log.json").write_text(text)
        shutil.copy(Path(__file__).with_name("ffmpeg.sh"), fake.program)
        return fake

    def copy(self, folder: Path) -> FakeFfmpeg:
        """One of its own for a test."""
        shutil.copytree(self.folder, folder, copy_function=os.link)
        (folder / "ffmpeg").unlink()
        shutil.copy(self.program, folder / "ffmpeg")
        for name in ("starts", "hook"):
            (folder / name).unlink(missing_ok=True)
        return FakeFfmpeg(folder)

    def hook(self, text: str) -> None:
        """What it does before its work, in words of sh."""
        path = self.folder / "hook"
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").replace(path)

    def starts(self, kind: str = "encode") -> list[str]:
        """The quality values of its starts."""
        path = self.folder / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition(" ")[2] for line in lines if line.startswith(kind + " ")]

    def forget(self) -> None:
        """Begin counting anew."""
        (self.folder / "starts").unlink(missing_ok=True)
