"""Writes a libvmaf model as an ONNX file: the same score from the same features.

The graph is the formula of `svr`, operator by operator, over a table of features: rescale, chroma
correction, distances to the support vectors, kernel, weighted sum, rescale, transform, clip. It
uses only operators that `models.onnx_file` allows. Equal models give equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.errors import CapabilityMissing, UsageError
from vmafkit.models.onnx_file import FEATURES_KEY
from vmafkit.scoring.svr import Svr, Transform

OPSET = 17
IR_VERSION = 10


def to_onnx(svr: Svr, *, features: Sequence[str] | None = None, double: bool = False) -> bytes:
    """The bytes of an ONNX model with input `features` [N, k] and output `vmaf` [N].

    Args:
        svr: the model.
        features: the order of the columns that it is to take; None for the model's own.
        double: float64 in and out, and in between; else float32.

    Raises:
        UsageError: `features` are others than the model's.
        CapabilityMissing: the onnx package is not here.
    """
    names = tuple(svr.features if features is None else features)
    if sorted(names) != sorted(svr.features):
        raise UsageError(
            f"the model takes {', '.join(svr.features)}, not {', '.join(names)}",
            hint="name each of them once",
        )
    graph = _Graph(np.float64 if double else np.float32)
    order = [names.index(name) for name in svr.features]
    last = _scores(graph, _permuted(graph, "features", order), svr)
    if svr.transform is not None:
        last = _transformed(graph, last, svr.transform)
    if svr.clip is not None:
        last = graph.node("Clip", last, graph.number(svr.clip[0]), graph.number(svr.clip[1]))
    graph.node("Squeeze", last, graph.axes(-1), output="vmaf")
    return graph.model(names)


class _Graph:
    """Nodes and weights in the making, named in the order in which they come."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        try:
            from onnx import helper, numpy_helper
        except ImportError as error:
            raise CapabilityMissing(
                "this needs the onnx package", hint="pip install onnx"
            ) from error
        self.dtype = dtype
        self._helper: Any = helper
        self._tensors: Any = numpy_helper
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def node(self, operator: str, *inputs: str, output: str | None = None) -> str:
        """Add an operation; returns the name of its result."""
        name = output or f"v{len(self._nodes)}"
        attributes = {"keepdims": 0} if operator == "ReduceSum" else {}
        made = self._helper.make_node(operator, list(inputs), [name], **attributes)
        self._nodes.append(made)
        return name

    def weights(self, values: npt.ArrayLike) -> str:
        """Add a constant table; returns its name."""
        return self._constant(np.asarray(values, dtype=self.dtype))

    def number(self, value: float) -> str:
        """Add a single number; returns its name."""
        return self.weights(value)

    def flags(self, values: Sequence[bool]) -> str:
        """Add a row of truth values; returns its name."""
        return self._constant(np.asarray(values, dtype=np.bool_))

    def axes(self, *values: int) -> str:
        """Add a list of axes; returns its name."""
        return self._constant(np.asarray(values, dtype=np.int64))

    def _constant(self, array: npt.NDArray[Any]) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(self._tensors.from_array(array, name))
        return name

    def model(self, features: Sequence[str]) -> bytes:
        """The file."""
        make = self._helper
        element = make.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = make.make_graph(
            self._nodes,
            "vmaf",
            [make.make_tensor_value_info("features", element, ["N", len(features)])],
            [make.make_tensor_value_info("vmaf", element, ["N"])],
            self._weights,
        )
        model = make.make_model(
            graph,
            producer_name="vmafkit",
            opset_imports=[make.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        make.set_model_props(model, {FEATURES_KEY: ",".join(features)})
        return bytes(model.SerializeToString(deterministic=True))


def _permuted(graph: _Graph, name: str, order: Sequence[int]) -> str:
    """The columns in the model's own order."""
    if list(order) == list(range(len(order))):
        return name
    return graph.node("MatMul", name, graph.weights(np.eye(len(order))[:, order]))


def _scores(graph: _Graph, rows: str, svr: Svr) -> str:
    """Raw scores of shape [N, 1]."""
    if svr.chroma_correction:
        rows = _chroma(graph, rows, svr)
    scaled = graph.node("Mul", rows, graph.weights(svr.slopes))
    scaled = graph.node("Add", scaled, graph.weights(svr.intercepts))
    kernel = _kernel(graph, scaled, svr)
    raw = graph.node("MatMul", kernel, graph.weights(svr.svm.weights[:, None]))
    offset = svr.svm.rho + svr.score_intercept
    if svr.svm.kernel == "rbf":
        offset -= float(svr.svm.weights.sum())
    return graph.node(
        "Div",
        graph.node("Sub", raw, graph.number(offset)),
        graph.number(svr.score_slope),
    )


def _chroma(graph: _Graph, rows: str, svr: Svr) -> str:
    """c (1 - adm3) in place of a speed_chroma of 0."""
    guide, guided = svr.chroma_columns()
    count = len(svr.features)
    table, offset = np.zeros((count, count)), np.zeros(count)
    table[guide, guided] = -svr.chroma_correction
    offset[guided] = svr.chroma_correction
    put = graph.node("Add", graph.node("MatMul", rows, graph.weights(table)), graph.weights(offset))
    zero = graph.node("Equal", rows, graph.number(0.0))
    here = graph.node("And", zero, graph.flags([column == guided for column in range(count)]))
    return graph.node("Where", here, put, rows)


def _kernel(graph: _Graph, rows: str, svr: Svr) -> str:
    """The kernel of each row with each support vector, [N, vectors]; less 1 if it is rbf."""
    svm = svr.svm
    if svm.kernel == "rbf":
        # Differences, not squares less products: those lose half of float32's digits.
        apart = graph.node("Unsqueeze", rows, graph.axes(1))
        difference = graph.node("Sub", apart, graph.weights(svm.vectors))
        squares = graph.node("Mul", difference, difference)
        distance = graph.node("ReduceSum", squares, graph.axes(2))
        # exp(y) - 1, as 2 t / (1 - t) with t = tanh(y / 2): the weights add up to nearly 0, so
        # the ones cancel, and float32's digits are kept for what is left.
        half = graph.node("Tanh", graph.node("Mul", distance, graph.number(-svm.gamma / 2.0)))
        return graph.node(
            "Div",
            half,
            graph.node("Sub", graph.number(0.5), graph.node("Mul", half, graph.number(0.5))),
        )
    if svm.kernel == "linear":
        return graph.node("MatMul", rows, graph.weights(svm.vectors.T))
    # gamma goes into the table: onnxruntime would make a float32 of a factor of its own.
    inner = graph.node("MatMul", rows, graph.weights(svm.gamma * svm.vectors.T))
    inner = graph.node("Add", inner, graph.number(svm.coef0))
    if svm.kernel == "sigmoid":
        return graph.node("Tanh", inner)
    power = inner
    for _ in range(svm.degree - 1):
        power = graph.node("Mul", power, inner)
    return power


def _transformed(graph: _Graph, scores: str, transform: Transform) -> str:
    result = scores
    if transform.polynomial is not None:
        p0, p1, p2 = (graph.number(value) for value in transform.polynomial)
        inner = graph.node("Add", graph.node("Mul", scores, p2), p1)
        result = graph.node("Add", graph.node("Mul", inner, scores), p0)
    if transform.knots:
        result = _piecewise(graph, result, transform)
    if transform.at_most_input:
        result = graph.node("Min", result, scores)
    if transform.at_least_input:
        result = graph.node("Max", result, scores)
    return result


def _piecewise(graph: _Graph, scores: str, transform: Transform) -> str:
    """The first segment, and a bend at each inner knot."""
    (x0, y0), *_ = transform.knots
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(transform.knots)]
    line = graph.node("Mul", graph.node("Sub", scores, graph.number(x0)), graph.number(slopes[0]))
    result = graph.node("Add", line, graph.number(y0))
    for (x, _), (before, after) in zip(transform.knots[1:-1], pairwise(slopes), strict=True):
        over = graph.node("Relu", graph.node("Sub", scores, graph.number(x)))
        bend = graph.node("Mul", over, graph.number(after - before))
        result = graph.node("Add", result, bend)
    return result
