"""The search on the measured curves: the figures that the benchmark prints, held."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks"
CURVES = FOLDER / "curves.parquet"
# What was measured, and a little room: 2.84 and 2.05 probes, 99.0 % and 98.8 % within.
COLD_MEAN, WARM_MEAN = 2.9, 2.1
COLD_WITHIN, WARM_WITHIN = 0.985, 0.98
# On the encoder's own step, interpolated: 3.29 and 2.50 probes, 99.8 % of both within.
OWN_STEP_COLD_MEAN, OWN_STEP_WARM_MEAN = 3.4, 2.6


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("search_benchmark", FOLDER / "search.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_curves_are_many_and_whole(bench: ModuleType) -> None:
    curves = bench.read_curves(CURVES)
    assert len({curve.source for curve in curves}) >= 12
    assert {curve.encoder for curve in curves} == {"libx264", "libx265", "libsvtav1"}
    for curve in curves:
        assert (curve.settings == range(int(curve.knob.lo), int(curve.knob.hi) + 1)).all()
    assert CURVES.stat().st_size < 300_000


@pytest.mark.slow
def test_fewer_encodes_than_anyone_and_never_below(bench: ModuleType) -> None:
    curves, features = bench.read_curves(CURVES), bench.read_features(CURVES)
    ours = bench.Ours(curves, features)
    cold = bench.summarize("cold", ours.cold, curves)
    warm = bench.summarize("warm", ours.warm_target, curves)
    others = [
        bench.summarize(name, rule, curves)
        for name, rule in (
            ("bisect", bench.plain("bisect")),
            ("coarse", bench.plain("coarse-to-fine")),
            ("ab-av1", bench.ab_av1),
        )
    ]
    assert cold.below == warm.below == 0
    assert cold.none == warm.none == 0
    assert cold.within >= COLD_WITHIN
    assert warm.within >= WARM_WITHIN
    assert cold.mean <= COLD_MEAN
    assert warm.mean <= WARM_MEAN
    assert cold.p90 <= 4
    assert warm.p90 <= 3
    assert cold.one_off >= 0.99
    assert warm.one_off >= 0.99
    assert all(cold.mean < 0.8 * other.mean for other in others)


def test_the_own_step_keeps_what_was_measured(bench: ModuleType) -> None:
    for curve in bench.read_curves(CURVES)[::10]:
        fine = curve.in_steps()
        assert fine.step == {"libsvtav1": 0.25}.get(curve.encoder, 0.1)
        assert fine.knob.step == fine.step
        assert [fine.score(q) for q in curve.settings] == pytest.approx(list(curve.scores))
        assert fine.scores.min() >= curve.scores.min()
        assert fine.scores.max() <= curve.scores.max()


@pytest.mark.slow
def test_the_encoders_own_step_is_searched_as_surely(bench: ModuleType) -> None:
    curves, features = bench.read_curves(CURVES), bench.read_features(CURVES)
    fine = [curve.in_steps() for curve in curves]
    ours = bench.Ours(curves, features).on(fine)
    cold = bench.summarize("cold", ours.cold, fine)
    warm = bench.summarize("warm", ours.warm_target, fine)
    assert cold.below == warm.below == cold.none == warm.none == 0
    assert min(cold.within, warm.within) >= 0.99
    assert cold.mean <= OWN_STEP_COLD_MEAN
    assert warm.mean <= OWN_STEP_WARM_MEAN
    assert cold.p90 <= 5
    assert warm.p90 <= 4
    assert cold.most <= 12
    assert cold.mean < 0.8 * bench.summarize("bisect", bench.plain("bisect"), fine).mean
    assert cold.mean < 0.8 * bench.summarize("ab-av1", bench.ab_av1, fine).mean
