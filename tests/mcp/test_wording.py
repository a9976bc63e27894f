"""What goes wrong is told by the arguments of tools, never by flags that they do not have."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import vmafkit
from mcp_kit import Live
from tuning_kit import ffmpeg
from vmafkit.mcp.wording import NAMED, NOT_OFFERED, spoken

from .conftest import Place

TOOLS: dict[str, Any] = json.loads(Path(__file__).with_name("tools.json").read_text("utf-8"))
ARGUMENTS = {tool: set(each["input"]["properties"]) for tool, each in TOOLS.items()}
EVERY = set[str]().union(*ARGUMENTS.values())
HOME = Path(vmafkit.__file__).parent
# Their sentences come from commands that are no tools.
ELSEWHERE = ("cli", "mcp", "harness", "learn", "cluster", "engine", "_cluster.py", "_corpus.py",
             "_engine.py", "_zones.py", "_verify.py", "_train_fit.py",
             "_train_fetch.py")  # fmt: skip
# Of the program that an error is about.
NOT_OURS = {"--version"}
FLAG = re.compile(r"(?<![\w/.-])--[a-z][a-z0-9_-]*")


def flags_of_errors() -> dict[str, set[str]]:
    """Flags in the sentences of errors, with the files that raise them."""
    found: dict[str, set[str]] = {}
    for path in HOME.rglob("*.py"):
        parts = path.relative_to(HOME).parts
        if set(parts) & set(ELSEWHERE) or parts[-1].startswith("_harness"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if not re.match(r"[A-Z]", node.func.id):
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    for flag in FLAG.findall(part.value):
                        found.setdefault(flag, set()).add("/".join(parts))
    return found


def test_every_flag_in_an_error_has_an_argument_or_is_known_to_have_none() -> None:
    found = flags_of_errors()
    assert len(found) > 30 and {"--width", "--model", "--ffmpeg-bin"} <= set(found)
    unknown: dict[str, set[str]] = {}
    for flag, places in found.items():
        if flag in NOT_OURS:
            continue
        said = spoken(f"give {flag} here", EVERY).split()[1]
        if said not in EVERY and flag not in NOT_OFFERED:
            unknown[flag] = places
    assert unknown == {}


def test_what_no_tool_offers_is_not_offered_and_all_names_are_arguments() -> None:
    assert {flag for flag in NOT_OFFERED if flag[2:].replace("-", "_") in EVERY} == set()
    names = {name for each in NAMED.values() for name in each}
    assert names <= EVERY
    # With one argument of those that a flag may mean, no tool has a choice.
    for flag, each in NAMED.items():
        for tool, own in ARGUMENTS.items():
            assert tool == "plan" or len(set(each) & own) <= 1, (flag, tool)


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("give --width, --height and --pix-fmt (or -p and -b)", "score",
         "give width, height and pix_fmt"),
        ("--frame_skip_ref 30 leaves none", "score", "skip_reference 30 leaves none"),
        ("--model no is no model", "score", "models no is no model"),
        ("--model no is no model", "recommend", "model no is no model"),
        ("write --target vmaf:p5>=90", "plan", "write target vmaf:p5>=90"),
        ("`vmafkit doctor` lists it; --ffmpeg-bin names another", "plan",
         "the tool doctor lists it; --ffmpeg-bin (only on the command line) names another"),
        ("/a/--width.mkv and ./--width and --width.mkv", "score",
         "/a/--width.mkv and ./--width and --width.mkv"),
        ("give the server a higher --cpu-limit", "score", "give the server a higher --cpu-limit"),
        ("--samples 3 and --full.", "recommend", "samples 3 and full."),
    ],
)  # fmt: skip
def test_sentences(text: str, tool: str, expected: str) -> None:
    assert spoken(text, ARGUMENTS[tool]) == expected


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("score", {"reference": "bare.yuv", "distorted": "bare.yuv"}),
        ("worst_frames", {"reference": "bare.yuv", "distorted": "bare.yuv"}),
        ("probe", {"source": "bare.yuv"}),
        ("plan", {"verb": "recommend", "source": "bare.yuv"}),
        ("recommend", {"source": "bare.yuv", "target": ["90"]}),
        ("auto", {"source": "bare.yuv", "target": ["90"]}),
        ("ladder", {"source": "bare.yuv"}),
        ("tune_per_shot", {"source": "bare.yuv"}),
        ("compare", {"sources": ["bare.yuv"]}),
        ("extract_features", {"pairs": [{"reference": "bare.yuv", "distorted": "bare.yuv"}]}),
    ],
)
def test_the_way_out_of_raw_video_is_one_that_the_tool_has(
    served: Live, place: Place, tool: str, words: dict[str, Any]
) -> None:
    raw = place.media / "bare.yuv"
    if not raw.exists():
        ffmpeg("-i", place.media / "good.mkv", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw)
    failure = served.failure(tool, **words)
    said = f"{failure['message']} {failure['hint']}"
    assert "--" not in said and "give width, height" in said, failure


def test_skipping_too_much_is_told_by_the_argument(served: Live) -> None:
    pair = {"reference": "good.mkv", "distorted": "poor.mkv"}
    failure = served.failure("score", **pair, skip_reference=500)
    assert failure["message"].startswith("skip_reference 500")
    failure = served.failure("score", **pair, models=["nothing"])
    assert "--" not in failure["message"] + failure["hint"]


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("recommend", {"target": ["80"], "preset": "ultrafast", "predict_only": True}),
        ("auto", {"target": ["80"], "allow_codecs": ["libx264"]}),
        ("ladder", {"preset": "ultrafast", "crf": ["24,30,36"], "resolutions": ["128x72"]}),
        ("tune_per_shot", {"target": "80", "preset": "ultrafast", "probes": 2}),
        ("compare", {"encoder": ["libx264"], "preset": ["ultrafast"], "crf": ["24,28,32,36"]}),
    ],
)
def test_raw_video_is_tuned(served: Live, place: Place, tool: str, words: dict[str, Any]) -> None:
    raw = place.media / "bare.yuv"
    if not raw.exists():
        ffmpeg("-i", place.media / "good.mkv", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw)
    name = {"sources": ["bare.yuv"]} if tool == "compare" else {"source": "bare.yuv"}
    geometry = {"width": 128, "height": 72, "pix_fmt": "yuv420p", "framerate": "25"}
    assert served.result(tool, **name, **geometry, **words)["scored_by"]["model"]
