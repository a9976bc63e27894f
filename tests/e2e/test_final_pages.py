"""Pages of verbs that make a final file show it frame by frame, with its worst frames."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

import tuning_kit as kit
from vmafkit import api

FRAMES, SIZE = 30, (128, 72)
Picture = npt.NDArray[np.int16]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of moving pictures."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    graph = ";".join(
        f"{kind}=s=128x72:r=25,trim=end_frame=15,format=yuv420p,setsar=1[v{n}]"
        for n, kind in enumerate(("testsrc2", "mandelbrot"))
    )
    kit.ffmpeg("-filter_complex", f"{graph};[v0][v1]concat=n=2", "-c:v", "ffv1", path)
    return path


@pytest.fixture(autouse=True)
def _use_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path_factory.getbasetemp() / "final-pages-store"
    base.mkdir(exist_ok=True)
    monkeypatch.setenv("VMAFKIT_CACHE", str(base))


def decoded(source: Path | io.BytesIO) -> list[Picture]:
    with av.open(source if isinstance(source, io.BytesIO) else str(source), "r") as container:
        return [
            frame.to_ndarray(format="rgb24").astype(np.int16) for frame in container.decode(video=0)
        ]


def check(page: Path, film: Path, made: Path) -> None:
    """The page holds the worst frames of just these two files, worst first, and a figure."""
    text = page.read_text("utf-8")
    shown = re.findall(
        r'<img src="data:image/png;base64,([^"]+)" alt="Frame (\d+), distorted">\s*'
        r'<img class="top" src="data:image/png;base64,([^"]+)" alt="Frame \d+, reference">',
        text,
    )
    scores = api.score(film, made).columns["vmaf_v0.6.1"]
    assert 1 <= len(shown) <= 4
    assert int(shown[0][1]) == int(np.argmin(scores))
    assert f"Frame {shown[0][1]}: {scores[int(shown[0][1])]:.2f}" in text
    sources, results = decoded(film), decoded(made)
    for distorted, number, reference in shown:
        for picture, frames in ((reference, sources), (distorted, results)):
            pixels = decoded(io.BytesIO(base64.b64decode(picture)))[0]
            assert pixels.shape == (SIZE[1], SIZE[0], 3)
            away = [float(np.abs(pixels - frame).mean()) for frame in frames]
            assert int(np.argmin(away)) == int(number), "it is another frame"
        assert reference != distorted
    assert f"vmaf_v0.6.1 of {FRAMES} frames" in text, "there is no figure of the frames"


def test_recommend(film: Path, tmp_path: Path) -> None:
    page, made = tmp_path / "page.html", tmp_path / "made.mkv"
    words = {"encoder": "x264", "preset": "ultrafast", "target_vmaf": 85.0}
    api.recommend(film, output=made, report=page, **words)  # pyright: ignore[reportArgumentType]
    check(page, film, made)
    # Without a file there are no pictures, but what was measured of each frame is known.
    api.recommend(film, full=True, report=page, **words)  # pyright: ignore[reportArgumentType]
    text = page.read_text("utf-8")
    assert "<img" not in text and f"vmaf_v0.6.1 of {FRAMES} frames" in text


def test_recommend_within_a_cap_alone(film: Path, tmp_path: Path) -> None:
    page, made = tmp_path / "page.html", tmp_path / "made.mkv"
    api.recommend(
        film, encoder="x264", preset="ultrafast", max_bitrate="400k", output=made, report=page
    )
    check(page, film, made)


def test_tune_per_shot(film: Path, tmp_path: Path) -> None:
    page, made = tmp_path / "page.html", tmp_path / "made.mkv"
    api.tune_per_shot(
        film, encoder="x264", preset="ultrafast", target_vmaf=85.0, min_shot_s=0.2, probes=3,
        output=made, report=page,
    )  # fmt: skip
    check(page, film, made)


def test_auto(film: Path, tmp_path: Path) -> None:
    page, runs = tmp_path / "page.html", tmp_path / "runs"

    def execute() -> Path:
        found = api.auto(
            film, target_vmaf=85.0, allow_codecs=["x264"], preset=["ultrafast"], execute=True,
            runs_dir=runs, report=page,
        )  # fmt: skip
        assert found.results[0].encode_path is not None
        return Path(found.results[0].encode_path)

    check(page, film, execute())
    page.unlink()
    check(page, film, execute())


def test_where_lower_is_better_the_highest_frames_are_the_worst(tmp_path: Path) -> None:
    film, page = tmp_path / "wide.mkv", tmp_path / "page.html"
    kit.moving(film, frames=14, size="320x180")
    api.recommend(
        film, encoder="x264", preset="ultrafast", target=["cambi<=9"], full=True,
        output=tmp_path / "made.mkv", report=page,
    )  # fmt: skip
    text = page.read_text("utf-8")
    scores = api.score(film, tmp_path / "made.mkv", features=["cambi"]).columns["cambi"]
    first = re.search(r'alt="Frame (\d+), distorted"', text)
    assert first is not None
    assert scores[int(first[1])] == max(scores) > min(scores)
