"""Multi-layer perceptrons with ReLU between linear layers, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit.errors import UsageError

FloatArray = npt.NDArray[np.float64]

# Hidden layers by name; the last layer always has one output.
ARCHITECTURES: dict[str, tuple[int, ...]] = {
    "linear": (),
    "mlp_small": (16, 8),
    "mlp_medium": (32, 16),
}
SCORE_RANGE = (0.0, 100.0)


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer.

    Attributes:
        weight: shape (outputs, inputs).
        bias: shape (outputs,).
    """

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True)
class Mlp:
    """A network with its scaler in front and the score's range behind.

    Attributes:
        arch: name of the architecture.
        layers: first to last; the last has one output.
        mean, std: shape (inputs,); the scaler is (x - mean) / std.
    """

    arch: str
    layers: tuple[Layer, ...]
    mean: FloatArray
    std: FloatArray

    @property
    def parameters(self) -> int:
        """Numbers that were learnt, without the scaler."""
        return sum(layer.weight.size + layer.bias.size for layer in self.layers)

    @property
    def inputs(self) -> int:
        """Features of a row."""
        return int(self.mean.size)

    def scaled(self, features: FloatArray) -> FloatArray:
        """Features as the first layer takes them, shape as given."""
        return (features - self.mean) / self.std

    def predict(self, features: npt.ArrayLike, *, clip: bool = True) -> FloatArray:
        """Scores of rows in float64.

        Args:
            features: shape (rows, inputs).
            clip: hold the scores within 0 to 100, as the exported graph does.

        Returns:
            Shape (rows,).
        """
        scores = forward(self.layers, self.scaled(np.asarray(features, dtype=np.float64)))
        return np.clip(scores, *SCORE_RANGE) if clip else scores


def forward(layers: Sequence[Layer], scaled: FloatArray) -> FloatArray:
    """The network's output for scaled features of shape (rows, inputs): shape (rows,)."""
    hidden = scaled
    for layer in layers[:-1]:
        hidden = np.maximum(hidden @ layer.weight.T + layer.bias, 0.0)
    return (hidden @ layers[-1].weight.T + layers[-1].bias)[:, 0]


def shapes(arch: str, inputs: int) -> tuple[tuple[int, int], ...]:
    """(outputs, inputs) of each layer.

    Raises:
        UsageError: the architecture is not known.
    """
    if arch not in ARCHITECTURES:
        raise UsageError(
            f"model {arch!r} is not known", hint=f"there are: {', '.join(ARCHITECTURES)}"
        )
    widths = (inputs, *ARCHITECTURES[arch], 1)
    return tuple(zip(widths[1:], widths[:-1], strict=True))


def flatten(layers: Sequence[Layer]) -> FloatArray:
    """All parameters as one vector: weight, then bias, layer by layer."""
    return np.concatenate([part.ravel() for layer in layers for part in (layer.weight, layer.bias)])


def unflatten(vector: FloatArray, like: Sequence[tuple[int, int]]) -> tuple[Layer, ...]:
    """The layers of a vector, by their shapes."""
    layers: list[Layer] = []
    at = 0
    for outputs, inputs in like:
        end = at + outputs * inputs
        weight = vector[at:end].reshape(outputs, inputs)
        layers.append(Layer(weight, vector[end : end + outputs]))
        at = end + outputs
    return tuple(layers)


def residuals(scores: FloatArray, target: FloatArray) -> FloatArray:
    """Errors that count: where the target stands at an end of the range, only short falls do.

    The teacher clips to 0..100 and so does the exported graph, hence a score of 104 for a target
    of 100 is no error.
    """
    lo, hi = SCORE_RANGE
    error = scores - target
    error = np.where(target >= hi, np.minimum(error, 0.0), error)
    return np.where(target <= lo, np.maximum(error, 0.0), error)
