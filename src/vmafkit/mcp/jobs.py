"""Work that takes long: a bounded number at once, each with an id, limits and a cancel."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vmafkit.errors import Cancelled, Refused, ToolTimeout, UsageError, VmafkitError

State = Literal["waiting", "running", "done", "failed", "cancelled"]
_log = logging.getLogger(__name__)


class Internal(VmafkitError):
    """A fault of ours; what it was stays in the server's log."""

    exit_code = 70
    code = "internal"


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Bounds on all jobs.

    Attributes:
        at_once: jobs that run.
        waiting: jobs that may wait; one more is refused.
        time_s: the longest that one may run, in seconds.
        cpu_s: the most CPU seconds that one may use, its programs included.
        cpus: processors of one job, its programs included; 0 shares them out evenly.
        kept: ended jobs whose results are kept.
    """

    at_once: int = 2
    waiting: int = 32
    time_s: float = 3600.0
    cpu_s: float = 14400.0
    cpus: int = 0
    kept: int = 64


@dataclass
class Job:
    """One piece of work.

    Attributes:
        done, total: how far it is, in the tool's own unit; total is 0 where nobody knows.
            A job that is done has done all of it.
        note: what it does right now, or did when it failed; empty once it is done.
        cpu_s: CPU seconds that it used, its programs included; known when it is over.
        result: JSON-ready, once `state` is done.
        frames: columns of a per-frame table, where there is one.
        pictures: PNG bytes with their captions.
        cancel: asks it to stop.
        ended: set when it is over.
    """

    id: str
    tool: str
    state: State = "waiting"
    done: float = 0.0
    total: float = 0.0
    note: str = ""
    cpu_s: float = 0.0
    started_s: float | None = None
    ended_s: float | None = None
    result: Mapping[str, Any] | None = None
    frames: Mapping[str, list[Any]] | None = None
    pictures: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    error: VmafkitError | None = None
    ran_out: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Note how far it is; never backwards."""
        self.done, self.total = max(self.done, done), max(self.total, total)
        self.note = note or self.note

    def finish(self) -> None:
        """Note that it went well: all is done, and it does nothing more."""
        self.done = self.total = max(self.done, self.total)
        self.note = ""
        self.state = "done"

    @property
    def wall_s(self) -> float:
        """Seconds that it ran, so far."""
        if self.started_s is None:
            return 0.0
        return (self.ended_s or time.monotonic()) - self.started_s


class Jobs:
    """Runs jobs in threads of their own, so that their programs die with the server."""

    def __init__(self, limits: JobLimits) -> None:
        self.limits = limits
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._slots = list(range(limits.at_once))
        self._freed = threading.Condition(self._lock)
        self._cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._is_closed = False

    def start(self, tool: str, work: Callable[[Job], Mapping[str, Any]], job_id: str = "") -> Job:
        """Begin a job, or let it wait for its turn.

        Raises:
            Refused: too many wait already.
        """
        job = Job(job_id or new_id(), tool)
        with self._lock:
            if self._is_closed:
                raise Refused("the server is about to end")
            # Not by their state: one whose thread has yet to begin may find a free slot.
            live = sum(not each.ended.is_set() for each in self._jobs.values())
            if live >= self.limits.at_once + self.limits.waiting:
                raise Refused(
                    f"{self.limits.at_once} jobs run and {self.limits.waiting} wait already",
                    hint="wait for one to end, or cancel one",
                )
            self._jobs[job.id] = job
            self._forget_oldest()
        threading.Thread(target=self._run, args=(job, work), name=job.id, daemon=True).start()
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id. Raises: UsageError."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise UsageError(f"there is no job {job_id[:40]!r}", hint="job_status lists them")
        return job

    def all(self) -> list[Job]:
        """All jobs that are known, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def close(self, *, wait_s: float = 4.0) -> None:
        """Stop all jobs and wait for them, as long as that."""
        with self._lock:
            self._is_closed = True
            self._freed.notify_all()
        for job in self.all():
            job.cancel.set()
        until = time.monotonic() + wait_s
        for job in self.all():
            job.ended.wait(max(0.0, until - time.monotonic()))

    def _forget_oldest(self) -> None:
        over = [job.id for job in self._jobs.values() if job.ended.is_set()]
        for job_id in over[: max(0, len(over) - self.limits.kept)]:
            del self._jobs[job_id]

    def _run(self, job: Job, work: Callable[[Job], Mapping[str, Any]]) -> None:
        slot: int | None = None
        timer = threading.Timer(self.limits.time_s, _run_out, (job,))
        timer.daemon = True
        try:
            slot = self._take_slot(job)
            self._pin(slot)
            job.started_s = time.monotonic()
            job.state = "running"
            timer.start()
            job.result = work(job)
            job.finish()
        except VmafkitError as error:
            job.error = self._told(job, error)
            job.state = "cancelled" if isinstance(job.error, Cancelled) else "failed"
        except Exception as error:
            _log.exception("%s failed", job.tool)
            job.error = Internal(f"{job.tool} failed inside ({type(error).__name__})")
            job.state = "failed"
        finally:
            timer.cancel()
            job.ended_s = time.monotonic()
            with self._lock:
                if slot is not None:
                    self._slots.append(slot)
                self._freed.notify_all()
            job.ended.set()

    def _take_slot(self, job: Job) -> int:
        with self._lock:
            while not self._slots:
                if job.cancel.is_set():
                    raise Cancelled(f"{job.tool} was stopped before it began")
                self._freed.wait(0.1)
            if job.cancel.is_set():
                raise Cancelled(f"{job.tool} was stopped before it began")
            return self._slots.pop(0)

    def _pin(self, slot: int) -> None:
        """Keep this thread and all that it starts on the job's share of the processors."""
        if not self._cpus:
            return
        count = self.limits.cpus or max(1, len(self._cpus) // self.limits.at_once)
        chosen = {self._cpus[(slot * count + n) % len(self._cpus)] for n in range(count)}
        os.sched_setaffinity(0, chosen)

    def _told(self, job: Job, error: VmafkitError) -> VmafkitError:
        if isinstance(error, Cancelled) and job.ran_out:
            return ToolTimeout(
                f"{job.tool} ran longer than {self.limits.time_s:g} s and was stopped",
                hint="ask for less: fewer encoders, samples or frames",
            )
        return error


def new_id() -> str:
    """A name that no earlier job had."""
    return f"job-{uuid.uuid4().hex[:12]}"


def _run_out(job: Job) -> None:
    job.ran_out = True
    job.cancel.set()
