"""Random forests as plain numbers in JSON; libvmaf does not load them, vmafkit does.

libvmaf computes the features of a forest, and the forest is applied to each frame afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit import fsio
from vmafkit.errors import InputError, Unreadable
from vmafkit.harness.feature_names import FeatureName, features_of_model
from vmafkit.media.hashing import show
from vmafkit.schema.model_recipe import Parameters
from vmafkit.scoring.features import Feature
from vmafkit.scoring.score import Score, ScoreRequest

FloatArray = npt.NDArray[np.float64]
Options = Mapping[str, Any]
FORMAT = "vmafkit.forest.v1"
_DEEPEST = 64
_MOST_BYTES = 256 << 20
_HEAD_BYTES = 4096


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
    """Trees whose mean is the score, then clipped.

    Attributes:
        feature_names: as libvmaf's models have them.
        feature_options: of each feature's extractor.
    """

    feature_names: tuple[str, ...]
    trees: tuple[Tree, ...]
    clip: tuple[float, float] | None
    feature_options: tuple[Options, ...]

    def predict(self, features: FloatArray) -> FloatArray:
        """Scores of shape (n,) of rows of shape (n, features)."""
        scores = np.mean([tree.predict(features) for tree in self.trees], axis=0)
        return scores if self.clip is None else np.clip(scores, *self.clip)


@dataclass(frozen=True, slots=True)
class ForestScorer:
    """A forest that is scored on the features that libvmaf computes.

    Attributes:
        id: the name of its column.
        features: in the forest's order.
    """

    id: str
    forest: Forest
    features: tuple[FeatureName, ...]

    def with_features(self, request: ScoreRequest) -> ScoreRequest:
        """The request, asking also for what the forest needs."""
        asked = (*request.features, *(each.request() for each in self.features))
        wanted = {(each.name, each.options): each for each in asked}
        return replace(request, features=tuple(wanted.values()))

    def with_scores(self, score: Score, asked: Iterable[Feature]) -> Score:
        """The score with the forest's per-frame column at the end.

        Args:
            score: of a request made by `with_features`.
            asked: the features that the user asked for; the others are no results.

        Raises: Refused for a feature that the log lacks.
        """
        names = list(score.columns)
        rows = np.stack([score.columns[each.find(names)] for each in self.features], axis=-1)
        columns = {**score.columns, self.id: self.forest.predict(rows)}
        return replace(score, columns=columns, features=tuple(asked))


def fit_document(
    x: FloatArray,
    y: FloatArray,
    names: Sequence[str],
    options: Parameters,
    feature_options: Sequence[Options] = (),
) -> bytes:
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
        "feature_opts_dicts": [dict(each) for each in feature_options],
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
        options = tuple(dict[str, Any](each) for each in document.get("feature_opts_dicts") or ())
        if options and len(options) != len(names):
            raise ValueError("feature_opts_dicts")
        clip = document["score_clip"]
        trees = tuple(_tree(each, len(names)) for each in document["trees"])
        limits = (float(clip[0]), float(clip[1])) if clip else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError) as error:
        raise Unreadable(f"this is no forest of vmafkit ({type(error).__name__})") from error
    if not trees:
        raise Unreadable("this forest has no trees")
    return Forest(names, trees, limits, options or tuple({} for _ in names))


def is_forest(path: Path) -> bool:
    """Whether a file is a forest by its first words; False where it cannot be read."""
    try:
        with fsio.open_regular(path) as file:
            return f'"{FORMAT}"'.encode() in file.read(_HEAD_BYTES)
    except (OSError, ValueError, InputError):
        return False


def open_forest(path: Path, name: str) -> ForestScorer:
    """A forest's file, ready to score.

    Args:
        name: of its column.

    Raises:
        Unreadable: it cannot be read, or is no forest.
        TooLarge: it is above 256 MiB.
        Refused, UsageError: libvmaf computes no such feature, or it has no such option.
    """
    try:
        forest = load_forest(fsio.read_bytes(path, _MOST_BYTES))
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}") from error
    features = features_of_model(forest.feature_names, forest.feature_options)
    return ForestScorer(name, forest, features)


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
