from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from vmafkit.errors import UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.models.loader import open_bytes
from vmafkit.models.onnx_file import ALLOWED_OPERATORS
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import Svr, load_members, load_model
from vmafkit.scoring.svr_onnx import to_onnx
from vmafkit.scoring.vmaf_models import TABLE

FloatArray = npt.NDArray[np.float64]


def rows_of(svr: Svr, count: int = 400) -> FloatArray:
    """Features over their whole range, with the corners that a model treats apart."""
    rng = np.random.default_rng(5)
    ranges: dict[str, tuple[float, float]] = {
        "adm2": (0.4, 1.0),
        "adm3": (0.5, 1.0),
        "motion2": (0.0, 20.0),
        "motion3": (0.0, 18.0),
        "cambi": (0.0, 17.0),
        "speed_chroma_uv": (0.0, 45.0),
    }
    columns = [rng.uniform(*ranges.get(name, (0.1, 1.0)), count) for name in svr.features]
    rows = np.stack(columns, axis=-1)
    if svr.chroma_correction:
        rows[::2, 1] = 0.0
    return rows.astype(np.float32).astype(np.float64)


def built_in(name: str) -> Svr:
    model = TABLE[name]
    data = model_json(name, find_ffmpeg())
    return load_members(data, transform=True if model.phone else None)[0]


@pytest.mark.parametrize("name", TABLE)
def test_both_widths_equal_numpy(name: str) -> None:
    svr = built_in(name)
    rows = rows_of(svr)
    wanted = svr.predict(rows)
    assert np.abs(open_bytes(to_onnx(svr), device="cpu").run(rows) - wanted).max() <= 5e-3
    double = open_bytes(to_onnx(svr, double=True), device="cpu")
    assert np.abs(double.run(rows) - wanted).max() <= 1e-9


def made(change: dict[str, Any], kernel: str = "") -> Svr:
    document = json.loads(model_json("vmaf_v0.6.1", find_ffmpeg()))
    document["model_dict"].update(change)
    if kernel:
        text = document["model_dict"]["model"]
        document["model_dict"]["model"] = text.replace("kernel_type rbf\ngamma 0.04", kernel)
    return load_model(json.dumps(document).encode())


MADE = {
    "knots": made(
        {"score_transform": {"enabled": True, "knots": [[0, 9], [40, 20], [60, 20], [100, 99]]}}
    ),
    "at least": made(
        {"score_transform": {"enabled": True, "p0": -9.0, "p1": 1.05, "out_gte_in": "true"}}
    ),
    "at most": made(
        {"score_transform": {"enabled": True, "p0": -9.0, "p1": 1.12, "out_lte_in": "true"}}
    ),
    "no clip": made({"score_clip": None}),
    "linear": made({}, "kernel_type linear"),
    "polynomial": made({}, "kernel_type polynomial\ndegree 3\ngamma 0.3\ncoef0 0.5"),
    "sigmoid": made({}, "kernel_type sigmoid\ngamma 0.2\ncoef0 0.1"),
}


@pytest.mark.parametrize("form", MADE)
def test_every_part_of_the_formula(form: str) -> None:
    svr = MADE[form]
    rows = rows_of(svr)
    model = open_bytes(to_onnx(svr, double=True), device="cpu")
    assert np.abs(model.run(rows) - svr.predict(rows)).max() <= 1e-9


def test_bytes_are_the_same_each_time_and_pass_the_checker() -> None:
    svr = built_in("vmaf_v1.0.16_3d0h")
    data = to_onnx(svr)
    assert data == to_onnx(built_in("vmaf_v1.0.16_3d0h"))
    assert len(data) < 16_384
    proto = onnx.load_model_from_string(data)
    onnx.checker.check_model(proto, full_check=True)
    assert {node.op_type for node in proto.graph.node} <= ALLOWED_OPERATORS
    assert (proto.ir_version, proto.opset_import[0].version) == (10, 17)


def test_columns_in_another_order() -> None:
    svr = built_in("vmaf_v0.6.1")
    order = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
    model = open_bytes(to_onnx(svr, features=order, double=True), device="cpu")
    assert model.features == order
    rows = rows_of(svr)
    table = {name: rows[:, column] for column, name in enumerate(svr.features)}
    moved = np.stack([table[name] for name in order], axis=-1)
    assert np.abs(model.run(moved) - svr.predict(rows)).max() <= 1e-9
    with pytest.raises(UsageError, match="not"):
        to_onnx(svr, features=order[:5])


def test_the_plain_use_of_onnxruntime() -> None:
    """As the documentation shows it: a session, a table, one name."""
    svr = built_in("vmaf_v0.6.1")
    session = onnxruntime.InferenceSession(to_onnx(svr), providers=["CPUExecutionProvider"])
    rows = rows_of(svr)
    (scores,) = session.run(None, {"features": rows.astype(np.float32)})
    assert scores.shape == (len(rows),)
    assert scores.dtype == np.float32
    assert np.abs(scores - svr.predict(rows)).max() <= 5e-3
