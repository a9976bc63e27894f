"""Hostile networks: each is refused for its own reason, from its bytes, and nothing is run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import onnx_kit as kit
from vmafkit.errors import ModelRefused
from vmafkit.models.loader import open_model

node = helper.make_node


# -- operators, sizes, numbers (R38) --------------------------------------------------------------


def with_node(operator: str, **attributes: Any) -> bytes:
    nodes, weights = kit.mlp_parts()
    nodes.insert(0, node(operator, ["mean"], ["unused"], **attributes))
    return kit.model(nodes, weights).SerializeToString()


def branches(operator: str, names: tuple[str, ...]) -> bytes:
    info = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    body = helper.make_graph([node("Relu", ["mean"], ["y"])], "b", [], [info])
    return with_node(operator, **dict.fromkeys(names, body))


def function_model() -> bytes:
    made = kit.model(*kit.mlp_parts())
    body = [node("Relu", ["a"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    made.functions.append(helper.make_function("", "Relu", ["a"], ["b"], body, opsets))
    return made.SerializeToString()


def foreign_domain() -> bytes:
    nodes, weights = kit.mlp_parts()
    nodes.insert(0, node("Relu", ["mean"], ["unused"], domain="com.microsoft"))
    return kit.model(nodes, weights).SerializeToString()


def foreign_opset() -> bytes:
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("evil.example", 1)]
    return kit.model(*kit.mlp_parts(), imports=imports).SerializeToString()


def many_nodes(count: int) -> bytes:
    """Written by hand: the onnx package takes seconds for the longest."""
    each = kit.field(1, kit.field(1, b"features") + kit.field(2, b"vmaf") + kit.field(4, b"Relu"))
    return b"\x08\x0a" + kit.field(7, each * count) + kit.field(8, b"\x10\x11")


def huge_constant() -> bytes:
    """16 GB of ones."""
    nodes, weights = kit.mlp_parts()
    weights.append(kit.weight("sizes", [1 << 32], np.int64))
    one = kit.weight("one", [1.0])
    nodes.insert(0, node("ConstantOfShape", ["sizes"], ["unused"], value=one))
    return kit.model(nodes, weights).SerializeToString()


def outer_product(operator: str) -> bytes:
    """Two long constants whose product is 64 GB: folded as soon as a session opens."""
    nodes, weights = kit.mlp_parts()
    long = np.zeros(120_000, np.float32)
    weights += [kit.weight("column", long[:, None]), kit.weight("row", long[None, :])]
    nodes.insert(0, node(operator, ["column", "row"], ["unused"]))
    return kit.model(nodes, weights).SerializeToString()


def all_pairs() -> bytes:
    """Every row against every other row."""
    nodes = [
        node("Unsqueeze", ["features", "zero"], ["a"]),
        node("Unsqueeze", ["features", "one"], ["b"]),
        node("Sub", ["a", "b"], ["c"]),
        node("ReduceSum", ["c", "both"], ["vmaf"], keepdims=0),
    ]
    weights = [
        kit.weight(n, v, np.int64) for n, v in (("zero", [0]), ("one", [1]), ("both", [1, 2]))
    ]
    return kit.model(nodes, weights).SerializeToString()


def weights_with(value: float) -> bytes:
    nodes, weights = kit.mlp_parts()
    weights[0].CopyFrom(kit.weight("mean", [value, *kit.MEAN[1:]]))
    return kit.model(nodes, weights).SerializeToString()


def attribute_with(value: float) -> bytes:
    nodes, weights = kit.mlp_parts()
    nodes[2].attribute.append(helper.make_attribute("alpha", value))
    return kit.model(nodes, weights).SerializeToString()


def stated_larger() -> bytes:
    nodes, weights = kit.mlp_parts()
    weights[0].dims[:] = [1 << 40]
    return kit.model(nodes, weights).SerializeToString()


def output_table() -> bytes:
    nodes, weights = kit.mlp_parts()
    nodes[-1] = node("Identity", ["g2"], ["vmaf"])
    return kit.model(nodes, weights, output_shape=("N", 1)).SerializeToString()


def fixed_rows() -> bytes:
    made = kit.model(*kit.mlp_parts())
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    return made.SerializeToString()


def second_input() -> bytes:
    made = kit.model(*kit.mlp_parts())
    made.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    return made.SerializeToString()


def weight_as_input() -> bytes:
    made = kit.model(*kit.mlp_parts())
    made.graph.input.append(helper.make_tensor_value_info("mean", TensorProto.FLOAT, [6]))
    return made.SerializeToString()


def sparse() -> bytes:
    made = kit.model(*kit.mlp_parts())
    made.graph.sparse_initializer.add().dims.append(6)
    return made.SerializeToString()


def training() -> bytes:
    made = kit.model(*kit.mlp_parts())
    made.training_info.add()
    return made.SerializeToString()


def text_weight() -> bytes:
    nodes, weights = kit.mlp_parts()
    weights.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"x"]))
    return kit.model(nodes, weights).SerializeToString()


def second_graph() -> bytes:
    """protobuf readers join two of a field that can stand once, each in its own way."""
    good = kit.mlp()
    other = kit.model(*kit.mlp_parts(1)).graph.SerializeToString()
    return good + kit.field(7, other)


def many_empty(number: int) -> bytes:
    """Half a million empty messages in a megabyte."""
    graph = kit.varint(number << 3 | 2) + b"\0"
    return b"\x08\x0a" + kit.field(7, graph * ((1 << 19) - 16))


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "loop": ("subgraph", lambda: branches("Loop", ("body",))),
    "if": ("subgraph", lambda: branches("If", ("then_branch", "else_branch"))),
    "scan": ("subgraph", lambda: branches("Scan", ("body",))),
    "constant of shape": ("operator", huge_constant),
    "expand": ("operator", lambda: with_node("Expand")),
    "tile": ("operator", lambda: with_node("Tile")),
    "custom operator": ("operator", lambda: with_node("PyOp")),
    "custom domain": ("domain", foreign_domain),
    "custom opset": ("domain", foreign_opset),
    "function": ("function", function_model),
    "10^5 nodes": ("too-large", lambda: many_nodes(100_000)),
    "10^4 nodes": ("too-many-parts", lambda: many_nodes(10_000)),
    "600 nodes": ("too-many-nodes", lambda: many_nodes(600)),
    "nan": ("not-finite", lambda: weights_with(float("nan"))),
    "infinity": ("not-finite", lambda: weights_with(float("inf"))),
    "nan attribute": ("not-finite", lambda: attribute_with(float("nan"))),
    "outer product": ("too-much-memory", lambda: outer_product("Mul")),
    "outer matrix product": ("too-much-memory", lambda: outer_product("MatMul")),
    "all pairs of rows": ("too-much-memory", all_pairs),
    "shape not of its numbers": ("tensor", stated_larger),
    "text weight": ("unknown-field", text_weight),
    "sparse weight": ("tensor", sparse),
    "training": ("training", training),
    "output of another shape": ("output", output_table),
    "five inputs wired to six": ("shape", lambda: kit.mlp(inputs=5, features=())),
    "65 inputs": ("input", lambda: kit.mlp(inputs=65, features=())),
    "fixed rows": ("input", fixed_rows),
    "second input": ("input", second_input),
    "weight as input": ("input", weight_as_input),
    "names of other inputs": ("features", lambda: kit.mlp(features=kit.FEATURES[:5])),
    "opset 99": ("opset", lambda: kit.mlp(opset=99)),
    "opset 9": ("opset", lambda: kit.mlp(opset=9)),
    "ir version 14": ("ir-version", lambda: kit.mlp(ir_version=14)),
    "two graphs": ("field-twice", second_graph),
    "a length of 2 GB": ("cut-short", lambda: b"\x08\x0a\x3a" + kit.varint(1 << 31) + b"x"),
    "a length of 2^63": ("cut-short", lambda: b"\x08\x0a\x3a" + kit.varint(1 << 63) + b"x"),
    "an endless number": ("not-onnx", lambda: b"\x08" + b"\xff" * 1000),
    "an unknown field": ("unknown-field", lambda: kit.mlp() + kit.field(99, b"x")),
    "empty nodes": ("too-many-parts", lambda: many_empty(1)),
    "empty weights": ("too-many-parts", lambda: many_empty(5)),
    "cut": ("cut-short", lambda: kit.mlp()[:-40]),
    "empty": ("not-onnx", lambda: b""),
    "text": ("not-onnx", lambda: b"not a model at all"),
    "2 MB": ("too-large", lambda: bytes(2 << 20)),
}


@pytest.mark.parametrize("form", HOSTILE)
def test_hostile_models_are_refused(form: str, tmp_path: Path, no_session: list[int]) -> None:
    reason, make = HOSTILE[form]
    path = tmp_path / "m.onnx"
    path.write_bytes(make())
    with pytest.raises(ModelRefused) as refusal:
        open_model(path)
    assert refusal.value.reason == reason, refusal.value.sentence()
    assert refusal.value.exit_code == 9
    assert not no_session
    text = refusal.value.sentence()
    assert text.isprintable()
    assert len(text) < 500


_CHILD = """
import resource, sys, time
from pathlib import Path
from vmafkit.errors import ModelRefused
from vmafkit.models import onnx_file
files = sorted(Path(sys.argv[1]).iterdir())
try:
    onnx_file.inspect(onnx_file.read_once(files[0]))
except ModelRefused:
    pass
before, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
for file in files:
    start = time.process_time()
    try:
        onnx_file.inspect(onnx_file.read_once(file))
    except ModelRefused:
        pass
    else:
        sys.exit(f"{file.name} was not refused")
    slowest = max(slowest, time.process_time() - start)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, slowest)
"""


def test_refusing_costs_little(tmp_path: Path) -> None:
    """All hostile files together: at most 50 MB more, and no one takes half a second of CPU."""
    for number, (_, make) in enumerate(HOSTILE.values()):
        (tmp_path / f"{number}.onnx").write_bytes(make())
    command = [sys.executable, "-c", _CHILD, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    grown_kib, slowest_s = (float(word) for word in done.stdout.split())
    assert grown_kib <= 50 * 1024
    assert slowest_s <= 0.5
