"""The output files of `vmaf` have libvmaf's own layout."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from tests.scoring_kit import LOSSLESS, X264, ffmpeg, hand_log, picture

from vmafkit.cli.vmaf import main

WORDS = "model='version=vmaf_v0.6.1':feature=name=psnr\\\\:enable_apsnr=true"
FLAGS = ("--feature", "psnr=enable_apsnr=true")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    reference, distorted = folder / "reference.mkv", folder / "distorted.mp4"
    ffmpeg(*picture("192x128", 6), *LOSSLESS, reference)
    ffmpeg("-i", reference, *X264, "-crf", "34", distorted)
    return reference, distorted


def written(pair: tuple[Path, Path], path: Path, *flags: str, code: int = 0) -> str:
    assert main(["-r", str(pair[0]), "-d", str(pair[1]), "-q", "-o", str(path), *flags]) == code
    return path.read_text("utf-8")


def theirs(pair: tuple[Path, Path], form: str, options: str = WORDS) -> str:
    return hand_log(("-i", pair[1]), ("-i", pair[0]), options, form=form)


def shape(value: Any, at: str = "") -> list[str]:
    """The keys of a document in their order; metrics, whose order is chance, sorted."""
    if isinstance(value, list):
        return [line for item in value for line in shape(item, f"{at}[]")]
    if not isinstance(value, dict):
        return [f"{at}: {type(value).__name__}"]
    keys = sorted(value) if at.endswith(("metrics", "pooled_metrics")) else list(value)
    return [line for key in keys for line in shape(value[key], f"{at}.{key}")]


def test_json(pair: tuple[Path, Path], tmp_path: Path) -> None:
    ours, other = written(pair, tmp_path / "a.json", *FLAGS), theirs(pair, "json")
    mine, its = json.loads(ours), json.loads(other)
    assert shape(mine) == shape(its)
    assert mine["version"] == its["version"]
    assert mine["frames"] == its["frames"]
    assert mine["aggregate_metrics"] == its["aggregate_metrics"]
    for name, values in its["pooled_metrics"].items():
        assert mine["pooled_metrics"][name] == pytest.approx(values, abs=1.5e-6)
    # Line for line, as tools that grep do: the order of metrics and the rate apart.
    assert sorted(plain(ours)) == sorted(plain(other))


def plain(text: str) -> list[str]:
    numbers = re.sub(r'("fps"|fps)(: |=")[\d.]+', r"\1\2", text)
    return [re.sub(r"-?\d+\.\d+", "0.0", line).rstrip(",") for line in numbers.splitlines()]


def test_xml_is_the_default(pair: tuple[Path, Path], tmp_path: Path) -> None:
    ours, other = written(pair, tmp_path / "log", *FLAGS), theirs(pair, "xml")
    mine, its = ET.fromstring(ours), ET.fromstring(other)
    assert [e.tag for e in mine.iter()] == [e.tag for e in its.iter()]
    for one, two in zip(mine.iter(), its.iter(), strict=True):
        if one.tag == "metric":
            continue
        assert list(one.attrib)[:1] == list(two.attrib)[:1]
        if one.tag != "fyi":
            assert dict(one.attrib) == dict(two.attrib)
    metrics = [{m.get("name"): dict(m.attrib) for m in t.iter("metric")} for t in (mine, its)]
    assert metrics[0].keys() == metrics[1].keys()
    for name, values in metrics[1].items():
        assert list(metrics[0][name]) == list(values) == ["name", *POOLED]
        for key in POOLED:
            assert float(metrics[0][name][key]) == pytest.approx(float(values[key]), abs=1.5e-6)
    assert [line.split(" ")[0] for line in ours.splitlines()] == [
        line.split(" ")[0] for line in other.splitlines()
    ]


POOLED = ["min", "max", "mean", "harmonic_mean"]


@pytest.mark.parametrize("by_name", [True, False])
def test_csv(pair: tuple[Path, Path], tmp_path: Path, by_name: bool) -> None:
    name, flags = ("a.csv", FLAGS) if by_name else ("a.txt", (*FLAGS, "--csv"))
    ours, other = written(pair, tmp_path / name, *flags), theirs(pair, "csv")
    assert table(ours.splitlines(), ",") == table(other.splitlines(), ",")
    assert ours.startswith("Frame,")
    assert all(line.endswith(",") for line in ours.splitlines())
    assert ours.splitlines()[0].endswith(",vmaf,")


def table(lines: list[str], mark: str) -> list[dict[str, str]]:
    rows = [line.split(mark) for line in lines]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_sub(pair: tuple[Path, Path], tmp_path: Path) -> None:
    ours, other = written(pair, tmp_path / "a.sub", *FLAGS), theirs(pair, "sub")
    for one, two in zip(ours.splitlines(), other.splitlines(), strict=True):
        head, *fields = one.split("|")
        its_head, *its_fields = two.split("|")
        assert head == its_head
        assert sorted(fields) == sorted(its_fields)
        assert fields[-1] == its_fields[-1] == ""


def test_every_number_is_written_as_libvmaf_does(tmp_path: Path) -> None:
    """Equal pictures: values just above 1 and infinite ones have a form of their own."""
    clip = tmp_path / "clip.mkv"
    ffmpeg(*picture("192x128", 4), *LOSSLESS, clip)
    features = ("psnr_hvs", "ciede", "float_ssim")
    flags = [word for name in features for word in ("--feature", name)]
    names = "|".join(f"name={name}" for name in features)
    options = f"model='version=vmaf_v0.6.1':feature='{names}'"
    for form in ("json", "csv", "xml", "sub"):
        ours = written((clip, clip), tmp_path / f"a.{form}", *flags)
        other = theirs((clip, clip), form, options)
        pattern = r"[A-Za-z_0-9]+\"?[=:] ?\"?(?:null|inf|-?\d+\.\d+)"
        if form == "csv":
            assert table(ours.splitlines(), ",") == table(other.splitlines(), ",")
            assert "inf" in ours
            continue
        frames = [text.partition("pooled_metrics")[0].replace("\n", " ") for text in (ours, other)]
        frames = [re.sub(r"fps\S+ ?[\d.]+", "", text) for text in frames]
        found = [sorted(re.findall(pattern, text)) for text in frames]
        assert found[0] == found[1]
        assert "null" in ours if form == "json" else "inf" in ours
        assert re.search(r"1\.0000\d{12}\b", ours)


def test_names_of_several_models(pair: tuple[Path, Path], tmp_path: Path) -> None:
    text = written(
        pair, tmp_path / "a.json", "-m", "version=vmaf_v0.6.1:name=mine", "-m", "vmaf_v0.6.1neg",
        "-m", "version=vmaf_b_v0.6.3:name=boot",
    )  # fmt: skip
    metrics = json.loads(text)["frames"][0]["metrics"]
    assert list(metrics)[-6:] == [
        "mine", "vmaf_v0.6.1neg",
        *(f"boot_{part}" for part in ("bagging", "stddev", "ci_p95_lo", "ci_p95_hi")),
    ]  # fmt: skip


@pytest.mark.parametrize("digits", [0, 3, 17])
def test_precision(pair: tuple[Path, Path], tmp_path: Path, digits: int) -> None:
    text = written(pair, tmp_path / "a.csv", "--precision", str(digits))
    value = text.splitlines()[1].split(",")[-2]
    assert len(value.partition(".")[2]) == digits
