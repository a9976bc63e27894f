"""A window that is seeked to holds the very frames that counting from the start gives."""

from __future__ import annotations

from pathlib import Path

import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.media.probe import open_source
from vmafkit.media.seeking import seek_s, seek_words
from vmafkit.media.window import Window
from vmafkit.scoring import pair

FRAMES = 150
KINDS = {
    "plain.mkv": ("-c:v", "libx264", "-preset", "veryfast", "-g", "40", "-bf", "3"),
    "open.mkv": ("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=30:bframes=4:b-pyramid=2"),
    "edit.mp4": ("-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "3"),
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=35:bframes=4"),
    "one_key.mkv": ("-c:v", "libx264", "-preset", "ultrafast", "-g", "999"),
    "av1.mkv": ("-c:v", "libsvtav1", "-preset", "13", "-g", "32"),
    "late.mkv": ("-c:v", "libx264", "-preset", "veryfast", "-g", "40", "-output_ts_offset", "3.3"),
    "vfr.mkv": ("-vf", r"select='lt(mod(n\,7)\,5)'", "-fps_mode", "vfr", "-c:v", "libx264"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"),
}


def hashes(path: Path, chain: str, *seek: str) -> list[str]:
    """The MD5 of each frame, by ffmpeg itself."""
    out = path.with_suffix(".md5")
    words = ("-i", path, "-map", "0:V:0", "-vf", chain, "-fps_mode", "passthrough")
    kit.ffmpeg(*seek, *words, "-f", "framemd5", out)
    rows = [line for line in out.read_text().splitlines() if not line.startswith("#")]
    return [row.rpartition(",")[2].strip() for row in rows]


@pytest.mark.parametrize("name", KINDS)
def test_the_frames_are_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    words = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=30000/1001", "-frames:v", str(FRAMES))
    kit.ffmpeg(*words, "-pix_fmt", "yuv420p", *KINDS[name], path)
    source = open_source(path)
    for start in (50, 73, 99, source.frame_count - 10):
        window = Window(start, 9)
        seek = seek_s(source, window)
        assert seek is not None
        counted = hashes(path, f"trim=start_frame={start}:end_frame={start + 9}")
        assert hashes(path, "trim=start_frame=0:end_frame=9", *seek_words(seek)) == counted
        assert len(set(counted)) > 1 and len(counted) == 9


@pytest.mark.parametrize("name", ["open.mkv", "hevc.mp4", "vfr.mkv"])
def test_a_pair_scores_the_same_either_way(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, worse = tmp_path / name, tmp_path / "worse.mkv"
    words = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25", "-frames:v", str(FRAMES))
    kit.ffmpeg(*words, "-pix_fmt", "yuv420p", *KINDS[name], path)
    kit.ffmpeg("-i", path, "-fps_mode", "passthrough", "-c:v", "libx264", "-crf", "40", worse)
    span = {"skip_reference": 73, "skip_distorted": 73, "frame_count": 12}
    seeked = api.score(path, worse, **span).columns["vmaf_v0.6.1"]
    monkeypatch.setattr(pair, "seek_s", lambda *_: None)
    counted = api.score(path, worse, **span).columns["vmaf_v0.6.1"]
    assert seeked.tolist() == counted.tolist() and seeked.size == 12


def test_where_a_seek_is_of_no_use_there_is_none(tmp_path: Path) -> None:
    source = open_source(kit.moving(tmp_path / "a.mkv", frames=80))
    assert seek_s(source, None) is None
    assert seek_s(source, Window(0, 80, is_full=True)) is None
    assert seek_s(source, Window(10, 5)) is None
    assert seek_words(None) == ()
    y4m = tmp_path / "a.y4m"
    kit.ffmpeg("-i", source.path, y4m)
    assert seek_s(open_source(y4m), Window(60, 5)) is None
