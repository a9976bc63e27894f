"""The documented command sequences of the tiny models, on a small made corpus."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vmafkit import api
from vmafkit.cli import train
from vmafkit.cli.typer_main import run_app
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.learn.feature_sets import CANONICAL_6

ROOT = Path(__file__).parents[2]
SIZE, FRAMES = "160x90", 6
SOURCES = {
    "Pattern": "testsrc2=s={size}:r=25",
    "Fractal": "mandelbrot=s={size}:r=25:start_scale=0.5",
    "Noise": "perlin=s={size}:r=25:random_mode=seed:seed=3:octaves=5:persistence=0.8",
}

# The Python example of the model's page, as it stands there.
EXAMPLE = """
import numpy as np
import onnxruntime as ort
import pandas as pd

sess = ort.InferenceSession("model/tiny/vmaf_tiny_v2.onnx",
                            providers=["CPUExecutionProvider"])

df = pd.read_parquet("runs/full_features_netflix.parquet").head(100)
features = df[
    ["adm2", "vif_scale0", "vif_scale1",
     "vif_scale2", "vif_scale3", "motion2"]
].to_numpy(dtype=np.float32)

(vmaf,) = sess.run(None, {"features": features})
print(vmaf[:5])  # -> per-frame VMAF estimates
"""


def ffmpeg(*words: str | Path) -> None:
    command = [str(find_ffmpeg()), "-nostdin", "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the corpus in `.workingdir2/netflix`, in the documented layout."""
    folder = tmp_path_factory.mktemp("train")
    root = folder / ".workingdir2" / "netflix"
    for name in ("ref", "dis"):
        (root / name).mkdir(parents=True)
    plain = ("-pix_fmt", "yuv420p", "-f", "rawvideo")
    for source, graph in SOURCES.items():
        reference = root / "ref" / f"{source}_0_90_0.yuv"
        made = graph.format(size=SIZE)
        ffmpeg("-f", "lavfi", "-i", made, "-frames:v", str(FRAMES), *plain, reference)
        raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", SIZE, "-r", "25")
        for label, crf in ((1, 24), (2, 36), (3, 48)):
            coded = folder / "coded.mkv"
            x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", str(crf))
            ffmpeg(*raw, "-i", reference, *x264, coded)
            ffmpeg("-i", coded, *plain, root / "dis" / f"{source}_{label}_90_{900 // label}.yuv")
    for name in ("configs", "scripts"):
        shutil.copytree(ROOT / "ai" / name, folder / "ai" / name)
    return folder


@pytest.fixture(scope="module")
def table(work: Path) -> Path:
    """The features of the whole corpus; what was computed for it is kept below its root."""
    path = work / "c.parquet"
    api.extract_features("nflx-local", path, data_root=work / ".workingdir2" / "netflix")
    return path


def run(work: Path, *words: str, code: int = 0, **environment: str) -> str:
    """Run a command line in the folder and in this process, where torch is loaded once.

    Returns:
        Its standard output.
    """
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(told):
        patch.chdir(work)
        patch.setattr(sys, "argv", list(words))
        for name, value in environment.items():
            patch.setenv(name, value)
        if words[0] == "vmaf-train":
            status = run_app("vmaf-train", train.app)
        else:
            with pytest.raises(SystemExit) as end:
                runpy.run_path(str(work / words[0]), run_name="__main__")
            status = end.value.code
    assert status == code
    return told.getvalue()


def start(work: Path, *words: str, code: int = 0) -> str:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout


def test_extract_fit_export_eval(work: Path) -> None:
    table = "ai/data/nflx_local_features.parquet"
    run(
        work, "vmaf-train", "extract-features", "--data-root", ".workingdir2/netflix",
        "--dataset", "nflx-local", "--output", table,
    )  # fmt: skip
    rows = pl.read_parquet(work / table)
    assert rows.height == 9 * FRAMES
    assert rows.columns[6:] == [*CANONICAL_6, "vmaf"]
    assert set(rows["source"]) == set(SOURCES)
    cache = work / ".workingdir2" / "netflix" / ".cache" / "nflx_features.parquet"
    assert cache.is_file()
    one = rows.filter(pl.col("key") == "Pattern_2_90_450.yuv")
    score = api.score(
        work / ".workingdir2/netflix/ref/Pattern_0_90_0.yuv",
        work / ".workingdir2/netflix/dis/Pattern_2_90_450.yuv",
        width=160, height=90, pix_fmt="yuv420p", models=["vmaf_v0.6.1"],
    )  # fmt: skip
    assert one["vmaf"].to_list() == pytest.approx(score.columns["vmaf_v0.6.1"].tolist())
    assert one["adm2"].to_list() == pytest.approx(score.columns["integer_adm2"].tolist())
    means = pl.read_parquet(work / "ai/data/nflx_local_features.clips.parquet")
    assert means.height == 9
    manifest = json.loads((work / f"{table}.manifest.json").read_text())
    assert (manifest["pairs"], manifest["failed"]) == (9, [])
    assert manifest["run_provenance"]["outputs"]["features"]["sha256"]

    stamp = cache.stat().st_mtime_ns
    again = run(
        work, "vmaf-train", "extract-features", "--dataset", "nflx-local", "--output", table,
        "--json", VMAF_DATA_ROOT=".workingdir2/netflix",
    )  # fmt: skip
    assert json.loads(again)["known"] == 9
    assert cache.stat().st_mtime_ns == stamp

    run(
        work, "vmaf-train", "fit", "--config", "ai/configs/fr_tiny_v1.yaml",
        "--features", table, "--output", "runs/fr_tiny_v2_nflx/",
    )  # fmt: skip
    model = "model/tiny/vmaf_tiny_fr_v2_nflx.onnx"
    run(
        work, "vmaf-train", "export", "--checkpoint", "runs/fr_tiny_v2_nflx/last.ckpt",
        "--output", model, "--opset", "17",
    )  # fmt: skip
    shown = run(
        work, "vmaf-train", "eval", "--model", model, "--features", table, "--split", "test"
    )
    assert all(name in shown for name in ("PLCC", "SROCC", "RMSE"))


def test_a_changed_file_is_extracted_again_under_its_old_name(work: Path, table: Path) -> None:
    assert table.is_file()
    root, again = work / "changed", work / "changed.parquet"
    shutil.copytree(work / ".workingdir2" / "netflix", root)
    found = api.extract_features("nflx-local", again, data_root=root)
    assert found.known == 9
    distorted = root / "dis" / "Noise_1_90_900.yuv"
    distorted.write_bytes((root / "dis" / "Noise_3_90_300.yuv").read_bytes())
    found = api.extract_features("nflx-local", again, data_root=root)
    assert found.known == 9, "the other file's bytes are known under any name"
    rows = pl.read_parquet(again)
    one, three = (
        rows.filter(pl.col("key") == f"Noise_{n}_90_{900 // n}.yuv")["vmaf"] for n in (1, 3)
    )
    assert one.to_list() == three.to_list()
    data = bytearray(distorted.read_bytes())
    data[: 160 * 90] = bytes(160 * 90)
    distorted.write_bytes(data)
    found = api.extract_features("nflx-local", again, data_root=root)
    assert found.known == 8


def test_a_pair_that_fails_is_named_and_the_others_go_on(work: Path) -> None:
    folder = work / "mixed"
    folder.mkdir()
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={SIZE}:r=25", "-frames:v", "4", folder / "a.mkv")
    ffmpeg("-i", folder / "a.mkv", "-c:v", "libx264", "-crf", "40", folder / "b.mp4")
    (folder / "broken.mp4").write_bytes((folder / "b.mp4").read_bytes()[:900])
    (folder / "pairs.csv").write_text("reference,distorted\na.mkv,broken.mp4\na.mkv,b.mp4\n")
    program = ("-c", "from vmafkit.cli.train import main; main()")
    out = start(
        work, *program, "extract-features", "--dataset", "generic",
        "--pairs", "mixed/pairs.csv", "--output", "mixed.parquet", "--json", code=1,
    )  # fmt: skip
    made = json.loads(out)
    assert made["pairs"] == 1
    assert made["failed"][0][0] == "broken.mp4"
    assert pl.read_parquet(work / "mixed.parquet").height == 4


def test_our_encoders_make_the_distorted_sides_of_clips(work: Path) -> None:
    videos = work / "konvid" / "KoNViD_1k_videos"
    videos.mkdir(parents=True)
    source = f"mandelbrot=s={SIZE}:r=25:start_scale=0.4"
    ffmpeg("-f", "lavfi", "-i", source, "-frames:v", "4", "-pix_fmt", "yuv420p",
           "-c:v", "libx264", "-crf", "10", videos / "123.mp4")  # fmt: skip
    found = api.extract_features(
        "konvid-1k", work / "k.parquet", konvid_root=work / "konvid", recipe="quick"
    )
    assert (found.pairs, found.failed) == (5, ())
    rows = pl.read_parquet(work / "k.parquet")
    assert set(rows["source"]) == {"123"}
    means = pl.read_parquet(work / "k.clips.parquet").sort("vmaf")
    assert means["dis_basename"].to_list()[-1] == "libx264_veryfast_20"
    again = api.extract_features(
        "konvid-1k", work / "k.parquet", konvid_root=work / "konvid", recipe="quick"
    )
    assert again.known == 5
    assert pl.read_parquet(work / "k.parquet").equals(rows)


def test_train_export_validate_and_the_python_example(work: Path, table: Path) -> None:
    (work / "runs").mkdir(exist_ok=True)
    for name in ("full_features_4corpus", "full_features_netflix"):
        shutil.copy(table, work / "runs" / f"{name}.parquet")
    small = work / "small.yaml"
    small.write_text(
        "epochs: 30\nbatch_size: 512\nlr: 0.02\nschedule: onecycle\ntest_frac: 0\n"
        "enrich: {rows: 3000, rounds: 2}\npolish: {steps: 30, rows: 3000}\n"
    )
    run(
        work, "ai/scripts/train_vmaf_tiny_v2.py",
        "--parquet", "runs/full_features_4corpus.parquet", "--config", "small.yaml",
        "--out-ckpt", "vmaf_tiny_v2.pt", "--out-stats", "vmaf_tiny_v2_stats.json",
    )  # fmt: skip
    stats = json.loads((work / "vmaf_tiny_v2_stats.json").read_text())
    for key in ("features", "input_mean", "input_std", "train_metrics", "epochs", "lr",
                "batch_size", "seed", "n_train_rows", "run_provenance"):  # fmt: skip
        assert key in stats
    run(
        work, "ai/scripts/export_vmaf_tiny_v2.py", "--ckpt", "vmaf_tiny_v2.pt",
        "--out-onnx", "model/tiny/vmaf_tiny_v2.onnx",
        "--out-sidecar", "model/tiny/vmaf_tiny_v2.json",
    )  # fmt: skip
    card = json.loads((work / "model/tiny/vmaf_tiny_v2.json").read_text())
    block = card["run_provenance"]
    assert block["entrypoint"]["name"] == "ai/scripts/export_vmaf_tiny_v2.py"
    assert block["inputs"]["checkpoint"]["sha256"]
    assert block["outputs"]["onnx"]["sha256"] == card["sha256"]
    validate = (
        "ai/scripts/validate_vmaf_tiny_v2.py", "--onnx", "model/tiny/vmaf_tiny_v2.onnx",
        "--parquet", "runs/full_features_netflix.parquet", "--rows", "100",
        "--out-json", "runs/vmaf_tiny_v2_validate.json",
    )  # fmt: skip
    run(work, *validate, "--min-plcc", "0.97")
    report = json.loads((work / "runs/vmaf_tiny_v2_validate.json").read_text())
    assert report["passed"] and report["plcc"] >= 0.97
    run(work, *validate, "--min-plcc", "1.01", code=1)
    assert _example(work).strip().startswith("[")


def _example(folder: Path) -> str:
    """Run the page's example in a folder, and print all its scores as a list at the end."""
    (folder / "example.py").write_text(EXAMPLE + "print(vmaf.tolist())\n")
    return start(folder, "example.py")


def test_the_python_example_runs_on_the_shipped_model(work: Path, table: Path) -> None:
    folder = work / "shipped"
    (folder / "runs").mkdir(parents=True)
    shutil.copytree(ROOT / "model" / "tiny", folder / "model" / "tiny")
    shutil.copy(table, folder / "runs" / "full_features_netflix.parquet")
    printed = _example(folder).strip().splitlines()[-1]
    scores = np.array(json.loads(printed))
    truth = pl.read_parquet(table)["vmaf"].head(100).to_numpy()
    assert np.abs(scores - truth).max() < 3.0
    assert np.sqrt(((scores - truth) ** 2).mean()) < 1.0
