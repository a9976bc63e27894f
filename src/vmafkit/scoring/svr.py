"""The exact score of a libvmaf model, computed from its features.

A libvmaf model is a support vector regression with a linear rescale on either side, then, where
the model has them, a chroma correction, a score transform and a clip. All of it is in the
model's JSON file, so the score of a frame is a closed formula of the frame's features.

Source: libvmaf's model format and its order of operations; LIBSVM's text format (C.-C. Chang
and C.-J. Lin, "LIBSVM: A library for support vector machines").
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import Unreadable, UsageError
from vmafkit.scoring.svm_text import Svm, parse_svm

FloatArray = npt.NDArray[np.float64]
Knots = tuple[tuple[float, float], ...]

# A block of rows makes a table of (rows, support vectors); this keeps it near 8 MB.
_BLOCK_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Transform:
    """What is done to a score after the regression.

    Attributes:
        polynomial: (p0, p1, p2) of p0 + p1 x + p2 x^2, or None.
        knots: (x, y) points of a piecewise linear map, rising in x; empty for none.
        at_most_input, at_least_input: bound the result by the score before the transform.
    """

    polynomial: tuple[float, float, float] | None = None
    knots: Knots = ()
    at_most_input: bool = False
    at_least_input: bool = False

    def apply(self, scores: FloatArray) -> FloatArray:
        """The transformed scores, shape as given."""
        result = scores
        if self.polynomial is not None:
            p0, p1, p2 = self.polynomial
            result = p0 + p1 * scores + p2 * scores * scores
        if self.knots:
            result = piecewise_linear(result, self.knots)
        if self.at_most_input:
            result = np.minimum(result, scores)
        if self.at_least_input:
            result = np.maximum(result, scores)
        return result


@dataclass(frozen=True, slots=True)
class Svr:
    """One libvmaf model.

    Attributes:
        features: short names (`adm2`, `motion2`, ...) in the order the model takes them.
        feature_names: the names as the model file has them.
        feature_options: of each feature, as libvmaf's extractor takes them.
        slopes, intercepts: of the features' rescale, shape (features,).
        score_slope, score_intercept: of the score's rescale.
        svm: the support vectors.
        chroma_correction: strength c; where `speed_chroma` is 0 it becomes c (1 - adm3).
            0 for none.
        transform: applied to the score, or None.
        clip: (least, most) score, or None.
    """

    features: tuple[str, ...]
    feature_names: tuple[str, ...]
    feature_options: tuple[Mapping[str, Any], ...]
    slopes: FloatArray
    intercepts: FloatArray
    score_slope: float
    score_intercept: float
    svm: Svm
    chroma_correction: float = 0.0
    transform: Transform | None = None
    clip: tuple[float, float] | None = None

    def predict(self, features: Mapping[str, npt.ArrayLike] | npt.ArrayLike) -> FloatArray:
        """Scores of frames.

        Args:
            features: shape (frames, features) in the order of `features`; or a table, name to
                values of shape (frames,), its names short or as in libvmaf's log.

        Returns:
            Shape (frames,), in the unit of the model, most often 0 to 100.

        Raises:
            UsageError: a feature is missing, or the shape is another.
        """
        rows = self.matrix(features)
        scores = np.empty(rows.shape[0])
        for start in range(0, rows.shape[0], _BLOCK_ROWS):
            block = self.rescaled(rows[start : start + _BLOCK_ROWS])
            scores[start : start + _BLOCK_ROWS] = self.svm.decide(block)
        scores = (scores - self.score_intercept) / self.score_slope
        if self.transform is not None:
            scores = self.transform.apply(scores)
        return scores if self.clip is None else np.clip(scores, *self.clip)

    def matrix(self, features: Mapping[str, npt.ArrayLike] | npt.ArrayLike) -> FloatArray:
        """The features as shape (frames, features), in the model's order.

        Raises:
            UsageError: a feature is missing, or the shape is another.
        """
        if isinstance(features, Mapping):
            picked = [features[find_column(name, tuple(features))] for name in self.features]
            rows = np.stack([np.asarray(values, dtype=np.float64) for values in picked], axis=-1)
        else:
            rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.features):
            raise UsageError(
                f"features of shape {rows.shape} do not fit a model of {len(self.features)}",
                hint=f"one row per frame: {', '.join(self.features)}",
            )
        return rows

    def rescaled(self, rows: FloatArray) -> FloatArray:
        """The support vector machine's inputs, shape as given."""
        scaled = rows * self.slopes + self.intercepts
        if self.chroma_correction:
            guide, guided = self.chroma_columns()
            # libvmaf asks its question after the rescale and back.
            back = (scaled[:, guided] - self.intercepts[guided]) / self.slopes[guided]
            own = (scaled[:, guide] - self.intercepts[guide]) / self.slopes[guide]
            put = -self.chroma_correction * own + self.chroma_correction
            put = put * self.slopes[guided] + self.intercepts[guided]
            scaled[:, guided] = np.where(back == 0.0, put, scaled[:, guided])
        return scaled

    def chroma_columns(self) -> tuple[int, int]:
        """The columns of `adm3` and of `speed_chroma`, which the chroma correction needs."""
        guide = [i for i, name in enumerate(self.feature_names) if "adm3" in name]
        guided = [i for i, name in enumerate(self.feature_names) if "speed_chroma" in name]
        if len(guide) != 1 or len(guided) != 1:
            raise Unreadable("the model's chroma correction lacks adm3 or speed_chroma")
        return guide[0], guided[0]


def load_model(data: bytes, *, transform: bool | None = None, clip: bool = True) -> Svr:
    """Read a model in libvmaf's JSON form.

    Args:
        data: the file's bytes.
        transform: True or False to apply the model's score transform or not (True is what
            phone viewing asks for); None for what the model says.
        clip: False to leave scores outside the range.

    Raises:
        Unreadable: it is not one such model, or of a kind that is not known here.
    """
    members = load_members(data, transform=transform, clip=clip)
    if len(members) != 1:
        raise Unreadable("the model file is a collection", hint="load_members reads it")
    return members[0]


def load_members(
    data: bytes, *, transform: bool | None = None, clip: bool = True
) -> tuple[Svr, ...]:
    """Read a collection of models, such as the bootstrap model; one model gives one member.

    Raises:
        Unreadable: as `load_model`.
    """
    try:
        document = cast("dict[str, Any]", json.loads(data))
        single = "0" not in document
        models = [document] if single else [document[key] for key in sorted(document, key=int)]
        return tuple(_model(model["model_dict"], transform, clip) for model in models)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Unreadable(
            f"this is not a model in libvmaf's JSON form ({type(error).__name__}: {error})",
            hint="older .pkl models must be converted first",
        ) from error


def find_column(name: str, columns: Sequence[str]) -> str:
    """The column of a feature in a table: its short name, or libvmaf's name of it.

    Raises:
        UsageError: there is none, or several could be meant.
    """
    for exact in (name, f"integer_{name}"):
        if exact in columns:
            return exact
    heads = (f"{name}_", f"integer_{name}_")
    near = [column for column in columns if column.startswith(heads)]
    if len(near) != 1:
        what = "is missing" if not near else f"could be any of {', '.join(near)}"
        raise UsageError(f"feature {name} {what}", hint="extract it, or rename the column")
    return near[0]


def piecewise_linear(scores: FloatArray, knots: Knots) -> FloatArray:
    """A piecewise linear map through the knots; its outer segments go on beyond them."""
    x, y = (np.asarray(values) for values in zip(*knots, strict=True))
    segment = np.clip(np.searchsorted(x, scores, side="left") - 1, 0, len(knots) - 2)
    slope = np.diff(y) / np.diff(x)
    return y[segment] + slope[segment] * (scores - x[segment])


def short_name(name: str) -> str:
    """`adm2` of `VMAF_integer_feature_adm2_score`."""
    middle = name.split("_feature_", 1)[-1]
    return middle.removesuffix("_score")


def _model(model: dict[str, Any], transform: bool | None, clip: bool) -> Svr:
    names = tuple(str(name) for name in model["feature_names"])
    norm = model.get("norm_type", "linear_rescale")
    if norm not in ("linear_rescale", "none"):
        raise ValueError(f"norm_type {norm}")
    count = len(names) + 1
    scaled = norm == "linear_rescale"
    slopes = np.asarray(model["slopes"] if scaled else [1.0] * count, dtype=np.float64)
    intercepts = np.asarray(model["intercepts"] if scaled else [0.0] * count, dtype=np.float64)
    if slopes.shape != (count,) or intercepts.shape != (count,) or not slopes.all():
        raise ValueError("slopes or intercepts do not fit the features")
    options: list[dict[str, Any]] = model.get("feature_opts_dicts") or [{} for _ in names]
    limits = model.get("score_clip")
    asked = _transform(model.get("score_transform") or {}, transform)
    return Svr(
        features=tuple(short_name(name) for name in names),
        feature_names=names,
        feature_options=tuple(dict(entry) for entry in options),
        slopes=slopes[1:],
        intercepts=intercepts[1:],
        score_slope=float(slopes[0]),
        score_intercept=float(intercepts[0]),
        svm=parse_svm(str(model["model"]), len(names)),
        chroma_correction=float(model.get("chroma_correction_parameter") or 0.0),
        transform=asked,
        clip=(float(limits[0]), float(limits[1])) if clip and limits else None,
    )


def _transform(facts: Mapping[str, Any], asked: bool | None) -> Transform | None:
    wanted = _truth(facts.get("enabled", False)) if asked is None else asked
    if not facts or not wanted:
        return None
    parts = [facts.get(key) for key in ("p0", "p1", "p2")]
    polynomial = None
    if any(part is not None for part in parts):
        p0, p1, p2 = (0.0 if part is None else float(part) for part in parts)
        polynomial = (p0, p1, p2)
    knots = tuple((float(x), float(y)) for x, y in facts.get("knots") or ())
    if len(knots) == 1 or any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(knots)):
        raise ValueError("knots do not rise")
    return Transform(
        polynomial,
        knots,
        at_most_input=_truth(facts.get("out_lte_in", False)),
        at_least_input=_truth(facts.get("out_gte_in", False)),
    )


def _truth(value: Any) -> bool:
    return value is True or value == "true"
