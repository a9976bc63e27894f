"""The rows that a fit sees: real ones by weight, and made ones around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit.learn.config import FitConfig
from vmafkit.learn.enrich import Labels, exact_labels, harder, sample
from vmafkit.learn.mlp import FloatArray, Mlp
from vmafkit.learn.splits import BoolArray
from vmafkit.learn.tables import FeatureTable

_CANDIDATES = 2
_HARD_SHARE = 0.4
_NEAR_ROWS = 20_000
_LOW_SCORE = 40.0


@dataclass(frozen=True, slots=True)
class Data:
    """What a fit sees.

    Attributes:
        train_x, train_y: real training rows.
        share: how often each of them is drawn, adding up to 1; None for all alike.
        val_x, val_y: validation rows; those of training where there are none.
        near_x, near_y: made rows for validation, of a seed of their own; maybe none.
        labels: the exact teacher, when rows are to be made.
        columns: names of the features.
    """

    train_x: FloatArray
    train_y: FloatArray
    share: FloatArray | None
    val_x: FloatArray
    val_y: FloatArray
    near_x: FloatArray
    near_y: FloatArray
    labels: Labels | None
    columns: tuple[str, ...]


def split_data(table: FeatureTable, config: FitConfig, train: BoolArray, val: BoolArray) -> Data:
    """The rows of a table for a fit.

    Raises:
        UsageError: rows are to be made, and the teacher needs other features.
    """
    checked = val if val.any() else train
    x, y = table.features[train], table.target[train]
    labels = exact_labels(table.columns, config.teacher) if config.enrich.rows else None
    share = _share(config, np.array(table.sources)[train], y)
    near_x, near_y = x[:0], y[:0]
    if labels is not None:
        rng = np.random.default_rng(2**31)
        count = min(_NEAR_ROWS, config.enrich.rows)
        near_x = sample(_drawn(x, share, count, rng), count, rng, table.columns)
        near_y = labels(near_x)
    return Data(
        x, y, share, table.features[checked], table.target[checked],
        near_x, near_y, labels, table.columns,
    )  # fmt: skip


def draw_rows(
    data: Data, config: FitConfig, rng: np.random.Generator, network: Mlp | None
) -> tuple[FloatArray, FloatArray]:
    """Rows for a stage of training: (features, target).

    As many real rows as there are (by their shares), and `config.enrich.rows` made ones; of these,
    some where the network, if there is one, is most wrong.
    """
    x, y = data.train_x, data.train_y
    if data.share is not None:
        drawn = rng.choice(len(y), len(y), p=data.share)
        x, y = x[drawn], y[drawn]
    count = config.enrich.rows
    if not count or data.labels is None:
        return x, y
    made = sample(x, count, rng, data.columns)
    if network is not None:
        hard = int(count * _HARD_SHARE)
        candidates = sample(x, hard * _CANDIDATES, rng, data.columns)
        errors = network.predict(candidates) - data.labels(candidates)
        made = np.vstack([made[: count - hard], harder(candidates, errors, hard, rng)])
    return np.vstack([x, made]), np.concatenate([y, data.labels(made)])


def _share(
    config: FitConfig, sources: npt.NDArray[np.str_], target: FloatArray
) -> FloatArray | None:
    if not config.source_weights and config.low_weight == 1.0:
        return None
    weight = np.array([config.source_weights.get(str(name), 1.0) for name in sources])
    rise = config.low_weight + (1.0 - config.low_weight) * target / _LOW_SCORE
    weight = weight * np.clip(rise, config.low_weight, 1.0)
    total = float(weight.sum())
    return weight / total if total > 0.0 else None


def _drawn(
    x: FloatArray, share: FloatArray | None, count: int, rng: np.random.Generator
) -> FloatArray:
    return x[rng.choice(len(x), count, p=share)]
