"""The same call by the command line and by the server gives the same numbers.

The command line works on a copy of the server's trial store, so that both know the same at the
beginning, and both really encode and score.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars
import pytest
from tests.engine_kit import library

from mcp_kit import Live, live, record_of
from tuning_kit import ffmpeg
from vmafkit import api
from vmafkit.mcp import summaries
from vmafkit.scoring.engine import native
from vmafkit.scoring.engine.native import Library

from .conftest import Place

__all__ = ["library"]

PAIR = {"reference": "good.mkv", "distorted": "poor.mkv"}


@dataclass(frozen=True)
class Call:
    """One call in the words of both faces, and what has to be equal in what they say.

    Attributes:
        program, words: of the command line, in the folder of the media.
        tool, arguments: of the server.
        fields: members of both records.
        backend: what the server's answer has to say made the scores; empty where it is either.
    """

    program: str
    words: str
    tool: str
    arguments: dict[str, Any]
    fields: str
    backend: str = ""


CALLS = {
    "score": Call(
        "vmaf", "-r good.mkv -d poor.mkv --feature psnr --json",
        "score", {**PAIR, "features": ["psnr"]},
        "score statistic frames pooled display pix_fmt model model_note versions steps",
    ),
    "score of some frames": Call(
        "vmaf", "-r good.mkv -d poor.mkv -m vmaf_v0.6.1neg --subsample 3 --frame_cnt 15 "
        "--frame_skip_ref 2 --frame_skip_dist 2 --display 256x144 --pool p5 --json",
        "score", {**PAIR, "models": ["vmaf_v0.6.1neg"], "subsample": 3, "frame_count": 15,
                  "skip_reference": 2, "skip_distorted": 2, "display": "256x144",
                  "statistic": "p5"},
        "score statistic frames pooled display model",
    ),
    "score by a tiny model": Call(
        "vmaf", "-r good.mkv -d poor.mkv --tiny-model vmaf_tiny_v2 --tiny-device cpu --json",
        "score", {**PAIR, "tiny_model": "vmaf_tiny_v2"},
        "score frames tiny_models",
    ),
    "score by libvmaf": Call(
        "vmaf", "-r good.mkv -d poor.mkv --score-backend libvmaf --json",
        "score", {**PAIR, "score_backend": "libvmaf"},
        "score frames pooled backend backend_note versions", backend="libvmaf",
    ),
    "score by the engine": Call(
        "vmaf", "-r good.mkv -d poor.mkv --score-backend engine --json",
        "score", {**PAIR, "score_backend": "engine"},
        "score frames pooled backend backend_note versions", backend="engine",
    ),
    "worst_frames": Call(
        "vmaf", "-r good.mkv -d poor.mkv --feature psnr --display 256x144 "
        "--score-backend libvmaf --json",
        "worst_frames", {**PAIR, "count": 2, "features": ["psnr"], "display": "256x144",
                         "score_backend": "libvmaf"},
        "score statistic frames pooled display pix_fmt model model_note versions steps",
        backend="libvmaf",
    ),
    "plan of recommend": Call(
        "tune", "recommend good.mkv --target 85 --preset veryfast --samples 2 "
        "--sample-duration 0.2 --max-bitrate 400 --dry-run --json",
        "plan", {"verb": "recommend", "source": "good.mkv", "target": ["85"], "samples": 2,
                 "preset": "veryfast", "sample_duration_s": 0.2, "max_bitrate": "400"},
        "encoder preset window target targets caps model command quality",
    ),
    "plan of ladder": Call(
        "tune", "ladder good.mkv --preset ultrafast --resolutions 128x72,64x36 --crf 24,30,36 "
        "--max-quality 94 --dry-run --json",
        "plan", {"verb": "ladder", "source": "good.mkv", "preset": "ultrafast",
                 "resolutions": ["128x72", "64x36"], "crf": ["24,30,36"], "max_quality": 94},
        "encodes commands vmaf_model window spacing versions",
    ),
    "plan of tune_per_shot": Call(
        "tune", "tune-per-shot good.mkv --preset ultrafast --target 85 --probes 2 --dry-run "
        "--json",
        "plan", {"verb": "tune_per_shot", "source": "good.mkv", "preset": "ultrafast",
                 "target": "85", "probes": 2},
        "shots target model",
    ),
    "plan of auto": Call(
        "tune", "auto good.mkv --target 90 --allow-codecs libx265 --json",
        "plan", {"verb": "auto", "source": "good.mkv", "target": ["90"],
                 "allow_codecs": ["libx265"]},
        "cells metadata",
    ),
    "recommend": Call(
        "tune", "recommend good.mkv --target 85 --preset veryfast --json",
        "recommend", {"source": "good.mkv", "target": ["85"], "preset": "veryfast"},
        "quality score scores met bitrate_kbps window size_bytes target targets model versions "
        "bracket",
    ),
    "recommend by p5 and a cap": Call(
        "tune", "recommend good.mkv --target vmaf:p5>=80 --max-bitrate 400 --encoder libx265 "
        "--preset ultrafast --json",
        "recommend", {"source": "good.mkv", "target": ["vmaf:p5>=80"], "max_bitrate": "400",
                      "encoder": "libx265", "preset": "ultrafast"},
        "quality score met bitrate_kbps caps targets versions",
    ),
    "recommend by libvmaf": Call(
        "tune", "recommend good.mkv --target 85 --preset veryfast --score-backend libvmaf --json",
        "recommend", {"source": "good.mkv", "target": ["85"], "preset": "veryfast",
                      "score_backend": "libvmaf"},
        "quality score met bitrate_kbps versions", backend="libvmaf",
    ),
    "recommend by the engine": Call(
        "tune", "recommend good.mkv --target 85 --preset veryfast --score-backend engine --json",
        "recommend", {"source": "good.mkv", "target": ["85"], "preset": "veryfast",
                      "score_backend": "engine"},
        "quality score met bitrate_kbps versions", backend="engine",
    ),
    "auto": Call(
        "tune", "auto good.mkv --target 90 --json",
        "auto", {"source": "good.mkv", "target": ["90"]},
        "cells metadata",
    ),
    "ladder": Call(
        "tune", "ladder good.mkv --preset ultrafast --resolutions 128x72,64x36 --crf 24,30,36 "
        "--score-backend libvmaf --format json",
        "ladder", {"source": "good.mkv", "preset": "ultrafast", "resolutions": ["128x72", "64x36"],
                   "crf": ["24,30,36"], "score_backend": "libvmaf"},
        "renditions hull crossovers points vmaf_model versions spacing", backend="libvmaf",
    ),
    "tune_per_shot": Call(
        "tune", "tune-per-shot good.mkv --preset ultrafast --target 85 --probes 2 "
        "--score-backend libvmaf --json",
        "tune_per_shot", {"source": "good.mkv", "preset": "ultrafast", "target": "85",
                          "probes": 2, "score_backend": "libvmaf"},
        "shots per_shot single change_percent kept met target model versions",
        backend="libvmaf",
    ),
    "compare": Call(
        "tune", "compare good.mkv --encoder libx264 --preset ultrafast,superfast "
        "--crf 24,28,32,36 --score-backend libvmaf --json",
        "compare", {"sources": ["good.mkv"], "encoder": ["libx264"],
                    "preset": ["ultrafast", "superfast"], "crf": ["24,28,32,36"],
                    "score_backend": "libvmaf"},
        "metric anchor deltas versions", backend="libvmaf",
    ),
    "eval_model_on_split": Call(
        "train", "eval --model vmaf_tiny_v2 --features {features} --split all --bootstrap 50 "
        "--json",
        "eval_model_on_split", {"model": "vmaf_tiny_v2", "features": "{features}", "split": "all",
                                "bootstrap": 50},
        "n plcc srocc krocc rmse max_abs_error bias model model_sha256",
    ),
    "compare_models": Call(
        "train", "compare vmaf_tiny_v2 --features {features} --split all --json",
        "compare_models", {"models": ["vmaf_tiny_v2"], "features": "{features}", "split": "all"},
        "ranked errors",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """Files that the command line wrote below the server's root."""

    corpus: Path
    features: Path


def command_line(program: str, words: list[str], folder: Path, cache: Path) -> str:
    """What one of the programs prints; it runs in this process, which saves its start."""
    main = importlib.import_module(f"vmafkit.cli.{program}").main
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
    ):
        patch.setattr(sys, "argv", [program, *words])
        patch.setenv("VMAFKIT_CACHE", str(cache))
        patch.chdir(folder)
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
    assert not code, printed.getvalue()
    return printed.getvalue()


def copied(cache: Path) -> Path:
    """A new copy of the server's cache."""
    return shutil.copytree(
        os.environ["VMAFKIT_CACHE"], cache, ignore=shutil.ignore_patterns("scratch", "*.lock")
    )


@pytest.fixture(scope="module")
def made(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Made:
    own_cache = copied(tmp_path_factory.mktemp("other") / "cache")
    found = Made(place.out / "corpus.jsonl", place.out / "features.parquet")
    sweep = ["good.mkv", "--encoder", "libx264", "--preset", "ultrafast,superfast", "--crf"]
    command_line("tune", ["corpus", *sweep, "26,34", "-o", str(found.corpus)],
                 place.media, own_cache)  # fmt: skip
    pairs = place.out / "pairs.csv"
    pairs.write_text("reference,distorted\ngood.mkv,poor.mkv\n")
    words = ["--dataset", "generic", "--pairs", str(pairs), "--data-root", str(place.media)]
    command_line("train", ["extract-features", *words, "--no-cache-beside", "-o",
                           str(found.features)], place.media, own_cache)  # fmt: skip
    return found


@pytest.fixture
def served_with_engine(
    library: Library, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    """A server whose cache has the engine."""
    monkeypatch.setenv("VMAFKIT_CACHE", str(copied(tmp_path / "with-engine")))
    folder = native.cached_folder()
    folder.mkdir(parents=True)
    shutil.copy2(library.path, folder)
    with live(place.media, place.out) as connected:
        yield connected


@pytest.mark.parametrize("name", CALLS)
def test_both_faces_give_the_same_numbers(
    request: pytest.FixtureRequest,
    served: Live,
    place: Place,
    tmp_path: Path,
    made: Made,
    name: str,
) -> None:
    call = CALLS[name]
    if call.backend == "engine":
        served = request.getfixturevalue("served_with_engine")
    own_cache = copied(tmp_path / "cache")
    words = [word.format(features=made.features) for word in call.words.split()]
    printed = json.loads(command_line(call.program, words, place.media, own_cache).splitlines()[-1])
    arguments = {
        key: value.format(features=made.features) if isinstance(value, str) else value
        for key, value in call.arguments.items()
    }
    found = served.result(call.tool, **arguments)
    if call.backend:
        assert found["scored_by"]["backend"] == call.backend
    found = found["plan"] if call.tool == "auto" else found
    if call.tool == "plan":
        # Its commands would write below the server's own folder.
        text = json.dumps(found["record"]).replace(f"file:{place.out}/", f"file:{place.media}/")
        found = json.loads(text)
    if call.tool in ("score", "worst_frames"):
        # The server leaves out what the model computes on its way.
        assert found["model"] in found["pooled"]
        printed["pooled"] = {column: printed["pooled"][column] for column in found["pooled"]}
    for field in call.fields.split():
        assert without_store(found[field]) == without_store(printed[field]), field


def test_the_worst_frames_are_those_of_the_command_lines_frames(
    served: Live, place: Place, tmp_path: Path
) -> None:
    log = tmp_path / "frames.json"
    words = ["-r", "good.mkv", "-d", "poor.mkv", "-o", str(log), "--json"]
    command_line("vmaf", words, place.media, copied(tmp_path / "cache"))
    frames = json.loads(log.read_text("utf-8"))["frames"]
    scores = {each["frameNum"]: each["metrics"]["vmaf"] for each in frames}
    found = served.result("worst_frames", **PAIR, count=3, apart=4)["worst"]
    assert len(found) == 3 and found[0]["frame"] == min(scores, key=scores.__getitem__)
    for each in found:
        assert each["vmaf_v0.6.1"] == pytest.approx(scores[each["frame"]], abs=1e-5)
    numbers = sorted(each["frame"] for each in found)
    assert min(b - a for a, b in itertools.pairwise(numbers)) >= 4


RAW = {"width": 128, "height": 72, "pix_fmt": "yuv420p", "framerate": "25"}


@pytest.mark.parametrize("words", [{"source": "tagged.mkv"}, {"source": "same.yuv", **RAW}])
def test_a_probe_is_that_of_the_library(served: Live, place: Place, words: dict[str, Any]) -> None:
    ffmpeg("-y", "-i", place.media / "good.mkv", "-f", "rawvideo", "-pix_fmt", "yuv420p",
           place.media / "same.yuv")  # fmt: skip
    found = served.result("probe", **words)
    own = api.probe(**{**words, "source": place.media / words["source"]})
    assert found.pop("tags")["values"] == summaries.quoted(own.pop("tags"))["values"]
    assert found == summaries.plain(own)
    assert (found["frame_count"], found["width"], found["height"]) == (20, 128, 72)


@pytest.mark.parametrize("model", ["vmaf_v0.6.1", "vmaf_v0.6.1neg", "vmaf_tiny_v2"])
def test_a_model_is_described_as_by_the_library(served: Live, model: str) -> None:
    found, own = served.result("describe_model", model=model), api.describe_model(model)
    assert found == summaries.plain(own)
    assert model in json.dumps(found)


def without_store(value: Any) -> Any:
    """A value without what differs from run to run: whether it was known, and how long it took."""
    if isinstance(value, dict):
        kept = ((k, v) for k, v in value.items() if k not in ("known", "frames_per_s", "path"))
        return {key: without_store(each) for key, each in kept}
    return [without_store(each) for each in value] if isinstance(value, list) else value


def test_a_corpus_that_the_command_line_wrote_is_told_row_by_row(served: Live, made: Made) -> None:
    rows = [json.loads(line) for line in made.corpus.read_text("utf-8").splitlines()]
    found = served.result("query_corpus", corpus=str(made.corpus), page_rows=3)
    assert (found["rows"], found["rows_in_file"], found["pages"]) == (4, 4, 2)
    rest = served.result("query_corpus", corpus=str(made.corpus), page_rows=3, page=2)
    items = [*found["items"], *rest["items"]]
    assert items == [{name: row.get(name) for name in items[0]} for row in rows]
    assert {"vmaf_score", "vmaf_model", "vmaf_pooling", "libvmaf_version"} <= set(items[0])
    best = max(row["vmaf_score"] for row in rows)
    one = served.result("query_corpus", corpus=str(made.corpus), min_vmaf=best)
    assert one["rows"] == 1 and one["items"][0]["vmaf_score"] == best


def test_both_faces_extract_the_same_features(served: Live, made: Made) -> None:
    answer = record_of(served.call("extract_features", pairs=[PAIR], output="mine.parquet"))
    mine = next(name for name in answer["files"] if name.endswith("/mine.parquet"))
    one, other = polars.read_parquet(mine), polars.read_parquet(made.features)
    assert one.height == other.height == 20
    numbers = [name for name, kind in one.schema.items() if kind.is_numeric()]
    assert len(numbers) >= 7
    assert one.select(numbers).equals(other.select(numbers))
