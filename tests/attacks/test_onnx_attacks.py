"""Hostile model files: weights elsewhere, no models, swapped files; nothing of them is run."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from tests.r_record import note

import onnx_kit as kit
from vmafkit.errors import ModelRefused, UsageError, VmafkitError
from vmafkit.models import loader, onnx_file
from vmafkit.models.loader import open_bytes, open_model
from vmafkit.models.registry import register

node = helper.make_node


# -- weights outside the file (R37) ---------------------------------------------------------------


def outside(location: str, offset: str | None = None, length: str | None = None) -> bytes:
    """A model whose first weight lies in another file."""
    nodes, weights = kit.mlp_parts()
    tensor = weights[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    return kit.model(nodes, weights).SerializeToString()


def in_subgraph() -> bytes:
    tensor = kit.weight("far", [0.0])
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    info = helper.make_tensor_value_info("far", TensorProto.FLOAT, [1])
    branch = helper.make_graph([], "b", [], [info], [tensor])
    nodes, weights = kit.mlp_parts()
    nodes.insert(0, node("If", ["c"], ["x"], then_branch=branch, else_branch=branch))
    return kit.model(nodes, [*weights, kit.weight("c", [True], np.bool_)]).SerializeToString()


EXTERNAL: dict[str, Callable[[], bytes]] = {
    "plain": lambda: outside("weights.bin"),
    "parent": lambda: outside("../secret/weights.bin"),
    "absolute": lambda: outside("/etc/passwd"),
    "symlink": lambda: outside("link.bin"),
    "hardlink": lambda: outside("hard.bin"),
    "zero": lambda: outside("/dev/zero", length="24"),
    "huge": lambda: outside("weights.bin", length=str(1 << 40)),
    "negative": lambda: outside("weights.bin", offset="-24"),
    "subgraph": in_subgraph,
}


@pytest.mark.parametrize("form", EXTERNAL)
def test_weights_outside_are_refused(form: str, tmp_path: Path, no_session: list[int]) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "weights.bin").write_bytes(bytes(24))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(24))
    (folder / "link.bin").symlink_to(secret / "weights.bin")
    os.link(secret / "weights.bin", folder / "hard.bin")
    path = folder / "m.onnx"
    path.write_bytes(EXTERNAL[form]())
    with pytest.raises(ModelRefused) as refusal:
        open_model(path)
    assert refusal.value.reason == ("subgraph" if form == "subgraph" else "external-data")
    assert not no_session


def test_sabotage_a_loader_by_path_would_read_them(tmp_path: Path) -> None:
    """The attack is real: by path, onnxruntime takes the neighbour's bytes; by our bytes, not."""
    (tmp_path / "weights.bin").write_bytes(np.full(6, 7.0, np.float32).tobytes())
    path = tmp_path / "m.onnx"
    path.write_bytes(outside("weights.bin"))
    onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with pytest.raises(Exception, match=r"(?i)external|model path|weights\.bin"):
        onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


# -- files that are no models (R39) ---------------------------------------------------------------


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", data)
    return held.getvalue()


def array_file(canary: Canary) -> bytes:
    held = io.BytesIO()
    np.save(held, np.asarray([canary], dtype=object), allow_pickle=True)
    return held.getvalue()


@pytest.mark.parametrize(
    "name",
    ["m.pkl", "m.pt", "m.pth", "m.joblib", "m.npy", "svm.pkl", "archive.zip", "renamed.onnx"],
)
def test_no_pickle_is_opened(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = pickle.dumps(Canary(canary))
    if name == "m.npy":
        data = array_file(Canary(canary))
    elif name in ("m.pt", "m.pth", "archive.zip"):
        data = zipped(data)
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ModelRefused):
        open_model(path)
    path.with_suffix(".json").write_bytes(data)
    with pytest.raises(ModelRefused):
        open_model(path)
    assert not canary.exists()
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists()


# -- another file than was checked (R40) ----------------------------------------------------------


def test_another_hash_is_refused(tmp_path: Path, no_session: list[int]) -> None:
    path = kit.write(tmp_path, kit.mlp(0))
    registry = tmp_path / "registry.json"
    register(path, registry=registry)
    path.write_bytes(kit.mlp(1))
    for word in (path, "tiny"):
        with pytest.raises(ModelRefused) as refusal:
            open_model(word, registry_file=registry)
        assert refusal.value.reason == "hash"
    assert not no_session


WRONG_CARDS: dict[str, dict[str, Any]] = {
    "hash": {"sha256": "0" * 64},
    "order": {"features": [*kit.FEATURES[1:], kit.FEATURES[0]]},
    "other feature": {"features": [*kit.FEATURES[:5], "motion3"]},
    "count": {"features": [*kit.FEATURES, "cambi"], "input_shape": [-1, 7], "input_mean": None,
              "input_std": None},
    "mean": {"input_mean": [*kit.MEAN[:5], 6.001]},
    "std": {"input_std": [*kit.STD[:5], 7.001]},
    "input name": {"input_name": "input"},
    "output name": {"output_name": "score"},
    "opset": {"opset": 18},
}  # fmt: skip


@pytest.mark.parametrize("form", WRONG_CARDS)
def test_a_card_of_another_model_is_refused(
    form: str, tmp_path: Path, no_session: list[int]
) -> None:
    path = kit.write(tmp_path, kit.mlp(), **WRONG_CARDS[form])
    with pytest.raises(ModelRefused) as refusal:
        open_model(path)
    assert refusal.value.reason == "card"
    assert not no_session


def test_a_scaler_that_the_graph_lacks_is_refused(tmp_path: Path) -> None:
    nodes, weights = kit.mlp_parts()
    nodes[0:2] = [node("Identity", ["features"], ["h0"])]
    path = kit.write(tmp_path, kit.model(nodes, weights).SerializeToString())
    with pytest.raises(ModelRefused, match="input_mean"):
        open_model(path)


def swapped(folder: Path, rounds: int, opened: Callable[[Path], tuple[str, float]]) -> int:
    """Open a model while it is being swapped; returns how often hash and score disagree."""
    models = [kit.mlp(0), kit.mlp(1)]
    row = np.asarray([kit.MEAN])
    scores = {(m := open_bytes(data)).sha256: float(m.run(row)[0]) for data in models}
    paths = [folder / "a", folder / "b"]
    target, stop = folder / "m.onnx", threading.Event()
    target.write_bytes(models[0])

    def swap() -> None:
        while not stop.is_set():
            for path, data in zip(paths, models, strict=True):
                path.write_bytes(data)
                path.replace(target)
                stop.wait(0.0002)

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[str] = set()
    wrong = 0
    try:
        for _ in range(rounds):
            sha256, score = opened(target)
            seen.add(sha256)
            wrong += scores.get(sha256) != score
    finally:
        stop.set()
        thread.join()
    assert len(seen) == 2, "the file was never swapped"
    return wrong


def test_the_bytes_hashed_are_the_bytes_run(tmp_path: Path) -> None:
    def opened(path: Path) -> tuple[str, float]:
        model = open_model(path, device="cpu")
        return model.sha256, float(model.run(np.asarray([kit.MEAN]))[0])

    assert swapped(tmp_path, 1000, opened) == 0
    note("R40", 1000)


def test_sabotage_hash_by_path_then_load_by_path_is_caught(tmp_path: Path) -> None:
    """The check above goes red for a loader that opens the path a second time."""

    def opened(path: Path) -> tuple[str, float]:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        time.sleep(0.0005)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        row = np.asarray([kit.MEAN], np.float32)
        return sha256, float(session.run(None, {"features": row})[0][0])

    assert swapped(tmp_path, 100, opened) > 0


# -- files that are no files ----------------------------------------------------------------------


def test_pipes_folders_and_devices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "folder.onnx").mkdir()
    for path in (tmp_path / "pipe.onnx", Path("/dev/zero")):
        with pytest.raises(ModelRefused) as refusal:
            open_model(path)
        assert refusal.value.reason == "not-a-file"
    for path in (tmp_path / "folder.onnx", tmp_path / "none.onnx", Path("a\0b.onnx")):
        with pytest.raises(VmafkitError):
            open_model(path)
    with pytest.raises(UsageError, match="is not there"):
        open_model(tmp_path / "none.onnx")


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(8 << 30)
    tracemalloc.start()
    with pytest.raises(ModelRefused, match="larger than"):
        open_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_limits_of_the_loader_are_those_that_are_stated() -> None:
    assert onnx_file.LARGEST_BYTES == 1 << 20
    assert not {"Loop", "If", "Scan", "Expand", "ConstantOfShape"} & onnx_file.ALLOWED_OPERATORS
    assert not hasattr(loader, "onnxruntime")
