"""Small clips and the command, for the tests of `vmaf-tune corpus`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.faketools.fake import real_ffmpeg

from vmafkit.cli.tune import app
from vmafkit.cli.typer_main import run_app

FRAMES = {"one": 10, "two": 15}


def make_clips(folder: Path) -> dict[str, Path]:
    """Two small clips, by name."""
    found = {name: folder / f"{name}.mkv" for name in FRAMES}
    real_ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=128x72:r=25,trim=end_frame=10", "-c:v", "ffv1",
        found["one"],
    )  # fmt: skip
    # Sound, to see that its bits are not counted.
    real_ffmpeg(
        "-f", "lavfi", "-i", "mandelbrot=s=160x96:r=30000/1001,trim=end_frame=15",
        "-f", "lavfi", "-i", "sine=d=0.5", "-pix_fmt", "yuv420p10le", "-c:v", "ffv1", found["two"],
    )  # fmt: skip
    return found


def tune(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """Run `vmaf-tune`; its exit code."""
    monkeypatch.setattr(sys, "argv", ["vmaf-tune", *map(str, words)])
    return run_app("vmaf-tune", app)
