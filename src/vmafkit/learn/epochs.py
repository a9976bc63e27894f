"""Gradient epochs in torch: large batches, shuffled on whole tensors, nothing per row in Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vmafkit.errors import CapabilityMissing
from vmafkit.learn.mlp import FloatArray, Layer, shapes

OnEpoch = Callable[[int, tuple[Layer, ...]], bool]
_FIRST_BIAS = 0.3
_LAST_GAIN = 5.0


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """How the epochs run.

    Attributes:
        epochs, batch_size: at least 1.
        lr: the highest rate.
        schedule: `constant`, or `onecycle` (rises, then falls to almost nothing).
        seed: of the first weights and of the order of rows.
        threads: of torch.
    """

    epochs: int
    batch_size: int
    lr: float
    schedule: str
    seed: int
    threads: int


def run_epochs(
    arch: str,
    scaled: FloatArray,
    target: FloatArray,
    plan: EpochPlan,
    on_epoch: OnEpoch | None = None,
) -> tuple[Layer, ...]:
    """Train a network from new weights by Adam on squared errors.

    Args:
        scaled: shape (rows, inputs).
        target: shape (rows,), 0 to 100.
        on_epoch: told the epoch and its layers; True stops the training.

    Raises:
        CapabilityMissing: torch is not installed.
    """
    torch = _torch()
    torch.set_num_threads(plan.threads)
    generator = torch.Generator().manual_seed(plan.seed)
    like = shapes(arch, scaled.shape[1])
    weights = [value for layer in _first(like, target, plan.seed) for value in layer]
    parameters = [torch.tensor(value, dtype=torch.float32, requires_grad=True) for value in weights]
    x = torch.tensor(scaled, dtype=torch.float32)
    y = torch.tensor(target, dtype=torch.float32)
    rows = len(target)
    batch = min(plan.batch_size, rows)
    batches = rows // batch
    optimizer: Any = torch.optim.Adam(parameters, lr=plan.lr)
    rate: Any = None
    if plan.schedule == "onecycle":
        total = max(2, plan.epochs * batches)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.lr, total_steps=total + 1)
    for epoch in range(plan.epochs):
        order = torch.randperm(rows, generator=generator)
        shuffled_x, shuffled_y = x[order], y[order]
        for start in range(0, batches * batch, batch):
            truth = shuffled_y[start : start + batch]
            loss = _loss(
                torch, _output(torch, parameters, shuffled_x[start : start + batch]), truth
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if rate is not None:
                rate.step()
        if on_epoch is not None and on_epoch(epoch, _layers(parameters)):
            break
    return _layers(parameters)


def _output(torch: Any, parameters: list[Any], x: Any) -> Any:
    for index in range(0, len(parameters) - 2, 2):
        x = torch.relu(torch.addmm(parameters[index + 1], x, parameters[index].T))
    return torch.addmm(parameters[-1], x, parameters[-2].T)[:, 0]


def _loss(torch: Any, scores: Any, truth: Any) -> Any:
    """As `mlp.residuals`: at an end of the range only short falls count."""
    error = scores - truth
    error = torch.where(truth >= 100.0, error.clamp(max=0.0), error)
    error = torch.where(truth <= 0.0, error.clamp(min=0.0), error)
    return (error * error).mean()


def _first(
    like: tuple[tuple[int, int], ...], target: FloatArray, seed: int
) -> list[tuple[FloatArray, FloatArray]]:
    """He's first weights (2015); the output starts at the target's mean and spread."""
    rng = np.random.default_rng(seed)
    layers: list[tuple[FloatArray, FloatArray]] = []
    for outputs, inputs in like[:-1]:
        weight = rng.normal(size=(outputs, inputs)) * math.sqrt(2.0 / inputs)
        layers.append((weight, rng.normal(size=outputs) * _FIRST_BIAS))
    outputs, inputs = like[-1]
    weight = rng.normal(size=(outputs, inputs)) * math.sqrt(1.0 / inputs) * _LAST_GAIN
    layers.append((weight, np.full(outputs, float(target.mean()))))
    return layers


def _layers(parameters: list[Any]) -> tuple[Layer, ...]:
    arrays = [value.detach().numpy().astype(np.float64) for value in parameters]
    return tuple(
        Layer(weight, bias) for weight, bias in zip(arrays[::2], arrays[1::2], strict=True)
    )


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise CapabilityMissing(
            "training needs torch", hint="pip install 'vmafkit[train]'"
        ) from error
    return torch
