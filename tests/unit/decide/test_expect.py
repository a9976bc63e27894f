"""Expectations: cheapest expected setting, intervals round estimates, caps kept."""

from __future__ import annotations

import numpy as np
import pytest

from vmafkit.decide.belief import infer
from vmafkit.decide.expect import expect
from vmafkit.decide.prior import prior_for, scale_of
from vmafkit.decide.target import Caps, parse_target
from vmafkit.encoders import get

RATE = 1280 * 720 * 25.0


@pytest.mark.parametrize("name", ["libx264", "libx265", "libsvtav1", "h264_videotoolbox"])
@pytest.mark.parametrize("target", ["80", "93", "xpsnr>=38", "cambi<=4"])
def test_the_next_cheaper_setting_is_expected_to_miss(name: str, target: str) -> None:
    encoder, targets = get(name), [parse_target(target)]
    prior = prior_for(name, encoder.default_preset, encoder.quality, pixel_rate=RATE)
    found = expect(prior, targets, Caps(), 10.0)
    assert found.reaches and targets[0].met_by(found.scores[0])
    low, high = found.score_intervals[0]
    assert low <= found.scores[0] <= high
    assert found.bitrate_interval[0] < found.bitrate_kbps < found.bitrate_interval[1]
    worse = -1.0 if encoder.quality.higher_is_better else 1.0
    after = found.quality + worse * encoder.quality.step
    if encoder.quality.lo <= after <= encoder.quality.hi:
        curve = prior.score_curve(targets[0])
        belief = infer(curve, np.array([after]), prior.points(), prior.start())
        assert not targets[0].met_by(float(scale_of(targets[0]).back(belief.mean)[0]))


def test_caps_are_kept_or_said_to_be_broken() -> None:
    encoder = get("libx264")
    prior = prior_for("libx264", "medium", encoder.quality, pixel_rate=RATE)
    targets = [parse_target("95")]
    free = expect(prior, targets, Caps(), 10.0)
    capped = expect(prior, targets, Caps(max_bitrate_kbps=free.bitrate_kbps / 3), 10.0)
    assert not capped.reaches and capped.bitrate_kbps <= free.bitrate_kbps / 3
    small = expect(prior, [], Caps(max_size_bytes=free.bitrate_kbps * 10 * 125), 10.0)
    assert small.reaches and small.bitrate_kbps <= free.bitrate_kbps
    with pytest.raises(ValueError, match="pixel rate"):
        expect(prior_for("libx264", "medium", encoder.quality), targets, Caps(), 10.0)
