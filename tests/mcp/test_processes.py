"""Every job is a process with bounds of its own: time, CPU time, cancel, and how it may end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcp_kit import (
    Live,
    environment,
    is_alive,
    live,
    programs_of,
    server_words,
    two_seconds,
    wait_until,
)
from vmafkit import proc
from vmafkit.errors import ToolTimeout
from vmafkit.mcp import desk, processes
from vmafkit.mcp.jobs import Job, JobLimits, Jobs
from vmafkit.mcp.processes import run_call

from .conftest import LONG, Place, server_of

BUSY = "while True: pass"


def test_the_cpu_time_of_a_whole_tree_is_counted_and_bounded(tmp_path: Path) -> None:
    """The child does nothing itself: what its own child burns counts."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    started = time.monotonic()
    told: list[float] = []
    with pytest.raises(ToolTimeout, match=r"more than 0\.3 s of CPU time"):
        proc.run(
            [sys.executable, "-c", code], cwd=tmp_path, limits=proc.Limits(cpu_s=0.3, wall_s=60),
            on_cpu_s=told.append,
        )  # fmt: skip
    assert len(told) == 1 and told[0] > 0.3
    assert time.monotonic() - started < 30
    assert proc.tree_cpu_s(os.getpid()) > 0
    assert proc.tree_cpu_s(2**22 + 1) == 0.0


@pytest.fixture(scope="module")
def strict(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, int]]:
    """A server whose jobs may use 1 s of CPU time, and its process."""
    out = tmp_path_factory.mktemp("strict")
    with live(place.media, out, "--cpu-limit", "1") as connected:
        yield connected, server_of(out)


def test_a_call_beyond_its_cpu_limit_is_stopped_with_a_code_and_a_sentence(
    strict: tuple[Live, int],
) -> None:
    served, server = strict
    answer = served.call("recommend", **LONG)
    assert answer.is_error
    assert answer.structured_content is not None
    failure = answer.structured_content["failure"]
    assert failure["error"] == "tool-timeout"
    assert failure["message"] == "recommend used more than 1 s of CPU time and was stopped"
    assert "--cpu-limit" in failure["hint"]
    assert answer.content[0].text.startswith("tool-timeout: recommend used")  # pyright: ignore
    assert programs_of(server) == []


def test_a_tool_that_cannot_be_asked_to_stop_has_the_cpu_limit(strict: tuple[Live, int]) -> None:
    served, server = strict
    assert served.failure("doctor")["error"] == "tool-timeout"
    assert programs_of(server) == []


def worker_with(name: str) -> list[str]:
    """The command of a worker with one tool that misbehaves."""
    code = (
        "import os, sys, time\n"
        "from vmafkit.errors import InputError\n"
        "from vmafkit.mcp import calls, worker\n"
        "worker._SPARE_CPU_S = 0\n"
        "def spin(words, watch):\n    while True: pass\n"
        "def sleep(words, watch):\n    time.sleep(60)\n"
        "def fault(words, watch):\n    raise RuntimeError('the password is 1234')\n"
        "def leave(words, watch):\n    os._exit(0)\n"
        "def crash(words, watch):\n    os.kill(os.getpid(), 11)\n"
        "def noise(words, watch):\n"
        "    print('a print'); print('{\"done\": 1}'); print('[]'); os.write(1, bytes([255, 10]))\n"
        "    watch.tell(3, 4, 'note'); return calls.Found({'n': float('inf')})\n"
        "def hoard(words, watch):\n"
        "    from vmafkit import fsio, settings\n"
        "    with fsio.scratch_folder(within=settings.scratch_room()):\n"
        "        watch.tell(1, 2, 'made'); time.sleep(words['sleep_s']); os.kill(os.getpid(), 9)\n"
        "def strange(words, watch):\n    raise InputError('it is odd', hint='look')\n"
        f"calls.CALLS[{name!r}] = {name}; worker.main()"
    )
    return [sys.executable, "-c", code]


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Job]:
    """Runs a tool that misbehaves, to its end."""

    def run(name: str, **limits: float) -> Job:
        monkeypatch.setattr(processes, "COMMAND", worker_with(name))
        jobs = Jobs(JobLimits(**limits))  # pyright: ignore
        job = jobs.start(name, lambda job: run_call(job, {}, jobs.limits, cwd=tmp_path))
        assert job.ended.wait(30)
        return job

    return run


def test_the_system_bounds_each_process_too(
    misbehaving: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody counts, yet it ends."""
    monkeypatch.setattr(proc, "tree_cpu_s", lambda pid: 0.0)
    job = misbehaving("spin", cpu_s=1)
    assert isinstance(job.error, ToolTimeout)
    assert "CPU time" in job.error.message
    assert job.cpu_s > 0.3


def test_the_cpu_time_of_a_job_that_is_stopped_is_told(misbehaving: Callable[..., Job]) -> None:
    job = misbehaving("spin", cpu_s=1)
    assert isinstance(job.error, ToolTimeout)
    assert desk.state_of(job)["cpu_s"] > 0.3


@pytest.mark.parametrize("sleep_s", [0, 60])
def test_what_a_killed_call_half_made_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sleep_s: int
) -> None:
    """Whether it dies by itself, or does not listen when it is told to stop."""
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(processes, "COMMAND", worker_with("hoard"))
    jobs = Jobs(JobLimits())
    words = {"sleep_s": sleep_s}
    job = jobs.start("hoard", lambda job: run_call(job, words, jobs.limits, cwd=tmp_path))
    wait_until(lambda: job.done == 1)
    job.cancel.set()
    assert job.ended.wait(20)
    assert list((tmp_path / "cache" / "scratch").iterdir()) == []


def test_a_call_that_listens_to_nothing_ends_at_its_time_limit(
    misbehaving: Callable[..., Job],
) -> None:
    before = programs_of(os.getpid())
    job = misbehaving("sleep", time_s=1.0)
    assert job.error is not None
    assert job.error.sentence().startswith("sleep ran longer than 1 s and was stopped")
    assert set(programs_of(os.getpid())) <= set(before)


def test_a_fault_inside_is_told_without_its_text(
    misbehaving: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    job = misbehaving("fault")
    answer = desk.answer(job)
    assert answer.is_error
    assert "1234" not in answer.model_dump_json()
    assert "the password is 1234" in caplog.text


@pytest.mark.parametrize(("name", "cause"), [("leave", "exit status 0"), ("crash", "SIGSEGV")])
def test_an_end_without_an_answer_is_an_error(
    misbehaving: Callable[..., Job], name: str, cause: str
) -> None:
    job = misbehaving(name)
    assert job.error is not None
    assert job.error.code == "internal"
    assert cause in job.error.message


def test_noise_on_its_output_is_left_alone(
    misbehaving: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, float, str]] = []
    monkeypatch.setattr(Job, "advance", lambda job, *words: told.append(words))
    job = misbehaving("noise")
    assert job.error is None
    assert told == [(3, 4, "note")]
    assert job.result == {"n": "inf"}
    assert job.cpu_s > 0


def test_an_error_of_the_library_keeps_its_code_and_hint(misbehaving: Callable[..., Job]) -> None:
    job = misbehaving("strange")
    assert job.error is not None
    assert (job.error.code, job.error.sentence()) == ("input", "it is odd (look)")


def test_the_worker_is_given_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from vmafkit import settings

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("VMAFKIT_CACHE", "/cache")
    given = settings.own_environment()
    assert given["VMAFKIT_CACHE"] == "/cache"
    assert "AWS_SECRET_ACCESS_KEY" not in given


CLIENT = """
import json, subprocess, sys
server = subprocess.Popen(json.loads(sys.argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True)
hello = {"protocolVersion": "2025-06-18", "capabilities": {},
         "clientInfo": {"name": "test", "version": "1"}}
call = {"name": "recommend", "arguments": json.loads(sys.argv[2])}
for message in ({"id": 0, "method": "initialize", "params": hello},
                {"method": "notifications/initialized"},
                {"id": 1, "method": "tools/call", "params": call}):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    server.stdin.flush()
server.wait()
"""


@pytest.mark.parametrize("victim", ["client", "server"])
def test_a_killed_client_or_server_leaves_nothing_within_two_seconds(
    place: Place, tmp_path: Path, victim: str, rounds: Callable[[int, int], int]
) -> None:
    for number in range(rounds(1, 20)):
        out = tmp_path / f"{victim}{number}"
        out.mkdir()
        command = [json.dumps(server_words(place.media, out)), json.dumps(LONG)]
        log = out / "log"
        with log.open("wb") as stderr:
            client = subprocess.Popen(
                [sys.executable, "-c", CLIENT, *command], env=environment(), stderr=stderr
            )
        try:
            programs = wait_until(lambda: whole_tree(client.pid))  # noqa: B023
            os.kill(client.pid if victim == "client" else programs[0], signal.SIGKILL)
            wait_until(lambda: not any(map(is_alive, programs)), two_seconds())  # noqa: B023
        finally:
            client.kill()
            client.wait()
        assert b"internal error" not in log.read_bytes()


def whole_tree(client: int) -> list[int]:
    """The server, its worker and its encoder, the server first; nothing until all are there."""
    found = programs_of(client)
    return found if any(b"ffmpeg" in name_of(pid) for pid in found) else []


def name_of(pid: int) -> bytes:
    """The program of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return b""


def test_a_server_that_is_full_refuses_and_lets_all_go_when_asked(
    place: Place, tmp_path: Path
) -> None:
    with live(place.media, tmp_path, "--jobs", "1", "--waiting", "2") as served:
        server = server_of(tmp_path)
        first = served.call("recommend", **LONG, background=True).structured_content
        wait_until(lambda: programs_of(server))
        rest = [served.call("recommend", **LONG, background=True) for _ in range(5)]
        full = [each.structured_content["failure"]["error"] for each in rest if each.is_error]  # pyright: ignore
        assert full == ["refused"] * 3
        for each in [first, *(each.structured_content for each in rest if not each.is_error)]:
            assert each is not None
            ended = served.call("job_cancel", job_id=each["job_id"]).structured_content
            assert ended is not None
            assert ended["jobs"][0]["state"] == "cancelled"
        wait_until(lambda: programs_of(server) == [], two_seconds())
        assert served.result("probe", source="good.mkv")["frame_count"] == 20
