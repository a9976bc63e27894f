"""Priors, the family behind them, and predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vmafkit import encoders
from vmafkit.decide.belief import Curve, Factors, Point, infer
from vmafkit.decide.family import CurveRow, fit_family
from vmafkit.decide.predict import (
    Features,
    factors_of,
    interval_factor,
    probe_rows,
    train,
)
from vmafkit.decide.prior import KnownRow, Prior, grid, prior_for, scale_for, shipped
from vmafkit.decide.target import METRICS, parse_target
from vmafkit.encoders.base import Quality
from vmafkit.errors import UsageError

VMAF = parse_target("93")
KNOB = Quality("crf", 0, 51, 1, 23, higher_is_better=False)


def curve(name: str = "a", group: str = "g", shift_sd: float = 0.0) -> Curve:
    return Curve(
        name=name,
        group=group,
        knots=np.array([0.0, 10.0, 20.0]),
        mean=np.array([3.0, 2.0, 0.0]),
        loadings=np.array([[1.0], [1.0], [0.5]]),
        residual_sd=0.2,
        length=5.0,
        shift_sd=shift_sd,
        noise_sd=0.01,
    )


def made_rows(sources: int = 10, seed: int = 1) -> tuple[list[CurveRow], dict[str, Features]]:
    """Curves of a family with one hidden factor, which the temporal information tells."""
    random = np.random.default_rng(seed)
    rows: list[CurveRow] = []
    features: dict[str, Features] = {}
    back = scale_for("vmaf").back
    for number in range(sources):
        name, factor = f"s{number}", float(random.normal())
        features[name] = Features(1280, 720, 25.0, 50.0, math.expm1(2.5 + 0.4 * factor))
        for encoder, middle in (("libx264", 30.0), ("libx265", 33.0)):
            for crf in range(10, 46, 2):
                line = (middle + 3 * factor - crf) / 6 + random.normal(0, 0.01)
                rows.append(
                    CurveRow(name, encoder, "medium", crf, float(back(line)), 2 ** (-crf / 6))
                )
    return rows, features


def predicted(prior: Prior, settings: list[float]) -> list[tuple[float, float, float]]:
    """(low, score, high) of the VMAF at each setting, where 90 % of sources are to lie."""
    belief = infer(prior.score_curve(VMAF), np.array(settings), prior.points(), prior.start())
    half = 1.645 * interval_factor(prior.family, prior.encoder) * belief.sd
    ends = (belief.mean - half, belief.mean, belief.mean + half)
    rows = np.stack([scale_for("vmaf").back(line) for line in ends], axis=-1)
    return [(float(low), float(score), float(high)) for low, score, high in rows]


def test_belief_follows_the_normal_equations() -> None:
    # One point on the curve itself: compare with the two-dimensional normal distribution.
    a = curve()
    factors = Factors(np.zeros(1), np.eye(1))
    at, seen = np.array([12.0]), 6.0
    belief = infer(a, at, [Point(a, seen, 3.0)], factors)
    load_at, load_seen = 0.9, 1.0
    covariance = load_at * load_seen + 0.04 * math.exp(-0.5 * (6 / 5) ** 2)
    variance_seen = 1.0 + 0.04 + 0.01**2
    mean = 1.6 + covariance / variance_seen * (3.0 - 2.4)
    spread = 0.81 + 0.04 - covariance**2 / variance_seen
    surprise = 0.36 / variance_seen
    assert belief.mean[0] == pytest.approx(mean, abs=1e-6)
    assert belief.sd[0] == pytest.approx(math.sqrt(spread * (6 + surprise) / 7), abs=1e-6)


def test_points_of_other_curves_teach_less_than_own_ones() -> None:
    factors = Factors(np.zeros(1), np.eye(1))
    at = np.array([10.0])
    nothing = infer(curve(), at, [], factors).sd[0]
    stranger = infer(curve(), at, [Point(curve("b", "h"), 10.0, 2.0)], factors).sd[0]
    relative = infer(curve(), at, [Point(curve("b"), 10.0, 2.0)], factors).sd[0]
    own = infer(curve(), at, [Point(curve(), 10.0, 2.0)], factors).sd[0]
    assert own < relative < stranger < nothing
    rough = infer(curve(), at, [Point(curve(), 10.0, 2.0, error=0.5)], factors).sd[0]
    assert rough > own


@pytest.mark.parametrize("metric", METRICS)
def test_scales_rise_with_quality_and_come_back(metric: str) -> None:
    limits = METRICS[metric]
    scores = np.linspace(limits.lo, limits.hi, 50)
    scale = scale_for(metric)
    line = scale.to(scores)
    better = line if limits.higher_is_better else line[::-1]
    assert (np.diff(better) > 0).all()
    assert np.isfinite(line).all()
    assert scale.back(line) == pytest.approx(scores, abs=1e-4 * limits.hi)


def test_grid_runs_from_best_to_cheapest() -> None:
    x264 = grid(encoders.get("libx264").quality)
    assert (x264[0], x264[-1], x264.size) == (0.0, 51.0, 511)
    assert x264[233] == 23.3
    toolbox = grid(encoders.get("h264_videotoolbox").quality)
    assert toolbox[0] > toolbox[-1]
    assert grid(KNOB, 20.5, 22.0).tolist() == [21.0, 22.0]
    assert grid(KNOB, 20.2, 20.8).size == 0


def test_points_of_one_encoder_tell_about_another() -> None:
    rows, _ = made_rows()
    family = fit_family(rows, factors=2)
    knob = encoders.get("libx264").quality
    errors: dict[bool, list[float]] = {True: [], False: []}
    for source in sorted({row.source for row in rows}):
        mine = [row for row in rows if row.source == source]
        seen = [
            KnownRow("libx264", "medium", row.quality, row.vmaf)
            for row in mine
            if row.encoder == "libx264" and row.quality in (20, 30)
        ]
        truth = {row.quality: row.vmaf for row in mine if row.encoder == "libx265"}
        for warm in errors:
            rest = tuple(seen) if warm else ()
            prior = Prior("libx265", "medium", knob, None, rest, None, family)
            settings = [24.0, 30.0, 36.0]
            for crf, (low, score, high) in zip(settings, predicted(prior, settings), strict=True):
                errors[warm].append(abs(score - truth[crf]))
                assert low < score < high
    assert np.mean(errors[True]) < 0.5 * np.mean(errors[False])


def test_family_fills_gaps() -> None:
    rows, _ = made_rows()
    partial = [r for r in rows if not (r.source in ("s1", "s2") and r.encoder == "libx265")]
    family = fit_family(partial, factors=2)
    assert np.isfinite(family["encoders"]["libx265"]["score"]["loadings"]).all()
    assert set(family["sources"]) == {f"s{number}" for number in range(10)}


def test_family_needs_sources() -> None:
    rows, _ = made_rows(3)
    with pytest.raises(UsageError, match="3 sources"):
        fit_family(rows)


def test_features_help_and_intervals_hold_on_sources_left_out() -> None:
    rows, features = made_rows(16)
    family, accuracy = train(rows, features, factors=2)
    assert set(accuracy) == {"libx264", "libx265"}
    blind = {name: Features(1280, 720, 25.0, 50.0, 10.0) for name in features}
    _, without = train(rows, blind, factors=2)
    for encoder, found in accuracy.items():
        assert found.sources == 16
        assert found.coverage >= 0.85
        assert found.mean_abs < 0.7 * without[encoder].mean_abs
    calm, wild = Features(1280, 720, 25.0, 50.0, 5.0), Features(1280, 720, 25.0, 50.0, 25.0)
    guesses = [
        predicted(
            Prior("libx264", "medium", KNOB, factors_of(each, family), family=family), [30.0]
        )[0][1]
        for each in (calm, wild)
    ]
    assert guesses[1] > guesses[0] + 3


def test_shipped_family_is_whole() -> None:
    family = shipped()
    assert family is not None
    assert set(family["encoders"]) == {"libx264", "libx265", "libsvtav1"}
    for name, data in family["encoders"].items():
        for kind in ("score", "bits"):
            mean = np.array(data[kind]["mean"])
            assert mean.shape == (len(data["knots"]),)
            assert np.array(data[kind]["loadings"]).shape == (mean.size, family["factors"])
            falls = np.diff(mean) if kind == "score" else -np.diff(mean)
            assert (falls < 0.05).all()
        assert interval_factor(family, name) > 0.5
    assert interval_factor(family, "libaom-av1") == max(family["interval"].values())
    assert interval_factor(None, "libx264") >= 1.0


def test_shipped_predictions_are_sane() -> None:
    features = Features(1280, 720, 25.0, 60.0, 12.0, probe_bits_per_pixel=0.1)
    for name in ("libx264", "libx265", "libsvtav1", "libaom-av1"):
        knob = encoders.get(name).quality
        prior = prior_for(
            name,
            None,
            knob,
            pixel_rate=1280 * 720 * 25.0,
            rows=probe_rows(features),
            factors=factors_of(features, shipped()),
        )
        middle = 0.5 * (knob.lo + knob.hi)
        found = predicted(prior, [knob.lo, middle, knob.hi])
        assert all(0 <= low <= score <= high <= 100 for low, score, high in found)
        best, fair, poor = (score for _, score, _ in found)
        assert best > fair > poor and best > 95


def test_no_features_no_factors() -> None:
    assert factors_of(Features(1, 1, 1.0, 0.0, 0.0), None) is None
    assert factors_of(Features(1, 1, 1.0, 0.0, 0.0), {"factors": 2}) is None
    assert probe_rows(Features(1, 1, 1.0, 0.0, 0.0)) == ()
