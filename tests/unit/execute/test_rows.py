"""What rows say of a part of a source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tuning_kit as kit
from vmafkit import encoders
from vmafkit.decide.sweep import Cell, Grid, Known, Scoring, make_cell
from vmafkit.errors import EncodeFailed
from vmafkit.execute.rows import Run, failed_row
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source
from vmafkit.media.window import Window
from vmafkit.store.spec import Toolchain

# 10 frames at 50 a second, then 10 at 10 a second.
RATES = r"setpts='if(lt(N,10),N/50,(10/50+(N-10)/10))/TB'"


@pytest.fixture(scope="module")
def varying(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("vfr") / "vfr.mkv"
    kit.ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=64x64:r=50,trim=end_frame=20", "-vf", RATES,
        "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", path,
    )  # fmt: skip
    return open_source(path)


def cell(source: Source, window: Window) -> Cell:
    x264 = encoders.get("libx264")
    tools = Toolchain("9", "ab" * 32, "core 164")
    known = Known(source, "00" * 32)
    return make_cell(known, (x264, "fast", 23.0), Grid((x264,)), Scoring(), tools, window)


@pytest.mark.parametrize(
    ("window", "seconds"),
    [((0, 10), 0.2), ((10, 5), 0.5), ((5, 10), 0.6), ((0, 19), 1.1)],
)
def test_a_window_of_a_varying_rate_lasts_as_long_as_its_frames(
    varying: Source, window: tuple[int, int], seconds: float
) -> None:
    assert varying.is_vfr and varying.frame_count == 20
    row = failed_row(cell(varying, Window(*window)), Run("0" * 32, "9"), EncodeFailed("no"))
    assert row.duration_s == pytest.approx(seconds, abs=0.0021)


def test_a_source_that_has_gone_still_gets_its_row(varying: Source, tmp_path: Path) -> None:
    gone = replace(varying, path=tmp_path / "gone.mkv")
    row = failed_row(cell(gone, Window(0, 10)), Run("0" * 32, "9"), EncodeFailed("no"))
    assert row.duration_s == pytest.approx(varying.duration_s / 2)
