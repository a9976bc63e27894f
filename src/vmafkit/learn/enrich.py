"""Rows around the real ones, with exact labels.

The teacher is a closed formula of the features (`scoring.svr`), so any row can be labelled at no
cost. New rows are drawn near real ones: mixed along the line between two of them, moved a little
in every feature, and given another motion, which does not depend on the distortion. Candidates
are then kept more often where the model is most wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.learn.feature_sets import CANONICAL_6, TEACHER
from vmafkit.learn.mlp import FloatArray
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import load_model

Labels = Callable[[FloatArray], FloatArray]
_MOVES = (0.0, 0.01, 0.04, 0.12)
_LARGEST_MOTION = 45.0
_SMALLEST_MOTION = 0.03
_NEAR = 0.5


def exact_labels(columns: Sequence[str], teacher: str = TEACHER) -> Labels:
    """The teacher as a function of rows of shape (n, features), in the order of `columns`.

    Raises:
        UsageError: the teacher needs a feature that is not among the columns.
    """
    model = load_model(model_json(teacher, find_ffmpeg()))

    def labels(rows: FloatArray) -> FloatArray:
        return model.predict({name: rows[:, index] for index, name in enumerate(columns)})

    return labels


def sample(
    rows: FloatArray, count: int, rng: np.random.Generator, columns: Sequence[str] = CANONICAL_6
) -> FloatArray:
    """So many rows around real ones.

    Args:
        rows: shape (n, features), n at least 1.

    Returns:
        Shape (count, features), each feature within a little more than the range of `rows`.
    """
    one, other = rng.integers(len(rows), size=(2, count))
    share = _NEAR * rng.random((count, 1)) ** 2
    made = rows[one] * (1.0 - share) + rows[other] * share
    spread = rows.std(axis=0)
    made += rng.normal(size=made.shape) * spread * rng.choice(_MOVES, size=(count, 1))
    lo, hi = rows.min(axis=0), rows.max(axis=0)
    lo, hi = lo - 0.03 * (hi - lo), hi + 0.03 * (hi - lo)
    for index, name in enumerate(columns):
        if name.startswith("motion"):
            drawn = rng.random(count)
            slow = np.exp(rng.uniform(np.log(_SMALLEST_MOTION), np.log(_LARGEST_MOTION), count))
            fast = rng.uniform(0.0, _LARGEST_MOTION, count)
            made[:, index] = np.select([drawn < 0.2, drawn < 0.4], [slow, fast], made[:, index])
            made[drawn > 0.97, index] = 0.0
            lo[index], hi[index] = 0.0, _LARGEST_MOTION
    return np.clip(made, np.maximum(lo, 0.0), hi)


def harder(
    rows: FloatArray, errors: FloatArray, count: int, rng: np.random.Generator
) -> FloatArray:
    """So many of the rows, drawn without repeats in proportion to error ** 1.5."""
    weight = np.abs(errors) ** 1.5 + 1e-9
    chosen = rng.choice(
        len(rows), size=min(count, len(rows)), replace=False, p=weight / weight.sum()
    )
    return rows[chosen]
