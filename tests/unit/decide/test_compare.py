"""Encoders compared from rows: curves, deltas, equal quality, speed, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from report_kit import row, sweep
from vmafkit.decide.compare import at_score, compare
from vmafkit.decide.compare_rows import at_display, curves_of, mixed, versions_of
from vmafkit.decide.target import Target
from vmafkit.errors import UsageError
from vmafkit.schema.corpus import CorpusRow

MEAN = Target("vmaf", "mean", ">=", 0.0)


def rows_of_two() -> list[CorpusRow]:
    return [*sweep("libx264", 1.0), *sweep("libx265", 0.6)]


def test_a_curve_that_needs_60_percent_of_the_bits_has_a_bd_rate_of_minus_40() -> None:
    found = compare(curves_of(rows_of_two(), MEAN), metric="vmaf mean", target=90.0)
    assert found.anchor == "libx264 medium"
    (delta,) = found.deltas
    assert delta.rate is not None
    assert delta.rate.value == pytest.approx(-40.0, abs=1e-9)
    assert delta.rate.overlap == pytest.approx(1.0)
    assert delta.gain is not None
    assert delta.gain.value > 0
    mean = found.means[1]
    assert (mean.name, mean.rate_sources) == ("libx265 medium", 1)
    assert mean.change_percent == pytest.approx(-40.0, abs=1e-9)


def test_the_bitrate_at_a_score_is_pchip_over_the_log_of_the_bitrate() -> None:
    curve = curves_of(sweep("libx264", 1.0), MEAN)[0]
    points = sorted(curve.points, key=lambda p: p.score)
    line = PchipInterpolator([p.score for p in points], np.log([p.bitrate_kbps for p in points]))
    kbps, value, reason = at_score(curve, 90.0)
    assert kbps == pytest.approx(math.exp(line(90.0)))
    assert value is not None
    assert 24 < value < 32
    assert reason == ""
    exact = points[2]
    assert at_score(curve, exact.score)[0] == pytest.approx(exact.bitrate_kbps)


def test_interpolated_and_measured_settings_are_kept_apart() -> None:
    found = compare(curves_of(rows_of_two(), MEAN), metric="vmaf mean", target=90.0)
    for each in found.matched:
        assert each.interpolated_kbps is not None
        assert each.measured.score >= 90.0
        assert each.measured.bitrate_kbps > each.interpolated_kbps
        assert each.meets


def test_a_score_out_of_reach_gives_the_best_setting_and_a_reason() -> None:
    found = compare(curves_of(rows_of_two(), MEAN), metric="vmaf mean", target=99.0)
    for each in found.matched:
        assert each.interpolated_kbps is None
        assert not each.meets
        assert each.measured.score == 97.0
        assert "99 is above what was measured" in each.reason


def test_curves_that_do_not_overlap_get_a_reason_and_no_number() -> None:
    far = [
        each.model_copy(update={"vmaf_score": (each.vmaf_score or 0) - 60, "encoder": "libx265"})
        for each in sweep("libx264", 1.0)
    ]
    found = compare(curves_of([*sweep("libx264", 1.0), *far], MEAN), metric="vmaf mean")
    (delta,) = found.deltas
    assert delta.rate is None
    assert "share 0% of their quality range" in delta.reason
    assert found.means[1].rate_percent is None


def test_means_are_over_sources_and_say_over_how_many() -> None:
    rows = [
        *sweep("libx264", 1.0), *sweep("libx265", 0.6),
        *sweep("libx264", 1.0, source="b.mkv"), *sweep("libx265", 0.8, source="b.mkv"),
        *sweep("libx264", 1.0, source="c.mkv"), *sweep("libx265", 0.5, source="c.mkv", count=2),
    ]  # fmt: skip
    found = compare(curves_of(rows, MEAN), metric="vmaf mean", target=94.0)
    mean = found.means[1]
    assert (mean.sources, mean.rate_sources, mean.change_sources) == (3, 2, 3)
    assert mean.rate_percent == pytest.approx((-40 - 20) / 2)
    three = math.prod((0.6, 0.8, 0.5)) ** (1 / 3)
    # The third curve is interpolated between two points and comes near to its ratio.
    assert mean.change_percent == pytest.approx((three - 1) * 100, abs=3)


def test_speed_is_all_frames_over_all_seconds() -> None:
    rows = sweep("libx264", 1.0, encode_time_ms=500.0)
    rows += sweep("libx264", 1.0, source="b.mkv", encode_time_ms=2000.0)
    found = compare(curves_of(rows, MEAN), metric="vmaf mean")
    assert found.means[0].frames_per_s == pytest.approx(1200 / 15)
    assert found.curves[0].points[0].frames_per_s == pytest.approx(200)


def test_the_newest_row_of_a_setting_counts_and_failures_do_not() -> None:
    rows = sweep("libx264", 1.0)
    newer = rows[0].model_copy(update={"bitrate_kbps": 3333.0})
    failed = row(crf=99.0, exit_status=1, vmaf_score=None, bitrate_kbps=None)
    (curve,) = curves_of([*rows, newer, failed], MEAN)
    assert len(curve.points) == 6
    assert curve.points[-1].bitrate_kbps == 3333.0


def test_sources_of_one_name_and_windows_are_told_apart() -> None:
    rows = sweep("libx264", 1.0, source="a/film.mkv") + sweep("libx264", 1.0, source="b/film.mkv")
    rows += sweep("libx264", 1.0, source="a/film.mkv", window="10+20")
    labels = [curve.source for curve in curves_of(rows, MEAN)]
    assert len(set(labels)) == 3
    assert labels[2] == "film.mkv frames 10+20"


def test_another_statistic_is_read_from_its_own_column() -> None:
    rows = [each.model_copy(update={"vmaf_p5": each.crf}) for each in sweep("libx264", 1.0)]
    (curve,) = curves_of(rows, Target("vmaf", "p5", ">=", 0.0))
    assert sorted(p.score for p in curve.points) == [p.value for p in sorted(
        curve.points, key=lambda p: p.value)]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"vmaf_model": "vmaf_v0.6.1neg"}, "models"),
        ({"ffmpeg_version": "8.0"}, "ffmpeg versions"),
        ({"libvmaf_version": "2.0"}, "libvmaf versions"),
        ({"encoder_version": "165"}, "versions of libx264"),
    ],
)
def test_rows_of_several_models_or_versions_are_seen(change: dict[str, str], word: str) -> None:
    other = [each.model_copy(update=change) for each in sweep("libx264", 1.0, source="b.mkv")]
    (found,) = mixed([*sweep("libx264", 1.0), *other], MEAN)
    assert found.startswith(word)
    assert mixed(sweep("libx264", 1.0), MEAN) == []


def test_two_encoders_may_have_their_own_versions() -> None:
    rows = [*sweep("libx264", 1.0), *sweep("libx265", 0.6, encoder_version="4.1")]
    assert mixed(rows, MEAN) == []
    assert ("libx265", "4.1") in versions_of(rows)


def test_scores_at_two_sizes_are_refused_until_one_is_named() -> None:
    small = [
        each.model_copy(update={"display_width": 160, "display_height": 90})
        for each in sweep("libx265", 0.6)
    ]
    rows = [*sweep("libx264", 1.0), *small]
    with pytest.raises(UsageError, match="160x90, 320x180"):
        curves_of(rows, MEAN)
    assert len(curves_of(at_display(rows, (320, 180)), MEAN)) == 1
    with pytest.raises(UsageError, match="64x64"):
        at_display(rows, (64, 64))


@pytest.mark.parametrize(
    ("word", "name"),
    [("libx265", "libx265 medium"), ("libx264:slow", "libx264 slow"),
     ("libx264 medium", "libx264 medium")],
)  # fmt: skip
def test_an_anchor_is_an_encoder_or_an_encoder_with_its_preset(word: str, name: str) -> None:
    curves = curves_of([*rows_of_two(), *sweep("libx264", 0.9, preset="slow")], MEAN)
    assert compare(curves, metric="x", anchor=word).anchor == name


@pytest.mark.parametrize(("word", "reason"), [("libx264", "means 2"), ("libaom", "none of")])
def test_an_anchor_that_is_none_or_two_is_refused(word: str, reason: str) -> None:
    curves = curves_of([*rows_of_two(), *sweep("libx264", 0.9, preset="slow")], MEAN)
    with pytest.raises(UsageError, match=reason):
        compare(curves, metric="x", anchor=word)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UsageError, match="lower is better"):
        curves_of(rows_of_two(), Target("cambi", "mean", "<=", 5.0))
    with pytest.raises(UsageError, match="no row has a score"):
        curves_of(rows_of_two(), Target("xpsnr", "mean", ">=", 40.0))
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([], metric="x")
