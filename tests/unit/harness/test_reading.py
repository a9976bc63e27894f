"""What the harness reads beside recipes: geometry, lists, logs, older models, metric names."""

from __future__ import annotations

import json
import math
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vmafkit.errors import InputError, ModelRefused, Refused, Unreadable, UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.harness import assembly, convert, metrics, plots
from vmafkit.harness.assets import assets_of
from vmafkit.harness.batch import read_list
from vmafkit.harness.testing import pool_word
from vmafkit.harness.workspace import open_workspace
from vmafkit.schema.recipe import Recipe
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import load_members, load_model
from vmafkit.scoring.vmaf_models import TABLE

BASE: dict[str, Any] = {
    "dataset_name": "a",
    "yuv_fmt": "yuv420p",
    "width": 64,
    "height": 48,
    "ref_videos": [{"content_id": 0, "path": "a.yuv"}],
    "dis_videos": [{"content_id": 0, "asset_id": 0, "path": "b.yuv", "mos": 1}],
}


def _asset(tmp_path: Path, top: dict[str, Any] | None = None, **dis: Any) -> Any:
    values = BASE | (top or {}) | {"dis_videos": [BASE["dis_videos"][0] | dis]}
    return assets_of(Recipe.model_validate(values), tmp_path, open_workspace(tmp_path))[0]


def test_each_side_has_its_own_geometry(tmp_path: Path) -> None:
    found = _asset(tmp_path, width=32, height=24, quality_width=64, quality_height=48, fps=30)
    assert (found.reference.raw.width, found.distorted.raw.width) == (64, 32)
    assert found.size_px == (64, 48)
    assert found.distorted.raw.framerate == Fraction(30)
    assert found.reference.path == tmp_path / "a.yuv"
    assert _asset(tmp_path, path="c.mkv").distorted.raw is None
    assert _asset(tmp_path, enc_width=32, enc_height=24, enc_bitdepth=10).encode == (32, 24, 10)
    with pytest.raises(Refused, match="differ in size"):
        _asset(tmp_path, width=32, height=24)
    with pytest.raises(Refused, match="without width"):
        _asset(tmp_path, {"width": None})


def test_frame_ranges_include_their_ends(tmp_path: Path) -> None:
    found = _asset(tmp_path, start_frame=2, end_frame=5, dis_start_frame=3, dis_end_frame=6)
    assert (found.reference.frames, found.distorted.frames) == ((2, 5), (3, 6))
    assert _asset(tmp_path, {"end_frame": 9}).reference.frames == (0, 9)
    with pytest.raises(Refused, match="no last"):
        _asset(tmp_path, start_frame=2)
    with pytest.raises(Refused, match="are none"):
        _asset(tmp_path, start_frame=2, end_frame=1)


def test_a_duration_is_the_last_word_on_frames(tmp_path: Path) -> None:
    found = _asset(tmp_path, duration_sec=0.5, fps=24)
    assert (found.reference.frames, found.distorted.frames) == ((0, 11), (0, 11))
    # 29.97 frames in a second are 30 frames, the last of them number 29.
    assert _asset(tmp_path, {"duration_sec": 1, "fps": 29.97}).distorted.frames == (0, 29)
    assert _asset(tmp_path, {"duration_sec": 9, "fps": 30}, duration_sec=2).reference.frames == (
        0,
        59,
    )
    ranged = _asset(tmp_path, {"fps": 25}, duration_sec=2, dis_start_frame=3, dis_end_frame=6)
    assert (ranged.reference.frames, ranged.distorted.frames) == ((0, 49), (3, 6))
    # With a range there is nothing left to say, so the rate is not needed.
    assert _asset(tmp_path, duration_sec=2, end_frame=4).reference.frames == (0, 4)
    with pytest.raises(Refused, match="duration_sec and no fps"):
        _asset(tmp_path, duration_sec=2)
    for length in (0.01, math.inf):
        with pytest.raises(Refused, match="no frames"):
            _asset(tmp_path, duration_sec=length, fps=25)


def test_frames_that_stall_are_refused(tmp_path: Path) -> None:
    assert _asset(tmp_path, rebuf_indices=[]).distorted.frames is None
    with pytest.raises(Refused, match="asset 0 has rebuf_indices"):
        _asset(tmp_path, rebuf_indices=[3, 4])


@pytest.mark.parametrize("text", ["iw-2:ih+4:3:2", "64:48:0:0"])
def test_crop_and_pad_are_numbers(tmp_path: Path, text: str) -> None:
    assert _asset(tmp_path, pad_cmd=text).distorted.steps.pad == tuple(text.split(":"))


@pytest.mark.parametrize(
    "bad", ["1:2:3", "a:b:c:d", "1:2:3:4,movie=x", "1:2:3:4[x]", "iw*2:1:1:1", "", "-1:2:3:4"]
)
def test_nothing_else_gets_into_a_filter(tmp_path: Path, bad: str) -> None:
    for name in ("crop_cmd", "pad_cmd"):
        with pytest.raises(Refused, match=name):
            _asset(tmp_path, **{name: bad})


def test_rates(tmp_path: Path) -> None:
    assert _asset(tmp_path, fps_cmd="fps=30000/1001").distorted.steps.fps == Fraction(30000, 1001)
    for bad in ("25,movie=x", "0", "1/0", "fps"):
        with pytest.raises(Refused, match="rate"):
            _asset(tmp_path, fps_cmd=bad)


def test_a_list_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("# made\nyuv420p 64 48 'a b.yuv' c.yuv  # end\n\nnotyuv 0 0 a.mkv b.mkv\n")
    one, two = read_list(path)
    assert one.reference.path == tmp_path / "a b.yuv"
    assert one.reference.raw is not None
    assert two.distorted.raw is None
    for bad, where in (("yuv420p 64 a.yuv b.yuv", ":1"), ("x 1 1 a b\n'", ":2"), ("", "no pair")):
        path.write_text(bad)
        with pytest.raises(Refused, match=where):
            read_list(path)
    with pytest.raises(Unreadable):
        read_list(tmp_path / "gone")


JSON_LOG = {"frames": [{"frameNum": i, "metrics": {"vmaf": 10.0 * i}} for i in range(3)]}
XML_LOG = (
    "<VMAF><frames>"
    + "".join(f'<frame frameNum="{i}" vmaf="{10 * i + 5}"/>' for i in range(2))
    + "</frames></VMAF>"
)


def test_logs_are_joined_in_time(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(JSON_LOG))
    (tmp_path / "b.xml").write_text(XML_LOG)
    joined = assembly.as_record(assembly.assemble([tmp_path / "a.json", tmp_path / "b.xml"]))
    values = [0.0, 10.0, 20.0, 5.0, 15.0]
    assert [each["metrics"]["vmaf"] for each in joined["frames"]] == values
    assert [each["frameNum"] for each in joined["frames"]] == [0, 1, 2, 3, 4]
    pooled = joined["pooled_metrics"]["vmaf"]
    assert pooled["mean"] == 10.0
    assert pooled["harmonic_mean"] == pytest.approx(5 / sum(1 / (v + 1) for v in values) - 1)
    (tmp_path / "c.json").write_text(json.dumps(JSON_LOG).replace("vmaf", "psnr"))
    with pytest.raises(Refused, match="other scores"):
        assembly.assemble([tmp_path / "a.json", tmp_path / "c.json"])


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"frames": []}', '{"frames": [{"metrics": {"a": NaN}}]}', "<a", "<a/>",
     '<!DOCTYPE a [<!ENTITY b "c">]><a><frame x="1"/></a>', "null", '{"frames": [1]}'],
)  # fmt: skip
def test_what_is_no_log_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    with pytest.raises(InputError):
        assembly.read_log(tmp_path / "a")


MODEL: dict[str, Any] = {
    "param_dict": {"C": 4.0, "gamma": 0.04, "nu": 0.9, "ok": True, "none": None},
    "model_dict": {
        "model_type": "LIBSVMNUSVR",
        "norm_type": "linear_rescale",
        "feature_names": [f"VMAF_integer_feature_{name}_score" for name in ("adm2", "vif_scale0")],
        "slopes": [0.01, 1.0, 2.0],
        "intercepts": (0.0, 0.0, -1.0),
        "score_clip": [0.0, 100.0],
    },
}  # fmt: skip
VECTORS = "svm_type nu_svr\nkernel_type linear\nnr_class 2\ntotal_sv 1\nrho 0\nSV\n1 1:1 2:0.5\n"


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickled_model_is_read_without_running_it(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(MODEL, protocol=protocol))
    (tmp_path / "old.pkl.model").write_text(VECTORS)
    document = convert.pickled_model(path)
    model = load_model(json.dumps(document).encode())
    np.testing.assert_allclose(model.predict(np.array([[0.5, 0.9]])), [100 * (0.5 + 0.5 * 0.8)])
    assert document["param_dict"] == MODEL["param_dict"]


class _Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_something_is_refused(
    tmp_path: Path, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps({"model_dict": _Evil()}, protocol=protocol)
    (tmp_path / "evil.pkl").write_bytes(data)
    with pytest.raises(ModelRefused, match="nothing in it is run"):
        convert.pickled_model(tmp_path / "evil.pkl")
    assert not (tmp_path / "ran").exists()
    whole = pickle.dumps(MODEL, protocol=protocol)
    for cut in range(0, len(whole), 7):
        with pytest.raises((Unreadable, ModelRefused)):
            convert.plain_pickle(whole[:cut], "cut")


def test_a_model_without_enhancement_gain() -> None:
    document = json.loads(json.dumps(MODEL))
    document["model_dict"]["model"] = VECTORS
    options = convert.without_enhancement_gain(document)["model_dict"]["feature_opts_dicts"]
    assert options == [{"adm_enhn_gain_limit": 1.0}, {"vif_enhn_gain_limit": 1.0}]
    assert "feature_opts_dicts" not in document["model_dict"]


@pytest.mark.parametrize("name", [*metrics.names(), "ADM", "vmaf_v0.6.1neg", "tiny:vmaf_tiny_v2"])
def test_every_metric_has_a_column_and_something_to_ask_for(name: str) -> None:
    metric = metrics.metric_by_name(name)
    request = metric.request()
    assert metric.column
    assert request.models or request.features
    columns = {column for feature in request.features for column in feature.columns}
    assert metric.column in columns | {model.id for model in request.models} or metric.own


def test_metrics_that_are_not_known() -> None:
    for word in ("nope", "features:nope", "path=gone.json", "VMAFF"):
        with pytest.raises(UsageError):
            metrics.metric_by_name(word)
    assert metrics.metric_by_name("features:vif,adm").id == "features:adm,vif"


def test_small_words() -> None:
    assert [pool_word(word) for word in ("perc5", "mean", "p7")] == ["p5", "mean", "p7"]
    for bad in ("bogus", "", "perc", "perc101", "pnan", "Mean"):
        with pytest.raises(UsageError, match="--pool"):
            pool_word(bad)
    assert plots.size_of("5x4") == (480, 384)
    for bad in ("5", "0x5", "ax5", "nanx5", "infx5", "1e9x5"):
        with pytest.raises(UsageError):
            plots.size_of(bad)


def test_the_phone_transform_is_that_of_the_metrics_own_model() -> None:
    """Golden: what the models' own files hold."""
    program = find_ffmpeg()
    for model in TABLE.values():
        data = load_members(model_json(model.version, program), transform=None)
        asked = load_members(model_json(model.version, program), transform=True)
        has_own = asked[0].transform is not None and data[0].transform is None
        metric = metrics.metric_by_name(model.id)
        if has_own:
            made = metrics.phone_metric(metric, "--phone-model")
            assert made.models[0].phone
            assert made.models[0].version == model.version
            assert made.id == model.id.removesuffix("_phone") + "_phone"
        else:
            with pytest.raises(UsageError, match=f"--phone-model: {model.id} has no transform"):
                metrics.phone_metric(metric, "--phone-model")
    with pytest.raises(UsageError, match="--vmaf-phone-model is for VMAF models, not for PSNR"):
        metrics.phone_metric(metrics.metric_by_name("PSNR"), "--vmaf-phone-model")


def test_a_file_says_whether_it_has_a_phone_transform(tmp_path: Path) -> None:
    plain = json.loads(model_json("vmaf_v0.6.1", find_ffmpeg()))
    curve = plain["model_dict"].pop("score_transform")
    for name, facts in (("none", None), ("own", curve), ("always", curve | {"enabled": True})):
        if facts is not None:
            plain["model_dict"]["score_transform"] = facts
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(plain), "utf-8")
        metric = metrics.metric_by_name(f"path={path}")
        if name == "own":
            assert metrics.phone_metric(metric, "--phone-model").id == "own_phone"
        else:
            with pytest.raises(UsageError, match=f"{name} has no transform"):
                metrics.phone_metric(metric, "--phone-model")
