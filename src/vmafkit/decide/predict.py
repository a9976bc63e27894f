"""Predicts quality curves from cheap features of a source; a prediction never counts as measured.

The hidden factors of a source are regressed on its features (ridge regression); the family then
gives the curves. Intervals are widened by a factor for each encoder that normalized
leave-one-source-out errors ask for (J. Lei et al., "Distribution-free predictive inference for
regression", 2018, section 5; R. Barber et al., "Predictive inference with the jackknife+", 2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vmafkit.curve import FloatArray
from vmafkit.decide.belief import Factors, infer
from vmafkit.decide.family import FACTORS, CurveRow, fit_family, rounded
from vmafkit.decide.prior import KnownRow, Prior, scale_for
from vmafkit.decide.target import Target
from vmafkit.encoders.base import Quality
from vmafkit.errors import UsageError

_CONFIDENCE = 0.9
NAMES = ("pixels", "fps", "si", "ti")
PROBE_ENCODER, PROBE_PRESET, PROBE_QUALITY = "libx264", "medium", 28.0
_RIDGE = 3.0
_WIDEST = 12.0
# Nobody aims below; errors there say nothing about a search.
_OF_USE = 50.0
_VMAF = Target("vmaf", "mean", ">=", 0.0)


@dataclass(frozen=True, slots=True)
class Features:
    """What can be known of a source without a full encode.

    Attributes:
        width, height: pixels.
        frames_per_s: the frame rate.
        si, ti: mean spatial and temporal information (ITU-T P.910) as `media.complexity` has it.
        probe_bits_per_pixel: of an encode with libx264, preset medium, at CRF 28, or None.
    """

    width: int
    height: int
    frames_per_s: float
    si: float
    ti: float
    probe_bits_per_pixel: float | None = None

    def vector(self) -> FloatArray:
        """One number for each of NAMES."""
        pixels = math.log2(max(self.width * self.height, 1))
        rate = math.log2(max(self.frames_per_s, 0.1))
        return np.array([pixels, rate, math.log1p(max(self.si, 0)), math.log1p(max(self.ti, 0))])


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How predictions of an encoder's curves did on sources that they had not seen.

    Attributes:
        mean_abs, max_abs: error of the VMAF, in points, at settings that have 50 or more.
        coverage: share of scores inside of their interval.
        sources: that were looked at.
    """

    mean_abs: float
    max_abs: float
    coverage: float
    sources: int


def factors_of(features: Features, family: Mapping[str, Any] | None) -> Factors | None:
    """The hidden factors that a source's features suggest; None where the family has no such."""
    model = family.get("features") if family else None
    if model is None:
        return None
    scaled = (features.vector() - np.array(model["center"])) / np.array(model["scale"])
    limited = np.clip(scaled, -3.0, 3.0)
    mean = limited @ np.array(model["weights"])
    return Factors(np.asarray(mean), np.diag(np.array(model["variance"])))


def probe_rows(features: Features) -> tuple[KnownRow, ...]:
    """The probe encode's bits as a known row for a prior."""
    bits = features.probe_bits_per_pixel
    if bits is None:
        return ()
    return (KnownRow(PROBE_ENCODER, PROBE_PRESET, PROBE_QUALITY, None, bits_per_pixel=bits),)


def interval_factor(family: Mapping[str, Any] | None, encoder: str) -> float:
    """How much wider than the belief an encoder's intervals must be to hold what they say."""
    found = (family or {}).get("interval", {})
    return float(found.get(encoder, max(found.values(), default=1.5)))


def train(
    rows: Sequence[CurveRow],
    features: Mapping[str, Features],
    *,
    factors: int = FACTORS,
    groups: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], dict[str, Accuracy]]:
    """A family with its features and intervals, and its accuracy on sources left out.

    Args:
        rows: of every source.
        features: by source; sources without are used for the curves only.
        groups: source to a title; sources of one title are left out together.

    Raises:
        UsageError: too few sources to learn from.
    """
    family = with_features(fit_family(rows, factors=factors), features)
    groups = groups or {}
    errors: dict[str, list[tuple[FloatArray, FloatArray]]] = {}
    for left_out in sorted({groups.get(row.source, row.source) for row in rows}):
        rest = [row for row in rows if groups.get(row.source, row.source) != left_out]
        try:
            others = with_features(fit_family(rest, factors=factors), features)
        except UsageError:
            continue
        mine = [row for row in rows if groups.get(row.source, row.source) == left_out]
        for (_, encoder), found in _by_curve(mine).items():
            if encoder in others["encoders"] and found[0].source in features:
                errors.setdefault(encoder, []).append(
                    _errors(found, others, features[found[0].source])
                )
    family["interval"] = {name: round(_factor(found), 3) for name, found in errors.items()}
    return family, {name: _accuracy(found) for name, found in errors.items()}


def _by_curve(rows: Sequence[CurveRow]) -> dict[tuple[str, str], list[CurveRow]]:
    curves: dict[tuple[str, str], list[CurveRow]] = {}
    for row in rows:
        curves.setdefault((row.source, row.encoder), []).append(row)
    return curves


def with_features(family: dict[str, Any], features: Mapping[str, Features]) -> dict[str, Any]:
    """The family with a regression of its factors on features; as it was with too few of them."""
    names = [name for name in family["sources"] if name in features]
    if len(names) < len(NAMES) + 2:
        return family
    raw = np.stack([features[name].vector() for name in names])
    center: FloatArray = raw.mean(axis=0)
    scale: FloatArray = np.maximum(raw.std(axis=0), 0.1)
    x: FloatArray = (raw - center) / scale
    y = np.array([family["sources"][name] for name in names], dtype=np.float64)
    square = x.T @ x + _RIDGE * np.eye(x.shape[1])
    inverse = np.asarray(np.linalg.inv(square), dtype=np.float64)
    hat = np.asarray(x @ inverse @ x.T, dtype=np.float64)
    # What each source's own row adds to its prediction is taken off again: leave-one-out.
    left_out = np.asarray((y - hat @ y) / (1.0 - np.diag(hat))[:, None], dtype=np.float64)
    spread = np.asarray(np.mean(left_out**2, axis=0), dtype=np.float64)
    # A factor that the features do not tell keeps its own spread.
    useful = spread < np.mean(y**2, axis=0)
    weights: FloatArray = np.where(useful, inverse @ x.T @ y, 0.0)
    variance: FloatArray = np.where(useful, np.clip(spread, 0.05, 1.0), 1.0)
    family["features"] = {
        "names": list(NAMES),
        "center": rounded(center),
        "scale": rounded(scale),
        "weights": rounded(weights),
        "variance": rounded(variance),
    }
    return family


def _errors(
    rows: Sequence[CurveRow], family: dict[str, Any], features: Features
) -> tuple[FloatArray, FloatArray]:
    """Errors in points of VMAF and, on the line, in standard deviations; shape (rows,) each."""
    knob = Quality("crf", 0, 63, 1, 30, higher_is_better=False)
    prior = Prior(
        rows[0].encoder,
        rows[0].preset,
        knob,
        factors_of(features, family),
        probe_rows(features),
        family=family,
    )
    rows = [row for row in rows if row.vmaf >= _OF_USE] or rows
    settings = np.array([row.quality for row in rows])
    belief = infer(prior.score_curve(_VMAF), settings, prior.points(), prior.start())
    scale = scale_for("vmaf")
    truth = np.array([row.vmaf for row in rows], dtype=np.float64)
    return scale.back(belief.mean) - truth, (belief.mean - scale.to(truth)) / belief.sd


def _factor(errors: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """The factor that makes the 90 % interval of the belief hold 90 % of the scores.

    The level is raised for the count of sources, which are what is drawn by chance.
    """
    level = min(_CONFIDENCE * (len(errors) + 1) / len(errors), 1.0)
    ratios = np.concatenate([np.abs(normal) for _, normal in errors]) / 1.645
    return float(min(max(np.quantile(ratios, level), 0.5), _WIDEST))


def _accuracy(errors: Sequence[tuple[FloatArray, FloatArray]]) -> Accuracy:
    inside: list[float] = []
    for number, (_, normal) in enumerate(errors):
        others = [each for index, each in enumerate(errors) if index != number] or list(errors)
        inside += (np.abs(normal) <= 1.645 * _factor(others)).tolist()
    points = np.abs(np.concatenate([error for error, _ in errors]))
    return Accuracy(
        mean_abs=float(points.mean()),
        max_abs=float(points.max()),
        coverage=float(np.mean(inside)),
        sources=len(errors),
    )
