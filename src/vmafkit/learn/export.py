"""Writes a trained network as an ONNX file and a card beside it.

The graph: Sub and Div by the scaler, linear layers (Gemm) with ReLU between, Clip to the score's
range, Squeeze. Nothing lies outside the file. Equal checkpoints give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from vmafkit.errors import CapabilityMissing, ResultInvalid, UsageError
from vmafkit.learn.checkpoint import Checkpoint
from vmafkit.learn.mlp import SCORE_RANGE, FloatArray, Mlp
from vmafkit.models.loader import open_bytes
from vmafkit.models.onnx_file import FEATURES_KEY, OPSETS
from vmafkit.schema.registry import first_error
from vmafkit.schema.sidecar import Sidecar
from vmafkit.version import __version__

OPSET = 17
IR_VERSION = 10
INPUT, OUTPUT = "features", "vmaf"
_SMALLEST_OPSET = 13


def to_onnx(checkpoint: Checkpoint, *, opset: int = OPSET) -> bytes:
    """The bytes of the ONNX file: input `features` float32 [N, k], output `vmaf` float32 [N].

    Raises:
        UsageError: the opset is out of range.
        CapabilityMissing: the onnx package is not here.
    """
    if not _SMALLEST_OPSET <= opset <= OPSETS[-1]:
        raise UsageError(
            f"--opset {opset} is not offered", hint=f"from {_SMALLEST_OPSET} to {OPSETS[-1]}"
        )
    helper, tensors = _onnx()
    network = checkpoint.network
    weights = [
        tensors.from_array(np.ascontiguousarray(value), name)
        for name, value in _constants(network).items()
    ]
    graph = helper.make_graph(
        _nodes(helper, len(network.layers)),
        "vmafkit",
        [helper.make_tensor_value_info(INPUT, 1, ["N", network.inputs])],
        [helper.make_tensor_value_info(OUTPUT, 1, ["N"])],
        weights,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
        producer_name="vmafkit",
        producer_version=__version__,
    )
    helper.set_model_props(model, {FEATURES_KEY: ",".join(checkpoint.features)})
    return bytes(model.SerializeToString(deterministic=True))


def card(
    checkpoint: Checkpoint,
    data: bytes,
    *,
    model_id: str,
    onnx_name: str,
    opset: int,
    provenance: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> Sidecar:
    """The card of an exported file.

    Args:
        data: the file's bytes.
        extra: further fields, such as `license`, `notes` and `evaluation`.

    Raises:
        UsageError: a field does not fit, such as the id.
    """
    network = checkpoint.network
    config: Any = checkpoint.facts.get("config", {})
    fields: dict[str, Any] = {
        "id": model_id,
        "kind": "fr",
        "onnx": onnx_name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "opset": opset,
        "input_name": INPUT,
        "input_shape": [-1, network.inputs],
        "output_name": OUTPUT,
        "output_shape": [-1],
        "features": list(checkpoint.features),
        "input_mean": network.mean.tolist(),
        "input_std": network.std.tolist(),
        "output_range": list(SCORE_RANGE),
        "arch": f"{network.arch}: {_arch_words(network)}",
        "n_params": network.parameters,
        "quant_mode": "fp32",
        "teacher": config.get("teacher"),
        "training": dict(checkpoint.facts.get("training", {})),
        "run_provenance": dict(provenance),
        **(extra or {}),
    }
    try:
        return Sidecar.model_validate({k: v for k, v in fields.items() if v is not None})
    except ValidationError as error:
        raise UsageError(f"the card of {onnx_name} does not fit: {first_error(error)}") from error


def check_export(checkpoint: Checkpoint, data: bytes, rows: FloatArray, atol: float) -> float:
    """The largest difference between the file and the checkpoint on rows.

    Args:
        rows: features, shape (n, inputs), real ones where there are any.
        atol: the most that is accepted, in score units.

    Raises:
        ResultInvalid: they differ by more.
        ModelRefused: the file would not be opened.
    """
    scores = open_bytes(data, device="cpu").run(rows)
    difference = float(np.abs(scores - checkpoint.network.predict(rows)).max())
    if not difference <= atol:
        raise ResultInvalid(
            f"the exported model differs from the checkpoint by {difference:.3g}",
            hint=f"--atol {atol:g} is the most that is accepted",
        )
    return difference


def probe_rows(checkpoint: Checkpoint, count: int = 512) -> FloatArray:
    """Rows around the scaler's mean, for a check without real ones."""
    network = checkpoint.network
    drawn = np.random.default_rng(0).normal(size=(count, network.inputs))
    return np.vstack([network.mean[None], network.mean + 1.5 * drawn * network.std])


def torch_scores(checkpoint: Checkpoint, rows: FloatArray) -> FloatArray | None:
    """The checkpoint's scores in float32 torch, or None where torch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    library: Any = torch
    network = checkpoint.network
    x = library.tensor(network.scaled(rows), dtype=library.float32)
    for index, layer in enumerate(network.layers):
        weight = library.tensor(layer.weight, dtype=library.float32)
        x = x @ weight.T + library.tensor(layer.bias, dtype=library.float32)
        x = library.relu(x) if index < len(network.layers) - 1 else x
    return x[:, 0].clamp(*SCORE_RANGE).numpy().astype(np.float64)


def default_id(path: Path) -> str:
    """A model id from a file's name."""
    kept = (c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in path.stem.lower())
    return "".join(kept).lstrip("_-")[:64] or "model"


def _constants(network: Mlp) -> dict[str, npt.NDArray[Any]]:
    values: dict[str, npt.NDArray[Any]] = {
        "mean": network.mean.astype(np.float32),
        "std": network.std.astype(np.float32),
    }
    for index, layer in enumerate(network.layers):
        values[f"layer{index}.weight"] = layer.weight.astype(np.float32)
        values[f"layer{index}.bias"] = layer.bias.astype(np.float32)
    values["lo"] = np.asarray(SCORE_RANGE[0], dtype=np.float32)
    values["hi"] = np.asarray(SCORE_RANGE[1], dtype=np.float32)
    values["last_axis"] = np.asarray([-1], dtype=np.int64)
    return values


def _nodes(helper: Any, layers: int) -> list[Any]:
    make = helper.make_node
    nodes = [make("Sub", [INPUT, "mean"], ["centred"]), make("Div", ["centred", "std"], ["x0"])]
    for index in range(layers):
        names = [f"x{index}", f"layer{index}.weight", f"layer{index}.bias"]
        nodes.append(make("Gemm", names, [f"y{index}"], transB=1))
        if index < layers - 1:
            nodes.append(make("Relu", [f"y{index}"], [f"x{index + 1}"]))
    nodes.append(make("Clip", [f"y{layers - 1}", "lo", "hi"], ["score"]))
    nodes.append(make("Squeeze", ["score", "last_axis"], [OUTPUT]))
    return nodes


def _arch_words(network: Mlp) -> str:
    linear = [
        f"Linear({layer.weight.shape[1]},{layer.weight.shape[0]})" for layer in network.layers
    ]
    return "-ReLU-".join(linear)


def _onnx() -> tuple[Any, Any]:
    try:
        from onnx import helper, numpy_helper
    except ImportError as error:
        raise CapabilityMissing("an export needs onnx", hint="pip install onnx") from error
    return helper, numpy_helper
