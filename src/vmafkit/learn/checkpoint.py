"""Checkpoints: a safetensors file with weights, scaler and facts; nothing in it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from vmafkit import fsio
from vmafkit.errors import CapabilityMissing, Unreadable, UsageError, VmafkitError
from vmafkit.learn.mlp import ARCHITECTURES, FloatArray, Layer, Mlp, shapes
from vmafkit.media.hashing import show

FORMAT = "vmafkit-mlp-v1"
_KEY = "vmafkit"
_LARGEST_BYTES = 16 << 20
_HINT = "make it again with `vmaf-train fit`"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained network with what is known of it.

    Attributes:
        network: weights and scaler.
        features: names of the inputs, in order.
        facts: JSON-ready: `config`, `stats`, `run_provenance` and so on.
    """

    network: Mlp
    features: tuple[str, ...]
    facts: Mapping[str, Any]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all; equal checkpoints give equal bytes.

    Raises:
        CapabilityMissing: safetensors is not installed.
        OutputError: the file cannot be written.
    """
    write = _library().save
    network = checkpoint.network
    tensors = {"scaler.mean": network.mean, "scaler.std": network.std}
    for index, layer in enumerate(network.layers):
        tensors[f"layer{index}.weight"] = np.ascontiguousarray(layer.weight)
        tensors[f"layer{index}.bias"] = np.ascontiguousarray(layer.bias)
    head = {
        "format": FORMAT,
        "arch": network.arch,
        "features": list(checkpoint.features),
        **checkpoint.facts,
    }
    text = json.dumps(head, sort_keys=True, allow_nan=False)
    fsio.write_atomic(path, write(tensors, metadata={_KEY: text}), user_output=True)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        Unreadable: it is missing, too large, of another format, or its numbers do not fit.
        CapabilityMissing: safetensors is not installed.
    """
    try:
        with fsio.open_regular(path) as stream:
            data = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}") from None
    if len(data) > _LARGEST_BYTES:
        raise Unreadable(f"{show(path)} is too large for a checkpoint", hint=_HINT)
    library = _library()
    try:
        tensors = cast("dict[str, FloatArray]", library.load(data))
        length = int.from_bytes(data[:8], "little")
        head = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']!r}")
        return _checkpoint(tensors, head)
    except VmafkitError as error:
        raise Unreadable(f"{show(path)} is not a checkpoint: {error.message}", hint=_HINT) from None
    except Exception as error:
        raise Unreadable(
            f"{show(path)} is not a checkpoint of vmaf-train", hint=_HINT, detail=repr(error)[:500]
        ) from None


def _checkpoint(tensors: dict[str, FloatArray], head: dict[str, Any]) -> Checkpoint:
    features = tuple(str(name) for name in head.pop("features"))
    arch = str(head.pop("arch"))
    if arch not in ARCHITECTURES or len(set(features)) != len(features):
        raise ValueError(f"architecture {arch!r} or its features are not known")
    wanted: dict[str, tuple[int, ...]] = {
        "scaler.mean": (len(features),),
        "scaler.std": (len(features),),
    }
    sizes = shapes(arch, len(features))
    for index, (outputs, inputs) in enumerate(sizes):
        wanted[f"layer{index}.weight"] = (outputs, inputs)
        wanted[f"layer{index}.bias"] = (outputs,)
    if {name: tensor.shape for name, tensor in tensors.items()} != wanted:
        raise ValueError("the tensors are not those of the architecture")
    if not all(t.dtype == np.float64 and np.isfinite(t).all() for t in tensors.values()):
        raise ValueError("a number is not finite, or not float64")
    if (tensors["scaler.std"] <= 0).any():
        raise ValueError("the scaler divides by zero")
    layers = tuple(
        Layer(tensors[f"layer{index}.weight"], tensors[f"layer{index}.bias"])
        for index in range(len(sizes))
    )
    head.pop("format")
    network = Mlp(arch, layers, tensors["scaler.mean"], tensors["scaler.std"])
    return Checkpoint(network, features, head)


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise CapabilityMissing(
            "checkpoints need safetensors", hint="pip install 'vmafkit[train]'"
        ) from error
    return safetensors.numpy


def find(path: Path) -> Path:
    """A checkpoint's file: the path itself, or `last.ckpt` in a folder.

    Raises:
        UsageError: there is none.
    """
    found = path / "last.ckpt" if path.is_dir() else path
    if not found.is_file():
        raise UsageError(f"checkpoint {show(path)} is not there", hint="name RUN/last.ckpt")
    return found
