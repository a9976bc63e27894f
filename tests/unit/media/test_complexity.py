"""Complexity: weights for every frame, and SI and TI by their definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tuning_kit as kit
from vmafkit.media.complexity import complexity, look, spatial, temporal
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second that stands still, then one that moves."""
    path = tmp_path_factory.mktemp("clips") / "clip.mkv"
    graph = (
        "smptebars=s=96x64:r=25:d=1,format=yuv420p,setsar=1[a];"
        "testsrc2=s=96x64:r=25:d=1,format=yuv420p,setsar=1[b];[a][b]concat"
    )
    kit.ffmpeg("-filter_complex", graph, "-c:v", "libx264", "-g", "25", "-bf", "2", path)
    return path


def test_si_and_ti_by_hand() -> None:
    from scipy.ndimage import sobel

    picture = np.random.default_rng(1).uniform(0, 255, (20, 30))
    by_hand = np.hypot(sobel(picture, 0), sobel(picture, 1))[1:-1, 1:-1].std()
    assert spatial(picture) == pytest.approx(by_hand)
    assert temporal(picture, picture) == 0.0 and spatial(np.full((9, 9), 3.0)) == 0.0
    assert temporal(np.zeros((2, 2)), np.array([[0.0, 2.0], [0.0, 2.0]])) == 1.0
    assert spatial(np.zeros((2, 2))) == 0.0


def test_packets_tell_the_moving_part(clip: Path) -> None:
    found = complexity(open_source(clip))
    assert found.origin == "packets" and found.weights.size == 50
    assert found.weights.mean() == pytest.approx(1.0)
    assert found.keyframes.tolist()[:2] == [0, 25]
    assert found.weights[25:].mean() > 3 * found.weights[:25].mean()


@pytest.mark.parametrize("suffix", [".y4m", ".yuv"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_frames_without_packets_are_looked_at(
    clip: Path, tmp_path: Path, suffix: str, pix_fmt: str
) -> None:
    path = tmp_path / f"clip{suffix}"
    kit.ffmpeg("-i", clip, "-pix_fmt", pix_fmt, "-strict", "-1", path)
    raw = RawGeometry(96, 64, pix_fmt) if suffix == ".yuv" else None
    source = open_source(path, raw=raw)
    found = complexity(source)
    assert found.origin == "activity" and found.weights.size == 50
    assert found.weights[30:].mean() > 2 * found.weights[:20].mean()
    seen = look(source, 10)
    assert seen.frames.size == 10 and (seen.ti[:4] < 1.0).all() and (seen.ti[6:] > 3.0).all()


def test_a_container_is_looked_at_from_its_key_frames(clip: Path, tmp_path: Path) -> None:
    seen = look(open_source(clip), 8)
    assert set(seen.frames.tolist()) <= {0, 25} and seen.si.min() > 0.0
    one = kit.moving(tmp_path / "one.mkv", frames=1)
    assert look(open_source(one)).frames.size == 0
    assert complexity(open_source(one)).weights.tolist() == [1.0]
