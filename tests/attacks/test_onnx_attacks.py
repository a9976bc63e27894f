"""Hostile model files: each is refused for its own reason, from its bytes, and nothing is run."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
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

import onnx_kit as kit
from vmafkit.errors import ModelRefused, UsageError, VmafkitError
from vmafkit.models import devices, loader, onnx_file
from vmafkit.models.loader import open_bytes, open_model
from vmafkit.models.registry import register

node = helper.make_node


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the models that reach onnxruntime, and lets none in."""
    reached: list[int] = []

    def refuse(data: bytes, device: str) -> Any:
        reached.append(len(data))
        raise AssertionError("the model reached onnxruntime")

    monkeypatch.setattr(devices, "open_session", refuse)
    return reached


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
