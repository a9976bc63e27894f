"""Training, checkpoints, export and judging on tables made from the exact teacher."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from vmafkit import api
from vmafkit.errors import ResultInvalid, Unreadable, UsageError, VmafkitError
from vmafkit.learn import checkpoint as checkpoints
from vmafkit.learn import export as exports
from vmafkit.learn.checkpoint import Checkpoint
from vmafkit.learn.config import FitConfig, load_config
from vmafkit.learn.enrich import exact_labels, harder, sample
from vmafkit.learn.epochs import EpochPlan, run_epochs
from vmafkit.learn.feature_sets import CANONICAL_6
from vmafkit.learn.fit import fit
from vmafkit.learn.mlp import Layer, Mlp, flatten, forward, residuals, shapes, unflatten
from vmafkit.learn.polish import PolishPlan, polish
from vmafkit.learn.splits import SplitRule
from vmafkit.learn.tables import read_features

from .conftest import MakeTable, feature_rows


def network(seed: int = 0) -> Mlp:
    rng = np.random.default_rng(seed)
    size = sum(o * i + o for o, i in shapes("mlp_small", 6))
    layers = unflatten(rng.normal(0, 0.5, size), shapes("mlp_small", 6))
    last = Layer(layers[-1].weight * 5, layers[-1].bias + 60)
    return Mlp("mlp_small", (*layers[:-1], last), rng.random(6), rng.random(6) + 0.5)


def config(**values: Any) -> FitConfig:
    return FitConfig.model_validate({"epochs": 4, "batch_size": 64, "lr": 0.01, **values})


def test_mlp_small_has_257_parameters_and_equals_torch() -> None:
    made = network()
    assert made.parameters == 257
    modules: list[torch.nn.Module] = []
    for layer in made.layers:
        linear = torch.nn.Linear(layer.weight.shape[1], layer.weight.shape[0]).double()
        linear.weight.data = torch.tensor(layer.weight)
        linear.bias.data = torch.tensor(layer.bias)
        modules += [linear, torch.nn.ReLU()]
    rows = np.random.default_rng(1).random((50, 6))
    expected = torch.nn.Sequential(*modules[:-1])(torch.tensor(made.scaled(rows)))[:, 0]
    assert made.predict(rows, clip=False) == pytest.approx(expected.detach().numpy(), abs=1e-10)


def test_errors_beyond_the_range_do_not_count() -> None:
    target = np.array([100.0, 100.0, 0.0, 0.0, 50.0])
    scores = np.array([104.0, 98.0, -3.0, 2.0, 51.0])
    assert residuals(scores, target).tolist() == [0.0, -2.0, 0.0, 2.0, 1.0]


def test_polish_solves_least_squares_in_one_step_where_it_is_linear() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = 50.0 + x @ np.array([3.0, -2.0, 1.0])
    start = (Layer(np.zeros((1, 3)), np.zeros(1)),)
    (layer,) = polish(start, x, y, PolishPlan(steps=12))
    assert layer.weight[0] == pytest.approx([3.0, -2.0, 1.0], abs=1e-3)
    assert layer.bias[0] == pytest.approx(50.0, abs=1e-3)


def test_polish_never_makes_the_whole_worse() -> None:
    rows = feature_rows(800)
    x = network().scaled(rows.select(CANONICAL_6).to_numpy())
    y = rows["vmaf"].to_numpy()
    costs: list[float] = []

    def told(step: int, layers: Any) -> None:
        costs.append(float((residuals(forward(layers, x), y) ** 2).mean()))

    polish(network().layers, x, y, PolishPlan(steps=15), told)
    assert len(costs) == 15
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(costs))
    assert costs[-1] < costs[0] / 4


def test_equal_seeds_give_equal_weights(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    one, other, third = (fit(table, config(seed=seed)).network for seed in (1, 1, 2))
    assert (flatten(one.layers) == flatten(other.layers)).all()
    assert not np.allclose(flatten(one.layers), flatten(third.layers))


def test_the_scaler_comes_from_the_training_rows_alone(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    held = np.array(table.sources) == "S2"
    fitted = fit(table, config(val_frac=0.0), held_out=held)
    assert fitted.network.mean == pytest.approx(table.features[~held].mean(axis=0))
    assert fitted.network.std == pytest.approx(table.features[~held].std(axis=0))
    assert fitted.record["sources"]["test"] == ["S2"]
    assert "S2" not in fitted.record["sources"]["train"]


def test_training_stops_early_without_progress(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    fitted = fit(table, config(epochs=60, patience=1, lr=1.0, batch_size=32))
    assert len(fitted.record["history"]) < 60


def test_a_sweep_keeps_the_best_seed(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    record = fit(table, config(seeds=[0, 1, 2])).record
    costs = {each["seed"]: each["val_cost"] for each in record["seeds"]}
    assert len(costs) == 3
    assert record["seed"] == min(costs, key=lambda seed: costs[seed])


def test_named_sources_validate_and_only_they(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    sources = fit(table, config(val_sources=["S1", "S4"])).record["sources"]
    assert sources["val"] == ["S1", "S4"]
    assert not set(sources["val"]) & {*sources["train"], *sources["test"]}
    assert len(sources["train"]) + len(sources["test"]) == 4


def test_the_finish_is_for_so_many_seeds_and_never_costs(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    values: dict[str, Any] = {"epochs": 2, "seeds": [0, 1, 2]}
    before = fit(table, config(**values)).record["seeds"]
    finish = {"steps": 3, "rows": 400}
    after = fit(table, config(**values, finish=finish, finalists=2)).record["seeds"]
    changed = [
        a["seed"] for a, b in zip(after, before, strict=True) if a["val_cost"] != b["val_cost"]
    ]
    order = sorted(before, key=lambda each: each["val_cost"])
    assert sorted(changed) == sorted(each["seed"] for each in order[:2])
    assert all(a["val_cost"] <= b["val_cost"] for a, b in zip(after, before, strict=True))


def test_enriched_and_polished_fits_come_close(make_table: MakeTable) -> None:
    table = read_features(make_table(), CANONICAL_6)
    plain = fit(table, config(epochs=20, lr=0.02, schedule="onecycle"))
    better = fit(
        table,
        config(
            epochs=20, lr=0.02, schedule="onecycle", low_weight=0.3, source_weights={"S0": 2.0},
            enrich={"rows": 2000, "rounds": 2}, polish={"steps": 40, "rows": 2000},
            finish={"steps": 10, "rows": 2000, "norm": 3.0},
        ),
    )  # fmt: skip
    assert better.record["test_metrics"]["rmse"] < plain.record["test_metrics"]["rmse"] / 2
    assert better.record["test_metrics"]["rmse"] < 1.0


def test_made_rows_stay_near_and_are_labelled_exactly() -> None:
    rows = feature_rows(300).select(CANONICAL_6).to_numpy()
    rng = np.random.default_rng(0)
    made = sample(rows, 4000, rng)
    spread = rows.max(axis=0) - rows.min(axis=0)
    assert (made[:, :5] >= rows[:, :5].min(axis=0) - 0.04 * spread[:5]).all()
    assert (made[:, :5] <= rows[:, :5].max(axis=0) + 0.04 * spread[:5]).all()
    assert made[:, 5].min() == 0.0
    assert made[:, 5].max() > 30
    labels = exact_labels(CANONICAL_6)(np.array([[1.0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0]]))
    assert labels[0] == pytest.approx(97.42804, abs=1e-4)
    errors = np.zeros(4000)
    errors[:100] = 5.0
    chosen = harder(made, errors, 80, rng)
    assert all((made[:100] == row).all(axis=1).any() for row in chosen)


def test_early_epochs_learn() -> None:
    rows = feature_rows(500)
    x, y = rows.select(CANONICAL_6).to_numpy(), rows["vmaf"].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    seen: list[float] = []

    def told(epoch: int, layers: Any) -> bool:
        seen.append(float(np.sqrt((residuals(forward(layers, x), y) ** 2).mean())))
        return epoch == 7

    run_epochs("mlp_small", x, y, EpochPlan(30, 64, 0.01, "constant", 0, 1), told)
    assert len(seen) == 8
    assert seen[-1] < seen[0] / 2


# -- checkpoints --------------------------------------------------------------------------------


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoints.save(path, Checkpoint(network(), CANONICAL_6, {"config": {"teacher": "t"}}))
    found = checkpoints.load(path)
    assert (flatten(found.network.layers) == flatten(network().layers)).all()
    assert found.features == CANONICAL_6
    assert found.facts == {"config": {"teacher": "t"}}
    again = tmp_path / "again.ckpt"
    checkpoints.save(again, found)
    assert again.read_bytes() == path.read_bytes()
    assert checkpoints.find(tmp_path) == path


def _bad_checkpoints(folder: Path) -> list[Path]:
    good = folder / "good.ckpt"
    checkpoints.save(good, Checkpoint(network(), CANONICAL_6, {}))
    data = good.read_bytes()
    canary = folder / "canary"
    contents = {
        "empty": b"",
        "cut": data[:-100],
        "long_header": (1 << 60).to_bytes(8, "little") + data[8:],
        "pickle": b"\x80\x04\x95cposix\nsystem\n(S'touch " + bytes(canary) + b"'\ntR.",
        "zip": b"PK\x03\x04" + b"\0" * 200,
        "other_arch": data.replace(b"mlp_small", b"mlp_smell"),
        "fewer_features": data.replace(b', \\"motion2\\"', b"            "),
        "nan": data[:-8] + np.array([np.nan]).tobytes(),
    }
    paths: list[Path] = []
    for name, content in contents.items():
        paths.append(folder / f"{name}.ckpt")
        paths[-1].write_bytes(content)
    return paths


def test_checkpoints_that_are_none_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    for path in _bad_checkpoints(tmp_path):
        with pytest.raises(Unreadable):
            checkpoints.load(path)
    assert not (tmp_path / "canary").exists()


# -- export -------------------------------------------------------------------------------------


def test_the_exported_graph_is_the_seeds_and_gives_the_same_bytes() -> None:
    import onnx

    made = Checkpoint(network(), CANONICAL_6, {})
    data = exports.to_onnx(made)
    assert data == exports.to_onnx(made)
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == [
        "Sub", "Div", "Gemm", "Relu", "Gemm", "Relu", "Gemm", "Clip", "Squeeze",
    ]  # fmt: skip
    assert (model.opset_import[0].version, model.ir_version) == (17, 10)
    assert model.graph.input[0].name == "features"
    assert model.graph.output[0].name == "vmaf"
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rows = np.random.default_rng(0).random((40, 6))
    (scores,) = session.run(None, {"features": rows.astype(np.float32)})
    assert scores.shape == (40,)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(made.network.predict(rows), abs=1e-3)
    torch_scores = exports.torch_scores(made, rows)
    assert scores == pytest.approx(torch_scores, abs=1e-4)


def test_an_export_that_differs_is_refused() -> None:
    made = Checkpoint(network(), CANONICAL_6, {})
    other = exports.to_onnx(Checkpoint(network(7), CANONICAL_6, {}))
    with pytest.raises(ResultInvalid):
        exports.check_export(made, other, exports.probe_rows(made), 1e-3)


def test_an_opset_that_is_not_offered_is_refused() -> None:
    with pytest.raises(UsageError):
        exports.to_onnx(Checkpoint(network(), CANONICAL_6, {}), opset=99)


# -- recipes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "- 1", "epochs: many", "model: transformer", "colour: red", "test_frac: 1.5",
     "features: canonical-9", "epochs: !!python/object/apply:os.system [true]", "a: [", "lr: .nan"],
)  # fmt: skip
def test_recipes_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(VmafkitError):
        load_config(path)


@pytest.mark.parametrize("name", ["fr_tiny_v1.yaml", "vmaf_tiny_v2.yaml"])
def test_the_shipped_recipes_are_read(name: str) -> None:
    found = load_config(Path(__file__).parents[3] / "ai" / "configs" / name)
    assert found.model == "mlp_small"
    assert found.rule.by == "source"


# -- judging ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, make_table: MakeTable) -> Path:
    folder = tmp_path_factory.mktemp("run")
    recipe = config(epochs=25, lr=0.02, schedule="onecycle", polish={"steps": 20})
    made = api.fit(make_table(), folder, config=recipe)
    assert made.record["run_provenance"]["inputs"]["features"]["sha256"]
    return api.export_model(made.checkpoint, folder / "tiny.onnx").onnx


def test_eval_reports_by_source_and_clip(exported: Path, make_table: MakeTable) -> None:
    report = api.evaluate(exported, make_table(), split="all", bootstrap=20)
    assert report["n"] == 600
    assert set(report["sources"]) == {f"S{index}" for index in range(6)}
    assert report["clips"]["n"] == 18
    low, high = report["intervals_95"]["rmse"]
    assert low <= report["rmse"] <= high
    table = read_features(make_table(), CANONICAL_6)
    session = onnxruntime.InferenceSession(str(exported))
    (scores,) = session.run(None, {"features": table.features.astype(np.float32)})
    error = scores - table.target
    assert report["rmse"] == pytest.approx(float(np.sqrt((error**2).mean())), abs=1e-6)
    assert report["max_abs_error"] == pytest.approx(float(np.abs(error).max()), abs=1e-6)
    json.dumps(report, allow_nan=False)


def test_validate_passes_and_fails_by_each_limit(exported: Path, make_table: MakeTable) -> None:
    assert api.validate(exported, make_table())["passed"]
    for limit in ({"min_plcc": 1.0}, {"max_rmse": 0.0}, {"max_abs_error": 0.0}, {"max_bias": 0.0}):
        report = api.validate(exported, make_table(), **limit)
        assert not report["passed"]
        assert len(report["failures"]) == 1


def test_a_model_is_registered_found_and_refused_when_changed(
    exported: Path, make_table: MakeTable, tmp_path: Path
) -> None:
    from vmafkit.models.loader import open_model

    for suffix in (".onnx", ".json"):
        (tmp_path / f"tiny{suffix}").write_bytes(exported.with_suffix(suffix).read_bytes())
    model = tmp_path / "tiny.onnx"
    entry = api.register_model(model, license="Apache-2.0")
    assert entry["id"] == "tiny"
    assert open_model("tiny", registry_file=tmp_path / "registry.json").sha256 == entry["sha256"]
    again = api.export_model(exported.parent, model)
    assert open_model(model).sha256 == again.sha256
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    with pytest.raises(VmafkitError):
        open_model(model)


def test_compare_ranks_by_error(exported: Path, make_table: MakeTable, tmp_path: Path) -> None:
    worse = tmp_path / "worse.onnx"
    checkpoints.save(tmp_path / "w.ckpt", Checkpoint(network(), CANONICAL_6, {}))
    api.export_model(tmp_path / "w.ckpt", worse)
    found = api.compare_models([worse, exported, "nowhere.onnx"], make_table(), split="all")
    assert [each["path"] for each in found["ranked"]] == [str(exported), str(worse)]
    assert found["errors"][0]["model"] == "nowhere.onnx"


def test_profile_times_each_size(exported: Path) -> None:
    found = api.profile_model(exported, rows=(1, 50), iterations=3, warmup=1, device="cpu")
    assert [each["rows"] for each in found["results"]] == [1, 50]
    assert all(0 < each["p50_ms"] <= each["p99_ms"] for each in found["results"])


def test_cross_validation_leaves_each_source_out(make_table: MakeTable, tmp_path: Path) -> None:
    report = api.cross_validate(
        make_table(sources=3), tmp_path / "r.json", config=config(), sources=["S0", "S2"]
    )
    assert set(report["loso_per_fold"]) == {"S0", "S2"}
    assert report["loso_per_fold"]["S0"]["n"] == 200
    assert json.loads((tmp_path / "r.json").read_text())["loso_aggregate"]["mean_rmse"] > 0
    folded = api.cross_validate(
        make_table(sources=3), tmp_path / "k.json", config=config(), folds_count=3
    )
    assert len(folded["loso_per_fold"]) == 3


def test_a_split_without_rows_says_so(exported: Path, make_table: MakeTable) -> None:
    with pytest.raises(UsageError, match="holds no rows"):
        api.evaluate(exported, make_table(60, sources=1), split="test")
    assert SplitRule().by == "source"
