"""The harness end to end: a made data set goes through encoding, testing and training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats
import yaml
from tests.harness_kit import NOISE, Space
from tests.scoring_kit import ffmpeg

from vmafkit import api, proc
from vmafkit.api._harness_lab import Task
from vmafkit.cli import harness
from vmafkit.errors import Refused, StoreLocked, UsageError
from vmafkit.harness.batch import pair_asset
from vmafkit.harness.config import VmafConfig
from vmafkit.harness.measuring import measure
from vmafkit.harness.metrics import metric_by_name, names
from vmafkit.scoring.svr import load_members


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return Space(tmp_path_factory.mktemp("harness"))


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every outside program that is started, by the words it was given."""
    found: list[str] = []
    run = proc.run

    def counted(argv: Any, **rest: Any) -> Any:
        found.append(" ".join(map(str, argv)))
        return run(argv, **rest)

    monkeypatch.setattr(proc, "run", counted)
    return found


def test_encodes_and_their_recipe(space: Space, starts: list[str]) -> None:
    assert len(space.encodes["encodes"]) == 3 * 6
    assert {Path(each["path"]).parent for each in space.encodes["encodes"]} == {
        space.root / "encode"
    }
    sources = [each["path"] for each in space.recipe["ref_videos"]]
    again = api.run_encode(
        sources, encoder=["libx264"], crf=[25], preset=["ultrafast"], workspace=space.root
    )
    assert all(each["known"] for each in again["encodes"])
    assert not [each for each in starts if "libx264" in each]
    first = Path(again["encodes"][0]["path"])
    held = first.read_bytes()
    first.write_bytes(b"spoilt")
    api.run_encode(
        sources[:1], encoder=["libx264"], crf=[25], preset=["ultrafast"], workspace=space.root
    )
    assert first.read_bytes() == held


def test_testing_and_a_warm_store(space: Space, starts: list[str]) -> None:
    cold = api.run_testing("VMAF", space.path, workspace=space.root, processes=2)
    assert (cold["n"], cold["known"], cold["failed"]) == (18, 0, [])
    assert len(starts) == 18
    warm = api.run_testing("VMAF", space.path, workspace=space.root)
    assert len(starts) == 18
    assert warm["known"] == 18
    assert cold | {"known": 18} == warm
    kept = json.loads((space.root / "output" / "test_encoded_VMAF.json").read_text("utf-8"))
    assert kept["n"] == 18
    scores = [each["score"] for each in warm["assets"]]
    truth = [each["truth"] for each in warm["assets"]]
    np.testing.assert_allclose(scores, space.vmaf, atol=1e-9)
    assert warm["raw"]["plcc"] == pytest.approx(scipy.stats.pearsonr(scores, truth).statistic)
    assert warm["raw"]["rmse"] < 3 * NOISE
    assert warm["subjective_model"] == "MLE_CO_AP2"
    assert warm["pairs"]["auc_bw"] > 0.99
    mos = api.run_testing("VMAF", space.path, workspace=space.root, subj_model="MOS", bootstrap=0)
    np.testing.assert_allclose([e["truth"] for e in mos["assets"]], space.opinions.mean(axis=1))


def test_two_metrics_a_plot_and_a_phone(space: Space) -> None:
    report = api.run_testing(
        "PSNR", space.path, workspace=space.root, compare_with="VMAF",
        save_plot=space.folder / "plots", processes=2, pool="perc5", bootstrap=0,
    )  # fmt: skip
    by_name = {each["figure"]: each for each in report["comparison"]}
    assert by_name["srocc"]["difference"] == pytest.approx(
        report["raw"]["srocc"] - report["compared_with"]["raw"]["srocc"]
    )
    page = Path(report["plot"]).read_text("utf-8")
    assert "PSNR on encoded" in page
    with pytest.raises(UsageError, match="PSNR"):
        api.run_testing("PSNR", space.path, vmaf_phone_model=True, workspace=space.root)
    with pytest.raises(UsageError, match="VMAFF"):
        api.run_testing("VMAFF", space.path, workspace=space.root)


def test_changed_bytes_under_the_same_name_are_a_miss(space: Space, tmp_path: Path) -> None:
    recipe = json.loads(json.dumps(space.recipe))
    recipe["dis_videos"] = recipe["dis_videos"][:4]
    copy = tmp_path / "copy.mkv"
    recipe["dis_videos"][0]["path"] = str(copy)
    path = tmp_path / "set.yaml"
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    known: list[int] = []
    for name in (0, 0, 5):
        copy.write_bytes(Path(space.recipe["dis_videos"][name]["path"]).read_bytes())
        report = api.run_testing("PSNR", path, workspace=tmp_path / "w", bootstrap=0)
        known.append(report["known"])
    assert known == [0, 4, 3]
    # The same bytes under another name are the same result.
    copy.rename(tmp_path / "other.mkv")
    recipe["dis_videos"][0]["path"] = str(tmp_path / "other.mkv")
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    again = api.run_testing("PSNR", path, workspace=tmp_path / "w", bootstrap=0)
    assert again["known"] == 4


def test_the_store_is_listed_shown_exported_and_pruned(space: Space, tmp_path: Path) -> None:
    root = space.folder / "other"
    listed = api.store_list(workspace=root)
    assert len(listed) == 18
    assert {each["metric"] for each in listed} == {"vmaf_v0.6.1"}
    shown = api.store_show(listed[0]["key"][:16], workspace=root)
    assert shown["facts"]["version"]
    scores = {each["distorted"]: each["score"] for each in space.batch["pairs"]}
    wanted = scores[listed[0]["distorted"]]
    assert shown["mean"]["vmaf_v0.6.1"] == pytest.approx(wanted, abs=1e-9)
    with pytest.raises(UsageError, match="no result has"):
        api.store_show("", workspace=root)
    rows = api.store_export(tmp_path / "all.parquet", workspace=root)
    table = pl.read_parquet(tmp_path / "all.parquet")
    assert table.height == rows
    assert set(table["key"]) == {each["key"] for each in listed}
    with pytest.raises(UsageError, match="nothing is said"):
        api.store_prune(workspace=root)
    assert api.store_prune(metric="PSNR", workspace=root) == 0
    assert api.store_prune(stale=True, workspace=root) == 0
    assert api.store_prune(older_than_days=0.0, workspace=root) == 18
    assert api.store_list(workspace=root) == []


def test_cleaning_a_cache_takes_one_metric_of_one_data_set(space: Space) -> None:
    api.run_testing("VMAF", space.path, workspace=space.root, processes=2, bootstrap=0)
    before = {each["key"] for each in api.store_list(workspace=space.root)}
    assert api.run_cleaning_cache("VMAF", space.path, workspace=space.root) == 18
    left = api.store_list(workspace=space.root)
    assert len(before) - len(left) == 18
    assert "VMAF" not in {each["metric"] for each in left}


def test_training_gives_a_model_that_libvmaf_scores_with(space: Space, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    trained = api.run_vmaf_training(
        space.path, space.features, space.params, out, workspace=space.root, processes=2,
        save_plot=tmp_path,
    )  # fmt: skip
    assert trained["raw"]["plcc"] > 0.95
    assert (space.root / "model" / "mine.json").read_bytes() == out.read_bytes()
    tested = api.run_testing(f"path={out}", space.path, workspace=space.root, processes=2)
    ours = {each["asset"]: each["score"] for each in trained["assets"]}
    theirs = {each["asset"]: each["score"] for each in tested["assets"]}
    # The features came from a log of six digits.
    for label, score in ours.items():
        assert theirs[label] == pytest.approx(score, abs=2e-4)


def test_the_documented_sequence_runs(
    space: Space,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VMAF_WORKSPACE", str(space.root))
    name = "sequence.json"
    written = space.root / "model" / name

    def told(*words: str | Path | int) -> str:
        assert harness.app(list(map(str, words)), standalone_mode=False) == 0
        return capsys.readouterr().out

    said = told(
        "run-vmaf-training", space.path, space.features, space.params, name, "-q", "--processes", 2
    )
    assert f"model: {written}" in said.splitlines()
    assert not (tmp_path / name).exists()
    tested = told("run-testing", f"path={name}", space.path, "-q", "--processes", 2)
    assert "sequence on encoded: n 18" in tested
    named = told("run-testing", "VMAF", space.path, "--vmaf-model", name, "-q", "--bootstrap", 0,
                 "--compare-with", "PSNR")  # fmt: skip
    assert "sequence on encoded: n 18" in named
    assert "RMSE after the logistic mapping, VMAF less PSNR: " in named
    assert "SROCC raw, VMAF less PSNR: " in named
    pair = (space.recipe["ref_videos"][0]["path"], space.recipe["dis_videos"][0]["path"])
    assert "sequence" in told("run-vmaf", "notyuv", 0, 0, *pair, "--model", name)
    told("convert-model", "--input", name, "--output", tmp_path / "neg.json", "--no-enhn-gain")
    assert (tmp_path / "neg.json").exists()


def test_cross_validation_keeps_contents_apart(space: Space) -> None:
    report = api.run_vmaf_cross_validation(
        space.path, space.features, space.params, workspace=space.root, processes=2
    )
    assert [fold["contents"] for fold in report["folds"]] == [["0"], ["1"], ["2"]]
    assert report["n"] == 18
    named = api.run_vmaf_cross_validation(
        space.path, space.features, space.params, groups=[["0"], ["2"]], workspace=space.root
    )
    assert [fold["n"] for fold in named["folds"]] == [6, 6]
    with pytest.raises(Refused, match="9"):
        api.run_vmaf_cross_validation(
            space.path, space.features, space.params, groups=[["9"]], workspace=space.root
        )


def test_one_pair_with_interval_and_explanation(space: Space, tmp_path: Path) -> None:
    video = space.recipe["dis_videos"][2]
    pair = ("notyuv", 0, 0, space.recipe["ref_videos"][video["content_id"]]["path"], video["path"])
    told = api.run_vmaf(*pair, local_explain=True, save_plot=tmp_path, workspace=space.root)
    shown = told["explanation"]
    for row, score in zip(shown["frames"], told["frames"]["vmaf_v0.6.1"], strict=True):
        # Where the score is clipped the parts add up to the clipped score.
        assert shown["base"] + sum(row) == pytest.approx(score, abs=2e-3)
    names = {"run.html", "local_explain.html", "local_explain.csv"}
    assert {path.name for path in tmp_path.iterdir()} == names
    table = pl.read_csv(tmp_path / "local_explain.csv")
    assert table.columns == ["frame", "base", *shown["features"], "score"]
    np.testing.assert_allclose(
        table.select("base", *shown["features"]).sum_horizontal(), table["score"], atol=1e-6
    )
    page = (tmp_path / "local_explain.html").read_text("utf-8")
    assert all(name in page for name in shown["features"])
    # The features of this model have options of their own.
    neg = api.run_vmaf(
        *pair, model="vmaf_v0.6.1neg", local_explain=True, workspace=space.root
    )  # fmt: skip
    np.testing.assert_allclose(
        neg["explanation"]["scores"], neg["frames"]["vmaf_v0.6.1neg"], atol=2e-3
    )
    sure = api.run_vmaf(*pair, ci=True, workspace=space.root)
    low, high = (sure["aggregate"][f"vmaf_b_v0.6.3_ci_p95_{end}"] for end in ("lo", "hi"))
    assert low < sure["score"] < high
    psnr = api.run_psnr(*pair, workspace=space.root)
    assert psnr["column"] == "psnr_y"
    with pytest.raises(UsageError, match="--ci"):
        api.run_vmaf(*pair, ci=True, local_explain=True, workspace=space.root)


def test_geometry_of_a_recipe_is_obeyed(space: Space, tmp_path: Path) -> None:
    """Cropping both sides in a recipe is scoring what was cropped by hand."""
    reference = space.recipe["ref_videos"][0]["path"]
    distorted = space.recipe["dis_videos"][2]["path"]
    hand: list[str] = []
    for name, path in (("r", reference), ("d", distorted)):
        made = tmp_path / f"{name}.yuv"
        ffmpeg("-i", path, "-vf", "crop=96:64:8:4,trim=start_frame=1:end_frame=4,setpts=N/25/TB",
               "-f", "rawvideo", "-pix_fmt", "yuv420p", made)  # fmt: skip
        hand.append(str(made))
    wanted = api.run_psnr("yuv420p", 96, 64, *hand, workspace=tmp_path / "w")["score"]
    recipe = {
        "dataset_name": "cropped", "yuv_fmt": "notyuv", "crop_cmd": "96:ih-8:8:4",
        "start_frame": 1, "end_frame": 3,
        "ref_videos": [{"content_id": 0, "path": reference}],
        "dis_videos": [{"content_id": 0, "asset_id": i, "path": distorted, "mos": float(i)}
                       for i in range(3)],
    }  # fmt: skip
    path = tmp_path / "crop.yaml"
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    report = api.run_testing("PSNR", path, workspace=tmp_path / "w", bootstrap=0)
    assert [each["score"] for each in report["assets"]] == pytest.approx([wanted] * 3, abs=1e-9)


def _command(*words: str | Path, root: Path) -> list[str]:
    return [sys.executable, "-m", *map(str, words), "--workspace", str(root)]


def test_the_seeds_example_runs_as_a_module(space: Space) -> None:
    told = subprocess.run(
        _command("vmafkit.harness.run_testing", "PSNR", space.path, "--print-result", "--quiet",
                 root=space.root),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "PSNR on encoded: n 18" in told.stdout
    assert "after the logistic mapping" in told.stdout
    evil = space.folder / "evil.py"
    evil.write_text("dataset_name = 'a'\nimport subprocess\n", "utf-8")
    told = subprocess.run(
        _command("vmafkit.harness.run_testing", "PSNR", evil, root=space.root),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (1, "")
    assert f"{evil}:2:" in told.stderr


def test_kill_9_loses_at_most_what_was_in_flight(space: Space, tmp_path: Path) -> None:
    root = tmp_path / "w"
    store = root / "result_store_dir" / "file_result_store"
    command = _command("vmafkit.harness.run_testing", "VMAF", space.path, "--processes", "2",
                       "--quiet", root=root)  # fmt: skip
    # What libvmaf reads lies in the system's folder for temporary files, which stays behind.
    (tmp_path / "tmp").mkdir()
    running = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
    )
    limit = time.monotonic() + 60
    while running.poll() is None and time.monotonic() < limit:
        if (store / "trials.sqlite").exists() and _count(root) >= 4:
            break
        time.sleep(0.01)
    before = _count(root)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    kept = _count(root)
    assert 4 <= before <= kept < 18
    report = api.run_testing("VMAF", space.path, workspace=root, processes=2, bootstrap=0)
    assert (report["known"], report["n"]) == (kept, 18)
    assert [each.name for each in (root / "workdir").iterdir()] == [".lock"]


def _count(root: Path) -> int:
    try:
        return len(api.store_list(workspace=root))
    except StoreLocked:
        return 0


def test_two_processes_at_once_measure_each_asset_once(space: Space, tmp_path: Path) -> None:
    # From both ends, so that they meet in the middle.
    turned = space.recipe | {"dis_videos": space.recipe["dis_videos"][::-1]}
    recipes = [space.path, space.write("turned.yaml", turned)]
    running = [
        subprocess.Popen(
            _command("vmafkit.harness.run_testing", "SSIM", recipe, "--json", "--quiet",
                     "--bootstrap", "0", root=tmp_path),
            stdout=subprocess.PIPE,
        )
        for recipe in recipes
    ]  # fmt: skip
    reports = [json.loads(each.communicate(timeout=120)[0]) for each in running]
    assert [each.returncode for each in running] == [0, 0]
    assert sum(each["known"] for each in reports) == 18
    scores = [{each["asset"]: each["score"] for each in report["assets"]} for report in reports]
    assert scores[0] == scores[1]
    assert len(api.store_list(workspace=tmp_path)) == 18


def test_each_opinion_can_be_a_row_of_training(space: Space, tmp_path: Path) -> None:
    trained = {
        kind: api.run_vmaf_training(
            space.path, space.features, space.params, tmp_path / f"{kind}.json",
            workspace=space.root, subj_model=kind,
        )
        for kind in ("MOS", "PERSUBJECT")
    }  # fmt: skip
    truths = [[asset["truth"] for asset in each["assets"]] for each in trained.values()]
    assert truths[0] == truths[1] == pytest.approx(space.opinions.mean(axis=1).tolist())
    documents = [json.loads(Path(each["output"]).read_bytes()) for each in trained.values()]
    sizes = [len(each["model_dict"]["model"].splitlines()) for each in documents]
    assert sizes[1] > 2 * sizes[0]
    low, high = space.opinions.min(), space.opinions.max()
    assert documents[1]["model_dict"]["slopes"][0] == pytest.approx(1 / (high - low))
    assert trained["PERSUBJECT"]["raw"]["plcc"] > 0.9
    with pytest.raises(UsageError, match="training only"):
        api.run_testing("VMAF", space.path, workspace=space.root, subj_model="PERSUBJECT")
    given = json.loads(json.dumps(space.recipe))
    for video in given["dis_videos"]:
        video["mos"] = float(np.mean(list(video.pop("os").values())))
    with pytest.raises(Refused, match="raw opinion"):
        api.run_vmaf_training(
            space.write("mos.yaml", given), space.features, space.params, tmp_path / "a.json",
            workspace=space.root, subj_model="PERSUBJECT",
        )  # fmt: skip


def test_an_ensemble_that_was_trained_scores_with_its_interval(
    space: Space, tmp_path: Path
) -> None:
    params = space.write("boot.yaml", {
        "model_type": "BOOTSTRAP_LIBSVMNUSVR",
        "model_param_dict": {"gamma": 0.05, "score_clip": [0.0, 100.0], "num_models": 5},
    })  # fmt: skip
    out = tmp_path / "boot.json"
    api.run_vmaf_training(space.path, space.features, params, out, workspace=space.root)
    assert not list((space.root / "checkpoints_dir").iterdir())
    video = space.recipe["dis_videos"][1]
    pair = ("notyuv", 0, 0, space.recipe["ref_videos"][video["content_id"]]["path"], video["path"])
    told = api.run_vmaf(*pair, model=str(out), workspace=space.root)["frames"]
    names = load_members(out.read_bytes())[0].feature_names
    columns = [next(c for c in told if f"_{n.split('_feature_')[1][:-6]}" in c) for n in names]
    rows = np.asarray([told[column] for column in columns]).T
    parts = np.stack([m.predict(rows) for m in load_members(out.read_bytes(), clip=False)[1:]])
    wanted = {
        "boot": parts.mean(axis=0),
        "boot_stddev": parts.std(axis=0),
        "boot_ci_p95_lo": np.percentile(parts, 2.5, axis=0),
        "boot_ci_p95_hi": np.percentile(parts, 97.5, axis=0),
    }
    for name, values in wanted.items():
        # The features came from a log of six digits.
        np.testing.assert_allclose(told[name], values, atol=2e-3)
    with pytest.raises(UsageError, match="collection"):
        api.run_vmaf(*pair, model=str(out), local_explain=True, workspace=space.root)


NO_MEASURE_OF_FIDELITY = ("MOTION2", "CAMBI", "SpeedChroma")


def test_every_metric_scores_and_knows_its_direction(tmp_path: Path) -> None:
    made = ("-f", "lavfi", "-i", "testsrc2=s=256x180:r=25", "-frames:v", "3", "-c:v", "ffv1")
    for name, sigma in (("a", 0), ("b", 1), ("c", 4)):
        ffmpeg(*made, "-vf", f"gblur=sigma={sigma},format=yuv420p", tmp_path / f"{name}.mkv")
    assets = [
        pair_asset("notyuv", (0, 0), tmp_path / "a.mkv", tmp_path / f"{name}.mkv")
        for name in ("b", "c")
    ]
    metrics = [metric_by_name(name) for name in (*names(), "tiny:vmaf_tiny_v2")]
    with Task(tmp_path / "w", None, None, None, cache_result=False).lab() as lab:
        for metric in metrics:
            blurred, more = (measure(lab, a, metric).values(metric.column).mean() for a in assets)
            assert np.isfinite([blurred, more]).all(), metric.id
            if metric.id not in NO_MEASURE_OF_FIDELITY:
                assert (blurred > more) == metric.higher_is_better, metric.id


def test_the_workspace_verbs(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMAF_WORKSPACE", str(space.root))
    shown = api.workspace_show()
    assert shown["root"] == VmafConfig.workspace_path()
    assert shown["file_result_store"] == VmafConfig.file_result_store_path()
    assert api.workspace_sizes()["encode"] > 0
    assert set(api.workspace_clean()) == {"workdir", "output"}
    assert api.workspace_sizes()["encode"] > 0
