"""Shots on content whose cuts are known: frame-exact, whatever the depth or the frame rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.errors import UsageError
from vmafkit.media.probe import open_source
from vmafkit.media.shots import Shot, detect_shots, divide, frame_times_s
from vmafkit.media.source import RawGeometry

from .conftest import ffmpeg

CUTS = [0, 31, 50, 83, 100]
KINDS = ("testsrc2", "mandelbrot", "smptebars", "testsrc")


def cut_clip(path: Path, *words: str, extra: str = "") -> Path:
    """Four pictures with hard cuts at CUTS, at 25 fps."""
    parts = ";".join(
        f"{kind}=s=160x90:r=25,trim=end_frame={b - a},setpts=N/25/TB,format=yuv420p,setsar=1[v{i}]"
        for i, (kind, a, b) in enumerate(zip(KINDS, CUTS, CUTS[1:], strict=False))
    )
    graph = f"{parts};[v0][v1][v2][v3]concat=n=4{extra}"
    ffmpeg("-filter_complex", graph, *words, path)
    return path


def starts(shots: Sequence[Shot]) -> list[int]:
    return [shot.start_frame for shot in shots]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.mkv", ("-c:v", "ffv1")),
        ("b.mp4", ("-c:v", "libx264", "-crf", "18", "-bf", "3", "-preset", "veryfast")),
        ("c.mkv", ("-c:v", "ffv1", "-pix_fmt", "yuv420p10le")),
        ("d.y4m", ()),
    ],
)
def test_hard_cuts_are_found_at_their_frame(
    tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    source = open_source(cut_clip(tmp_path / name, *words))
    shots = detect_shots(source, min_s=0.2)
    assert starts(shots) == CUTS[:-1]
    assert shots[-1].end_frame == source.frame_count == 100


def test_raw_samples_are_read_too(tmp_path: Path) -> None:
    path = cut_clip(tmp_path / "a.yuv", "-f", "rawvideo", "-pix_fmt", "yuv420p10le")
    source = open_source(path, raw=RawGeometry(160, 90, "yuv420p10le"))
    assert starts(detect_shots(source, min_s=0.2)) == CUTS[:-1]


def test_a_variable_frame_rate_does_not_move_a_cut(tmp_path: Path) -> None:
    uneven = ",setpts='if(lt(N,50),N/25,2+(N-50)/10)/TB'"
    words = ("-fps_mode", "passthrough", "-c:v", "ffv1")
    source = open_source(cut_clip(tmp_path / "a.mkv", *words, extra=uneven))
    assert source.is_vfr
    assert starts(detect_shots(source, min_s=0.2)) == CUTS[:-1]
    times = frame_times_s(source)
    assert times[50] == pytest.approx(2.0, abs=0.002)
    assert times[100] == pytest.approx(7.0, abs=0.1)
    # 31 frames of 40 ms are too short for 1.5 s, 33 frames of 100 ms are not.
    assert starts(detect_shots(source, min_s=1.5)) == [0, 50, 83]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_a_fade_through_black_is_cut_in_the_black(tmp_path: Path, pix_fmt: str) -> None:
    path = tmp_path / "fade.mkv"
    graph = (
        "testsrc2=s=160x90:r=25,trim=end_frame=50,fade=out:38:10,setsar=1[a];"
        "smptebars=s=160x90:r=25,trim=end_frame=50,fade=in:2:10,setsar=1[b];[a][b]concat"
    )
    ffmpeg("-filter_complex", graph, "-c:v", "ffv1", "-pix_fmt", pix_fmt, path)
    shots = detect_shots(open_source(path), min_s=0.5)
    assert len(shots) == 2
    assert 46 <= shots[1].start_frame <= 54


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_a_dissolve_is_no_cut(tmp_path: Path, pix_fmt: str) -> None:
    path = tmp_path / "dissolve.mkv"
    graph = (
        "testsrc2=s=160x90:r=25:d=2,settb=1/25[a];mandelbrot=s=160x90:r=25,trim=duration=2,"
        "settb=1/25,setpts=N[b];[a][b]xfade=transition=fade:duration=0.8:offset=1.2"
    )
    ffmpeg("-filter_complex", graph, "-c:v", "ffv1", "-pix_fmt", pix_fmt, path)
    assert detect_shots(open_source(path), min_s=0.2) == (Shot(0, 80),)


def test_a_still_and_a_moving_picture_have_no_cut(tmp_path: Path) -> None:
    for kind in ("smptebars", "testsrc2"):
        path = tmp_path / f"{kind}.mkv"
        ffmpeg("-f", "lavfi", "-i", f"{kind}=s=160x90:r=25:d=2", "-c:v", "ffv1", path)
        assert detect_shots(open_source(path)) == (Shot(0, 50),)


def test_contradicting_lengths_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", "smptebars=s=64x36:r=25:d=0.2", "-c:v", "ffv1", path)
    for least, most in ((2.0, 3.0), (-1.0, 3.0), (0.0, 0.0)):
        with pytest.raises(UsageError):
            detect_shots(open_source(path), least, most)


def test_short_shots_join_the_shorter_neighbour_and_long_ones_are_divided() -> None:
    times = [n / 10 for n in range(101)]
    assert starts(divide([30, 35, 50], times, min_s=1.0, max_s=10.0)) == [0, 30, 50]
    assert starts(divide([97], times, min_s=1.0, max_s=10.0)) == [0]
    assert starts(divide([], times, min_s=1.0, max_s=2.5)) == [0, 25, 50, 75]
    assert divide([], [0.0, 0.1], min_s=1.0, max_s=10.0) == (Shot(0, 1),)


@given(
    st.lists(st.integers(-5, 400), max_size=30),
    st.lists(st.floats(0.01, 0.5), min_size=1, max_size=300),
    st.floats(0.0, 2.0),
    st.floats(2.0, 5.0),
)
def test_shots_always_hold_every_frame_once(
    cuts: list[int], steps: list[float], min_s: float, factor: float
) -> None:
    times = [0.0]
    for step in steps:
        times.append(times[-1] + step)
    max_s = max(min_s * factor, 0.5)
    shots = divide(cuts, times, min_s=min_s, max_s=max_s)
    assert shots[0].start_frame == 0 and shots[-1].end_frame == len(steps)
    assert all(a.end_frame == b.start_frame for a, b in pairwise(shots))
    assert all(shot.frames >= 1 for shot in shots)
    longest = max(times[s.end_frame] - times[s.start_frame] for s in shots)
    assert longest <= max_s + 0.5 + 1e-6
