"""Forms that the harness writes are forms that it reads: forests, ensembles, logs, recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.scoring_kit import ffmpeg

from vmafkit import api
from vmafkit.cli import harness
from vmafkit.errors import PairMismatch, Refused, Unreadable, UsageError
from vmafkit.scoring.svr import load_members

SIZE = "128x72"
# The last one looks better than the reference where enhancement counts.
FILTERS = ("null", "gblur=sigma=0.6", "gblur=sigma=1", "gblur=sigma=2", "gblur=sigma=4", "unsharp")
OPTIONS = {"VMAF_integer_feature": {"adm_enhn_gain_limit": 1.0}}


class Kit:
    """A few clips in a folder with a recipe, parameter files and a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "space"
        source = f"testsrc2=s={SIZE}:r=25,noise=alls=8:allf=t:all_seed=5,format=yuv420p"
        for number, words in enumerate(FILTERS):
            self.clip(f"{number}.mkv", f"{source},{words}")
        self.recipe: dict[str, Any] = {
            "dataset_name": "blurred",
            "yuv_fmt": "notyuv",
            "ref_videos": [{"content_id": 0, "path": str(folder / "0.mkv")}],
            "dis_videos": [
                {"content_id": 0, "asset_id": i, "path": str(folder / f"{i}.mkv"), "mos": mos}
                for i, mos in enumerate((96.0, 80.0, 60.0, 30.0, 5.0, 99.0))
            ],
        }
        self.path = self.write("set.yaml", self.recipe)
        self.features = self.write("features.yaml", {
            "feature_dict": {"VMAF_integer_feature": ["adm2", "vif_scale0", "vif_scale2"]},
            "feature_option_dict": OPTIONS,
        })  # fmt: skip

    def clip(self, name: str, graph: str, frames: int = 3) -> Path:
        path = self.folder / name
        ffmpeg("-f", "lavfi", "-i", graph, "-frames:v", str(frames), "-c:v", "ffv1", path)
        return path

    def write(self, name: str, values: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(values), "utf-8")
        return path

    def train(self, output: Path, kind: str, **options: Any) -> dict[str, Any]:
        param = self.write("p.yaml", {"model_type": kind, "model_param_dict": options})
        return api.run_vmaf_training(self.path, self.features, param, output, workspace=self.root)

    def pair(self, number: int) -> tuple[str, int, int, str, str]:
        return "notyuv", 0, 0, str(self.folder / "0.mkv"), str(self.folder / f"{number}.mkv")


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return Kit(tmp_path_factory.mktemp("forms"))


def test_a_forest_scores_a_data_set_and_a_pair(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "rf.json"
    trained = kit.train(path, "RANDOMFOREST", n_estimators=9, score_clip=[0.0, 100.0])
    wanted = {each["asset"]: each["score"] for each in trained["assets"]}
    assert len({round(score, 3) for score in wanted.values()}) > 3
    tested = api.run_testing(f"path={path}", kit.path, workspace=kit.root, bootstrap=0)
    assert (tested["metric"], tested["known"]) == ("rf", 0)
    assert {each["asset"]: each["score"] for each in tested["assets"]} == pytest.approx(wanted)
    assert api.run_testing("VMAF", kit.path, vmaf_model=str(path), workspace=kit.root,
                           bootstrap=0)["known"] == 6  # fmt: skip
    one = api.run_vmaf(*kit.pair(3), model=str(path), workspace=kit.root)
    assert one["score"] == pytest.approx(wanted["3"])
    # The extractor was asked for with the option that the forest was trained with.
    assert any(name.startswith("integer_adm2_") for name in one["frames"])
    # Another forest under the same name is another metric.
    kit.train(path, "RANDOMFOREST", n_estimators=2, random_state=5)
    again = api.run_testing(f"path={path}", kit.path, workspace=kit.root, bootstrap=0)
    assert again["known"] == 0


def test_what_a_forest_cannot_do_is_refused(kit: Kit, tmp_path: Path) -> None:
    path, other = tmp_path / "rf.json", tmp_path / "other.json"
    kit.train(path, "RANDOMFOREST", n_estimators=2)
    with pytest.raises(UsageError, match="rf is a forest"):
        api.run_vmaf(*kit.pair(3), model=str(path), local_explain=True, workspace=kit.root)
    with pytest.raises(UsageError, match="no options"):
        api.run_vmaf(*kit.pair(3), model=f"path={path}:disable_clip", workspace=kit.root)
    with pytest.raises(UsageError, match="--phone-model"):
        api.run_vmaf(*kit.pair(3), model=str(path), phone_model=True, workspace=kit.root)
    with pytest.raises(Refused, match="a forest, which libvmaf's form cannot hold"):
        api.convert_model(path, other)
    assert not other.exists()
    document = json.loads(path.read_bytes())
    for change, error in (
        ({"trees": []}, Unreadable),
        ({"feature_opts_dicts": [{}]}, Unreadable),
        ({"feature_opts_dicts": [{"adm_x,y": 1.0}, {}, {}]}, UsageError),
        ({"feature_opts_dicts": [{"adm_enhn_gain_limit": "1:x"}, {}, {}]}, Refused),
        ({"feature_names": ["VMAF_integer_feature_nope_score"] * 3}, Refused),
    ):
        other.write_text(json.dumps(document | change), "utf-8")
        with pytest.raises(error):
            api.run_vmaf(*kit.pair(3), model=str(other), workspace=kit.root)
    path.rename(tmp_path / "psnr_y.json")
    with pytest.raises(UsageError, match="name psnr_y"):
        api.run_vmaf(*kit.pair(3), model=str(tmp_path / "psnr_y.json"), workspace=kit.root)


def test_an_ensemble_is_converted_member_by_member(kit: Kit, tmp_path: Path) -> None:
    path, same, neg = (tmp_path / f"{name}.json" for name in ("bs", "same", "neg"))
    kit.train(path, "BOOTSTRAP_LIBSVMNUSVR", num_models=4, score_clip=[0.0, 100.0])
    api.convert_model(path, same)
    assert json.loads(same.read_bytes()) == json.loads(path.read_bytes())
    told = api.convert_model(path, neg, no_enhn_gain=True)
    assert len(told["features"]) == 3
    ours = load_members(neg.read_bytes())
    assert len(ours) == 4
    limits = ({"adm_enhn_gain_limit": 1.0}, *[{"vif_enhn_gain_limit": 1.0}] * 2)
    assert all(each.feature_options == limits for each in ours)
    # libvmaf takes it, and it no longer rewards what was sharpened.
    before, after = (
        api.run_vmaf(*kit.pair(5), model=str(each), workspace=kit.root)["score"]
        for each in (path, neg)
    )
    assert before - after > 1.0


def test_a_test_of_an_ensemble_tells_each_assets_interval(kit: Kit) -> None:
    assets = api.run_testing("BOOTSTRAP_VMAF", kit.path, workspace=kit.root, bootstrap=0)["assets"]
    sure = api.run_vmaf(*kit.pair(3), ci=True, workspace=kit.root)["aggregate"]
    name = "vmaf_b_v0.6.3"
    assert assets[3]["stddev"] == pytest.approx(sure[f"{name}_stddev"])
    wanted = [sure[f"{name}_ci_p95_{end}"] for end in ("lo", "hi")]
    assert assets[3]["interval_95"] == pytest.approx(wanted)
    assert wanted[0] < assets[3]["score"] < wanted[1]
    plain = api.run_testing("PSNR", kit.path, workspace=kit.root, bootstrap=0)["assets"]
    assert set(plain[3]) == {"asset", "content", "truth", "score"}


def test_results_of_pairs_are_joined(kit: Kit, tmp_path: Path) -> None:
    parts: list[dict[str, Any]] = []
    for number in (2, 3):
        parts.append(api.run_vmaf(*kit.pair(number), workspace=kit.root))
        (tmp_path / f"{number}.json").write_text(json.dumps(parts[-1]), "utf-8")
    (tmp_path / "list").write_text("2.json\n3.json\n", "utf-8")
    joined = api.run_result_assembly(tmp_path / "list", tmp_path / "whole.json")
    values = [each["metrics"]["vmaf_v0.6.1"] for each in joined["frames"]]
    assert values == [value for part in parts for value in part["frames"]["vmaf_v0.6.1"]]
    assert joined["pooled_metrics"]["vmaf_v0.6.1"]["mean"] == pytest.approx(np.mean(values))
    assert json.loads((tmp_path / "whole.json").read_bytes()) == joined
    with pytest.raises(UsageError, match=r"x\.xml"):
        api.run_result_assembly(tmp_path / "list", tmp_path / "x.xml")
    assert not (tmp_path / "x.xml").exists()
    parts[0]["frames"]["vmaf_v0.6.1"].pop()
    (tmp_path / "2.json").write_text(json.dumps(parts[0]), "utf-8")
    with pytest.raises(Unreadable, match=r"2\.json"):
        api.run_result_assembly(tmp_path / "list")


def test_a_recipe_in_another_folder_finds_its_encodes(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kit.folder)
    recipe = tmp_path / "made.yaml"
    api.run_encode(["0.mkv"], crf=[30, 40, 50], preset=["ultrafast"], output="out",
                   recipe=recipe, workspace="space")  # fmt: skip
    made = yaml.safe_load(recipe.read_text("utf-8"))
    assert made["ref_videos"][0]["path"] == str(kit.folder / "0.mkv")
    assert all(Path(each["path"]).parent == kit.folder / "out" for each in made["dis_videos"])
    for mos, video in enumerate(made["dis_videos"]):
        video["mos"] = -float(mos)
    recipe.write_text(yaml.safe_dump(made), "utf-8")
    monkeypatch.chdir(tmp_path)
    report = api.run_testing("PSNR", recipe, workspace=kit.root, bootstrap=0)
    assert (report["n"], report["raw"]["srocc"]) == (3, pytest.approx(1.0))


def test_the_workspace_asked_for_reaches_a_py_recipe(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMAF_WORKSPACE", str(tmp_path / "usual"))
    (tmp_path / "asked" / "dataset").mkdir(parents=True)
    for number in range(4):
        (tmp_path / "asked" / "dataset" / f"{number}.mkv").symlink_to(kit.folder / f"{number}.mkv")
    lines = [
        "from vmaf.config import VmafConfig",
        "dataset_name = 'py'",
        "yuv_fmt = 'notyuv'",
        "ref_videos = [{'content_id': 0, 'path': VmafConfig.resource_path('0.mkv')}]",
        "dis_videos = [",
        *(f"{{'content_id': 0, 'asset_id': {i}, 'mos': {-i}, "
          f"'path': VmafConfig.resource_path('{i}.mkv')}}," for i in range(1, 4)),
        "]",
    ]  # fmt: skip
    path = tmp_path / "set.py"
    path.write_text("\n".join(lines), "utf-8")
    report = api.run_testing("PSNR", path, workspace=tmp_path / "asked", bootstrap=0)
    assert (report["n"], report["failed"]) == (3, [])
    assert not (tmp_path / "usual").exists()


def test_a_stored_result_is_shown_with_its_files_and_their_hashes(
    kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    api.run_vmaf(*kit.pair(1), cache_result=True, workspace=kit.root)
    name = str(kit.folder / "1.mkv")
    key = next(
        e["key"] for e in api.store_list(workspace=kit.root, metric="vmaf_v0.6.1")
        if e["distorted"] == name
    )  # fmt: skip
    assert harness.app(["store", "show", key, "--workspace", str(kit.root)],
                       standalone_mode=False) == 0  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    facts = api.store_show(key, workspace=kit.root)["facts"]
    assert f"distorted: {name}" in lines
    assert f"reference: {kit.folder / '0.mkv'}" in lines
    assert f"distorted_hash: {facts['distorted']}" in lines
    assert f"reference_hash: {facts['reference']}" in lines


def test_a_way_out_is_a_field_of_a_recipe(kit: Kit) -> None:
    small = kit.clip("small.mkv", "testsrc2=s=64x48:r=25,format=yuv420p")
    long = kit.clip("long.mkv", f"testsrc2=s={SIZE}:r=25,format=yuv420p", frames=5)
    for path, words in ((small, "quality_width: 128 and quality_height: 72"), (long, "end_frame")):
        with pytest.raises(PairMismatch) as caught:
            api.run_vmaf("notyuv", 0, 0, kit.folder / "0.mkv", path, workspace=kit.root)
        assert words in caught.value.hint
        assert "--" not in caught.value.hint
    recipe = json.loads(json.dumps(kit.recipe))
    recipe["dis_videos"][1]["path"] = str(long)
    path = kit.write("long.yaml", recipe)
    failed = api.run_testing("PSNR", path, workspace=kit.root, bootstrap=0)["failed"]
    assert [each["asset"] for each in failed] == ["1"]
    assert "end_frame" in failed[0]["cause"]
