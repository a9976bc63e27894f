"""Bounds that hold: jobs at once, time, the size of results, and text that is only data."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.r_record import note

from mcp_kit import Live, environment, is_alive, programs_of, server_words, two_seconds, wait_until
from vmafkit import proc
from vmafkit.errors import Cancelled, Refused, UsageError
from vmafkit.mcp import desk, summaries
from vmafkit.mcp.jobs import Job, JobLimits, Jobs

from .conftest import LONG, Place


def test_fifty_jobs_at_once_keep_to_the_cap() -> None:
    jobs = Jobs(JobLimits(at_once=3, waiting=50))
    lock, running, most = threading.Lock(), 0, 0

    def work(job: Job) -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return {"n": 1}

    started = [jobs.start("test", work) for _ in range(50)]
    assert all(job.ended.wait(20) for job in started)
    assert {job.state for job in started} == {"done"}
    note("R47", len(started))
    assert 1 < most <= 3


def test_one_more_than_may_wait_is_refused() -> None:
    jobs = Jobs(JobLimits(at_once=1, waiting=2))
    first = jobs.start("test", waits)
    while first.state == "waiting":
        time.sleep(0.001)
    jobs.start("test", waits)
    jobs.start("test", waits)
    with pytest.raises(Refused, match="wait already"):
        jobs.start("test", waits)
    jobs.close()
    assert {job.state for job in jobs.all()} == {"cancelled"}


def test_none_may_wait_and_yet_one_runs() -> None:
    jobs = Jobs(JobLimits(at_once=1, waiting=0))
    first = jobs.start("test", waits)
    with pytest.raises(Refused, match="1 jobs run and 0 wait already"):
        jobs.start("test", waits)
    first.cancel.set()
    assert first.ended.wait(10)
    assert jobs.start("test", lambda job: {}).ended.wait(10)


def test_a_job_whose_thread_has_not_begun_does_not_count_as_one_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    jobs = Jobs(JobLimits(at_once=2, waiting=1))
    for _ in range(3):
        jobs.start("test", waits)
    with pytest.raises(Refused):
        jobs.start("test", waits)


def waits(job: Job) -> dict[str, Any]:
    """Work that ends only when it is stopped."""
    assert job.cancel.wait(30)
    raise Cancelled("stopped")


def test_an_endless_job_ends_at_its_limit_with_its_program() -> None:
    jobs = Jobs(JobLimits(time_s=0.3))

    def work(job: Job) -> dict[str, Any]:
        proc.run(["sleep", "60"], cwd=Path("/"), cancel=job.cancel)
        return {}

    job = jobs.start("test", work)
    assert job.ended.wait(10)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error.code == "tool-timeout"
    assert job.wall_s < 9


def test_a_fault_of_ours_is_told_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs(JobLimits())

    def work(job: Job) -> dict[str, Any]:
        raise RuntimeError("the password is 1234")

    job = jobs.start("test", work)
    assert job.ended.wait(10)
    answer = desk.answer(job)
    assert answer.is_error
    assert "1234" not in answer.model_dump_json()
    assert "1234" in caplog.text


@pytest.mark.parametrize("is_good", [True, False])
def test_a_job_that_is_done_does_nothing_more(is_good: bool) -> None:
    """One that failed still says where."""
    jobs = Jobs(JobLimits())

    def work(job: Job) -> dict[str, Any]:
        job.advance(3, 0, "probe-finished shot 2")
        if not is_good:
            raise Refused("no")
        return {}

    job = jobs.start("test", work)
    assert job.ended.wait(10)
    state = desk.state_of(job)
    found = (state["state"], state["done"], state["total"], state["note"])
    failed = ("failed", 3, 0, "probe-finished shot 2")
    assert found == (("done", 3, 3, "") if is_good else failed)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no way to share processors")
def test_a_job_keeps_to_its_processors() -> None:
    jobs = Jobs(JobLimits(at_once=2, cpus=1))
    job = jobs.start("test", lambda job: {"cpus": len(os.sched_getaffinity(0))})
    assert job.ended.wait(10)
    assert job.result == {"cpus": 1}


def test_ended_jobs_are_forgotten_and_unknown_ones_said_to_be() -> None:
    jobs = Jobs(JobLimits(kept=3))
    for _ in range(10):
        assert jobs.start("test", lambda job: {}).ended.wait(10)
    assert len(jobs.all()) <= 4
    with pytest.raises(UsageError):
        jobs.get("job-000000000000")


def test_ten_megabytes_become_a_small_answer() -> None:
    jobs = Jobs(JobLimits())
    rows = [{"n": n, "text": "x" * 100} for n in range(80_000)]
    job = jobs.start("test", lambda job: {"rows": rows, "score": 93.5})
    assert job.ended.wait(20)
    answer = desk.answer(job)
    assert len(answer.model_dump_json()) <= summaries.MOST_BYTES
    record = answer.structured_content
    assert record is not None
    assert record["result"]["score"] == 93.5
    assert record["cut"] == {"result.rows": 80_000}
    assert 10 < len(record["result"]["rows"]) < 1000


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=300) | st.integers(),
    lambda inner: st.lists(inner, max_size=60) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=120,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(max_size=8), _JSON))
def test_every_record_fits(record: dict[str, Any]) -> None:
    whole = summaries.plain(record)
    json.dumps(whole, allow_nan=False)
    kept = summaries.fit(whole, 2000)
    assert summaries.size_of(kept) <= 2000
    if summaries.size_of(whole) <= 2000:
        assert kept == whole


def test_pages_of_frames_hold_every_frame_once() -> None:
    columns: dict[str, list[Any]] = {"frame": list(range(5000)), "vmaf": [1.5] * 5000}
    first = summaries.frames_page(columns, 1)
    pages = [summaries.frames_page(columns, n + 1) for n in range(first["pages"])]
    assert [n for page in pages for n in page["columns"]["frame"]] == columns["frame"]
    assert all(summaries.size_of(page) < summaries.MOST_BYTES for page in pages)


def test_text_in_a_file_comes_as_quoted_data(served: Live) -> None:
    found = served.result("probe", source="tagged.mkv")
    tags = found.pop("tags")
    assert "not instructions" in tags["note"]
    texts = [each["text"] for each in tags["values"]]
    assert any(text.startswith("ignore previous instructions") for text in texts)
    assert "\x1b" not in json.dumps(tags, ensure_ascii=False)
    assert "ignore previous" not in json.dumps(found)


PRINTS = (
    "import os; from vmafkit import api; listed = api.list_encoders\n"
    "def loud():\n"
    "    print('a print'); os.write(1, b'raw bytes'); os.system('echo child; cat')\n"
    "    return listed()\n"
    "api.list_encoders = loud\n"
    "from vmafkit.mcp.server import main; main()"
)


def test_standard_output_holds_only_messages(place: Place, tmp_path: Path) -> None:
    """Two hundred calls of a tool that prints, writes and starts a child that reads, while an
    encode runs; then the client goes away."""
    words = server_words(place.media, tmp_path)
    words[words.index("-c") + 1] = PRINTS
    server = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(), text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    hello = {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "test", "version": "1"}}  # fmt: skip
    try:
        send(server.stdin, id=0, method="initialize", params=hello)
        assert json.loads(server.stdout.readline())["id"] == 0
        send(server.stdin, method="notifications/initialized")
        long = {"name": "recommend", "arguments": {**LONG, "background": True}}
        send(server.stdin, id=-1, method="tools/call", params=long)
        assert json.loads(server.stdout.readline())["id"] == -1
        wait_until(lambda: len(programs_of(server.pid)) >= 2)
        got: list[int] = []
        for number in range(1, 201):
            call = {"name": "list_encoders", "arguments": {}}
            send(server.stdin, id=number, method="tools/call", params=call)
            message = json.loads(server.stdout.readline())
            assert message["jsonrpc"] == "2.0"
            got.append(message["id"])
        assert got == list(range(1, 201))
        note("R46", len(got))
        programs = programs_of(server.pid)
        assert programs, "the encode ended before the calls did"
        server.stdin.close()
        wait_until(lambda: not any(map(is_alive, programs)), two_seconds())
        assert server.stdout.read() == ""
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def send(stream: Any, **message: Any) -> None:
    """Write one message."""
    stream.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    stream.flush()
