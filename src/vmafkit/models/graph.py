"""An ONNX file as plain records: what is read of it, and the limits that reading keeps.

Source: the ONNX protobuf schema (onnx.proto3). Only what a small network over a feature vector
needs is known here; every other field is refused, not skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit.errors import ModelRefused
from vmafkit.models.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Budget,
    Message,
    Shape,
    decode,
    read,
)

Array = npt.NDArray[np.generic]

# TensorProto.DataType of what a tensor may hold, and the dtype of its raw form.
DTYPES = {1: "<f4", 7: "<i8", 9: "|b1", 11: "<f8"}
FLOAT, DOUBLE = 1, 11
_MOST_DIMS = 4
_MOST_TENSOR_BYTES = 1 << 20

_MODEL: Shape = {
    1: ("ir_version", VARINT, False),
    2: ("producer_name", BYTES, False),
    3: ("producer_version", BYTES, False),
    4: ("domain", BYTES, False),
    5: ("model_version", VARINT, False),
    6: ("doc_string", BYTES, False),
    7: ("graph", BYTES, False),
    8: ("opset_import", BYTES, True),
    14: ("metadata_props", BYTES, True),
    20: ("training_info", BYTES, True),
    25: ("functions", BYTES, True),
}
_OPSET: Shape = {1: ("domain", BYTES, False), 2: ("version", VARINT, False)}
_PAIR: Shape = {1: ("key", BYTES, False), 2: ("value", BYTES, False)}
_GRAPH: Shape = {
    1: ("node", BYTES, True),
    2: ("name", BYTES, False),
    5: ("initializer", BYTES, True),
    10: ("doc_string", BYTES, False),
    11: ("input", BYTES, True),
    12: ("output", BYTES, True),
    13: ("value_info", BYTES, True),
    14: ("quantization_annotation", BYTES, True),
    15: ("sparse_initializer", BYTES, True),
    16: ("metadata_props", BYTES, True),
}
_NODE: Shape = {
    1: ("input", BYTES, True),
    2: ("output", BYTES, True),
    3: ("name", BYTES, False),
    4: ("op_type", BYTES, False),
    5: ("attribute", BYTES, True),
    6: ("doc_string", BYTES, False),
    7: ("domain", BYTES, False),
    8: ("overload", BYTES, False),
    9: ("metadata_props", BYTES, True),
}
_ATTRIBUTE: Shape = {
    1: ("name", BYTES, False),
    2: ("f", FIXED32, False),
    3: ("i", VARINT, False),
    4: ("s", BYTES, False),
    5: ("t", BYTES, False),
    6: ("g", BYTES, False),
    7: ("floats", FIXED32, True),
    8: ("ints", VARINT, True),
    9: ("strings", BYTES, True),
    10: ("tensors", BYTES, True),
    11: ("graphs", BYTES, True),
    13: ("doc_string", BYTES, False),
    14: ("tp", BYTES, False),
    15: ("type_protos", BYTES, True),
    20: ("type", VARINT, False),
    21: ("ref_attr_name", BYTES, False),
    22: ("sparse_tensor", BYTES, False),
    23: ("sparse_tensors", BYTES, True),
}
_TENSOR: Shape = {
    1: ("dims", VARINT, True),
    2: ("data_type", VARINT, False),
    4: ("float_data", FIXED32, True),
    5: ("int32_data", VARINT, True),
    7: ("int64_data", VARINT, True),
    8: ("name", BYTES, False),
    9: ("raw_data", BYTES, False),
    10: ("double_data", FIXED64, True),
    12: ("doc_string", BYTES, False),
    13: ("external_data", BYTES, True),
    14: ("data_location", VARINT, False),
}
_VALUE: Shape = {
    1: ("name", BYTES, False),
    2: ("type", BYTES, False),
    3: ("doc_string", BYTES, False),
    4: ("metadata_props", BYTES, True),
}
_TYPE: Shape = {1: ("tensor_type", BYTES, False), 6: ("denotation", BYTES, False)}
_TENSOR_TYPE: Shape = {1: ("elem_type", VARINT, False), 2: ("shape", BYTES, False)}
_DIMS: Shape = {1: ("dim", BYTES, True)}
_DIM: Shape = {
    1: ("dim_value", VARINT, False),
    2: ("dim_param", BYTES, False),
    3: ("denotation", BYTES, False),
}
# The attributes that an allowed operator can have, by name.
_ATTRIBUTE_KINDS = {
    "alpha": "f",
    "beta": "f",
    "transA": "i",
    "transB": "i",
    "keepdims": "i",
    "noop_with_empty_axes": "i",
    "axes": "ints",
    "value": "t",
    "value_float": "f",
    "value_floats": "floats",
    "value_int": "i",
    "value_ints": "ints",
}
_ATTRIBUTE_TYPES = {"f": 1, "i": 2, "t": 4, "floats": 6, "ints": 7}


@dataclass(frozen=True, slots=True)
class Node:
    """One operation; an attribute is a number, a tuple of integers, or an array."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, float | tuple[int, ...] | Array]


@dataclass(frozen=True, slots=True)
class Port:
    """The model's input or output: a name, TensorProto's element type, and its sizes.

    A size of None is open.
    """

    name: str
    element: int
    sizes: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """What an ONNX file holds."""

    ir_version: int
    opsets: tuple[tuple[str, int], ...]
    metadata: Mapping[str, str]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def read_graph(data: bytes) -> OnnxGraph:
    """Take an ONNX file apart.

    Raises:
        ModelRefused: it is not whole, or holds what is never allowed: subgraphs, functions,
            weights outside the file, sparse or other tensors, numbers that are not finite.
    """
    budget = Budget()
    model = read(data, _MODEL, budget, "model")
    if not model.has("graph") or not model.has("ir_version"):
        raise ModelRefused("this is not an ONNX file", reason="not-onnx")
    _refuse(model, "functions", "function", "defines functions of its own")
    _refuse(model, "training_info", "training", "carries training information")
    graph = read(model.data("graph"), _GRAPH, budget, "graph")
    _refuse(graph, "sparse_initializer", "tensor", "holds sparse tensors")
    _refuse(graph, "quantization_annotation", "tensor", "holds quantisation notes")
    constants: dict[str, Array] = {}
    for part in graph.all_data("initializer"):
        name, array = _tensor(part, budget)
        if not name or name in constants:
            raise ModelRefused("two weights have one name", reason="names")
        constants[name] = array
    opsets = [read(part, _OPSET, budget, "opset") for part in model.all_data("opset_import")]
    return OnnxGraph(
        ir_version=model.number("ir_version"),
        opsets=tuple((one.text("domain"), one.number("version")) for one in opsets),
        metadata=_pairs(model, budget),
        nodes=tuple(_node(part, budget) for part in graph.all_data("node")),
        constants=constants,
        inputs=tuple(_port(part, budget) for part in graph.all_data("input")),
        outputs=tuple(_port(part, budget) for part in graph.all_data("output")),
    )


def _refuse(message: Message, name: str, reason: str, what: str) -> None:
    if message.has(name):
        raise ModelRefused(f"the model {what}", reason=reason)


def _pairs(model: Message, budget: Budget) -> dict[str, str]:
    pairs = [read(part, _PAIR, budget, "metadata") for part in model.all_data("metadata_props")]
    result = {pair.text("key"): pair.text("value") for pair in pairs}
    if len(result) != len(pairs):
        raise ModelRefused("the model's metadata holds a key twice", reason="field-twice")
    return result


def _node(data: bytes, budget: Budget) -> Node:
    node = read(data, _NODE, budget, "node")
    operator = node.text("op_type")
    _refuse(node, "overload", "function", "calls functions of its own")
    attributes: dict[str, float | tuple[int, ...] | Array] = {}
    for part in node.all_data("attribute"):
        name, value = _attribute(part, operator, budget)
        if name in attributes:
            raise ModelRefused(f"{operator} has two of {name}", reason="field-twice")
        attributes[name] = value
    return Node(
        operator=operator,
        domain=node.text("domain"),
        inputs=tuple(decode(name) for name in node.all_data("input")),
        outputs=tuple(decode(name) for name in node.all_data("output")),
        attributes=attributes,
    )


def _attribute(
    data: bytes, operator: str, budget: Budget
) -> tuple[str, float | tuple[int, ...] | Array]:
    attribute = read(data, _ATTRIBUTE, budget, "attribute")
    name = attribute.text("name")
    for inner in ("g", "graphs"):
        if attribute.has(inner):
            raise ModelRefused(f"{operator} holds a subgraph", reason="subgraph")
    kind = _ATTRIBUTE_KINDS.get(name)
    held = set(attribute.values) - {"name", "doc_string", "type"}
    # A writer leaves out a number that is 0, and a list that is empty.
    if kind is None or held - {kind} or attribute.number("type") != _ATTRIBUTE_TYPES[kind]:
        raise ModelRefused(f"{operator} has the attribute {name[:40]!r}", reason="attribute")
    if kind == "i":
        return name, (attribute.number("i"),)
    if kind == "ints":
        return name, tuple(attribute.numbers("ints"))
    if kind == "t":
        return name, _tensor(attribute.data("t"), budget)[1]
    values = np.frombuffer(b"".join(attribute.all_data(kind)) or bytes(4), dtype="<f4")
    _finite(values)
    return name, values if kind == "floats" else float(values[0])


def _tensor(data: bytes, budget: Budget) -> tuple[str, Array]:
    tensor = read(data, _TENSOR, budget, "tensor")
    name = tensor.text("name")
    if tensor.has("external_data") or tensor.number("data_location") != 0:
        raise ModelRefused(
            f"the weights {name[:40]!r} lie outside the file",
            reason="external-data",
            hint="save the model with its weights inside",
        )
    dtype = DTYPES.get(tensor.number("data_type"))
    if dtype is None:
        kind = tensor.number("data_type")
        raise ModelRefused(f"the tensor {name[:40]!r} has element type {kind}", reason="tensor")
    sizes = tuple(tensor.numbers("dims"))
    count = 1
    for size in sizes:
        count *= max(size, -1)
    itemsize = np.dtype(dtype).itemsize
    if len(sizes) > _MOST_DIMS or min((0, *sizes)) < 0 or count * itemsize > _MOST_TENSOR_BYTES:
        raise ModelRefused(f"the tensor {name[:40]!r} has the shape {sizes}", reason="tensor")
    array = _values(tensor, dtype)
    if array.size != count:
        raise ModelRefused(
            f"the tensor {name[:40]!r} holds {array.size} numbers where {count} are stated",
            reason="tensor",
        )
    _finite(array)
    return name, array.reshape(sizes)


def _values(tensor: Message, dtype: str) -> Array:
    typed = {"<f4": "float_data", "<f8": "double_data", "<i8": "int64_data", "|b1": "int32_data"}
    held = {"raw_data", "float_data", "double_data", "int64_data", "int32_data"}
    present = held & set(tensor.values)
    if not present <= {"raw_data"} and not present <= {typed[dtype]}:
        raise ModelRefused("a tensor's numbers are of another type", reason="tensor")
    if "raw_data" in present or dtype in ("<f4", "<f8"):
        raw = tensor.data("raw_data") or b"".join(tensor.all_data(typed[dtype]))
        if len(raw) % np.dtype(dtype).itemsize:
            raise ModelRefused("a tensor's numbers are cut short", reason="tensor")
        if dtype == "|b1" and set(raw) - {0, 1}:
            raise ModelRefused("a truth value is neither 0 nor 1", reason="tensor")
        return np.frombuffer(raw, dtype=dtype)
    numbers = tensor.numbers(typed[dtype])
    if dtype == "|b1" and set(numbers) - {0, 1}:
        raise ModelRefused("a truth value is neither 0 nor 1", reason="tensor")
    return np.asarray(numbers, dtype=dtype)


def _finite(values: Array) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ModelRefused("a weight is not a finite number", reason="not-finite")


def _port(data: bytes, budget: Budget) -> Port:
    value = read(data, _VALUE, budget, "value")
    kind = read(value.data("type"), _TYPE, budget, "type")
    tensor = read(kind.data("tensor_type"), _TENSOR_TYPE, budget, "tensor type")
    sizes: tuple[int | None, ...] | None = None
    if tensor.has("shape"):
        dims = read(tensor.data("shape"), _DIMS, budget, "shape").all_data("dim")
        found = [read(part, _DIM, budget, "size") for part in dims]
        sizes = tuple(one.number("dim_value") if one.has("dim_value") else None for one in found)
    return Port(value.text("name"), tensor.number("elem_type"), sizes)
