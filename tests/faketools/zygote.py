"""Forks commands from a process that has everything imported already, so that a start costs little.

As a program it reads one JSON order a line and answers each with one JSON line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


class Command:
    """A running `vmaf-tune`."""

    def __init__(self, zygote: Zygote, pid: int, folder: Path) -> None:
        self.zygote = zygote
        self.pid = pid
        self.folder = folder

    def wait(self, timeout_s: float = 60.0) -> int:
        """Its exit status, negative for a signal."""
        answer = self.zygote.ask({"wait": self.pid, "timeout_s": timeout_s})
        assert answer["status"] is not None, f"still running: {self.stderr()}"
        return answer["status"]

    def kill(self, number: int) -> None:
        """Send a signal; the process is not reaped before `wait`."""
        os.kill(self.pid, number)

    def stdout(self) -> str:
        """What it has printed so far."""
        return (self.folder / "stdout").read_text("utf-8", "replace")

    def stderr(self) -> str:
        """What it has said so far."""
        return (self.folder / "stderr").read_text("utf-8", "replace")

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Its whole event lines of one type."""
        whole = self.stdout().rpartition("\n")[0].splitlines()
        return [event for event in map(json.loads, whole) if event["type"] == kind]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 30.0) -> bool:
        """Wait until it has printed so many events of a type; False if it ended before."""
        until = time.monotonic() + timeout_s
        while len(self.events(kind)) < count:
            if not Path(f"/proc/{self.pid}/cmdline").read_bytes():
                return False
            assert time.monotonic() < until, self.stderr()
            time.sleep(0.003)
        return True


class Zygote:
    """Starts commands."""

    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order, one answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self, words: list[str | Path], folder: Path, *, sabotage: str = "", **environment: str
    ) -> Command:
        """Start `vmaf-tune`, its output going to files in a folder.

        Args:
            sabotage: Python that runs first in the new process.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tmp").mkdir(exist_ok=True)
        for name in ("stdout", "stderr"):
            (folder / name).write_bytes(b"")
        surroundings = {"TMPDIR": str(folder / "tmp"), **environment}
        order = {"argv": [str(word) for word in words], "folder": str(folder)}
        answer = self.ask({**order, "environment": surroundings, "sabotage": sabotage})
        return Command(self, answer["pid"], folder)

    def run(self, words: list[str | Path], folder: Path, **more: Any) -> tuple[int, Command]:
        """Start and wait."""
        command = self.start(words, folder, **more)
        return command.wait(), command

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def _child(order: dict[str, Any]) -> None:
    os.setsid()
    folder = Path(order["folder"])
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(handle, number)
    os.environ.update(order["environment"])
    os.chdir(order.get("cwd", folder))
    sys.argv = ["vmaf-tune", *order["argv"]]
    sys.path.insert(0, str(Path(__file__).parent))
    if order["sabotage"]:
        exec(order["sabotage"], {})
    from vmafkit.cli.tune import main

    main()


def _wait(pid: int, timeout_s: float) -> int | None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return None


def _serve() -> None:
    import av  # noqa: F401
    import polars as pl

    import vmafkit.api._corpus
    import vmafkit.cli.progress
    import vmafkit.cli.typer_main
    import vmafkit.encoders.x264  # noqa: F401

    del pl
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer: dict[str, Any] = {"status": _wait(order["wait"], order["timeout_s"])}
        else:
            pid = os.fork()
            if not pid:
                # A real end of the interpreter, since that is where threads can still hang.
                sys.stdin.close()
                _child(order)
                return
            answer = {"pid": pid}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
