"""Whole frame times: found in rounded ones, written as words, and checked."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import tuning_kit as kit
from vmafkit.errors import ResultInvalid
from vmafkit.execute.frame_times import check_times, snap_rate, snap_words
from vmafkit.media.probe import open_source

NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("times") / "clip.mkv"
    kit.ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=64x64:r=30000/1001", "-frames:v", "20",
        "-c:v", "libx264", "-preset", "veryfast", path,
    )  # fmt: skip
    return path


def test_only_times_that_are_whole_frames_are_snapped(clip: Path) -> None:
    source = replace(open_source(clip), framerate=NTSC, is_vfr=False)
    assert snap_rate(clip, source) == NTSC
    assert snap_rate(clip, replace(source, is_vfr=True)) is None
    assert snap_rate(clip, replace(source, framerate=Fraction(25))) is None
    assert snap_rate(clip, replace(source, frame_count=19)) is None


@pytest.mark.parametrize(
    ("rate", "scale", "step"),
    [(NTSC, 30000, 1001), (Fraction(25), 25000, 1000), (Fraction(25, 2), 25000, 2000)],
)
def test_the_clock_has_whole_ticks(rate: Fraction, scale: int, step: int) -> None:
    words = snap_words(rate)
    assert words[-1] == str(scale) and f"duration={step}" in words[1]
    assert Fraction(scale, step) == rate and scale >= 1000


def test_times_that_are_off_are_refused(clip: Path, tmp_path: Path) -> None:
    plain, snapped = tmp_path / "plain.mp4", tmp_path / "snapped.mp4"
    kit.ffmpeg("-i", clip, "-c", "copy", "-video_track_timescale", "30000", plain)
    kit.ffmpeg("-i", clip, "-c", "copy", *snap_words(NTSC), snapped)
    check_times(snapped, NTSC)
    with pytest.raises(ResultInvalid, match="frame 1 "):
        check_times(plain, NTSC)
