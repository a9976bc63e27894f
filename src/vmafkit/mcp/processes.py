"""Runs a job's call in a process of its own, within the job's limits."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import math
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio, proc, settings
from vmafkit.errors import Cancelled, ToolTimeout, VmafkitError
from vmafkit.mcp.jobs import Internal, Job, JobLimits
from vmafkit.mcp.worker import ASKED, FOUND

COMMAND = (sys.executable, "-P", "-m", "vmafkit.mcp.worker")
_log = logging.getLogger(__name__)
# A call that is stopped gets so long to remove what it half made.
_GRACE_S = 0.8
_TEMPORARY = "tmp"
_MOST_FOUND_BYTES = 256 * 1024 * 1024
_CPU_HINT = "ask for less, or give the server a higher --cpu-limit"


class _Told(VmafkitError):
    """A failure as the other process told it."""

    def __init__(self, record: Mapping[str, str]) -> None:
        super().__init__(record["message"], hint=record["hint"], detail=record["detail"])
        self.code = record["error"]


def run_call(
    job: Job, words: Mapping[str, Any], limits: JobLimits, *, cwd: Path
) -> Mapping[str, Any]:
    """Call a job's tool in another process.

    Args:
        words: for its function; JSON-ready, and paths.
        cwd: the folder that names in commands are relative to.

    Raises:
        Cancelled: the job was stopped; the process and all below it have ended.
        ToolTimeout: it used more CPU time than it may.
        VmafkitError: as the library raised it.
        Internal: it ended without an answer.
    """
    with fsio.scratch_folder(within=settings.scratch_room()) as folder:
        # What a killed process leaves behind goes with this folder.
        fsio.ensure_folder(folder / _TEMPORARY)
        asked = {"tool": job.tool, "words": words, "cpu_s": limits.cpu_s}
        fsio.write_scratch(folder / ASKED, json.dumps(asked, default=str))
        finished = None
        try:
            finished = _run(job, folder, limits, cwd)
            return _answer(job, folder / FOUND, finished, limits)
        finally:
            if finished is None or finished.exit_status != 0:
                # A process that was killed had no time to remove its own folders.
                fsio.remove_left_behind(settings.scratch_room())


def _run(job: Job, folder: Path, limits: JobLimits, cwd: Path) -> proc.Finished:
    def count(cpu_s: float) -> None:
        job.cpu_s = cpu_s

    try:
        return proc.run(
            (*COMMAND, str(folder)),
            cwd=cwd,
            limits=proc.Limits(cpu_s=limits.cpu_s, stdout_bytes=0),
            on_line=lambda line: _advance(job, line),
            cancel=job.cancel,
            grace_s=_GRACE_S,
            env=settings.own_environment() | {"TMPDIR": str(folder / _TEMPORARY)},
            what=job.tool,
            on_cpu_s=count,
        )
    except ToolTimeout as error:
        raise ToolTimeout(error.message, hint=_CPU_HINT) from error


def _advance(job: Job, line: str) -> None:
    # Anything else on its standard output is noise of a library.
    with contextlib.suppress(ValueError, KeyError, TypeError):
        told = json.loads(line)
        done, total = float(told["done"]), float(told["total"])
        if math.isfinite(done) and math.isfinite(total):
            job.advance(done, total, str(told["note"]))


def _answer(job: Job, path: Path, finished: proc.Finished, limits: JobLimits) -> Mapping[str, Any]:
    if finished.exit_status != 0 or not path.is_file():
        if finished.exit_status == -getattr(signal, "SIGXCPU", 0):
            raise ToolTimeout(
                f"{job.tool} used more than {limits.cpu_s:g} s of CPU time and was stopped",
                hint=_CPU_HINT,
            )
        _log.error("%s: %s\n%s", job.tool, finished.cause, finished.stderr_tail)
        raise Internal(f"{job.tool} failed inside ({finished.cause})")
    if path.stat().st_size > _MOST_FOUND_BYTES:
        raise Internal(f"{job.tool} found more than can be kept")
    told = cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    if "failure" in told:
        failure = told["failure"]
        if failure["error"] == Cancelled.code:
            raise Cancelled(failure["message"])
        raise _Told(failure)
    job.frames = told["frames"]
    job.pictures = [(caption, base64.b64decode(data)) for caption, data in told["pictures"]]
    return told["record"]
