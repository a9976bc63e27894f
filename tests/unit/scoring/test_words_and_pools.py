"""Model and feature words, ensembles, and pooling of infinite scores."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit import pooling
from vmafkit.errors import UsageError, VmafkitError
from vmafkit.scoring import ensemble, graph
from vmafkit.scoring.libvmaf_log import parse_log
from vmafkit.scoring.score import ScoreRequest, pool_frames
from vmafkit.scoring.words import parse_feature, parse_model

SAFE = re.compile(r"[A-Za-z0-9_.=|\\:-]*")


@given(st.text(max_size=80) | st.from_regex(r"(version|name|path|x\.y)=[ -~]{0,30}(:[ -~]*)?"))
@settings(deadline=None)
def test_no_model_or_feature_word_brings_its_own_text_into_a_graph(word: str) -> None:
    for request in (model_request(word), feature_request(word)):
        if request is not None:
            text, _ = graph.model_words(request.models, request, {})
            assert SAFE.fullmatch(text)
            assert all(SAFE.fullmatch(graph.feature_word(f)) for f in request.features)


def model_request(word: str) -> ScoreRequest | None:
    try:
        return ScoreRequest(models=(parse_model(word),))
    except VmafkitError:
        return None


def feature_request(word: str) -> ScoreRequest | None:
    try:
        return ScoreRequest(features=(parse_feature(word),))
    except VmafkitError:
        return None


@pytest.mark.parametrize("word", ["psnr=a=b'", "psnr=x=1:x=2", "name=psnr:name=vif", "psnr=q=[0]"])
def test_bad_feature_words(word: str) -> None:
    with pytest.raises(UsageError):
        parse_feature(word)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.integers(0, 100))
@settings(deadline=None)
def test_finite_scores_are_pooled_as_ever(scores: list[float], rank: int) -> None:
    values = np.array(scores)
    for statistic in (*pooling.STATISTICS, f"p{rank}"):
        assert pool_frames(values, statistic) == pooling.pool(values, statistic)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(1, 5), st.integers(0, 100))
@settings(deadline=None)
def test_infinite_scores_are_pooled_in_the_limit(
    scores: list[float], infinite: int, rank: int
) -> None:
    """As with ever greater numbers in their place."""
    values = np.array([*scores, *[math.inf] * infinite])
    large = np.where(np.isinf(values), 1e15, values)
    for statistic in ("mean", "max", "min", "median", "harmonic_mean", f"p{rank}"):
        found, limit = pool_frames(values, statistic), pooling.pool(large, statistic)
        if math.isinf(found):
            assert limit > 1e2
        else:
            assert found == pytest.approx(limit, rel=1e-6, abs=1e-6)
    with pytest.raises(ValueError, match="standard deviation"):
        pool_frames(values, "stddev")


def test_interval_of_a_known_ensemble() -> None:
    members = [np.array([float(n), 150.0 + n]) for n in range(21)]
    found = ensemble.combine(members, 0.0, 100.0)
    assert found["bagging"].tolist() == [10.0, 100.0]
    assert found["ci_p95_lo"].tolist() == pytest.approx([0.5, 100.0])
    assert found["ci_p95_hi"].tolist() == pytest.approx([19.5, 100.0])
    assert found["stddev"].tolist() == pytest.approx([np.arange(21).std(), 0.0])
    raw = ensemble.combine(members, 0.0, 100.0, clip=False)
    assert raw["bagging"].tolist() == [10.0, 160.0]


def test_a_transform_comes_after_the_statistics() -> None:
    text = '{"model_dict": {"score_transform": {"p0": 1, "p1": 2, "out_gte_in": "true"}}}'
    curve = ensemble.curve_of(text)
    found = ensemble.combine([np.array([10.0]), np.array([20.0])], 0.0, 100.0, curve=curve)
    assert found["bagging"].tolist() == [31.0]
    assert found["stddev"].tolist() == pytest.approx([10.0])
    assert ensemble.curve_of('{"model_dict": {}}') == ensemble.Curve()


@given(st.binary(max_size=300) | st.from_regex(rb'\{"frames": ?\[.{0,60}\].{0,40}\}'))
@settings(deadline=None)
def test_the_log_reader_only_refuses(data: bytes) -> None:
    with pytest.raises(VmafkitError):
        parse_log(data.decode("utf-8", "replace"))
