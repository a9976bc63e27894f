"""How well a model agrees with its teacher: overall, per clip, and per source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit import stats
from vmafkit.errors import UsageError
from vmafkit.learn.splits import BoolArray, SplitRule, split
from vmafkit.learn.tables import FeatureTable

FloatArray = npt.NDArray[np.float64]
HIGH_SCORE = 90.0
_INTERVALS = ("plcc", "srocc", "rmse", "bias")
_METRICS = {
    "plcc": stats.plcc,
    "srocc": stats.srocc,
    "rmse": stats.rmse,
    "bias": stats.bias,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Agreement of a model with its teacher on some rows.

    Attributes:
        frames: over all frames.
        clips: over the means of clips.
        high_bias: bias over frames with a target above 90; None where there are none.
        sources: name to its own figures over frames and clips.
        intervals: metric to a 95 % interval over whole clips.
    """

    frames: stats.Agreement
    clips: stats.Agreement
    high_bias: float | None
    sources: dict[str, dict[str, Any]]
    intervals: dict[str, tuple[float, float]]

    def record(self) -> dict[str, Any]:
        """JSON-ready; what is not defined is None."""
        return {
            **self.frames.record(),
            "bias_above_90": self.high_bias,
            "clips": self.clips.record(),
            "sources": self.sources,
            "intervals_95": {
                name: [None if np.isnan(end) else end for end in pair]
                for name, pair in self.intervals.items()
            },
        }


def rows_of_part(table: FeatureTable, part: str, rule: SplitRule) -> BoolArray:
    """The rows of `train`, `val`, `test`, or `all`.

    Raises:
        UsageError: the part is not known, or holds no rows.
    """
    if part == "all":
        return np.ones(len(table.keys), dtype=np.bool_)
    masks = split(table.keys, table.sources, rule)
    if part not in masks:
        raise UsageError(f"--split {part} is not known", hint=f"all, {', '.join(masks)}")
    mask = masks[part]
    if not mask.any():
        raise UsageError(
            f"the {part} part of {table.path.name} holds no rows",
            hint="use --split all, --split-by clip, or a table with more sources",
        )
    return mask


def figures(
    scores: FloatArray, table: FeatureTable, mask: BoolArray, *, rounds: int = 200, seed: int = 0
) -> Figures:
    """Every figure of a model's scores on the rows of a mask.

    Args:
        scores: shape (rows of the mask,).
        rounds: bootstrap draws of whole clips; 0 leaves the intervals out.
    """
    truth = table.target[mask]
    keys = [table.keys[index] for index in np.flatnonzero(mask)]
    sources = [table.sources[index] for index in np.flatnonzero(mask)]
    names = np.array(sources)
    per_source: dict[str, dict[str, Any]] = {}
    for name in sorted(set(sources)):
        own = names == name
        clip_scores, clip_truth = _means(
            scores[own], truth[own], [k for k, o in zip(keys, own, strict=True) if o]
        )
        per_source[name] = {
            **stats.agreement(scores[own], truth[own], kendall=False).record(),
            "clip_max_abs_error": stats.max_abs_error(clip_scores, clip_truth),
            "bias_above_90": _high_bias(scores[own], truth[own]),
        }
        per_source[name].pop("krocc")
    intervals = {
        name: stats.bootstrap_interval(
            _METRICS[name], scores, truth, groups=keys, rounds=rounds, seed=seed
        )
        for name in (_INTERVALS if rounds else ())
    }
    clip_scores, clip_truth = _means(scores, truth, keys)
    return Figures(
        frames=stats.agreement(scores, truth),
        clips=stats.agreement(clip_scores, clip_truth),
        high_bias=_high_bias(scores, truth),
        sources=per_source,
        intervals=intervals,
    )


def _means(
    scores: FloatArray, truth: FloatArray, keys: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    _, place = np.unique(np.array(keys), return_inverse=True)
    count = np.bincount(place)
    return np.bincount(place, scores) / count, np.bincount(place, truth) / count


def _high_bias(scores: FloatArray, truth: FloatArray) -> float | None:
    high = truth > HIGH_SCORE
    return float((scores[high] - truth[high]).mean()) if high.any() else None


@dataclass(frozen=True, slots=True)
class Gate:
    """What a model must reach; None asks nothing.

    Attributes:
        min_plcc: at least this.
        max_rmse, max_abs_error, max_bias: at most this, in score units.
    """

    min_plcc: float | None = 0.97
    max_rmse: float | None = None
    max_abs_error: float | None = None
    max_bias: float | None = None

    def failures(self, found: stats.Agreement) -> tuple[str, ...]:
        """What is not reached, in words; a figure that is not defined reaches nothing."""
        failed: list[str] = []
        if self.min_plcc is not None and not found.plcc >= self.min_plcc:
            failed.append(f"PLCC {found.plcc:.6f} is below {self.min_plcc:g}")
        for name, limit, value in (
            ("RMSE", self.max_rmse, found.rmse),
            ("largest error", self.max_abs_error, found.max_abs_error),
            ("bias", self.max_bias, abs(found.bias)),
        ):
            if limit is not None and not value <= limit:
                failed.append(f"{name} {value:.4f} is above {limit:g}")
        return tuple(failed)
