"""The pictures of worst frames: all that were asked for, or a word on why not; raw video too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_kit import Live, live, record_of
from tuning_kit import ffmpeg
from vmafkit.mcp.calls import MOST_PICTURE_BYTES

from .conftest import POOR

RAW = {"width": 128, "height": 72, "pix_fmt": "yuv420p", "framerate": "25"}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server for a pair whose pictures do not get small, and for raw video."""
    base = tmp_path_factory.mktemp("noisy")
    media, out = base / "media", base / "out"
    media.mkdir()
    out.mkdir()
    noise = "testsrc2=size=1280x720:rate=25:duration=0.4,noise=alls=60:allf=t"
    fast = ("-c:v", "libx264", "-preset", "ultrafast")
    ffmpeg("-f", "lavfi", "-i", noise, *fast, "-qp", "0", "-pix_fmt", "yuv420p", media / "a.mkv")
    ffmpeg("-i", media / "a.mkv", *fast, "-crf", "40", media / "b.mkv")
    small = "testsrc2=size=128x72:rate=25:duration=0.4"
    ffmpeg("-f", "lavfi", "-i", small, *POOR, media / "c.mkv")
    for name, words in (("one.yuv", ("-f", "lavfi", "-i", small)),
                        ("two.yuv", ("-i", media / "c.mkv"))):  # fmt: skip
        ffmpeg(*words, "-f", "rawvideo", "-pix_fmt", "yuv420p", media / name)
    with live(media, out) as connected:
        yield connected


def shown(served: Live, **words: Any) -> tuple[list[tuple[str, bytes]], dict[str, Any]]:
    """Captions with pictures in base64, and what the result says of them."""
    answer = served.call("worst_frames", **words)
    record = record_of(answer)["result"]
    parts = answer.content[1:]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    assert all(image.type == "image" for _, image in pairs)
    return [(text.text, image.data) for text, image in pairs], record  # pyright: ignore


@pytest.mark.parametrize("width_px", [320, 640])
def test_all_pairs_are_shown_narrower_where_they_would_be_too_large(
    noisy: Live, width_px: int
) -> None:
    words = {"count": 8, "apart": 1, "picture_width_px": width_px}
    pictures, found = shown(noisy, reference="a.mkv", distorted="b.mkv", **words)
    frames = [each["frame"] for each in found["worst"]]
    assert len(frames) == 8
    sides = ("reference", "distorted")
    assert [name for name, _ in pictures] == [
        f"frame {n}, {side}" for n in frames for side in sides
    ]
    told = found["pictures"]
    assert told["pairs"] == told["pairs_asked"] == 8
    assert 100 < told["width_px"] < width_px
    assert len(told["notes"]) == 1 and f"narrower than {width_px} px" in told["notes"][0]
    assert sum(len(data) for _, data in pictures) <= MOST_PICTURE_BYTES * 4 // 3 + 64


def test_fewer_frames_than_asked_for_are_explained(served: Live) -> None:
    pictures, found = shown(served, reference="good.mkv", distorted="poor.mkv", count=8, apart=12)
    told = found["pictures"]
    assert 1 <= told["pairs"] < 8 and len(pictures) == 2 * told["pairs"]
    assert told["width_px"] == 128
    assert told["notes"] == [f"no more than {told['pairs']} frames lie 12 apart"]
    _, found = shown(served, reference="good.mkv", distorted="poor.mkv", count=1)
    assert found["pictures"] == {"pairs": 1, "pairs_asked": 1, "width_px": 128, "notes": []}


def test_worst_frames_of_raw_video_at_another_size_with_features(noisy: Live) -> None:
    pair = {"reference": "one.yuv", "distorted": "two.yuv", **RAW}
    pictures, found = shown(
        noisy, **pair, count=1, display="160x90", features=["psnr"], allow_hdr=True
    )
    assert found["display"] == "160x90" and found["pictures"]["width_px"] == 160
    assert len(pictures) == 2 and "psnr_y" in found["pooled"]
    same = noisy.result("score", **pair, display="160x90", features=["psnr"])
    assert found["score"] == same["score"] and found["worst"][0] in same["worst"]


def test_the_bound_of_pictures_is_the_one_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text("utf-8")
    assert f"{MOST_PICTURE_BYTES // 1024} KiB" in text
