"""`vmaf --tiny-model`: a real model, the exact regression of vmaf_v0.6.1 as an ONNX file."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

import onnx_kit as kit
import scoring_kit
from vmafkit import api
from vmafkit.cli import vmaf
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.models.registry import register
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import load_model
from vmafkit.scoring.svr_onnx import to_onnx

FRAMES = 6
NEEDED = {"adm", "vif", "motion"}


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A picture without loss, and the same encoded hard."""
    folder = tmp_path_factory.mktemp("tiny")
    reference, distorted = folder / "reference.mkv", folder / "distorted.mkv"
    picture = scoring_kit.picture(frames=FRAMES)
    scoring_kit.ffmpeg(*picture, *scoring_kit.LOSSLESS, reference)
    scoring_kit.ffmpeg(*picture, *scoring_kit.X264, "-crf", "40", distorted)
    return reference, distorted


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The regression of vmaf_v0.6.1 in the order of canonical-6, registered, without a card."""
    folder = tmp_path_factory.mktemp("model")
    svr = load_model(model_json("vmaf_v0.6.1", find_ffmpeg()))
    path = folder / "svr6.onnx"
    path.write_bytes(to_onnx(svr, features=kit.FEATURES))
    register(path, registry=folder / "registry.json")
    return path


@pytest.fixture
def run(clips: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str | Path) -> tuple[int, str, str]:
        code = vmaf.main(["-r", str(clips[0]), "-d", str(clips[1]), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_score_is_printed_and_says_where_it_ran(run: Any, model: Path) -> None:
    code, out, err = run("--tiny-model", model, "--tiny-device", "auto")
    assert code == 0, err
    scores = dict(re.findall(r"^(\S+): ([\d.]+)$", out, re.MULTILINE))
    assert float(scores["svr6"]) == pytest.approx(float(scores["vmaf_v0.6.1"]), abs=5e-3)
    assert 10.0 < float(scores["svr6"]) < 99.0
    assert "svr6: device cpu, chosen by auto" in err


def test_the_record_names_model_hash_and_device(run: Any, model: Path) -> None:
    code, out, _ = run("--tiny-model", model, "--json", "--pool", "min", "-q")
    assert code == 0
    record = json.loads(out)
    (tiny,) = record["tiny_models"]
    entry = json.loads((model.parent / "registry.json").read_text())["models"][0]
    assert (tiny["id"], tiny["sha256"], tiny["device"]) == ("svr6", entry["sha256"], "cpu")
    assert tiny["score"] == record["pooled"]["svr6"]["min"]
    assert tiny["score"] == pytest.approx(record["score"], abs=5e-3)


def columns(path: Path) -> dict[str, list[float]]:
    """The per-frame values of an output file, by column."""
    text = path.read_text()
    rows: list[dict[str, str]]
    if path.suffix == ".json":
        rows = [frame["metrics"] for frame in json.loads(text)["frames"]]
    elif path.suffix == ".xml":
        found = ElementTree.fromstring(text).findall("frames/frame")
        rows = [{k: v for k, v in frame.attrib.items() if k != "frameNum"} for frame in found]
    elif path.suffix == ".csv":
        rows = [
            {k: v for k, v in row.items() if k and k != "Frame"}
            for row in csv.DictReader(text.splitlines())
        ]
    else:
        rows = [
            dict(re.findall(r"(\w+): ([\d.]+)\|", line.split("|", 1)[1]))
            for line in text.splitlines()
        ]
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


@pytest.mark.parametrize("form", ["json", "xml", "csv", "sub"])
def test_every_form_has_its_column(run: Any, model: Path, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"log.{form}"
    code, _, err = run("--tiny-model", model, "-o", path, f"--{form}", "-q")
    assert code == 0, err
    table = columns(path)
    assert len(table["svr6"]) == FRAMES
    assert np.abs(np.subtract(table["svr6"], table["vmaf"])).max() <= 5e-3
    assert list(table)[-1] == "svr6"
    if form == "json":
        pooled = json.loads(path.read_text())["pooled_metrics"]["svr6"]
        assert pooled["mean"] == pytest.approx(np.mean(table["svr6"]), abs=1e-6)
    if form == "xml":
        names = [e.get("name") for e in ElementTree.parse(path).findall("pooled_metrics/metric")]
        assert "svr6" in names


def extractors(clips: tuple[Path, Path], **words: Any) -> set[str]:
    """What libvmaf computed, by the columns of the result."""
    result = api.score(*clips, **words)
    heads = {"adm": "adm2", "vif": "vif_scale0", "motion": "motion2", "cambi": "cambi"}
    return {name for name, head in heads.items() if {head, f"integer_{head}"} & set(result.columns)}


def test_only_what_the_model_needs_is_extracted(
    clips: tuple[Path, Path], model: Path, tmp_path: Path
) -> None:
    assert extractors(clips, tiny_model=model, predict=False) == NEEDED
    nodes = [helper.make_node("ReduceSum", ["features", "last"], ["vmaf"], keepdims=0)]
    made = kit.model(nodes, [kit.weight("last", [-1], np.int64)], inputs=2)
    helper.set_model_props(made, {"features": "adm2,adm_scale3"})
    small = tmp_path / "small.onnx"
    small.write_bytes(made.SerializeToString())
    result = api.score(*clips, tiny_model=small, predict=False)
    assert extractors(clips, tiny_model=small, predict=False) == {"adm"}
    wanted = result.columns["integer_adm2"] + result.columns["integer_adm_scale3"]
    assert np.allclose(result.columns["small"], wanted, atol=1e-6)


def test_without_prediction_and_with_features_of_ones_own(run: Any, model: Path) -> None:
    words = ("--tiny-model", model, "--no_prediction", "--feature", "psnr")
    code, out, _ = run(*words, "-q", "--json")
    assert code == 0
    record = json.loads(out)
    assert record["score"] is None
    assert record["model"] is None
    assert record["tiny_models"][0]["score"] > 10.0
    code, out, _ = run(*words)
    assert code == 0
    printed = [line.split(":")[0] for line in out.splitlines()]
    assert printed == ["svr6", "psnr_y", "psnr_cb", "psnr_cr"]


def test_a_feature_with_options_is_taken_with_them(
    clips: tuple[Path, Path], tmp_path: Path
) -> None:
    """The model that gives no credit for enhancement, beside the one that does."""
    svr = load_model(model_json("vmaf_v0.6.1neg", find_ffmpeg()))
    data = to_onnx(svr, features=kit.FEATURES)
    options = {
        name: {key: float(value) for key, value in entry.items()}
        for name, entry in zip(svr.features, svr.feature_options, strict=True)
        if entry
    }
    path = kit.write(
        tmp_path, data, "neg6", input_mean=None, input_std=None, feature_options=options
    )
    result = api.score(*clips, models=["vmaf_v0.6.1", "vmaf_v0.6.1neg"], tiny_model=path)
    neg, plain = result.columns["vmaf_v0.6.1neg"], result.columns["vmaf_v0.6.1"]
    assert np.abs(result.columns["neg6"] - neg).max() <= 5e-3
    alone = api.score(*clips, predict=False, tiny_model=path)
    assert np.abs(alone.columns["neg6"] - neg).max() <= 5e-3
    assert np.abs(neg - plain).max() > 0.05


NAMED = "version=vmaf_v0.6.1:name=svr6"
REFUSED: dict[str, tuple[list[str], int, str]] = {
    "no such file": (["--tiny-model", "none.onnx"], 2, "is not there"),
    "no such id": (["--tiny-model", "none"], 2, "is not known"),
    "no such device": (["--tiny-model", "{model}", "--tiny-device", "gpu"], 2, "not known"),
    "absent device": (["--tiny-model", "{model}", "--tiny-device", "rocm"], 4, "cannot be used"),
    "device alone": (["--tiny-device", "cpu"], 2, "has no model"),
    "no model": (["--tiny-model", "{text}"], 9, "ONNX"),
    "changed": (["--tiny-model", "{changed}"], 9, "registry says"),
    "unknown feature": (["--tiny-model", "{strange}"], 2, "does not compute"),
    "name of a model": (["--tiny-model", "{model}", "-m", NAMED], 2, "name"),
    "name of a column": (["--tiny-model", "{column}"], 2, "name of a column"),
    "deeper video": (["--tiny-model", "{deep}"], 2, "10-bit"),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_refusals(run: Any, model: Path, form: str, tmp_path: Path) -> None:
    words, exit_code, text = REFUSED[form]
    (tmp_path / "text.onnx").write_text("no model")
    changed = tmp_path / "svr6.onnx"
    changed.write_bytes(kit.mlp())
    (tmp_path / "registry.json").write_text((model.parent / "registry.json").read_text())
    strange = tmp_path / "strange.onnx"
    strange.write_bytes(kit.mlp(features=("no_such", *kit.FEATURES[1:])))
    column = tmp_path / "vmaf.onnx"
    column.write_bytes(kit.mlp())
    paths = {
        "model": model,
        "text": tmp_path / "text.onnx",
        "changed": changed,
        "strange": strange,
        "column": column,
        "deep": kit.write(tmp_path, kit.mlp(), "deep", bit_depth=10),
    }
    output = tmp_path / "log.json"
    code, out, err = run(*(word.format(**paths) for word in words), "-o", output)
    assert (code, out) == (exit_code, ""), err
    assert text in err
    assert len(err.splitlines()) == 1
    assert not output.exists()
