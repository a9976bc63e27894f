"""Random forests as plain numbers in JSON; libvmaf does not load them, vmafkit does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import Unreadable
from vmafkit.schema.model_recipe import Parameters

FloatArray = npt.NDArray[np.float64]
FORMAT = "vmafkit.forest.v1"
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Tree:
    """A regression tree as arrays over its nodes.

    Attributes:
        feature: the column asked about; below 0 in a leaf.
        threshold: a row goes left where its value is at most this.
        left, right: nodes that follow.
        value: of a leaf.
    """

    feature: npt.NDArray[np.int64]
    threshold: FloatArray
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: FloatArray

    def predict(self, features: FloatArray) -> FloatArray:
        """Values of shape (n,) of rows of shape (n, features)."""
        # Thresholds were found on numbers of single precision.
        rows = features.astype(np.float32)
        node = np.zeros(rows.shape[0], dtype=np.int64)
        for _ in range(_DEEPEST):
            inner = self.feature[node] >= 0
            if not inner.any():
                break
            column = np.maximum(self.feature[node], 0)
            is_left = rows[np.arange(rows.shape[0]), column] <= self.threshold[node]
            following = np.where(is_left, self.left[node], self.right[node])
            node = np.where(inner, following, node)
        return self.value[node]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose mean is the score, then clipped."""

    feature_names: tuple[str, ...]
    trees: tuple[Tree, ...]
    clip: tuple[float, float] | None

    def predict(self, features: FloatArray) -> FloatArray:
        """Scores of shape (n,) of rows of shape (n, features)."""
        scores = np.mean([tree.predict(features) for tree in self.trees], axis=0)
        return scores if self.clip is None else np.clip(scores, *self.clip)


def fit_document(x: FloatArray, y: FloatArray, names: Sequence[str], options: Parameters) -> bytes:
    """Grow a forest and give its JSON text. Raises: CapabilityMissing."""
    from vmafkit.harness.training import sklearn

    grown = sklearn("ensemble").RandomForestRegressor(
        n_estimators=options.n_estimators,
        max_depth=options.max_depth or _DEEPEST - 1,
        random_state=options.random_state,
    )
    grown.fit(x, y)
    trees: list[dict[str, Any]] = []
    for each in grown.estimators_:
        tree = each.tree_
        trees.append(
            {
                "feature": [int(v) for v in tree.feature],
                "threshold": [float(v) for v in tree.threshold],
                "left": [int(v) for v in tree.children_left],
                "right": [int(v) for v in tree.children_right],
                "value": [float(v) for v in tree.value.reshape(-1)],
            }
        )
    document = {
        "format": FORMAT,
        "model_type": "RANDOMFOREST",
        "feature_names": list(names),
        "score_clip": list(options.score_clip) if options.score_clip else None,
        "trees": trees,
    }
    return (json.dumps(document, allow_nan=False) + "\n").encode()


def load_forest(data: bytes) -> Forest:
    """Read a forest. Raises: Unreadable."""
    try:
        document = cast("dict[str, Any]", json.loads(data))
        if document.get("format") != FORMAT:
            raise ValueError("format")
        names = tuple(str(name) for name in document["feature_names"])
        clip = document["score_clip"]
        trees = tuple(_tree(each, len(names)) for each in document["trees"])
        limits = (float(clip[0]), float(clip[1])) if clip else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError) as error:
        raise Unreadable(f"this is no forest of vmafkit ({type(error).__name__})") from error
    if not trees:
        raise Unreadable("this forest has no trees")
    return Forest(names, trees, limits)


def _tree(facts: dict[str, Any], columns: int) -> Tree:
    feature, left, right = (
        np.asarray(facts[name], dtype=np.int64) for name in ("feature", "left", "right")
    )
    threshold, value = (
        np.asarray(facts[name], dtype=np.float64) for name in ("threshold", "value")
    )
    inner = np.flatnonzero(feature >= 0)
    count = feature.size
    fits = len({array.shape for array in (feature, left, right, threshold, value)}) == 1
    # Children come after their parent, so that no walk goes round in a circle.
    if not fits or count == 0 or (feature >= columns).any() or not np.isfinite(value).all():
        raise ValueError("nodes")
    for child in (left[inner], right[inner]):
        if (child <= inner).any() or (child >= count).any():
            raise ValueError("children")
    return Tree(feature, threshold, left, right, value)
