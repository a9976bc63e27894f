"""`plan` takes the words of the call that will be made, and counts what that call would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_kit import Live
from tuning_kit import ffmpeg

from .conftest import Place

VERBS = ("recommend", "auto", "ladder", "tune_per_shot", "compare")
RAW = {"width": 128, "height": 72, "pix_fmt": "yuv420p", "framerate": "25"}


def properties(served: Live) -> dict[str, dict[str, Any]]:
    """Arguments of each tool, with their schemas."""
    listed = served.ask(served.client.list_tools).tools
    return {tool.name: tool.input_schema["properties"] for tool in listed}


def test_plan_has_every_word_of_every_verb_and_no_other(served: Live) -> None:
    found = properties(served)
    words = {name for verb in VERBS for name in found[verb]} | {"verb"}
    assert set(found["plan"]) == words
    assert set(RAW) <= words
    # A default of its own could be another one than the verb's.
    values = {name: each.get("default") for name, each in found["plan"].items()}
    assert {name for name, value in values.items() if value is not None} == {"background"}


CALLS = [
    ("recommend", {"target": ["85"], "max_bitrate": "400", "tolerance": 1.5, "samples": 2,
                   "sample_duration_s": 0.2, "report": "r.html", "output": "o.mkv"}),
    ("auto", {"target": ["90"], "allow_codecs": ["libx265"], "preset": ["ultrafast"],
              "execute": True}),
    ("ladder", {"resolutions": ["128x72", "64x36"], "crf": ["24,30,36"], "preset": "ultrafast",
                "format": ["hls"], "max_quality": 94, "segment_duration_s": 0.4}),
    ("tune_per_shot", {"target": "85", "probes": 2, "crf_min": 20, "crf_max": 40, "worst": 60,
                       "mode": "constant-slope", "output": "o.mkv"}),
    ("compare", {"encoder": ["libx264"], "preset": ["ultrafast", "superfast"],
                 "crf": ["24,28,32,36"], "display": "128x72", "report": "r.html"}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "words"), CALLS)
def test_the_words_of_the_call_that_will_be_made_are_planned(
    served: Live, place: Place, verb: str, words: dict[str, Any]
) -> None:
    source = {"sources": ["good.mkv"]} if verb == "compare" else {"source": "good.mkv"}
    before = sorted(place.out.rglob("*"))
    found = served.result("plan", verb=verb, **source, **words)
    expected = {
        "recommend": ("libx264", "medium", 4 + 1),
        "auto": ("libx265", "ultrafast", 4),
        "ladder": ("libx264", "ultrafast", 3 + 5),
        "tune_per_shot": ("libx264", "medium", 2 + 1 + 4),
        "compare": ("libx264", "ultrafast, superfast", 8),
    }[verb]
    assert (found["encoder"], found["preset"], found["estimate"]["encodes"]) == expected
    assert sorted(place.out.rglob("*")) == before
    if verb == "recommend":
        assert [part["frames"] for part in found["parts"]] == [10, 20]


def test_a_comparison_encodes_as_often_as_its_plan_says(served: Live, place: Place) -> None:
    words = {"sources": ["good.mkv"], "encoder": ["libx264"], "preset": ["ultrafast", "veryfast"],
             "crf": ["25,29,33,37"], "score_backend": "libvmaf"}  # fmt: skip
    plan = served.result("plan", verb="compare", **words)
    answer = served.call("compare", **words, output="rows.jsonl").structured_content
    assert answer is not None
    rows = next(name for name in answer["files"] if name.endswith("/rows.jsonl"))
    made = [json.loads(line) for line in Path(rows).read_text("utf-8").splitlines()]
    assert len(made) == plan["estimate"]["encodes"] == plan["at_most"]["encodes"] == 8
    assert {part["preset"]: part["encodes"] for part in plan["parts"]} == {
        "ultrafast": 4, "veryfast": 4,
    }  # fmt: skip
    assert served.result("plan", verb="compare", **words)["known_trials"] >= 8


def test_a_plan_costs_less_where_less_is_asked_for(served: Live) -> None:
    few = served.result("plan", verb="ladder", source="long.mkv", crf=["24,30,36"],
                        resolutions=["160x90"])  # fmt: skip
    many = served.result("plan", verb="ladder", source="long.mkv")
    assert few["at_most"]["encodes"] == 3 < many["at_most"]["encodes"]
    assert few["estimate"]["cpu_s"] < many["estimate"]["cpu_s"]
    told = served.result("plan", verb="recommend", source="long.mkv", predict_only=True)
    assert told["estimate"]["encodes"] == told["estimate"]["cpu_s"] == 0
    default = served.result("plan", verb="auto", source="long.mkv")
    assert default["notes"] == ["without execute it encodes nothing; these are the costs with it"]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ({"verb": "ladder", "source": "good.mkv", "target": ["90"]}, "target", "it takes source"),
        ({"verb": "auto", "source": "good.mkv", "encoder": "libx264"}, "encoder", "it takes"),
        ({"verb": "compare", "source": "good.mkv"}, "source", "did you mean sources?"),
        ({"verb": "recommend", "source": "good.mkv", "probes": 3}, "probes", "it takes source"),
        ({"verb": "compare"}, "sources: Field required", "see the input schema of compare"),
        ({"verb": "compare", "sources": ["good.mkv"], "preset": ["no"]}, "preset no", ""),
        ({"verb": "tune_per_shot", "source": "good.mkv", "preset": ["fast", "slow"]}, "preset",
         "see the input schema"),
    ],
)  # fmt: skip
def test_a_word_of_another_verb_is_refused(
    served: Live, words: dict[str, Any], message: str, hint: str
) -> None:
    failure = served.failure("plan", **words)
    assert failure["error"] == "usage"
    assert message in failure["message"].replace("'", "")
    assert hint in failure["hint"]


@pytest.mark.parametrize("verb", VERBS)
def test_raw_video_is_planned_with_its_geometry(served: Live, place: Place, verb: str) -> None:
    raw = place.media / "planned.yuv"
    if not raw.exists():
        ffmpeg("-i", place.media / "good.mkv", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw)
    name = {"sources": [raw.name]} if verb == "compare" else {"source": raw.name}
    found = served.result("plan", verb=verb, **name, **RAW)
    assert found["frames"] == 20 and found["estimate"]["encodes"] >= 4
