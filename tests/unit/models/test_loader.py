from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

import onnx_kit as kit
from vmafkit.errors import CapabilityMissing, ModelRefused, UsageError, VmafkitError
from vmafkit.models import devices, loader, onnx_file, shapes
from vmafkit.models.graph import read_graph
from vmafkit.models.loader import CANONICAL_6, open_bytes, open_model


def test_a_good_model_gives_what_onnxruntime_gives(tmp_path: Path) -> None:
    data = kit.mlp()
    path = kit.write(tmp_path, data)
    model = open_model(path)
    rows = np.random.default_rng(0).uniform(0, 1, (50, 6))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"features": rows.astype(np.float32)})[0]
    assert np.array_equal(model.run(rows), wanted)
    assert model.inputs == 6
    assert model.features == kit.FEATURES
    assert model.id == "tiny"
    assert model.card == kit.card(data)
    assert model.sha256 == kit.card(data).sha256
    assert model.facts.mean == pytest.approx(kit.MEAN)
    assert model.facts.std == pytest.approx(kit.STD)
    assert model.facts.parameters == 257 + 12 + 1


def test_many_rows_are_run_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_bytes(kit.mlp(), device="cpu")
    rows = np.random.default_rng(0).uniform(0, 1, (100, 6))
    whole = model.run(rows)
    monkeypatch.setattr(loader, "_BLOCK_ELEMENTS", 7 * model.facts.row_elements)
    assert np.allclose(model.run(rows), whole, rtol=0, atol=1e-5)
    assert model.run(rows[:0]).shape == (0,)


@pytest.mark.parametrize("rows", [np.zeros((3, 5)), np.zeros(6), np.full((1, 6), np.nan)])
def test_rows_that_do_not_fit(rows: Any) -> None:
    with pytest.raises(UsageError):
        open_bytes(kit.mlp(), device="cpu").run(rows)


def test_without_a_card_the_file_or_the_count_names_the_features(tmp_path: Path) -> None:
    order = kit.FEATURES[::-1]
    named = open_bytes(kit.mlp(features=order), device="cpu")
    assert named.features == order
    assert "as its file names them" in named.notes[1]
    bare = open_bytes(kit.mlp(features=()), device="cpu")
    assert bare.features == CANONICAL_6
    assert "taken to be adm2, vif_scale0" in bare.notes[1]
    nodes = [helper.make_node("ReduceSum", ["features", "last"], ["vmaf"], keepdims=0)]
    five = kit.model(nodes, [kit.weight("last", [-1], np.int64)], inputs=5).SerializeToString()
    with pytest.raises(ModelRefused) as refusal:
        open_bytes(five, device="cpu")
    assert refusal.value.reason == "features"


def test_a_card_that_is_none(tmp_path: Path) -> None:
    path = kit.write(tmp_path, kit.mlp())
    good = path.with_suffix(".json").read_text()
    for text in ("", "[]", "{}", "{" * 100_000, good.replace('"kind"', '"kynd"'), "\0" * (2 << 20)):
        path.with_suffix(".json").write_text(text)
        with pytest.raises(ModelRefused) as refusal:
            open_model(path)
        assert refusal.value.reason == "card"


class Session:
    def __init__(self, provider: str) -> None:
        self.provider = provider

    def get_providers(self) -> list[str]:
        return [self.provider]


def runtime(offered: list[str], works: list[str]) -> Any:
    """An onnxruntime that offers some devices, of which some work."""

    class Runtime:
        SessionOptions = onnxruntime.SessionOptions
        GraphOptimizationLevel = onnxruntime.GraphOptimizationLevel

        @staticmethod
        def get_available_providers() -> list[str]:
            return offered

        @staticmethod
        def InferenceSession(data: bytes, sess_options: Any, providers: list[str]) -> Session:
            if providers[0] == "OpenVINOExecutionProvider" and providers[0] not in works:
                raise RuntimeError("no device\nand more")
            return Session(providers[0] if providers[0] in works else "CPUExecutionProvider")

    return Runtime


CUDA, OPENVINO, ROCM, CPU = devices.PROVIDERS.values()


@pytest.mark.parametrize(
    ("offered", "works", "used"),
    [
        ([CPU], [CPU], "cpu"),
        ([CPU, CUDA], [CPU, CUDA], "cuda"),
        ([CPU, CUDA, OPENVINO], [CPU, OPENVINO], "openvino"),
        ([CPU, OPENVINO, ROCM], [CPU, ROCM], "rocm"),
        ([CPU, CUDA, OPENVINO, ROCM], [CPU], "cpu"),
        ([CUDA, OPENVINO, ROCM, CPU], [CUDA, OPENVINO, ROCM, CPU], "cuda"),
    ],
)
def test_auto_takes_the_first_that_works(
    offered: list[str], works: list[str], used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_runtime", lambda: runtime(offered, works))
    session, device, note = devices.open_session(b"", "auto")
    assert device == used
    assert session.get_providers() == [devices.PROVIDERS[used]]
    assert note.startswith(f"{used}, chosen by auto")
    before = list(devices.PROVIDERS)[: list(devices.PROVIDERS).index(used)]
    assert all(f"{name}:" in note for name in before)
    assert "\n" not in note


def test_a_device_asked_for_by_name_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_runtime", lambda: runtime([CPU, CUDA], [CPU]))
    for name in ("cuda", "rocm"):
        with pytest.raises(CapabilityMissing, match=f"--tiny-device {name} cannot be used"):
            devices.open_session(b"", name)
    with pytest.raises(UsageError, match="gpu"):
        devices.open_session(b"", "gpu")


def test_cpu_by_name() -> None:
    model = open_bytes(kit.mlp(), device="cpu")
    assert model.device == "cpu"
    assert model.notes[0] == "device cpu, as asked"


def test_our_reader_reads_what_the_onnx_package_reads() -> None:
    data = kit.mlp()
    proto = onnx.load_model_from_string(data)
    graph = read_graph(data)
    assert graph.ir_version == proto.ir_version
    assert [node.operator for node in graph.nodes] == [node.op_type for node in proto.graph.node]
    for tensor in proto.graph.initializer:
        assert np.array_equal(graph.constants[tensor.name], onnx.numpy_helper.to_array(tensor))


@pytest.mark.parametrize("typed", [False, True])
def test_weights_in_either_form(typed: bool) -> None:
    nodes, weights = kit.mlp_parts()
    if typed:
        weights = [
            helper.make_tensor(w.name, w.data_type, w.dims, onnx.numpy_helper.to_array(w).ravel())
            for w in weights
        ]
    data = kit.model(nodes, weights).SerializeToString()
    rows = np.random.default_rng(1).uniform(0, 1, (5, 6))
    assert np.array_equal(
        open_bytes(data, device="cpu").run(rows), open_bytes(kit.mlp(), device="cpu").run(rows)
    )


def test_shapes_are_those_of_the_onnx_package() -> None:
    nodes = [
        helper.make_node("Unsqueeze", ["features", "one"], ["a"]),
        helper.make_node("Sub", ["a", "table"], ["b"]),
        helper.make_node("ReduceSum", ["b", "two"], ["c"], keepdims=1),
        helper.make_node("Squeeze", ["c", "two"], ["d"]),
        helper.make_node("Where", ["flags", "d", "d"], ["e"]),
        helper.make_node("MatMul", ["e", "down"], ["f"]),
        helper.make_node("Gemm", ["f", "side"], ["g"], transB=1),
        helper.make_node("Max", ["g", "number"], ["h"]),
        helper.make_node("Squeeze", ["h", "one"], ["vmaf"]),
    ]
    weights = [
        kit.weight("one", [1], np.int64),
        kit.weight("two", [2], np.int64),
        kit.weight("table", np.zeros((9, 6))),
        kit.weight("flags", [True] * 9, np.bool_),
        kit.weight("down", np.zeros((9, 3))),
        kit.weight("side", np.zeros((1, 3))),
        kit.weight("number", 1.0),
    ]
    made = kit.model(nodes, weights)
    graph = read_graph(made.SerializeToString())
    known = {name: array.shape for name, array in graph.constants.items()}
    ours, _ = shapes.infer(graph.nodes, {**known, "features": (shapes.ROWS, 6)}, graph.constants)
    inferred = onnx.shape_inference.infer_shapes(made, strict_mode=True, data_prop=True)
    for value in inferred.graph.value_info:
        dims = value.type.tensor_type.shape.dim
        theirs = tuple(d.dim_value if d.HasField("dim_value") else shapes.ROWS for d in dims)
        assert ours[value.name] == theirs, value.name
    assert open_bytes(made.SerializeToString(), device="cpu").run(np.ones((4, 6))).shape == (4,)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_run(data: st.DataObject) -> None:
    good = kit.mlp()
    at = data.draw(st.integers(0, len(good) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=4))
    damaged = good[:at] + patch + good[at + data.draw(st.integers(0, 6)) :]
    try:
        facts = onnx_file.inspect(damaged)
        model = open_bytes(damaged, device="cpu")
    except VmafkitError as error:
        assert isinstance(error, ModelRefused)
        return
    with np.errstate(all="ignore"):
        assert model.run(np.ones((2, facts.inputs))).shape == (2,)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    for text in (data, b"\x08\x0a" + kit.field(7, data) + kit.field(8, b"\x10\x11")):
        with pytest.raises(ModelRefused):
            onnx_file.inspect(text)
