"""Decides whether an ONNX file may be run, from its bytes alone.

Nothing of the file is run or allocated at a size that the file claims. What passes is a network
over a vector of features, row by row: no subgraphs, no loops, no functions, no other domains,
no weights elsewhere, no shape that grows beyond a bound.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vmafkit.errors import ModelRefused, Unreadable, UsageError
from vmafkit.models import shapes
from vmafkit.models.graph import DOUBLE, FLOAT, Array, OnnxGraph, Port, read_graph

LARGEST_BYTES = 1 << 20
LARGEST_NODES = 512
MOST_FEATURES = 64
OPSETS = range(13, 22)
IR_VERSIONS = range(7, 12)
ALLOWED_OPERATORS = shapes.OPERATORS
# The metadata key under which a file names its features, in input order.
FEATURES_KEY = "features"

_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What an accepted file says of itself.

    Attributes:
        opset, ir_version: as stated.
        input_name, output_name: the one input of shape [N, inputs], the one output of shape [N].
        inputs: numbers in a row.
        dtype: float32 or float64, of input and output.
        features: the names in the file's metadata; empty when it holds none.
        mean, std: what is taken off the input first, and what the result is divided by then;
            None where the graph does not begin so.
        parameters: numbers in the weights.
        row_elements: numbers that all results of one row hold together.
        operators: the kinds of nodes, sorted.
    """

    opset: int
    ir_version: int
    input_name: str
    output_name: str
    inputs: int
    dtype: npt.DTypeLike
    features: tuple[str, ...]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    parameters: int
    row_elements: int


def inspect(data: bytes, *, largest_bytes: int = LARGEST_BYTES) -> OnnxFacts:
    """Check a file against every rule.

    Args:
        data: the whole file.
        largest_bytes: the most that a file may hold.

    Raises:
        ModelRefused: with a reason and the rule that is broken.
    """
    if len(data) > largest_bytes:
        raise too_large(largest_bytes)
    graph = read_graph(data)
    opset = _check_versions(graph)
    _check_nodes(graph)
    source, target = _ports(graph)
    columns = source.sizes[1] if source.sizes else None
    known: dict[str, shapes.Sizes] = {name: array.shape for name, array in graph.constants.items()}
    known[source.name] = (shapes.ROWS, columns or 0)
    found, row_elements = shapes.infer(graph.nodes, known, graph.constants)
    if found.get(target.name) != (shapes.ROWS,):
        raise ModelRefused(
            f"the output {target.name[:40]!r} is not one number per row", reason="output"
        )
    mean, std = _scaler(graph, source.name)
    names = tuple(filter(None, graph.metadata.get(FEATURES_KEY, "").split(",")))
    if names and len(names) != columns:
        raise ModelRefused(
            f"the model names {len(names)} features and takes {columns}", reason="features"
        )
    return OnnxFacts(
        opset=opset,
        ir_version=graph.ir_version,
        input_name=source.name,
        output_name=target.name,
        inputs=columns or 0,
        dtype=np.float64 if source.element == DOUBLE else np.float32,
        features=names,
        mean=mean,
        std=std,
        parameters=sum(array.size for array in graph.constants.values()),
        row_elements=row_elements,
    )


def too_large(largest_bytes: int) -> ModelRefused:
    """The refusal of a file above the limit."""
    return ModelRefused(
        f"the model is larger than {largest_bytes} bytes",
        reason="too-large",
        hint="tiny models are a few kilobytes",
    )


def read_once(path: Path, *, largest_bytes: int = LARGEST_BYTES) -> bytes:
    """A model file's bytes, of a plain file within the limit.

    Raises:
        UsageError: it is not there.
        ModelRefused: it is no plain file, or too large.
        Unreadable: the system does not give it.
    """
    try:
        # Without O_NONBLOCK a named pipe would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise UsageError(f"model {path} is not there", hint="check the path or the id") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"model {path} cannot be read: {error}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ModelRefused(f"{path} is not a plain file", reason="not-a-file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(largest_bytes + 1)
    except OSError as error:
        raise Unreadable(f"model {path} cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)
    if len(data) > largest_bytes:
        raise too_large(largest_bytes)
    return data


def _check_versions(graph: OnnxGraph) -> int:
    if graph.ir_version not in IR_VERSIONS:
        raise ModelRefused(
            f"the model has IR version {graph.ir_version}",
            reason="ir-version",
            hint=f"save it with one from {IR_VERSIONS[0]} to {IR_VERSIONS[-1]}",
        )
    domains = [domain for domain, _ in graph.opsets]
    foreign = [domain for domain in domains if domain not in _DOMAINS]
    if foreign:
        raise _foreign(foreign[0])
    if len(graph.opsets) != 1:
        raise ModelRefused("the model does not state one opset", reason="opset")
    opset = graph.opsets[0][1]
    if opset not in OPSETS:
        raise ModelRefused(
            f"the model has opset {opset}",
            reason="opset",
            hint=f"save it with one from {OPSETS[0]} to {OPSETS[-1]}",
        )
    return opset


def _foreign(domain: str) -> ModelRefused:
    return ModelRefused(f"the model uses operators of {domain[:40]!r}", reason="domain")


def _check_nodes(graph: OnnxGraph) -> None:
    if len(graph.nodes) > LARGEST_NODES:
        raise ModelRefused(
            f"the model has {len(graph.nodes)} nodes; {LARGEST_NODES} are allowed",
            reason="too-many-nodes",
        )
    for node in graph.nodes:
        if node.domain not in _DOMAINS:
            raise _foreign(node.domain)
        if node.operator not in ALLOWED_OPERATORS:
            raise ModelRefused(
                f"the operator {node.operator[:40]!r} is not allowed",
                reason="operator",
                hint=f"allowed are {', '.join(sorted(ALLOWED_OPERATORS))}",
            )


def _ports(graph: OnnxGraph) -> tuple[Port, Port]:
    if len(graph.inputs) != 1 or graph.inputs[0].name in graph.constants:
        raise ModelRefused("the model does not have one input", reason="input")
    if len(graph.outputs) != 1:
        raise ModelRefused("the model does not have one output", reason="output")
    source, target = graph.inputs[0], graph.outputs[0]
    sizes = source.sizes or ()
    if len(sizes) != 2 or sizes[0] is not None or not 1 <= (sizes[1] or 0) <= MOST_FEATURES:
        raise ModelRefused(
            f"the input {source.name[:40]!r} is not [N, number of features]", reason="input"
        )
    if target.sizes is not None and target.sizes != (None,):
        raise ModelRefused(f"the output {target.name[:40]!r} is not [N]", reason="output")
    if source.element not in (FLOAT, DOUBLE) or target.element != source.element:
        raise ModelRefused("input and output are not both float32 or float64", reason="input")
    return source, target


def _scaler(
    graph: OnnxGraph, source: str
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """The constants of a leading Sub and Div, by which exporters write a scaler."""
    values: dict[str, Array] = dict(graph.constants)
    for node in graph.nodes:
        value = node.attributes.get("value") if node.operator == "Constant" else None
        if isinstance(value, np.ndarray):
            values[node.outputs[0]] = value
    mean, after = _step(graph, source, "Sub", values)
    std, _ = _step(graph, after, "Div", values) if mean else (None, "")
    return mean, std


def _step(
    graph: OnnxGraph, source: str, operator: str, values: Mapping[str, Array]
) -> tuple[tuple[float, ...] | None, str]:
    users = [node for node in graph.nodes if source in node.inputs]
    if len(users) != 1 or users[0].operator != operator or users[0].inputs[0] != source:
        return None, ""
    constant = values.get(users[0].inputs[1])
    if constant is None:
        return None, ""
    return tuple(float(value) for value in constant.reshape(-1).tolist()), users[0].outputs[0]
