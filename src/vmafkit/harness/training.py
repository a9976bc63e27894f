"""Trains regressions from clip features to opinion scores, with the reference's conventions.

The mean features of each clip are trained against its score; the model is then applied to each
frame and the scores are pooled. Features are ordered by name, and they and the scores are
rescaled first. A bootstrap model holds one regression of all data and further ones of rows
drawn with replacement; its first member is the plain one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vmafkit.errors import CapabilityMissing, Refused
from vmafkit.harness import forest
from vmafkit.harness.checkpoints import Checkpoints
from vmafkit.harness.model_writer import Rescale, collection, svr_document
from vmafkit.schema.model_recipe import ModelParam, Parameters
from vmafkit.scoring.svr import load_members

FloatArray = npt.NDArray[np.float64]
LEAST_CLIPS = 4


class Regression(Protocol):
    """Anything that gives scores, shape (n,), of features, shape (n, features)."""

    def predict(self, features: FloatArray) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model.

    Attributes:
        document: what is written: JSON text.
        members: the regressions; the first is the plain one.
        kind: its model_type.
    """

    document: bytes
    members: tuple[Regression, ...]
    kind: str

    def predict(self, features: FloatArray) -> FloatArray:
        """Scores of the plain regression, shape (n,)."""
        return self.members[0].predict(features)


def train(
    rows: npt.ArrayLike,
    scores: npt.ArrayLike,
    names: Sequence[str],
    param: ModelParam,
    feature_options: Sequence[Mapping[str, float | bool]] = (),
    kept: Checkpoints | None = None,
) -> Trained:
    """Train a model.

    Args:
        rows: mean features of each clip, shape (clips, features), finite.
        scores: shape (clips,), finite.
        names: of the features, as libvmaf's models have them, in order.
        param: the kind and its parameters.
        feature_options: of each feature's extractor, written into the model; empty for none.
        kept: members of an ensemble that an earlier run trained, and where to keep more.

    Raises:
        Refused: too few clips, a value is not finite, or a parameter does not fit.
        CapabilityMissing: scikit-learn is not installed.
    """
    x, y = np.asarray(rows, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or x.shape != (y.size, len(names)):
        raise ValueError("rows are not of shape (clips, features)")
    if y.size < LEAST_CLIPS:
        raise Refused(f"{y.size} clips are too few to train on", hint=f"{LEAST_CLIPS} at least")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise Refused("a feature or a score is not a finite number")
    options = param.model_param_dict
    if param.model_type == "RANDOMFOREST":
        document = forest.fit_document(x, y, names, options, feature_options)
        return Trained(document, (forest.load_forest(document),), param.model_type)
    scale = rescale(x, y, names, options)
    plain = _svr(x, y, names, scale, param, feature_options)
    if param.model_type == "LIBSVMNUSVR":
        text = collection([plain])
        return Trained(text, load_members(text), param.model_type)
    documents = [plain]
    fitted = load_members(collection([plain]), clip=False, transform=False)[0].predict(x)
    for seed in range(1, options.num_models):
        index = np.random.default_rng(seed).integers(y.size, size=y.size)
        if param.model_type.startswith("RESIDUE"):
            drawn_x, drawn_y = x, fitted + (y - fitted)[index]
        else:
            drawn_x, drawn_y = x[index], y[index]
        one = partial(_svr, drawn_x, drawn_y, names, scale, param, feature_options)
        documents.append(one() if kept is None else kept.member(seed, one))
    text = collection(documents)
    return Trained(text, load_members(text), param.model_type)


def rescale(x: FloatArray, y: FloatArray, names: Sequence[str], options: Parameters) -> Rescale:
    """The linear rescale of the score and of each feature, the score's first.

    Raises:
        Refused: something does not vary, or a custom range is missing or empty.
    """
    table = np.column_stack([y, x])
    titles = ["score", *names]
    if options.norm_type == "none":
        return Rescale(np.ones(len(titles)), np.zeros(len(titles)))
    if options.norm_type == "normalize":
        centre, spread = table.mean(axis=0), table.std(axis=0)
        _vary(spread, titles)
        return Rescale(1.0 / spread, -centre / spread)
    low, high = table.min(axis=0), table.max(axis=0)
    if options.norm_type == "custom_clip_0to1":
        for name, (least, most) in (options.custom_clip_0to1_map or {}).items():
            if name not in titles:
                raise Refused(f"custom_clip_0to1_map names {name}, which is no feature")
            low[titles.index(name)], high[titles.index(name)] = least, most
    _vary(high - low, titles)
    slope = 1.0 / (high - low)
    if options.norm_type == "clip_minus1to1":
        return Rescale(2.0 * slope, -2.0 * low * slope - 1.0)
    return Rescale(slope, -low * slope)


def _vary(spread: FloatArray, titles: Sequence[str]) -> None:
    flat = [title for title, value in zip(titles, spread, strict=True) if not value > 0.0]
    if flat:
        raise Refused(
            f"{flat[0]} is the same in every clip, so nothing can be learnt from it",
            hint="leave it out, or train on more clips",
        )


def _svr(
    x: FloatArray,
    y: FloatArray,
    names: Sequence[str],
    scale: Rescale,
    param: ModelParam,
    feature_options: Sequence[Mapping[str, float | bool]],
) -> dict[str, Any]:
    options = param.model_param_dict
    regression = sklearn("svm").NuSVR(
        kernel=options.kernel,
        gamma=options.gamma,
        C=options.C,
        nu=options.nu,
        cache_size=options.cache_size,
        tol=1e-6,
    )
    scaled = x * scale.slopes[1:] + scale.intercepts[1:]
    regression.fit(scaled, y * scale.slopes[0] + scale.intercepts[0])
    return svr_document(
        weights=np.asarray(regression.dual_coef_, dtype=np.float64).ravel(),
        vectors=np.asarray(regression.support_vectors_, dtype=np.float64),
        offset=float(regression.intercept_[0]),
        names=names,
        scale=scale,
        param=param,
        feature_options=feature_options,
    )


def sklearn(part: str) -> Any:
    """A part of scikit-learn. Raises: CapabilityMissing, naming the extra."""
    from importlib import import_module

    try:
        return import_module(f"sklearn.{part}")
    except ImportError:
        raise CapabilityMissing(
            "training needs scikit-learn, which is not installed",
            hint="pip install 'vmafkit[harness]'",
        ) from None
