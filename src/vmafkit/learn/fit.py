"""Trains a tiny model on a feature table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vmafkit import stats
from vmafkit.errors import Unreadable, UsageError
from vmafkit.learn.config import FitConfig, Polish
from vmafkit.learn.epochs import EpochPlan, run_epochs
from vmafkit.learn.feature_sets import feature_set
from vmafkit.learn.mlp import FloatArray, Layer, Mlp
from vmafkit.learn.polish import PolishPlan, polish
from vmafkit.learn.pool import Data, draw_rows, split_data
from vmafkit.learn.splits import BoolArray, Part, split
from vmafkit.learn.tables import FeatureTable

OnProgress = Callable[[int, int], None]
Tell = Callable[[int], None]
_FLAT_STD = 1e-8
_WORST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model.

    Attributes:
        network: weights and scaler.
        seed: it was made with.
        record: JSON-ready facts of the run: rows, seconds, figures by part, history.
        masks: of the table's rows by part.
    """

    network: Mlp
    seed: int
    record: dict[str, Any]
    masks: dict[Part, BoolArray]


@dataclass(slots=True)
class _Run:
    """One seed's training: keeps the layers with the lowest validation cost."""

    data: Data
    config: FitConfig
    seed: int
    mean: FloatArray
    std: FloatArray
    cost: float = np.inf
    layers: tuple[Layer, ...] = ()
    since: int = 0
    steps: int = 0
    wall_s: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])

    @property
    def network(self) -> Mlp:
        return Mlp(self.config.model, self.layers, self.mean, self.std)

    def offer(self, layers: Sequence[Layer]) -> None:
        network = Mlp(self.config.model, tuple(layers), self.mean, self.std)
        error = network.predict(self.data.val_x) - self.data.val_y
        rmse, worst = float(np.sqrt((error**2).mean())), float(np.abs(error).max())
        cost = rmse + _WORST_SHARE * worst
        found = {"step": self.steps, "val_rmse": rmse, "val_max": worst}
        if len(self.data.near_y):
            near = network.predict(self.data.near_x) - self.data.near_y
            found["near_rmse"] = float(np.sqrt((near**2).mean()))
            found["near_p999"] = float(np.percentile(np.abs(near), 99.9))
            cost += found["near_rmse"] + _WORST_SHARE * found["near_p999"]
        self.history.append(found)
        self.steps += 1
        self.since += 1
        if cost < self.cost:
            self.cost, self.layers, self.since = cost, tuple(layers), 0


def fit(
    table: FeatureTable,
    config: FitConfig,
    *,
    threads: int = 1,
    held_out: BoolArray | None = None,
    on_progress: OnProgress | None = None,
) -> Fitted:
    """Train by a recipe; with `config.seeds` once for each, keeping the best on validation.

    Args:
        table: of the recipe's features.
        threads: of torch.
        held_out: rows that are the test part, whatever the recipe's split says.
        on_progress: told (steps done, steps to do).

    Raises:
        Unreadable: no row is left for training.
        UsageError: the recipe's features are not the table's.
        CapabilityMissing: torch is not installed.
    """
    if table.columns != feature_set(config.features).columns:
        raise UsageError(f"the table was read for other features than {config.features}")
    masks = _masks(table, config, held_out)
    data = split_data(table, config, masks["train"], masks["val"])
    seeds = config.seeds or [config.seed]
    finalists = min(config.finalists, len(seeds))
    total = len(seeds) * (config.epochs + config.polish.steps) + finalists * config.finish.steps
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if on_progress is not None:
            on_progress(min(done, total), total)

    runs = [_train(data, config, seed, threads, tell) for seed in seeds]
    for run in sorted(runs, key=lambda run: run.cost)[:finalists]:
        started = time.monotonic()
        _polish(run, config.finish, tell)
        run.wall_s += time.monotonic() - started
    best = min(runs, key=lambda run: run.cost)
    record = _record(table, config, masks, best, runs)
    return Fitted(best.network, best.seed, record, masks)


def _record(
    table: FeatureTable,
    config: FitConfig,
    masks: dict[Part, BoolArray],
    best: _Run,
    runs: Sequence[_Run],
) -> dict[str, Any]:
    names = np.array(table.sources)
    network = best.network
    return {
        "features": list(table.columns),
        "input_mean": network.mean.tolist(),
        "input_std": network.std.tolist(),
        "epochs": config.epochs,
        "lr": config.lr,
        "batch_size": config.batch_size,
        "seed": best.seed,
        "n_train_rows": int(masks["train"].sum()),
        "n_enriched_rows": config.enrich.rows,
        "sources": {part: np.unique(names[mask]).tolist() for part, mask in masks.items()},
        "seeds": [
            {"seed": run.seed, "val_cost": run.cost, "wall_s": round(run.wall_s, 3)} for run in runs
        ],
        "history": best.history,
        **{f"{part}_metrics": _figures(network, table, mask) for part, mask in masks.items()},
    }


def _figures(network: Mlp, table: FeatureTable, mask: BoolArray) -> dict[str, Any] | None:
    if not mask.any():
        return None
    scores = network.predict(table.features[mask])
    record = stats.agreement(scores, table.target[mask], kendall=False).record()
    record.pop("krocc")
    return record


def _masks(
    table: FeatureTable, config: FitConfig, held_out: BoolArray | None
) -> dict[Part, BoolArray]:
    masks = split(table.keys, table.sources, config.rule)
    named = np.isin(np.array(table.sources), config.val_sources)
    if named.any():
        masks["val"] = named & ~masks["test"]
        masks["train"] = ~named & ~masks["test"]
    if held_out is not None:
        masks["val"] = masks["val"] & ~held_out
        masks["train"] = ~held_out & ~masks["val"]
        masks["test"] = held_out
    if not masks["train"].any():
        raise Unreadable(
            f"no row of {table.path.name} is left for training",
            hint="lower test_frac and val_frac, or add sources",
        )
    return masks


def _train(data: Data, config: FitConfig, seed: int, threads: int, tell: Tell) -> _Run:
    started = time.monotonic()
    mean, std = data.train_x.mean(axis=0), data.train_x.std(axis=0)
    run = _Run(data, config, seed, mean, np.where(std < _FLAT_STD, 1.0, std))
    x, y = draw_rows(data, config, np.random.default_rng(seed), None)

    def after_epoch(epoch: int, layers: tuple[Layer, ...]) -> bool:
        del epoch
        run.offer(layers)
        tell(1)
        return bool(config.patience) and run.since > config.patience

    plan = EpochPlan(config.epochs, config.batch_size, config.lr, config.schedule, seed, threads)
    run_epochs(config.model, (x - run.mean) / run.std, y, plan, after_epoch)
    _polish(run, config.polish, tell)
    run.wall_s = time.monotonic() - started
    return run


def _polish(run: _Run, plan: Polish, tell: Tell) -> None:
    """Steps in rounds; each round seeks the rows on which the network is most wrong."""
    if not plan.steps:
        return
    config, data = run.config, run.data
    rounds = min(config.enrich.rounds, plan.steps) if config.enrich.rows else 1
    layers = run.layers

    def after_step(step: int, now: Sequence[Layer]) -> None:
        del step
        run.offer(now)
        tell(1)

    for turn in range(rounds):
        rng = np.random.default_rng([run.seed, run.steps])
        network = Mlp(config.model, layers, run.mean, run.std)
        x, y = draw_rows(data, config, rng, network)
        steps = plan.steps // rounds + (turn < plan.steps % rounds)
        chosen = PolishPlan(steps, plan.rows, plan.norm, run.seed + turn)
        layers = polish(layers, (x - run.mean) / run.std, y, chosen, after_step)
