"""Targets as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.target import METRICS, Caps, Target, parse_target
from vmafkit.errors import UsageError
from vmafkit.scoring.vmaf_models import TABLE


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("93", Target("vmaf", "mean", ">=", 93.0)),
        (" vmaf >= 93 ", Target("vmaf", "mean", ">=", 93.0)),
        ("vmaf:p5>=90", Target("vmaf", "p5", ">=", 90.0)),
        ("VMAF:harmonic>=93.5", Target("vmaf", "harmonic_mean", ">=", 93.5)),
        ("vmaf:p05>=90", Target("vmaf", "p5", ">=", 90.0)),
        ("xpsnr>=42", Target("xpsnr", "mean", ">=", 42.0)),
        ("psnr:min>=35", Target("psnr", "min", ">=", 35.0)),
        ("ssim>=0.98", Target("ssim", "mean", ">=", 0.98)),
        ("ms-ssim>=.98", Target("ms_ssim", "mean", ">=", 0.98)),
        ("cambi<=5", Target("cambi", "mean", "<=", 5.0)),
        ("cambi5", None),
        ("neg>=90", Target("vmaf", "mean", ">=", 90.0, "vmaf_v0.6.1neg")),
        ("vmaf_v1.0.16_3d0h_2160:p5>=105", Target("vmaf", "p5", ">=", 105.0,
                                                   "vmaf_v1.0.16_3d0h_2160")),
    ],
)  # fmt: skip
def test_forms(text: str, target: Target | None) -> None:
    if target is None:
        with pytest.raises(UsageError):
            parse_target(text)
    else:
        assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("101", "0 to 100"),
        ("-1", "0 to 100"),
        ("ssim>=1.01", "0 to 1"),
        ("vmaf_v1.0.16_3d0h_2160>=111", "0 to 110"),
        ("vmaf<=93", "write >="),
        ("vmaf>93", "write >="),
        ("cambi>=3", "write <="),
        ("vmfa>=93", "did you mean vmaf"),
        ("vmaf:p101>=9", "pN"),
        ("vmaf:stddev>=9", "pN"),
        ("vmaf>=", "write 93"),
        ("vmaf>=nan", "write 93"),
        ("1e", "write 93"),
        ("", "write 93"),
        ("93 94", "write 93"),
    ],
)
def test_refused_with_the_way_out(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert words in caught.value.sentence()


def test_model_is_carried_and_its_range_counts() -> None:
    target = parse_target("105", model="vmaf_v1.0.16_3d0h_2160")
    assert target.model == "vmaf_v1.0.16_3d0h_2160"
    assert parse_target(str(target)) == target
    assert parse_target("ssim>=0.9", model="neg").model is None
    with pytest.raises(UsageError):
        parse_target("105", model="neg")


def test_met_has_no_margin() -> None:
    target = parse_target("93")
    assert target.met_by(93.0)
    assert not target.met_by(math.nextafter(93.0, 0.0))
    assert not target.met_by(math.nan)
    banding = parse_target("cambi<=5")
    assert banding.met_by(5.0)
    assert not banding.met_by(math.nextafter(5.0, 6.0))
    assert banding.margin(4.0) == 1.0
    assert target.margin(92.0) == -1.0


@given(
    metric=st.sampled_from([*METRICS, *TABLE]),
    share=st.floats(0.0, 1.0),
    statistic=st.sampled_from(["mean", "harmonic", "min", "median", "p1", "p5", "p12.5"]),
)
def test_text_round_trips(metric: str, share: float, statistic: str) -> None:
    hi = METRICS[metric].hi if metric in METRICS else TABLE[metric].hi
    relation = "<=" if metric == "cambi" else ">="
    target = parse_target(f"{metric}:{statistic}{relation}{share * hi!r}")
    assert parse_target(str(target)) == target


@given(st.text(max_size=20))
def test_any_text_gives_a_target_or_a_sentence(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError as error:
        assert error.hint
    else:
        assert parse_target(str(target)) == target


def test_caps() -> None:
    caps = Caps(max_bitrate_kbps=1000, max_encoded_percent=50, source_size_bytes=4000)
    assert caps.kept_by(1000, 2000)
    assert not caps.kept_by(1000.1, 2000)
    assert not caps.kept_by(900, 2001)
    assert caps.excess(500, 1500) == 0.75
    assert caps.size_limit_bytes == 2000
    assert Caps() == Caps(None, None, None, None)
    assert not Caps()
    assert Caps().kept_by(1e12, 1e12)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_caps_refuse_what_is_no_limit(bad: float) -> None:
    with pytest.raises(UsageError, match="--max-bitrate"):
        Caps(max_bitrate_kbps=bad)
    with pytest.raises(UsageError, match="--max-size"):
        Caps(max_size_bytes=bad)


def test_percent_needs_a_source_size() -> None:
    with pytest.raises(UsageError, match="size of the source"):
        Caps(max_encoded_percent=50)
