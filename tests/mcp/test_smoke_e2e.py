"""The real server on pipes, asked by the SDK's own client."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from mcp_kit import Live, live, programs_of, record_of, two_seconds, wait_until
from scoring_kit import columns_of, hand_log
from vmafkit.mcp import summaries

from .conftest import LONG, Place, server_of, words_of

SNAPSHOT = Path(__file__).with_name("tools.json")


def encoders_of(pid: int) -> list[int]:
    """The ffmpeg processes below a server."""
    return [each for each in programs_of(pid) if b"ffmpeg" in words_of(each)[0]]


def test_the_tools_and_their_schemas_are_those_written_down(served: Live) -> None:
    """VMAFKIT_WRITE_SNAPSHOT=1 writes the file again."""
    listed = served.ask(served.client.list_tools).tools
    found = {
        tool.name: {
            "description": tool.description,
            "input": tool.input_schema,
            "result": sorted((tool.output_schema or {}).get("properties", {})),
        }
        for tool in listed
    }
    if os.environ.get("VMAFKIT_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())
    assert all(tool.output_schema and tool.description for tool in listed)


def test_both_ways_to_connect_see_the_same_server(place: Place) -> None:
    """Clients of the handshake protocol (2025) and of the one without it (2026)."""
    with live(place.media, place.out, client_mode="legacy") as old:
        assert old.client.protocol_version.startswith("2025")
        assert old.result("score", reference="good.mkv", distorted="poor.mkv")["frames"] == 20


def test_a_score_is_that_of_libvmaf_called_by_hand(served: Live, place: Place) -> None:
    log = hand_log(
        ["-i", place.media / "poor.mkv"], ["-i", place.media / "good.mkv"],
        "model=version=vmaf_v0.6.1",
    )  # fmt: skip
    expected = columns_of(log)["vmaf"]
    found = served.result("score", reference="good.mkv", distorted=str(place.media / "poor.mkv"))
    assert found["score"] == pytest.approx(expected.mean(), abs=1e-4)
    assert found["pooled"]["vmaf_v0.6.1"]["min"] == pytest.approx(expected.min(), abs=1e-4)
    assert 20 < found["score"] < 99


def test_frames_come_by_page_from_the_tool_and_the_resource(served: Live) -> None:
    answer = record_of(served.call("score", reference="good.mkv", distorted="poor.mkv"))
    page = record_of(served.call("job_status", job_id=answer["job_id"], frames_page=1))["frames"]
    assert page["rows"] == 20
    frames = page["columns"]["vmaf_v0.6.1"]
    assert sum(frames) / 20 == pytest.approx(answer["result"]["score"], abs=1e-6)
    uri = next(each for each in answer["resources"] if "/frames/" in each)
    read = served.ask(served.client.read_resource, uri).contents[0]
    assert json.loads(read.text) == page


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("vmafkit://jobs/job-000000000000/result/1", "usage"),
        ("vmafkit://out/nowhere/report.html/1", "unreadable"),
        ("vmafkit://out/%2e%2e/media-secret%2fsecret.mkv/1", "."),
        ("vmafkit://out/../media-secret/secret.mkv/1", "."),
    ],
)
def test_a_resource_that_is_not_there_is_a_sentence(served: Live, uri: str, code: str) -> None:
    with pytest.raises(MCPError, match=code):
        served.ask(served.client.read_resource, uri)


def test_a_report_is_read_by_page(served: Live) -> None:
    pair = {"reference": "good.mkv", "distorted": "poor.mkv"}
    answer = record_of(served.call("score", **pair, report="page.html"))
    assert answer["files"][0].endswith("/page.html")
    uri = f"vmafkit://out/{answer['job_id']}/page.html/1"
    page = json.loads(served.ask(served.client.read_resource, uri).contents[0].text)
    assert page["text"].lower().startswith("<!doctype html")
    assert page["pages"] == -(-page["bytes"] // summaries.PAGE_BYTES)


def test_recommend_finds_a_setting_and_writes_it_below_out(served: Live, place: Place) -> None:
    answer = record_of(
        served.call(
            "recommend", source="good.mkv", target=["88"], preset="ultrafast", output="final.mkv"
        )
    )
    found = answer["result"]
    assert found["met"] is True
    assert found["score"] >= 88
    made = place.out / answer["job_id"] / "final.mkv"
    assert answer["files"] == [str(made)]
    again = served.result("score", reference="good.mkv", distorted=str(made))
    assert again["score"] == pytest.approx(found["score"], abs=1e-4)


def test_features_are_written_below_out_alone_and_a_model_is_held_against_them(
    served: Live, place: Place
) -> None:
    before = sorted(place.media.rglob("*"))
    pair = {"reference": "good.mkv", "distorted": "poor.mkv"}
    answer = record_of(served.call("extract_features", pairs=[pair], output="f.parquet"))
    assert answer["result"]["rows"] == 20
    assert sorted(place.media.rglob("*")) == before
    table = next(name for name in answer["files"] if name.endswith("/f.parquet"))
    words = {"features": table, "split": "all"}
    found = served.result("eval_model_on_split", model="vmaf_tiny_v2", **words, bootstrap=0)
    assert found["n"] == 20
    ranked = served.result("compare_models", models=["vmaf_tiny_v2"], **words)["ranked"]
    assert ranked[0]["rmse"] == pytest.approx(found["rmse"])


def test_the_worst_frames_are_shown_as_pictures(served: Live) -> None:
    answer = served.call("worst_frames", reference="good.mkv", distorted="poor.mkv", count=1)
    kinds = [part.type for part in answer.content]
    assert kinds == ["text", "text", "image", "text", "image"]


def test_the_backend_is_the_one_asked_for_and_no_program_can_be_named(served: Live) -> None:
    pair = {"reference": "good.mkv", "distorted": "poor.mkv"}
    found = served.result("worst_frames", **pair, count=1, score_backend="libvmaf")
    assert found["scored_by"]["backend"] == "libvmaf"
    failure = served.failure("score", **pair, score_backend="vmaf-binary")
    assert failure["error"] == "usage"
    dry = served.result("recommend", source="good.mkv", target=["85"], predict_only=True)
    assert dry["scored_by"]["backend"] is None


def test_progress_is_told_and_a_plan_encodes_nothing(served: Live, place: Place) -> None:
    told: list[tuple[float, str | None]] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        told.append((done, message))

    asked = {"source": "good.mkv", "target": ["85"], "preset": "superfast"}
    served.ask(served.client.call_tool, "recommend", asked, progress_callback=note)
    steps = [done for done, _ in told]
    assert steps and steps == sorted(set(steps))


@pytest.mark.parametrize("verb", ["recommend", "auto", "ladder", "tune_per_shot"])
def test_a_plan_says_what_would_be_run_and_what_it_would_cost(served: Live, verb: str) -> None:
    before = sorted(Path(os.environ["VMAFKIT_CACHE"]).rglob("*.mkv"))
    plan = served.result("plan", verb=verb, source="long.mkv", preset="veryfast")
    assert plan["frames"] == plan["measured_frames"] == 250
    estimate = plan["estimate"]
    assert estimate["is_estimate"] is True
    assert estimate["basis"].startswith(("assumed: ", "measured: "))
    assert estimate["encodes"] >= 4
    assert estimate["encode_s"] > 0 and estimate["score_s"] > 0
    assert estimate["cpu_s"] == pytest.approx(estimate["encode_s"] + estimate["score_s"], abs=0.11)
    if verb != "tune_per_shot":
        assert plan["at_most"]["encodes"] >= estimate["encodes"]
    assert plan["record"]
    assert sorted(Path(os.environ["VMAFKIT_CACHE"]).rglob("*.mkv")) == before


def test_a_plan_goes_by_what_was_measured_here(served: Live) -> None:
    """Encode once; the plan for that encoder and preset then stands on that trial's cost."""
    asked = {"verb": "recommend", "source": "good.mkv", "preset": "faster"}
    assert served.result("plan", **asked)["estimate"]["basis"].startswith("assumed: 0.033 s")
    found = served.result("recommend", source="good.mkv", preset="faster", target=["80"])
    plan = served.result("plan", **asked)
    measured = [probe for probe in found["probes"] if not probe["known"]]
    assert plan["known_trials"] == len(measured) > 0
    count = f"{len(measured)} trial{'s' * (len(measured) > 1)}"
    basis = f"measured: the median of {count} of libx264 faster on this source in the store"
    assert plan["estimate"]["basis"] == basis
    other = served.result("plan", **{**asked, "source": "long.mkv"})
    assert other["known_trials"] == 0
    assert other["estimate"]["basis"].endswith("of libx264 faster in the store")


def test_a_cancel_leaves_no_process(served: Live, place: Place) -> None:
    server = server_of(place.out)
    job = record_of(served.call("recommend", **LONG, background=True))
    assert job["state"] in ("waiting", "running")
    wait_until(lambda: encoders_of(server))
    stopped = record_of(served.call("job_cancel", job_id=job["job_id"]))["jobs"][0]
    assert stopped["state"] == "cancelled"
    assert stopped["failure"]["error"] == "cancelled"
    assert programs_of(server) == []


def test_a_request_taken_back_stops_its_programs(served: Live, place: Place) -> None:
    server = server_of(place.out)

    async def ask_and_leave() -> bool:
        with anyio.move_on_after(30) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(served.client.call_tool, "recommend", LONG)
                while not await anyio.to_thread.run_sync(encoders_of, server):
                    await anyio.sleep(0.02)
                tasks.cancel_scope.cancel()
        return not scope.cancelled_caught

    assert served.portal.call(ask_and_leave)
    wait_until(lambda: programs_of(server) == [], two_seconds())


def test_the_end_of_the_client_ends_the_server_and_its_programs(
    place: Place, tmp_path: Path
) -> None:
    with live(place.media, tmp_path) as connected:
        server = server_of(tmp_path)
        connected.call("recommend", **LONG, background=True)
        wait_until(lambda: encoders_of(server))
        programs = programs_of(server)
    wait_until(
        lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in programs), two_seconds()
    )


def test_eight_calls_at_once_are_all_answered(served: Live) -> None:
    async def ask_all() -> list[Any]:
        found: list[Any] = []

        async def one(number: int) -> None:
            asked = {"reference": "good.mkv", "distorted": "poor.mkv", "subsample": 1 + number % 2}
            found.append(await served.client.call_tool("score", asked))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for number in range(8):
                    tasks.start_soon(one, number)
        return found

    records = [record_of(each) for each in served.portal.call(ask_all)]
    assert len({record["job_id"] for record in records}) == 8
    assert sorted(record["result"]["frames"] for record in records) == [10] * 4 + [20] * 4


@pytest.mark.parametrize(
    "name",
    [
        "../media-secret/secret.mkv",
        "link.mkv",
        "linked/secret.mkv",
        "concat:good.mkv|../media-secret/secret.mkv",
        "list.m3u8",
    ],
)
def test_a_way_out_of_the_roots_is_refused(served: Live, name: str) -> None:
    assert served.failure("score", reference=name, distorted="good.mkv")["error"] == "refused"


def test_a_model_outside_the_roots_is_refused(served: Live, place: Place) -> None:
    outside = place.secret.with_name("model.json")
    pair = {"reference": "good.mkv", "distorted": "poor.mkv"}
    for word in (str(outside), "../media-secret/model.json"):
        assert served.failure("score", **pair, models=[word])["error"] == "refused"
    for word in (f"path={outside}", "version=vmaf_v0.6.1:log_path=x"):
        assert served.failure("score", **pair, models=[word])["error"] in ("refused", "usage")
    tiny = str(place.secret.with_name("model.onnx"))
    assert served.failure("score", **pair, tiny_model=tiny)["error"] == "refused"
    assert served.failure("describe_model", model=tiny)["error"] == "refused"
    # A word that is neither an id nor a file of the roots is not looked for anywhere else.
    assert served.failure("describe_model", model="pyproject.toml")["error"] == "unreadable"
    assert served.result("describe_model", model="vmaf_tiny_v2")["type"] == "tiny-model"
    assert served.result("describe_model", model="vmaf_v0.6.1neg")["type"] == "vmaf-model"


def test_a_wrong_argument_is_an_error_with_a_code_and_a_sentence(served: Live) -> None:
    answer = served.call("score", reference="good.mkv")
    assert answer.is_error
    assert answer.structured_content["failure"]["error"] == "usage"  # pyright: ignore
    assert answer.content[0].text.startswith("usage: score: distorted")  # pyright: ignore


@pytest.mark.parametrize("tool", sorted(json.loads(SNAPSHOT.read_text())))
def test_an_argument_that_a_tool_does_not_have_is_refused(served: Live, tool: str) -> None:
    """Whatever else is missing or wrong, that is told first, and nothing runs."""
    failure = served.failure(tool, bogus=1)
    assert failure["error"] == "usage"
    assert failure["message"] == f"{tool} has no argument 'bogus'"
    schema = json.loads(SNAPSHOT.read_text())[tool]["input"]
    assert schema["additionalProperties"] is False
    known = failure["hint"].partition("it takes ")[2].split(", ")
    assert sorted(known) == sorted(schema["properties"] or ["none"])


@pytest.mark.parametrize(
    ("tool", "words", "guess"),
    [
        ("compare", {"sources": ["good.mkv"], "encoders": ["libx264"]}, "encoder"),
        ("score", {"reference": "good.mkv", "distorted": "poor.mkv", "model": "x"}, "models"),
        ("score", {"reference": "good.mkv", "distorted": "poor.mkv", "ctx": 1}, ""),
        ("score", {"reference": "good.mkv", "distorted": "poor.mkv", "x\n" * 5000: 1}, ""),
    ],
)
def test_an_argument_by_a_wrong_name_is_told_the_right_one(
    served: Live, tool: str, words: dict[str, Any], guess: str
) -> None:
    failure = served.failure(tool, **words)
    assert failure["error"] == "usage"
    assert repr(list(words)[-1])[:20] in failure["message"]
    assert len(failure["message"]) < 200
    assert failure["hint"].startswith(f"did you mean {guess}? it takes" if guess else "it takes")


def test_resources_and_prompts_are_there(served: Live) -> None:
    about = served.ask(served.client.read_resource, "vmafkit://server").contents[0]
    assert json.loads(about.text)["roots"] == ["media", "out"]
    prompts = served.ask(served.client.list_prompts).prompts
    assert {"find_setting", "judge_encode", "make_ladder"} <= {prompt.name for prompt in prompts}
    asked = served.ask(
        served.client.get_prompt, "judge_encode", {"reference": "a", "distorted": "b"}
    )
    assert "'a'" in asked.messages[0].content.text
