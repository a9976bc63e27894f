"""Expectations: cheapest expected setting, intervals round estimates, caps kept."""

from __future__ import annotations

import pytest

from vmafkit.decide.expect import expect, expect_at
from vmafkit.decide.prior import prior_for
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
        assert not expect_at(prior, targets, after).reaches


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
