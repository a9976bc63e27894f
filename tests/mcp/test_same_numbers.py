"""The same call by the command line and by the server gives the same numbers.

The command line works on a copy of the server's trial store, so that both know the same at the
beginning, and both really encode and score.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars
import pytest

from mcp_kit import Live, record_of

from .conftest import Place

PAIR = {"reference": "good.mkv", "distorted": "poor.mkv"}


@dataclass(frozen=True)
class Call:
    """One call in the words of both faces, and what has to be equal in what they say.

    Attributes:
        program, words: of the command line, in the folder of the media.
        tool, arguments: of the server.
        fields: members of both records.
    """

    program: str
    words: str
    tool: str
    arguments: dict[str, Any]
    fields: str


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
    "auto": Call(
        "tune", "auto good.mkv --target 90 --json",
        "auto", {"source": "good.mkv", "target": ["90"]},
        "cells metadata",
    ),
    "ladder": Call(
        "tune", "ladder good.mkv --preset ultrafast --resolutions 128x72,64x36 --crf 24,30,36 "
        "--format json",
        "ladder", {"source": "good.mkv", "preset": "ultrafast", "resolutions": ["128x72", "64x36"],
                   "crf": ["24,30,36"]},
        "renditions hull crossovers points vmaf_model versions spacing",
    ),
    "tune_per_shot": Call(
        "tune", "tune-per-shot good.mkv --preset ultrafast --target 85 --probes 2 --json",
        "tune_per_shot", {"source": "good.mkv", "preset": "ultrafast", "target": "85",
                          "probes": 2},
        "shots per_shot single change_percent kept met target model versions",
    ),
    "compare": Call(
        "tune", "compare good.mkv --encoder libx264 --preset ultrafast,superfast "
        "--crf 24,28,32,36 --json",
        "compare", {"sources": ["good.mkv"], "encoder": ["libx264"],
                    "preset": ["ultrafast", "superfast"], "crf": ["24,28,32,36"]},
        "metric anchor deltas versions",
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


@pytest.mark.parametrize("name", CALLS)
def test_both_faces_give_the_same_numbers(
    served: Live, place: Place, tmp_path: Path, made: Made, name: str
) -> None:
    call, own_cache = CALLS[name], copied(tmp_path / "cache")
    words = [word.format(features=made.features) for word in call.words.split()]
    printed = json.loads(command_line(call.program, words, place.media, own_cache).splitlines()[-1])
    arguments = {
        key: value.format(features=made.features) if isinstance(value, str) else value
        for key, value in call.arguments.items()
    }
    found = served.result(call.tool, **arguments)
    found = found["plan"] if call.tool == "auto" else found
    if call.tool == "score":
        # The server leaves out what the model computes on its way.
        assert found["model"] in found["pooled"]
        printed["pooled"] = {column: printed["pooled"][column] for column in found["pooled"]}
    for field in call.fields.split():
        assert without_store(found[field]) == without_store(printed[field]), field


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
