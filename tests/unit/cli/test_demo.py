"""The demo, on a clip of its own size and on bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmafkit.cli import demo


def test_a_first_run_ends_in_a_checked_file_and_a_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "CLIP", "mandelbrot=size=192x108:rate=25:end_scale=0.02")
    monkeypatch.setattr(demo, "CLIP_FRAMES", 10)
    monkeypatch.setattr(demo, "PRESET", "ultrafast")
    assert demo.main([]) == 0
    told = capsys.readouterr().out
    assert "libx264 ultrafast, crf" in told
    assert "checked" in told
    assert told.splitlines()[-1] == f"report: {Path('demo') / 'clip.html'}"
    assert (tmp_path / "demo" / "clip.vmaf93.mkv").stat().st_size > 0
    assert "<html" in (tmp_path / "demo" / "clip.html").read_text("utf-8")


def test_two_videos_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["a.mkv", "b.mkv"]) == 2
    assert "one video" in capsys.readouterr().err


def test_a_video_that_is_not_there_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.main(["gone.mkv"]) == 1
    told = capsys.readouterr()
    assert "gone.mkv" in told.err
    assert told.out == ""
