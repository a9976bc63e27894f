"""XPSNR: the filter's log is read whole or not at all, and its numbers are ffmpeg's own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.decide.target import METRICS
from vmafkit.errors import FrameCount, ResultInvalid, UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.probe import open_source
from vmafkit.scoring.metrics import FEATURES, features_of
from vmafkit.scoring.pair import Pair, Scorer, score_pair
from vmafkit.scoring.score import ScoreRequest
from vmafkit.scoring.xpsnr import parse_log

LINE = "n: {n}  XPSNR y: {y}  XPSNR u: {u}  XPSNR v: {v}\n"


def log(*rows: tuple[str, str, str]) -> str:
    return "".join(LINE.format(n=n, y=y, u=u, v=v) for n, (y, u, v) in enumerate(rows, 1))


def test_planes_are_joined_four_to_one_to_one() -> None:
    columns = parse_log(log(("40", "34", "28"), ("inf", "inf", "inf")), 2, 8)
    assert columns["xpsnr"].tolist() == pytest.approx([(160 + 34 + 28) / 6, 60.0])
    assert parse_log(log(("inf", "90", "80")), 1, 10)["xpsnr_y"][0] == 72.0
    gray = parse_log("n:    1  XPSNR y: 41.5\n", 1, 8)
    assert gray["xpsnr"].tolist() == [41.5]


@pytest.mark.parametrize(
    ("text", "frames", "error"),
    [
        ("", 1, FrameCount),
        (log(("40", "34", "28")), 2, FrameCount),
        (log(("40", "34", "28"), ("40", "34", "28"))[:-20], 2, FrameCount),
        (log(("nan", "34", "28")), 1, ResultInvalid),
        (log(("-3", "34", "28")), 1, ResultInvalid),
        (LINE.format(n=2, y=40, u=40, v=40), 1, ResultInvalid),
        (log(("40", "34", "28")) + "n: 2  XPSNR y: 40\n", 2, ResultInvalid),
    ],
)
def test_a_log_that_is_not_whole_is_no_number(
    text: str, frames: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        parse_log(text, frames, 8)


def test_the_values_are_those_of_the_filter_by_hand(tmp_path: Path) -> None:
    reference = kit.moving(tmp_path / "ref.mkv")
    distorted = tmp_path / "dist.mkv"
    kit.ffmpeg("-i", reference, "-c:v", "libx264", "-crf", "38", distorted)
    told = kit.ffmpeg("-i", distorted, "-i", reference, "-lavfi", "xpsnr", "-f", "null", "-")
    by_hand = [
        float(x) for x in re.findall(r"XPSNR  y: ([\d.]+)  u: ([\d.]+)  v: ([\d.]+)", told)[0]
    ]
    request = ScoreRequest(features=features_of(["xpsnr", "ssim"]), with_default=True)
    pair = Pair(open_source(reference), open_source(distorted))
    score = score_pair(Scorer(find_ffmpeg(), "test"), pair, request)
    assert score.frame_count == 20 and "float_ssim" in score.columns
    for plane, value in zip("yuv", by_hand, strict=True):
        # The filter's own mean is taken of distances, not of decibels.
        assert score.columns[f"xpsnr_{plane}"].mean() == pytest.approx(value, abs=0.6)
    assert api.score(reference, distorted).pooled("vmaf_v0.6.1") == score.pooled("vmaf_v0.6.1")


def test_every_metric_of_a_target_has_its_column() -> None:
    for name, metric in METRICS.items():
        if name == "vmaf":
            continue
        assert metric.column in FEATURES[name].columns
        assert metric.higher_is_better == FEATURES[name].higher_is_better
    assert features_of(["psnr", "xpsnr", "vmaf"]) == features_of(["xpsnr", "psnr"])
    with pytest.raises(UsageError, match="no metric"):
        features_of(["blurriness"])
    assert np.isfinite([metric.hi for metric in METRICS.values()]).all()
