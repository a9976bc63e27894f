"""Small clips made once per session by ffmpeg's own sources."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

Make = Callable[..., Path]
HDR10 = (
    "hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)
ODD = ("1x1", "641x273")
PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"


def ffmpeg(*words: str | Path) -> None:
    """Run ffmpeg, or fail with the end of what it said."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """make(name, *words, size=, rate=, frames=): a clip, made once for the same words."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[object, Path] = {}

    def one(
        name: str, *words: str, size: str = "64x48", rate: str = "25", frames: int = 25
    ) -> Path:
        key = (name, words, size, rate, frames)
        if key not in made:
            path = folder / f"{len(list(folder.iterdir()))}" / name
            path.parent.mkdir()
            # testsrc2 rounds its size down to even numbers.
            kind = "rgbtestsrc" if size in ODD else "testsrc2"
            source = f"{kind}=s={size}:r={rate}"
            ffmpeg("-f", "lavfi", "-i", source, *words, "-frames:v", str(frames), f"file:{path}")
            made[key] = path
        return made[key]

    return one
