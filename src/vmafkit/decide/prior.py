"""What is expected of a source's curves before they are measured, and from what is known."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from vmafkit.curve import FloatArray, Scale, linear_scale, log_distance_scale, logit_scale
from vmafkit.decide.belief import Curve, Factors, Point
from vmafkit.decide.target import METRICS, Target
from vmafkit.encoders.base import Quality
from vmafkit.scoring.vmaf_models import DEFAULT_MODEL, TABLE

# How far another preset, statistic or model may lie from the measured family, on its line.
_OTHER_PRESET_SD = 0.25
_OTHER_STATISTIC_SD = 0.6
_OTHER_MODEL_SD = 0.5
# Best and cheapest end of an unknown encoder's knob on the metric's line, and their spread.
_WIDE = {
    "vmaf": (3.7, -0.3, 1.0),
    "xpsnr": (9.0, 4.5, 1.0),
    "psnr": (9.5, 4.5, 1.0),
    "ssim": (7.0, 2.0, 1.0),
    "ms_ssim": (7.5, 2.5, 1.0),
    "cambi": (1.0, -2.0, 1.2),
    "bits": (-3.0, 6.0, 2.0),
}


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A measured row of the same source, of any encoder and preset.

    Attributes:
        statistic, metric, model: of the score; model is None for other metrics than VMAF.
        bits_per_pixel: video bits over frames times pixels; None when not known.
    """

    encoder: str
    preset: str | None
    quality: float
    score: float | None
    metric: str = "vmaf"
    statistic: str = "mean"
    model: str | None = None
    bits_per_pixel: float | None = None


@dataclass(frozen=True)
class Prior:
    """Expectation of the curves of one source with one encoder and preset.

    Attributes:
        encoder, preset: of the search.
        knob: of the encoder.
        factors: of the source, as known from its features; standard normal without them.
        rows: what was measured of the source before, in other searches.
        pixel_rate: pixels per second, which turn kbps into bits per pixel; None if not known.
        family: the shipped curves or those of a training; None for none.
    """

    encoder: str
    preset: str | None
    knob: Quality
    factors: Factors | None = None
    rows: tuple[KnownRow, ...] = ()
    pixel_rate: float | None = None
    family: dict[str, Any] | None = field(default=None, repr=False)

    def score_curve(self, target: Target) -> Curve:
        """The family of curves of a target's score, on the line of `scale_of`."""
        return self._score(self.encoder, self.preset, target.metric, target.statistic, target.model)

    def bits_curve(self) -> Curve:
        """The family of curves of -log2(bits per pixel): it rises with the knob's cheapness."""
        return self._bits(self.encoder, self.preset)

    def start(self) -> Factors:
        """The hidden factors before any point."""
        if self.factors is not None:
            return self.factors
        count = int(self.family["factors"]) if self.family else 0
        return Factors(np.zeros(count), np.eye(count))

    def points(self) -> list[Point]:
        """The known rows as points of their curves."""
        found: list[Point] = []
        for row in self.rows:
            if row.encoder != self.encoder and not self._has(row.encoder):
                continue
            if row.score is not None:
                curve = self._score(row.encoder, row.preset, row.metric, row.statistic, row.model)
                value = float(scale_for(row.metric, row.model).to(row.score))
                found.append(Point(curve, row.quality, value))
            if row.bits_per_pixel:
                value = -float(np.log2(row.bits_per_pixel))
                found.append(Point(self._bits(row.encoder, row.preset), row.quality, value))
        return found

    def _has(self, encoder: str) -> bool:
        return bool(self.family) and encoder in self.family["encoders"]

    def _score(
        self, encoder: str, preset: str | None, metric: str, statistic: str, model: str | None
    ) -> Curve:
        name = f"{encoder} {preset} {metric} {statistic} {model or ''}"
        if metric != "vmaf" or not self._has(encoder):
            return self._wide(name, f"{encoder} {metric}", metric)
        curve = self._shipped(encoder, preset, "score", name)
        shift = curve.shift_sd**2
        if statistic != "mean":
            shift += _OTHER_STATISTIC_SD**2
        if model not in (None, DEFAULT_MODEL):
            shift += _OTHER_MODEL_SD**2
        return replace(curve, shift_sd=float(np.sqrt(shift)))

    def _bits(self, encoder: str, preset: str | None) -> Curve:
        name = f"{encoder} {preset} bits"
        if not self._has(encoder):
            return self._wide(name, f"{encoder} bits", "bits")
        return self._shipped(encoder, preset, "bits", name)

    def _shipped(self, encoder: str, preset: str | None, kind: str, name: str) -> Curve:
        assert self.family is not None
        known = self.family["encoders"][encoder]
        data, spread = known[kind], self.family["residual"][kind]
        return Curve(
            name=name,
            group=f"{encoder} {kind}",
            knots=np.array(known["knots"], dtype=np.float64),
            mean=np.array(data["mean"], dtype=np.float64),
            loadings=np.array(data["loadings"], dtype=np.float64),
            residual_sd=float(spread["sd"]),
            length=float(spread["length"]),
            shift_sd=0.0 if preset == known["preset"] else _OTHER_PRESET_SD,
            noise_sd=float(spread["noise"]),
        )

    def _wide(self, name: str, group: str, metric: str) -> Curve:
        best, cheapest, spread = _WIDE[metric]
        ends = np.array([self.knob.lo, self.knob.hi], dtype=np.float64)
        if ends[1] <= ends[0]:
            ends[1] = ends[0] + max(self.knob.step, 1.0)
        values = np.array([best, cheapest])
        count = self.start().mean.size
        return Curve(
            name=name,
            group=group,
            knots=ends,
            mean=values[::-1].copy() if self.knob.higher_is_better else values,
            loadings=np.zeros((2, count)),
            residual_sd=0.8 * spread,
            length=float(ends[1] - ends[0]) / 2.5,
            shift_sd=0.8 * spread,
            noise_sd=0.01,
        )


def scale_for(metric: str, model: str | None = None) -> Scale:
    """The line on which curves of a metric are nearly straight; higher is better on all."""
    if metric == "vmaf":
        known = TABLE.get(model or DEFAULT_MODEL, TABLE[DEFAULT_MODEL])
        return logit_scale(known.lo, known.hi)
    if metric in ("ssim", "ms_ssim"):
        return log_distance_scale(1.0, 1e-5)
    if metric == "cambi":
        return log_distance_scale(0.0, 0.3)
    limits = METRICS[metric]
    return linear_scale(6.0, limits.lo, limits.hi)


def scale_of(target: Target) -> Scale:
    """The line of a target's score."""
    return scale_for(target.metric, target.model)


def prior_for(
    encoder: str,
    preset: str | None,
    knob: Quality,
    *,
    pixel_rate: float | None = None,
    rows: Sequence[KnownRow] = (),
    factors: Factors | None = None,
) -> Prior:
    """The shipped prior of an encoder, warmed by what was measured of the source.

    Args:
        pixel_rate: width x height x frames per second; makes bitrates of use.
        rows: measured before, of this source.
        factors: from `predict.factors_of`, where the source's features are known.
    """
    return Prior(encoder, preset, knob, factors, tuple(rows), pixel_rate, shipped())


@cache
def shipped() -> dict[str, Any] | None:
    """The fitted curves that come with the package; None where the file is missing."""
    found = resources.files("vmafkit.decide") / "data" / "curves.json"
    return json.loads(found.read_text("utf-8")) if found.is_file() else None


def bits_per_pixel(bitrate_kbps: float, pixel_rate: float) -> float:
    """Video bits for each pixel of each frame."""
    return bitrate_kbps * 1000.0 / pixel_rate


def grid(knob: Quality, lo: float | None = None, hi: float | None = None) -> FloatArray:
    """Every setting of a knob within lo..hi, from the best quality to the cheapest."""
    first = knob.lo if lo is None else max(lo, knob.lo)
    last = knob.hi if hi is None else min(hi, knob.hi)
    begin, end = math.ceil(first / knob.step - 1e-6), math.floor(last / knob.step + 1e-6)
    values = [round(number * knob.step, 6) for number in range(begin, end + 1)]
    settings = np.array(values, dtype=np.float64)
    return settings[::-1].copy() if knob.higher_is_better else settings
