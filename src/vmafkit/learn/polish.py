"""Levenberg-Marquardt steps on a small network.

With a few hundred parameters the normal equations fit in a small matrix, and a damped
Gauss-Newton step gets much closer to a smooth target than any number of gradient epochs.

Source: Levenberg (1944), Marquardt (1963); the weights that favour large errors are those of
iteratively reweighted least squares for an L_p norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit.learn.mlp import FloatArray, Layer, flatten, forward, residuals, unflatten

MAX_PARAMETERS = 4000
_BLOCK_ROWS = 8192
_TRIES = 8
_LARGEST_WEIGHT = 60.0
Float32Array = npt.NDArray[np.float32]
OnStep = Callable[[int, Sequence[Layer]], None]


@dataclass(frozen=True, slots=True)
class PolishPlan:
    """How long and how hard.

    Attributes:
        steps: at most so many.
        rows: drawn anew for each step; all where there are fewer.
        norm: 2 for least squares; above 2 large errors weigh more.
        seed: of the draws.
    """

    steps: int
    rows: int = 60_000
    norm: float = 2.0
    seed: int = 0


def polish(
    layers: Sequence[Layer],
    scaled: FloatArray,
    target: FloatArray,
    plan: PolishPlan,
    on_step: OnStep | None = None,
) -> tuple[Layer, ...]:
    """Improve a network on rows.

    Args:
        scaled: shape (rows, inputs).
        target: shape (rows,).
        on_step: told the number of the step and the layers after it.

    Returns:
        New layers; those given where nothing helps.
    """
    sizes = [layer.weight.shape for layer in layers]
    like = [(int(outputs), int(inputs)) for outputs, inputs in sizes]
    vector = flatten(layers)
    if vector.size > MAX_PARAMETERS:
        return tuple(layers)
    rng = np.random.default_rng(plan.seed)
    damping = 1e-2
    for step in range(plan.steps):
        x, y = scaled, target
        if plan.rows < len(target):
            drawn = rng.choice(len(target), plan.rows, replace=False)
            x, y = scaled[drawn], target[drawn]
        now = unflatten(vector, like)
        error = residuals(forward(now, x), y)
        weight = _weights(error, plan.norm)
        matrix, slope = _normal_equations(now, x, error, weight)
        cost = float((weight * error**2).sum())
        scale = np.diag(matrix) + 1e-6 * np.trace(matrix) / len(matrix) + 1e-12
        for _ in range(_TRIES):
            move = np.linalg.solve(matrix + damping * np.diag(scale), -slope)
            after = residuals(forward(unflatten(vector + move, like), x), y)
            if float((weight * after**2).sum()) < cost:
                vector = vector + move
                damping = max(damping * 0.4, 1e-9)
                break
            damping = min(damping * 4.0, 1e6)
        if on_step is not None:
            on_step(step, unflatten(vector, like))
    return unflatten(vector, like)


def _weights(error: FloatArray, norm: float) -> FloatArray:
    if norm == 2.0:
        return np.ones_like(error)
    spread = float(np.sqrt((error**2).mean())) + 1e-9
    weight = np.minimum((np.abs(error) / spread + 0.3) ** (norm - 2.0), _LARGEST_WEIGHT)
    return weight / weight.mean()


def _normal_equations(
    layers: Sequence[Layer], x: FloatArray, error: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    size = sum(layer.weight.size + layer.bias.size for layer in layers)
    matrix, slope = np.zeros((size, size)), np.zeros(size)
    # A row whose error does not count must not hold the parameters in place either.
    root = np.sqrt(weight * (error != 0.0)).astype(np.float32)
    for start in range(0, len(x), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        jacobian = _jacobian(layers, x[block].astype(np.float32))
        jacobian *= root[block, None]
        # A product with its own transpose takes half the work: numpy sees that it is symmetric.
        matrix += jacobian.T @ jacobian
        slope += jacobian.T @ (root[block] * error[block]).astype(np.float32)
    return matrix, slope


def _jacobian(layers: Sequence[Layer], x: Float32Array) -> Float32Array:
    """The output's derivative by each parameter: shape (rows, parameters)."""
    hidden = [x]
    for layer in layers[:-1]:
        weight, bias = layer.weight.astype(np.float32), layer.bias.astype(np.float32)
        hidden.append(np.maximum(hidden[-1] @ weight.T + bias, 0.0))
    rows = len(x)
    back = np.ones((rows, 1), dtype=np.float32)
    parts: list[Float32Array] = []
    for layer, below in zip(reversed(layers), reversed(hidden), strict=True):
        outer = (back[:, :, None] * below[:, None, :]).reshape(rows, -1)
        parts = [outer, back, *parts]
        back = (back @ layer.weight.astype(np.float32)) * (below > 0)
    return np.concatenate(parts, axis=1)
