"""Support vector machines for regression in LIBSVM's text form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_KERNELS = ("linear", "polynomial", "rbf", "sigmoid")
_LARGEST_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Svm:
    """A regression by support vectors.

    Attributes:
        kernel: linear, polynomial, rbf or sigmoid.
        gamma, coef0, degree: the kernel's parameters, where it has them.
        rho: taken off the weighted sum.
        weights: shape (vectors,).
        vectors: shape (vectors, features).
    """

    kernel: str
    gamma: float
    coef0: float
    degree: int
    rho: float
    weights: FloatArray
    vectors: FloatArray

    def decide(self, rows: FloatArray) -> FloatArray:
        """The regression's value, shape (rows,), of inputs of shape (rows, features)."""
        if self.kernel == "rbf":
            squares = np.zeros((rows.shape[0], self.vectors.shape[0]))
            # One column at a time: the differences are exact where a matrix product is not.
            for column in range(rows.shape[1]):
                difference = rows[:, column, None] - self.vectors[None, :, column]
                squares += difference * difference
            values = np.exp(-self.gamma * squares)
        else:
            values = rows @ self.vectors.T
            if self.kernel == "polynomial":
                values = (self.gamma * values + self.coef0) ** self.degree
            elif self.kernel == "sigmoid":
                values = np.tanh(self.gamma * values + self.coef0)
        return values @ self.weights - self.rho


def parse_svm(text: str, features: int) -> Svm:
    """Read LIBSVM's text form of an epsilon-SVR or nu-SVR.

    Args:
        features: the length of a vector; indices that a line leaves out are 0.

    Raises:
        ValueError: it is something else, or not whole.
    """
    head, mark, body = text.partition("SV\n")
    if not mark:
        raise ValueError("it holds no support vectors")
    facts = dict(line.split(None, 1) for line in head.splitlines() if line.strip())
    kernel = facts.get("kernel_type", "").strip()
    if facts.get("svm_type", "").strip() not in ("nu_svr", "epsilon_svr"):
        raise ValueError(f"svm_type {facts.get('svm_type')}")
    if kernel not in _KERNELS:
        raise ValueError(f"kernel_type {kernel}")
    lines = [line.split() for line in body.splitlines() if line.strip()]
    if len(lines) != int(facts["total_sv"]) or len(lines) * features > _LARGEST_CELLS:
        raise ValueError(f"{len(lines)} support vectors where {facts['total_sv']} are stated")
    vectors = np.zeros((len(lines), features))
    for row, (_, *cells) in enumerate(lines):
        for cell in cells:
            index, _, value = cell.partition(":")
            position = int(index) - 1
            if not 0 <= position < features:
                raise ValueError(f"a vector has the index {index}")
            vectors[row, position] = float(value)
    weights = np.asarray([float(line[0]) for line in lines])
    rho = float(facts["rho"].split()[0])
    if not (np.isfinite(vectors).all() and np.isfinite(weights).all() and np.isfinite(rho)):
        raise ValueError("a number is not finite")
    return Svm(
        kernel=kernel,
        gamma=float(facts.get("gamma", "0")),
        coef0=float(facts.get("coef0", "0")),
        degree=int(facts.get("degree", "0")),
        rho=rho,
        weights=weights,
        vectors=vectors,
    )
