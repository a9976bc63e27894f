"""Small ONNX models, good and hostile, made with the onnx package."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from vmafkit.schema.sidecar import Sidecar, render_sidecar

FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
MEAN = (0.9, 0.5, 0.75, 0.85, 0.9, 6.0)
STD = (0.03, 0.15, 0.1, 0.07, 0.05, 7.0)


def weight(name: str, values: Any, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)


def model(
    nodes: Sequence[Any],
    weights: Sequence[Any] = (),
    *,
    inputs: int = 6,
    opset: int = 17,
    ir_version: int = 10,
    imports: Sequence[Any] | None = None,
    output_shape: Sequence[Any] = ("N",),
    **extra: Any,
) -> Any:
    """A ModelProto with the input `features` [N, inputs] and the output `vmaf` [N]."""
    made = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", inputs])],
        [helper.make_tensor_value_info("vmaf", TensorProto.FLOAT, list(output_shape))],
        list(weights),
    )
    opsets = imports or [helper.make_opsetid("", opset)]
    return helper.make_model(made, opset_imports=list(opsets), ir_version=ir_version, **extra)


def mlp_parts(seed: int = 0) -> tuple[list[Any], list[Any]]:
    """Nodes and weights of a scaler and a 6-16-8-1 network."""
    rng = np.random.default_rng(seed)
    weights = [weight("mean", MEAN), weight("std", STD), weight("last", [-1], np.int64)]
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["s"]),
        helper.make_node("Div", ["s", "std"], ["h0"]),
    ]
    sizes = (6, 16, 8, 1)
    for layer, (before, after) in enumerate(pairwise(sizes)):
        weights.append(weight(f"w{layer}", rng.normal(0, 0.5, (after, before))))
        weights.append(weight(f"b{layer}", rng.normal(0, 0.5, after)))
        nodes.append(
            helper.make_node(
                "Gemm", [f"h{layer}", f"w{layer}", f"b{layer}"], [f"g{layer}"], transB=1
            )
        )
        if layer < 2:
            nodes.append(helper.make_node("Relu", [f"g{layer}"], [f"h{layer + 1}"]))
    nodes.append(helper.make_node("Squeeze", ["g2", "last"], ["vmaf"]))
    return nodes, weights


def mlp(seed: int = 0, *, features: Sequence[str] = FEATURES, **extra: Any) -> bytes:
    """A good model; its score is not quality, only a number."""
    made = model(*mlp_parts(seed), **extra)
    if features:
        helper.set_model_props(made, {"features": ",".join(features)})
    return made.SerializeToString(deterministic=True)


def card(data: bytes, name: str = "tiny", **changes: Any) -> Sidecar:
    """The card of `mlp`."""
    facts: dict[str, Any] = {
        "id": name,
        "onnx": f"{name}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "opset": 17,
        "input_name": "features",
        "input_shape": [-1, 6],
        "output_name": "vmaf",
        "output_shape": [-1],
        "features": list(FEATURES),
        "input_mean": list(MEAN),
        "input_std": list(STD),
        **changes,
    }
    return Sidecar.model_validate(facts)


def write(folder: Path, data: bytes, name: str = "tiny", **changes: Any) -> Path:
    """A model with its card in a folder; returns the model's path."""
    path = folder / f"{name}.onnx"
    path.write_bytes(data)
    path.with_suffix(".json").write_text(render_sidecar(card(data, name, **changes)))
    return path


def field(number: int, data: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """A protobuf varint."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
