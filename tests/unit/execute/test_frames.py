"""Frames are taken by their number, from either kind of file, at the size of the comparison."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from vmafkit.errors import UsageError
from vmafkit.execute.frames import extract_frames
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry

# Every frame of this clip has its own shade: 10, 14, 18 ..
CLIP = "color=black:size=64x48:rate=25,trim=end_frame=20,geq=lum='10*10+N*6':cb=128:cr=128"


def _made(path: Path, *words: str) -> Path:
    program = str(find_ffmpeg(None))
    subprocess.run(
        [program, "-v", "error", "-f", "lavfi", "-i", CLIP, *words, str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def _shade(picture: bytes) -> float:
    with av.open(io.BytesIO(picture)) as container:
        return float(np.mean(next(container.decode(video=0)).to_ndarray(format="rgb24")))


def _expected(frame: int) -> float:
    return (100 + 6 * frame - 16) * 255 / 219


@pytest.mark.parametrize("name", ["a clip %03d.mkv", "-odd:name'.mp4"])
def test_frames_are_those_of_their_numbers(tmp_path: Path, name: str) -> None:
    made = _made(tmp_path / "clip.mkv", "-c:v", "ffv1")
    words = ("-c:v", "libx264", "-crf", "4", "-bf", "3", "-g", "7")
    path = _made(tmp_path / "b.mp4", *words) if name.endswith("mp4") else made
    source = open_source(path.rename(tmp_path / name))
    folder = tmp_path / "100%d of frames"
    folder.mkdir()
    found = extract_frames(find_ffmpeg(None), source, [13, 2, 19, 2], folder=folder)
    assert list(found) == [2, 13, 19]
    for frame, picture in found.items():
        assert _shade(picture) == pytest.approx(_expected(frame), abs=2)


def test_raw_frames_at_the_size_of_the_comparison(tmp_path: Path) -> None:
    path = _made(tmp_path / "clip.yuv", "-f", "rawvideo", "-pix_fmt", "yuv420p")
    source = open_source(path, raw=RawGeometry(64, 48))
    found = extract_frames(
        find_ffmpeg(None), source, [7], folder=tmp_path, display=(2560, 1920)
    )  # fmt: skip
    with av.open(io.BytesIO(found[7])) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (1280, 960)
    assert _shade(found[7]) == pytest.approx(_expected(7), abs=2)


@pytest.mark.parametrize("frame", [20, -1])
def test_a_frame_that_is_not_there_is_refused(tmp_path: Path, frame: int) -> None:
    source = open_source(_made(tmp_path / "clip.mkv", "-c:v", "ffv1"))
    with pytest.raises(UsageError, match=f"no frame {frame}"):
        extract_frames(find_ffmpeg(None), source, [3, frame], folder=tmp_path)


def test_no_frames_cost_nothing(tmp_path: Path) -> None:
    source = open_source(_made(tmp_path / "clip.mkv", "-c:v", "ffv1"))
    assert extract_frames(tmp_path / "no ffmpeg", source, [], folder=tmp_path) == {}
