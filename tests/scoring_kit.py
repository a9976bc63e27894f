"""Clips for the scoring tests, and libvmaf called by hand.

Nothing here uses vmafkit: the argument lists are written out, so that they can judge it.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import pytest

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
Floats = npt.NDArray[np.float64]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
LOSSLESS = (*X264, "-qp", "0")


def ffmpeg(*words: str | Path, cwd: Path | None = None) -> str:
    """Run ffmpeg and return what it said, or fail with the end of it."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=cwd
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def picture(size: str = "192x128", frames: int = 12, rate: str = "25") -> tuple[str, ...]:
    """Input words for a moving picture with some noise in it, always the same."""
    source = f"testsrc2=s={size}:r={rate},noise=alls=12:allf=t:all_seed=7,format=yuv420p"
    return "-f", "lavfi", "-i", f"{source},trim=end_frame={frames}"


def hand_log(
    distorted: Sequence[str | Path],
    reference: Sequence[str | Path],
    options: str,
    *,
    pix_fmt: str = "yuv420p",
    form: str = "json",
    frames: int | None = None,
    files: Mapping[str, str] | None = None,
) -> str:
    """libvmaf's own log of a pair, from one ffmpeg command.

    Args:
        distorted, reference: the words that open each side.
        options: of the filter, beside its log and threads.
        frames: only the first so many.
        files: to put beside it, such as models.
    """
    cut = f"trim=end_frame={frames}," if frames else ""
    chain = f"{cut}settb=1/25,setpts=N,format={pix_fmt},setparams=range=tv:colorspace=bt709"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (files or {}).items():
            (folder / file).write_text(text, "utf-8")
        ffmpeg(
            *distorted, *reference, "-lavfi",
            f"[0:v]{chain}[d];[1:v]{chain}[r];"
            f"[d][r]libvmaf=log_path=by_hand:log_fmt={form}:n_threads=2:{options}",
            "-fps_mode", "passthrough", "-f", "null", "-", cwd=folder,
        )  # fmt: skip
        return (folder / "by_hand").read_text("utf-8")


def columns_of(log: str) -> dict[str, Floats]:
    """A JSON log's per-frame values, by column; null is infinite."""
    frames: list[dict[str, Any]] = json.loads(log)["frames"]
    return {
        name: np.array(
            [np.inf if f["metrics"][name] is None else f["metrics"][name] for f in frames]
        )
        for name in frames[0]["metrics"]
    }


def clips_folder() -> Path:
    """The folder of real clips; skips the test where there is none."""
    named = os.environ.get("VMAFKIT_TEST_CLIPS")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "clips"
    if not (folder / "bigbuckbunny.mp4").is_file():
        pytest.skip(f"the real clips are not in {folder}; VMAFKIT_TEST_CLIPS names another folder")
    return folder
