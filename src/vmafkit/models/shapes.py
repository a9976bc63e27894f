"""The shapes of everything that a model computes, before it computes anything.

An allowed operator can still ask for any amount of memory, as an outer product of two long
constants does. So each result's shape is worked out first, with the open number of rows as N,
and bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vmafkit.errors import ModelRefused
from vmafkit.models.graph import Array, Node

# The open size. Any other size is a number from 0 up.
ROWS = -1
Sizes = tuple[int, ...]

_MOST_ELEMENTS = 1 << 18
_MOST_DIMS = 4

_SAME = ("Relu", "Exp", "Identity", "Sigmoid", "Tanh", "Clip")
_BROADCAST = ("Add", "And", "Div", "Equal", "Max", "Min", "Mul", "Sub", "Where")
OPERATORS = frozenset(
    (*_SAME, *_BROADCAST, "Constant", "Gemm", "MatMul", "ReduceSum", "Squeeze", "Unsqueeze")
)


def infer(
    nodes: Sequence[Node], known: Mapping[str, Sizes], constants: Mapping[str, Array]
) -> tuple[dict[str, Sizes], int]:
    """The shape of every value, and how many numbers all of them hold for one row.

    Args:
        nodes: in an order in which everything is there before it is used.
        known: shapes of the input and of the weights.
        constants: the weights, for the operators that take sizes from them.

    Raises:
        ModelRefused: shapes do not fit, a result is too large, or a name is used twice or
            before it is there.
    """
    shapes = dict(known)
    values = dict(constants)
    total = 0
    for node in nodes:
        if len(node.outputs) != 1 or not node.outputs[0] or node.outputs[0] in shapes:
            raise ModelRefused(f"{node.operator} writes over another result", reason="names")
        missing = [name for name in node.inputs if name and name not in shapes]
        if missing:
            raise ModelRefused(
                f"{node.operator} reads {missing[0][:40]!r}, which is not there", reason="names"
            )
        if node.operator == "Constant":
            values[node.outputs[0]] = _constant(node)
        shape = _shape(node, shapes, values)
        total += _checked(node, shape)
        shapes[node.outputs[0]] = shape
    return shapes, total


def elements(shape: Sizes) -> int:
    """Numbers that one row of a shape holds."""
    count = 1
    for size in shape:
        count *= 1 if size == ROWS else size
    return count


def _checked(node: Node, shape: Sizes) -> int:
    count = elements(shape)
    if count > _MOST_ELEMENTS or len(shape) > _MOST_DIMS or shape.count(ROWS) > 1:
        text = ", ".join("N" if size == ROWS else str(size) for size in shape)
        raise ModelRefused(f"{node.operator} makes a result of [{text}]", reason="too-much-memory")
    return count


def _shape(node: Node, shapes: Mapping[str, Sizes], values: Mapping[str, Array]) -> Sizes:
    name = node.operator
    if name == "Constant":
        return tuple(values[node.outputs[0]].shape)
    least, most = _arity(name)
    given = [shapes[one] for one in node.inputs if one]
    if not least <= len(given) <= most or (len(given) != len(node.inputs) and name != "Clip"):
        raise ModelRefused(f"{name} has {len(given)} inputs", reason="shape")
    if name in _SAME:
        if any(shape not in ((), (1,)) for shape in given[1:]):
            raise ModelRefused(f"{name} has bounds that are not single numbers", reason="shape")
        return given[0]
    if name in _BROADCAST:
        return _broadcast(node, given)
    if name == "MatMul":
        return _matmul(node, *given)
    if name == "Gemm":
        return _gemm(node, given)
    if name == "ReduceSum":
        return _reduced(node, given[0], values)
    return (_squeezed if name == "Squeeze" else _unsqueezed)(node, given[0], values)


def _arity(name: str) -> tuple[int, int]:
    if name in ("Max", "Min"):
        return 1, 8
    special = {"Clip": (1, 3), "Where": (3, 3), "Gemm": (2, 3), "Unsqueeze": (2, 2)}
    if name in ("ReduceSum", "Squeeze"):
        return 1, 2
    return special.get(name, (1, 1) if name in _SAME else (2, 2))


def _constant(node: Node) -> Array:
    values = tuple(node.attributes.values())
    if node.inputs or len(values) != 1:
        raise ModelRefused("a Constant holds no single value", reason="attribute")
    name = next(iter(node.attributes))
    value = values[0]
    if name == "value_int":
        return np.asarray(value, dtype=np.int64).reshape(())
    if name in ("value_ints",):
        return np.asarray(value, dtype=np.int64)
    if name == "value_float":
        return np.asarray(value, dtype=np.float32)
    if name in ("value", "value_floats") and isinstance(value, np.ndarray):
        return value
    raise ModelRefused(f"a Constant has the attribute {name!r}", reason="attribute")


def _misfit(node: Node, one: Sizes, other: Sizes) -> ModelRefused:
    return ModelRefused(f"{node.operator} joins shapes {one} and {other}", reason="shape")


def _broadcast(node: Node, given: Sequence[Sizes]) -> Sizes:
    result: Sizes = given[0]
    for shape in given[1:]:
        length = max(len(result), len(shape))
        one = (1,) * (length - len(result)) + result
        other = (1,) * (length - len(shape)) + shape
        joined: list[int] = []
        for a, b in zip(one, other, strict=True):
            if a != b and 1 not in (a, b):
                raise _misfit(node, result, shape)
            joined.append(b if a == 1 else a)
        result = tuple(joined)
    return result


def _matmul(node: Node, one: Sizes, other: Sizes) -> Sizes:
    # A row of numbers, or one table for all rows: what a network over a vector needs.
    if len(other) not in (1, 2) or not one or one[-1] != other[0] or ROWS in other or one[-1] < 1:
        raise _misfit(node, one, other)
    return one[:-1] + other[1:]


def _gemm(node: Node, given: Sequence[Sizes]) -> Sizes:
    one, other = given[:2]
    if len(one) != 2 or len(other) != 2:
        raise _misfit(node, one, other)
    one = one[::-1] if _flag(node, "transA") else one
    other = other[::-1] if _flag(node, "transB") else other
    if one[1] != other[0] or one[1] < 1 or ROWS in other:
        raise _misfit(node, one, other)
    result = (one[0], other[1])
    if len(given) == 3 and _broadcast(node, (result, given[2])) != result:
        raise _misfit(node, result, given[2])
    return result


def _flag(node: Node, name: str, default: int = 0) -> bool:
    value = node.attributes.get(name, (default,))
    return value != (0,)


def _axes(node: Node, rank: int, values: Mapping[str, Array]) -> list[int]:
    if "axes" in node.attributes:
        raise ModelRefused(f"{node.operator} has its axes as an attribute", reason="attribute")
    table = values.get(node.inputs[1])
    if table is None or table.dtype != np.int64 or table.ndim != 1:
        raise ModelRefused(f"{node.operator} takes axes that are no constant", reason="shape")
    axes = [int(axis) + (rank if axis < 0 else 0) for axis in table.tolist()]
    if len(set(axes)) != len(axes) or not all(0 <= axis < rank for axis in axes):
        raise ModelRefused(f"{node.operator} has the axes {table.tolist()}", reason="shape")
    return axes


def _reduced(node: Node, shape: Sizes, values: Mapping[str, Array]) -> Sizes:
    if len(node.inputs) != 2 or "noop_with_empty_axes" in node.attributes:
        raise ModelRefused("ReduceSum does not say what it sums over", reason="shape")
    axes = _axes(node, len(shape), values)
    if not axes or any(shape[axis] == ROWS for axis in axes):
        raise ModelRefused("ReduceSum mixes rows", reason="shape")
    if _flag(node, "keepdims", 1):
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def _squeezed(node: Node, shape: Sizes, values: Mapping[str, Array]) -> Sizes:
    if len(node.inputs) == 1:
        raise ModelRefused("Squeeze does not name its axes", reason="shape")
    axes = _axes(node, len(shape), values)
    if any(shape[axis] != 1 for axis in axes):
        raise ModelRefused(f"Squeeze drops more than sizes of 1 from {shape}", reason="shape")
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def _unsqueezed(node: Node, shape: Sizes, values: Mapping[str, Array]) -> Sizes:
    count = values.get(node.inputs[1])
    added = int(count.size) if count is not None else 0
    rank = len(shape) + added
    if rank > _MOST_DIMS:
        raise ModelRefused("Unsqueeze makes too many axes", reason="shape")
    axes = _axes(node, rank, values)
    rest = iter(shape)
    return tuple(1 if i in axes else next(rest) for i in range(rank))
