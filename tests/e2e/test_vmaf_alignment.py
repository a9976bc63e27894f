"""Identical content gives identical frame counts and scores, however it is packed and timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.scoring_kit import LOSSLESS, X264, ffmpeg, picture

from vmafkit.api import score
from vmafkit.scoring.score import Score

FRAMES = 18
B_FRAMES = (*X264, "-preset", "medium", "-bf", "3", "-g", "9", "-crf", "30")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, and an encode with B-frames, each in one plain form."""
    folder = tmp_path_factory.mktemp("clips")
    ffmpeg(*picture("192x128", FRAMES), *LOSSLESS, folder / "reference.y4m.mkv")
    ffmpeg("-i", folder / "reference.y4m.mkv", folder / "reference.y4m")
    ffmpeg("-i", folder / "reference.y4m", *B_FRAMES, folder / "distorted.mp4")
    return folder


@pytest.fixture(scope="module")
def plain(clips: Path) -> Score:
    return score(clips / "reference.y4m", clips / "distorted.mp4")


def same(result: Score, plain: Score) -> None:
    assert result.frame_count == plain.frame_count == FRAMES
    assert list(result.frame_numbers) == list(range(FRAMES))
    for name, values in plain.columns.items():
        np.testing.assert_allclose(result.columns[name], values, rtol=0, atol=1.000001e-6)


COPIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "mkv": ("a.mkv", ()),
    "mov": ("a.mov", ()),
    "transport stream, 90 kHz, starts at 1.4 s": ("a.ts", ()),
    "flv, milliseconds": ("a.flv", ()),
    "avi": ("a.avi", ()),
    "elementary stream without times": ("a.h264", ()),
    "another time base": ("b.mp4", ("-video_track_timescale", "1001")),
    "no edit list": ("c.mp4", ("-use_editlist", "0")),
    "starts after 7 s": ("e.mkv", ("-output_ts_offset", "7")),
    "starts after an hour": ("f.ts", ("-output_ts_offset", "3600")),
    "half the speed": ("g.mkv", ("-bsf:v", "setts=ts=TS*2")),
    "fragmented": ("h.mp4", ("-movflags", "+frag_keyframe+empty_moov")),
}


@pytest.mark.parametrize("name", COPIES)
def test_same_packets_elsewhere(clips: Path, plain: Score, tmp_path: Path, name: str) -> None:
    file, words = COPIES[name]
    ffmpeg("-i", clips / "distorted.mp4", "-c", "copy", *words, tmp_path / file)
    same(score(clips / "reference.y4m", tmp_path / file), plain)


RETIMED = {
    "uneven": "setpts='(N+mod(N*N,5)/6)/25/TB'",
    "two speeds": "setpts='if(lt(N,9),N,9+(N-9)*3)/25/TB'",
    "a long pause": "setpts='if(lt(N,4),N,N+250)/25/TB'",
    "very fast": "setpts=N/240/TB",
}


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize("name", RETIMED)
def test_variable_rate(clips: Path, plain: Score, tmp_path: Path, name: str, suffix: str) -> None:
    """The same frames at other times, on the reference's side: no frame is doubled or lost."""
    out = tmp_path / f"retimed.{suffix}"
    words = ("-vf", f"settb=1/90000,{RETIMED[name]}", "-fps_mode", "passthrough")
    ffmpeg("-i", clips / "reference.y4m", *words, "-enc_time_base", "1/90000", *LOSSLESS, out)
    result = score(out, clips / "distorted.mp4")
    same(result, plain)
    if name != "very fast":
        assert any("the frame rate varies" in step for step in result.steps)


def test_a_mismatch_names_both_counts(clips: Path, tmp_path: Path) -> None:
    from vmafkit.errors import PairMismatch

    ffmpeg("-i", clips / "reference.y4m", "-frames:v", "17", *LOSSLESS, tmp_path / "less.mkv")
    with pytest.raises(PairMismatch, match=r"18 frames and .*less\.mkv has 17"):
        score(clips / "reference.y4m", tmp_path / "less.mkv")


def test_a_score_says_what_it_is(plain: Score) -> None:
    assert plain.model_id == "vmaf_v0.6.1"
    assert plain.statistic == "mean"
    assert plain.value == pytest.approx(plain.columns["vmaf_v0.6.1"].mean())
    assert plain.libvmaf_version
    assert plain.tool_version
    assert plain.display == (192, 128)
    assert plain.pix_fmt == "yuv420p"
    assert "--model" in plain.model_note
    table = plain.table()
    assert table.columns[0] == "frame"
    assert table.height == FRAMES
