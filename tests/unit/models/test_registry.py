from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import onnx_kit as kit
from vmafkit.errors import ModelRefused, SchemaTooNew, Unreadable, UsageError
from vmafkit.models import registry
from vmafkit.models.loader import open_model
from vmafkit.schema import exports
from vmafkit.schema.registry import Registry, read_registry, render_registry
from vmafkit.schema.sidecar import read_sidecar, render_sidecar


def test_register_find_and_open_by_id(tmp_path: Path) -> None:
    path = kit.write(tmp_path, kit.mlp())
    file = tmp_path / "registry.json"
    entry = registry.register(path, registry=file, license="BSD-2-Clause", notes=None)
    assert (entry.id, entry.kind, entry.onnx, entry.opset) == ("tiny", "fr", "tiny.onnx", 17)
    assert registry.find("tiny", file) == (entry, path)
    assert open_model("tiny", registry_file=file).id == "tiny"
    again = registry.register(path, registry=file, smoke=True)
    assert registry.load(file).models == [again]
    with pytest.raises(UsageError, match="'other' is not known") as error:
        registry.find("other", file)
    assert "known are tiny" in error.value.hint


def test_the_file_fits_its_json_schema(tmp_path: Path) -> None:
    path = kit.write(tmp_path, kit.mlp())
    registry.register(path, registry=tmp_path / "registry.json")
    document = json.loads((tmp_path / "registry.json").read_text())
    jsonschema.validate(document, exports.json_schema("tiny-registry"))
    card = json.loads((tmp_path / "tiny.json").read_text())
    jsonschema.validate(card, exports.json_schema("tiny-sidecar"))
    document["models"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, exports.json_schema("tiny-registry"))
    with pytest.raises(Unreadable, match="surprise"):
        read_registry(json.dumps(document).encode())


def test_what_comes_with_vmafkit_is_whole() -> None:
    known = registry.load()
    jsonschema.validate(
        json.loads((registry.shipped_folder() / "registry.json").read_text()),
        exports.json_schema("tiny-registry"),
    )
    for entry in known.models:
        model = open_model(entry.id, device="cpu")
        assert model.sha256 == entry.sha256
        assert entry.smoke or model.card is not None


def test_the_shipped_folder_is_found_from_any_folder(tmp_path: Path) -> None:
    code = "from vmafkit.models import registry; print(registry.load().schema_version)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.stdout == b"1\n", done.stderr


def test_ten_at_once_all_stand(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    paths = [kit.write(tmp_path, kit.mlp(seed), f"m{seed}") for seed in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda path: registry.register(path, registry=file), paths))
    assert [entry.id for entry in registry.load(file).models] == [f"m{i}" for i in range(10)]
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json"] * 11 + [".onnx"] * 10


def test_register_refuses(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    outside = tmp_path / "other"
    outside.mkdir()
    below = tmp_path / "models"
    below.mkdir()
    path = kit.write(outside, kit.mlp())
    with pytest.raises(UsageError, match="does not lie beside"):
        registry.register(path, registry=below / "registry.json")
    (below / "link.onnx").symlink_to(path)
    with pytest.raises(UsageError, match="does not lie beside"):
        registry.register(below / "link.onnx", registry=below / "registry.json")
    wrong = kit.write(tmp_path, kit.mlp(), opset=18)
    with pytest.raises(ModelRefused, match="card says opset 18"):
        registry.register(wrong, registry=file)
    wrong.write_bytes(b"no model")
    with pytest.raises(ModelRefused):
        registry.register(wrong, registry=file)
    good = kit.write(tmp_path, kit.mlp())
    for facts in ({"kind": "xx"}, {"model_id": "Not An Id"}, {"notes": "x" * 513}, {"nonsense": 1}):
        with pytest.raises(UsageError, match="cannot take"):
            registry.register(good, registry=file, **facts)
    assert not file.exists()
    file.write_text("{}")
    with pytest.raises(Unreadable):
        registry.register(good, registry=file)
    assert file.read_text() == "{}"


def entry(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "kind": "fr", "onnx": "a.onnx", "sha256": "0" * 64, **changes}


WRONG: dict[str, Any] = {
    "upper id": [entry(id="A")],
    "id twice": [entry(), entry(onnx="b.onnx")],
    "short hash": [entry(sha256="00")],
    "upper hash": [entry(sha256="A" * 64)],
    "absolute": [entry(onnx="/etc/passwd")],
    "parent": [entry(onnx="../a.onnx")],
    "backslash": [entry(onnx="..\\a.onnx")],
    "empty": [entry(onnx="")],
    "kind": [entry(kind="x")],
    "opset": [entry(opset=22)],
    "text for number": [entry(opset="17")],
    "unknown key": [entry(extra=1)],
    "budget": [entry(quant_accuracy_budget_plcc=2.0)],
    "no list": {},
}


@pytest.mark.parametrize("form", WRONG)
def test_registries_that_are_none(form: str) -> None:
    document = {"schema_version": 1, "models": WRONG[form]}
    with pytest.raises(Unreadable):
        read_registry(json.dumps(document).encode())


def test_versions_old_and_new() -> None:
    old = read_registry(b'{"schema_version": 0, "models": []}')
    assert old.models == []
    with pytest.raises(SchemaTooNew):
        read_registry(b'{"schema_version": 2, "models": []}')
    for text in (b"", b"[]", b"\xff", b'{"models": NaN}', b'{"models": [], "models": []}'):
        with pytest.raises(Unreadable):
            read_registry(text)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    card = kit.card(kit.mlp(), training={"rows": 3}, feature_options={"adm2": {"x": 1.5}})
    assert read_sidecar(render_sidecar(card).encode(), "x") == card
    made = Registry.model_validate({"schema_version": 1, "models": [entry(license="MIT")]})
    assert read_registry(render_registry(made).encode()) == made


WRONG_CARDS: dict[str, dict[str, Any]] = {
    "feature twice": {"features": ["adm2"] * 6},
    "shape": {"input_shape": [-1, 5]},
    "output shape": {"output_shape": [-1, 1]},
    "mean": {"input_mean": [1.0]},
    "option of no feature": {"feature_options": {"cambi": {"x": 1}}},
    "range": {"output_range": [100.0, 0.0]},
    "path": {"onnx": "../tiny.onnx"},
    "name": {"features": ["Adm2", *kit.FEATURES[1:]]},
    "unknown": {"normalization": {}},
}


@pytest.mark.parametrize("form", WRONG_CARDS)
def test_cards_that_are_none(form: str) -> None:
    document = json.loads(render_sidecar(kit.card(kit.mlp()))) | WRONG_CARDS[form]
    with pytest.raises(Unreadable, match="not a model card"):
        read_sidecar(json.dumps(document).encode(), "tiny.json")


def test_an_entry_cannot_lead_outside_through_a_link(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    kit.write(outside, kit.mlp())
    (inside / "sub").symlink_to(outside)
    document = {"schema_version": 1, "models": [entry(id="tiny", onnx="sub/tiny.onnx")]}
    (inside / "registry.json").write_text(json.dumps(document))
    with pytest.raises(ModelRefused, match="outside its registry"):
        open_model("tiny", registry_file=inside / "registry.json")


def test_a_broken_registry_beside_a_model_is_not_passed_over(tmp_path: Path) -> None:
    path = kit.write(tmp_path, kit.mlp())
    (tmp_path / "registry.json").write_text("{")
    with pytest.raises(ModelRefused) as refusal:
        open_model(path)
    assert refusal.value.reason == "registry"
    (tmp_path / "registry.json").unlink()
    assert open_model(path).run(np.zeros((1, 6))).shape == (1,)
