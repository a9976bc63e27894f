"""Why a model gives a score: exact Shapley values over its features.

The value of a set of features is the model's score where those have the frame's values and the
others those of a baseline. With k features all 2^k sets are computed, so nothing is sampled and
the parts add up to the score less the baseline's score (Shapley, "A value for n-person games",
1953).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.errors import Refused

FloatArray = npt.NDArray[np.float64]
MOST_FEATURES = 12
_PERFECT = ("adm", "vif", "ssim")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The parts of the scores of a clip.

    Attributes:
        names: of the features.
        parts: points that each feature adds, shape (frames, features).
        base: the score of the baseline.
        scores: of the frames, shape (frames,): base plus the sum of the parts.
    """

    names: tuple[str, ...]
    parts: FloatArray
    base: float
    scores: FloatArray

    @property
    def clip(self) -> FloatArray:
        """The mean parts of the clip, shape (features,)."""
        return self.parts.mean(axis=0)

    def record(self) -> dict[str, Any]:
        """The table, JSON-ready: `frames` holds a row of parts for each frame."""
        return {
            "base": self.base,
            "features": list(self.names),
            "clip": dict(zip(self.names, map(float, self.clip), strict=True)),
            "frames": self.parts.tolist(),
            "scores": self.scores.tolist(),
        }

    def csv(self) -> str:
        """The table as CSV text: frame, base, a column for each feature, score."""
        rows = [",".join(["frame", "base", *self.names, "score"])]
        for frame, (parts, score) in enumerate(zip(self.parts, self.scores, strict=True)):
            values = [self.base, *parts.tolist(), float(score)]
            rows.append(",".join([str(frame), *(f"{value:.9g}" for value in values)]))
        return "\n".join(rows) + "\n"


def explain(
    predict: Callable[[FloatArray], FloatArray],
    frames: npt.ArrayLike,
    names: Sequence[str],
    baseline: npt.ArrayLike,
) -> Explanation:
    """Shapley values of every frame.

    Args:
        predict: scores of shape (n,) of features of shape (n, features).
        frames: shape (frames, features).
        names: of the features.
        baseline: features that stand for "nothing known", shape (features,).

    Raises:
        Refused: there are more than MOST_FEATURES features.
        ValueError: the shapes do not fit.
    """
    rows = np.asarray(frames, dtype=np.float64)
    ground = np.asarray(baseline, dtype=np.float64)
    count = len(names)
    if rows.ndim != 2 or rows.shape[1] != count or ground.shape != (count,):
        raise ValueError("frames and baseline do not fit the names")
    if count > MOST_FEATURES:
        raise Refused(f"{count} features have too many sets", hint=f"{MOST_FEATURES} at most")
    values = np.stack([_value(predict, rows, ground, chosen) for chosen in range(2**count)])
    parts = np.zeros_like(rows)
    for feature in range(count):
        for chosen in range(2**count):
            if chosen >> feature & 1:
                continue
            size = chosen.bit_count()
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            parts[:, feature] += weight * (values[chosen | 1 << feature] - values[chosen])
    return Explanation(tuple(names), parts, float(values[0, 0]), values[-1])


def perfect_baseline(names: Sequence[str]) -> FloatArray:
    """The features of a still picture against itself: 1 for fidelity, 0 for motion."""
    return np.asarray([float(any(word in name for word in _PERFECT)) for name in names])


def _value(
    predict: Callable[[FloatArray], FloatArray], rows: FloatArray, ground: FloatArray, chosen: int
) -> FloatArray:
    mixed = np.tile(ground, (rows.shape[0], 1))
    for feature in range(rows.shape[1]):
        if chosen >> feature & 1:
            mixed[:, feature] = rows[:, feature]
    return predict(mixed)
