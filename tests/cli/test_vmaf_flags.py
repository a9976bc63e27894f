"""The flags of libvmaf's tool, each with its effect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.scoring_kit import LOSSLESS, X264, columns_of, ffmpeg, hand_log, picture

from vmafkit import __version__
from vmafkit.cli.vmaf import main

SIZE = (192, 128)
GEOMETRY = ("-w", "192", "-h", "128", "-p", "420", "-b", "8")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """reference and distorted as .mkv, .mp4, .y4m and .yuv, 12 frames."""
    folder = tmp_path_factory.mktemp("clips")
    ffmpeg(*picture("192x128", 12), *LOSSLESS, folder / "reference.mkv")
    ffmpeg("-i", folder / "reference.mkv", *X264, "-crf", "33", folder / "distorted.mkv")
    for side in ("reference", "distorted"):
        words = ("-i", folder / f"{side}.mkv")
        ffmpeg(*words, "-c", "copy", folder / f"{side}.mp4")
        ffmpeg(*words, folder / f"{side}.y4m")
        ffmpeg(*words, "-f", "rawvideo", folder / f"{side}.yuv")
        ffmpeg(*words, "-pix_fmt", "yuv422p10le", "-f", "rawvideo", folder / f"{side}422.yuv")
    return folder


def run(
    clips: Path, *flags: str, suffix: str = "mkv", names: tuple[str, str] = ("-r", "-d")
) -> int:
    sides = (f"{clips}/reference.{suffix}", f"{clips}/distorted.{suffix}")
    return main([names[0], sides[0], names[1], sides[1], *flags])


def log(clips: Path, tmp_path: Path, *flags: str, suffix: str = "mkv") -> dict[str, list[float]]:
    path = tmp_path / "log.json"
    assert run(clips, "-q", "-o", str(path), *flags, suffix=suffix) == 0
    return {name: list(values) for name, values in columns_of(path.read_text()).items()}


def numbers(path: Path) -> list[int]:
    return [frame["frameNum"] for frame in json.loads(path.read_text())["frames"]]


@pytest.mark.parametrize("suffix", ["mp4", "y4m", "yuv"])
def test_any_file_gives_the_same(clips: Path, tmp_path: Path, suffix: str) -> None:
    expected = log(clips, tmp_path)
    flags = GEOMETRY if suffix == "yuv" else ()
    assert log(clips, tmp_path, *flags, suffix=suffix) == expected


def test_long_names(clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "log"
    flags = (
        "--width", "192", "--height", "128", "--pixel_format", "420", "--bitdepth", "8",
        "--model", "version=vmaf_v0.6.1", "--output", str(path), "--json", "--threads", "1",
        "--subsample", "1", "--quiet", "--cpumask", "0",
    )  # fmt: skip
    assert run(clips, *flags, suffix="yuv", names=("--reference", "--distorted")) == 0
    assert columns_of(path.read_text())["vmaf"] == pytest.approx(log(clips, tmp_path)["vmaf"])


def test_deeper_raw_files(clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    flags = ("-w", "192", "-h", "128", "-p", "422", "-b", "10", "-q", "-o", str(path))
    sides = (f"{clips}/reference422.yuv", f"{clips}/distorted422.yuv")
    assert main(["-r", sides[0], "-d", sides[1], *flags]) == 0
    raw = ("-f", "rawvideo", "-pixel_format", "yuv422p10le", "-video_size", "192x128", "-i")
    options = "model='version=vmaf_v0.6.1'"
    expected = hand_log((*raw, sides[1]), (*raw, sides[0]), options, pix_fmt="yuv422p10le")
    assert columns_of(path.read_text())["vmaf"] == pytest.approx(columns_of(expected)["vmaf"])


def test_raw_beside_a_container(clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    sides = (f"{clips}/reference.yuv", f"{clips}/distorted.mp4")
    assert main(["-r", sides[0], "-d", sides[1], *GEOMETRY, "-q", "-o", str(path)]) == 0
    assert list(columns_of(path.read_text())["vmaf"]) == log(clips, tmp_path)["vmaf"]


@pytest.mark.parametrize("name", ["clip.raw", "clip.bin", "clip", "clip.dat"])
def test_raw_files_of_any_name(clips: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes((clips / "reference.yuv").read_bytes())
    path, other = tmp_path / "log.json", f"{clips}/distorted.yuv"
    flags = ["-r", str(tmp_path / name), "-d", other, *GEOMETRY, "-q", "-o", str(path)]
    assert main(flags) == 0
    assert list(columns_of(path.read_text())["vmaf"]) == log(clips, tmp_path)["vmaf"]


@pytest.mark.parametrize("step", [0, 1, 3, 5])
def test_subsample(clips: Path, tmp_path: Path, step: int) -> None:
    all_of = log(clips, tmp_path)
    some = log(clips, tmp_path, "--subsample", str(step))
    assert numbers(tmp_path / "log.json") == list(range(0, 12, step or 1))
    assert some["integer_vif_scale3"] == all_of["integer_vif_scale3"][:: step or 1]


def test_frame_count(clips: Path, tmp_path: Path) -> None:
    all_of = log(clips, tmp_path)
    for count, frames in ((5, 5), (0, 12), (500, 12)):
        some = log(clips, tmp_path, "--frame_cnt", str(count))
        assert some["integer_vif_scale3"] == all_of["integer_vif_scale3"][:frames]


@pytest.mark.parametrize("skip", ["--frame_skip_dist", "--frame_skip_dis"])
def test_frame_skip(clips: Path, tmp_path: Path, skip: str) -> None:
    all_of = log(clips, tmp_path)
    some = log(clips, tmp_path, "--frame_skip_ref", "4", skip, "4", "--frame_cnt", "6")
    assert some["integer_vif_scale3"] == all_of["integer_vif_scale3"][4:10]
    assert numbers(tmp_path / "log.json") == list(range(6))


def test_skipping_one_side_aligns_a_late_start(clips: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    ffmpeg("-i", clips / "distorted.mkv", "-vf", "trim=start_frame=3", *LOSSLESS, late)
    path = tmp_path / "log.json"
    flags = ["--frame_skip_ref", "3", "-q", "-o", str(path)]
    assert main(["-r", f"{clips}/reference.mkv", "-d", str(late), *flags]) == 0
    expected = log(clips, tmp_path)["integer_vif_scale3"][3:]
    path = tmp_path / "log.json"
    assert main(["-r", f"{clips}/reference.mkv", "-d", str(late), *flags]) == 0
    assert list(columns_of(path.read_text())["integer_vif_scale3"]) == expected


def test_summary_on_standard_output(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = columns_of(hand_log(("-i", clips / "distorted.mkv"), ("-i", clips / "reference.mkv"),
        "feature='name=psnr|name=float_ssim'"))  # fmt: skip
    assert run(clips, "--feature", "psnr", "--feature", "float_ssim") == 0
    found = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert list(found) == ["vmaf_v0.6.1", "psnr_y", "psnr_cb", "psnr_cr", "float_ssim"]
    for name, value in found.items():
        values = expected["vmaf" if name == "vmaf_v0.6.1" else name]
        assert float(value) == pytest.approx(values.mean(), abs=1e-5)


def test_json_record(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clips, "--json", "--pool", "p10", "-m", "vmaf_v0.6.1neg") == 0
    record = json.loads(capsys.readouterr().out)
    values = record["pooled"]["vmaf_v0.6.1neg"]
    assert record["model"] == "vmaf_v0.6.1neg"
    assert record["statistic"] == "p10"
    assert record["score"] == values["p10"] < values["mean"]
    assert record["frames"] == 12
    assert record["versions"]["libvmaf"]
    assert record["versions"]["tool"]
    assert record["backend"] == "ffmpeg-libvmaf"


def test_a_default_model_is_named(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clips, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["model"] == "vmaf_v0.6.1"
    assert "--model" in record["model_note"]


@pytest.mark.parametrize("statistic", ["harmonic_mean", "min", "max", "median", "stddev", "p5"])
def test_pool(clips: Path, capsys: pytest.CaptureFixture[str], statistic: str) -> None:
    assert run(clips, "--pool", statistic) == 0
    printed = capsys.readouterr().out
    values = columns_of(
        hand_log(("-i", clips / "distorted.mkv"), ("-i", clips / "reference.mkv"), "shortest=0")
    )["vmaf"]
    expected = {
        "harmonic_mean": 1 / np.mean(1 / (values + 1)) - 1, "min": values.min(),
        "max": values.max(), "median": np.median(values), "stddev": values.std(),
        "p5": np.percentile(values, 5),
    }  # fmt: skip
    assert printed.startswith(f"vmaf_v0.6.1 ({statistic}): ")
    assert float(printed.split(": ")[1]) == pytest.approx(expected[statistic], abs=2e-6)


def test_quiet_prints_nothing(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(clips, "-q", "-o", str(tmp_path / "log")) == 0
    said = capsys.readouterr()
    assert said.out == said.err == ""


def test_no_prediction(clips: Path, tmp_path: Path) -> None:
    found = log(clips, tmp_path, "-n")
    assert "vmaf" not in found
    assert {"integer_adm2", "integer_vif_scale0", "integer_motion2"} <= set(found)
    only = log(clips, tmp_path, "--no_prediction", "--feature", "psnr")
    assert set(only) == {"psnr_y", "psnr_cb", "psnr_cr"}


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_version(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    assert __version__ in capsys.readouterr().out


MODELS = {
    "version=vmaf_v0.6.1:name=mine": ("mine", "version=vmaf_v0.6.1"),
    "version=vmaf_v0.6.1:enable_transform": ("vmaf", "version=vmaf_v0.6.1\\:enable_transform=true"),
    "version=vmaf_v0.6.1:enable_transform=true:name=p": (
        "p", "version=vmaf_v0.6.1\\:enable_transform=true"),
    "version=vmaf_v0.6.1:disable_clip": ("vmaf", "version=vmaf_v0.6.1\\:disable_clip=true"),
    "version=vmaf_v0.6.1:adm.adm_enhn_gain_limit=1.0:vif.vif_enhn_gain_limit=1.0": (
        "vmaf", "version=vmaf_v0.6.1neg"),
    "version=vmaf_v0.6.1neg": ("vmaf", "version=vmaf_v0.6.1neg"),
    "neg": ("vmaf", "version=vmaf_v0.6.1neg"),
    "path=@model.json": ("vmaf", "path=model.json"),
    "path=@model.json:name=file": ("file", "path=model.json"),
}  # fmt: skip


@pytest.mark.parametrize("word", MODELS)
def test_model_words(clips: Path, tmp_path: Path, word: str) -> None:
    import ffmpeg_quality_metrics

    name, options = MODELS[word]
    folder = Path(ffmpeg_quality_metrics.__file__).parent
    source = next(folder.rglob("vmaf_v0.6.1neg.json"))
    (tmp_path / "model.json").write_bytes(source.read_bytes())
    found = log(clips, tmp_path, "-m", word.replace("@", f"{tmp_path}/"))
    sides = ("-i", clips / "distorted.mkv"), ("-i", clips / "reference.mkv")
    files = {"model.json": source.read_text()}
    expected = columns_of(hand_log(*sides, f"model='{options}'", files=files))["vmaf"]
    plain = log(clips, tmp_path)["vmaf"]
    assert found[name] == pytest.approx(expected, abs=1.000001e-6)
    if "version=vmaf_v0.6.1:name" not in word and "clip" not in word:
        assert found[name] != pytest.approx(plain, abs=1e-3)


@pytest.mark.parametrize(
    "word",
    ["psnr=enable_chroma=false", "name=psnr:enable_chroma=false", "psnr:enable_chroma=false"],
)
def test_feature_words(clips: Path, tmp_path: Path, word: str) -> None:
    if word.startswith("psnr:"):
        assert run(clips, "--feature", word) == 2
        return
    found = log(clips, tmp_path, "--feature", word)
    assert "psnr_y" in found
    assert "psnr_cb" not in found


def test_display_scales_the_small_side(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small.mkv"
    ffmpeg("-i", clips / "reference.mkv", "-vf", "scale=96:64:flags=area", *LOSSLESS, small)
    flags = ["-r", f"{clips}/reference.mkv", "-d", str(small)]
    assert main(flags) == 1
    assert "--display 192x128" in capsys.readouterr().err
    assert main([*flags, "--display", "192x128", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert "distorted side scaled from 96x64 to 192x128, bicubic" in record["steps"]
    up = tmp_path / "up.mkv"
    ffmpeg("-i", small, "-vf", "scale=192:128:flags=bicubic", *LOSSLESS, up)
    expected = columns_of(hand_log(("-i", up), ("-i", clips / "reference.mkv"), "shortest=0"))
    assert record["score"] == pytest.approx(expected["vmaf"].mean(), abs=1e-4)


HEAVY = ("numpy", "av", "polars", "scipy", "pydantic", "typer", "rich", "vmafkit.api._score")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_imports_nothing_heavy(flag: str) -> None:
    code = (
        "import sys\nfrom vmafkit.cli.vmaf import main\n"
        f"code = main(['{flag}'])\nprint('\\n' + ' '.join(sys.modules))\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "vmafkit.cli.vmaf" in loaded
    assert not loaded & set(HEAVY)
