"""The coordinator's side of a cluster: it hands out tasks and alone writes what comes back."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmafkit import settings
from vmafkit.errors import (
    Cancelled,
    CapabilityMissing,
    ClusterLost,
    Refused,
    ToolFailed,
    UsageError,
    VmafkitError,
)
from vmafkit.execute.cluster import answers, worker
from vmafkit.execute.cluster.roster import Roster, named

_LOOK_S = 0.02
_CONNECT_S = 20.0
# Kubernetes and SLURM may take minutes to replace the last worker.
_WITHOUT_WORKERS_S = 600.0
_COUNT_WORKERS_EVERY_S = 15.0
_COUNT_SOME_WORKERS_EVERY_S = 2.0
# How often the worker under one task may die before the task is held to be the cause; a
# scheduler that was started elsewhere has a number of its own.
_DEATHS = 10
_LOCAL = "local"
_LARGEST_SENT_BYTES = 1 << 30
_SENDINGS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connected cluster.

    Attributes:
        client: of dask.distributed.
        slots: tasks that run at once.
        stop_name: of this run's stop signal.
        versions: of the coordinator.
        roster: of the workers, less those that cannot.
        mixed_versions: workers with other versions may compute.
        sent: private files that workers hold, by SHA-256.
    """

    client: Any
    slots: int
    stop_name: str
    versions: worker.Versions
    roster: Roster
    mixed_versions: bool = False
    sent: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(
        self,
        cancel: threading.Event,
        function: Callable[..., Any],
        order: Any,
        sources: Sequence[worker.Located],
        *,
        needs: str = "",
    ) -> Any:
        """One task on some worker; a worker that is lost or cannot do it costs no more than time.

        Args:
            function: called with the order and, for each source, its bytes or None.
            needs: what stands for the source, the encoder and the models that a worker needs.

        Raises:
            Cancelled: `cancel` was set; the task's processes are stopped.
            ClusterLost: the scheduler is gone, no worker has come for ten minutes, or none of
                them can do any task.
            ToolFailed: the workers that ran it died again and again.
            VmafkitError: what the task raised, or what no worker can do it for.
        """
        niceness = max(0, os.nice(0))
        refused: dict[str, answers.Answer] = {}
        sendings = 0
        while sendings < _SENDINGS:
            among = self._choose(needs, refused, cancel)
            data = [self._data_of(each) for each in sources]
            words = (answers.attempt, self.stop_name, niceness, function, order, *data)
            future = self.client.submit(*words, pure=False, retries=2, workers=among)
            try:
                if not self._wait(future, cancel, among):
                    continue
                answer = _answer(future)
            finally:
                with contextlib.suppress(Exception):
                    future.release()
            if answer is not None:
                error = answer.error
                if error is None:
                    return answer.result
                if not answer.is_unfit:
                    raise error
                refused[answer.address] = answer
                self.roster.leave_out(answer, needs)
                continue
            sendings += 1
            if not any(each.is_private for each in sources):
                break
            # What was sent to a worker that died is gone, and only we can send it again.
            for each in sources:
                self.sent.pop(each.sha256, None)
        raise ClusterLost(
            "the cluster's scheduler is lost or dropped the work",
            hint="start it, and this command, again: what was measured is kept",
        )

    def forget(self, sources: Sequence[worker.Located]) -> None:
        """Let the workers drop private files that no further task needs."""
        for each in sources:
            self.sent.pop(each.sha256, None)

    def stop(self) -> None:
        """Tell every worker to end the processes of this run."""
        with contextlib.suppress(Exception):
            _distributed().Event(self.stop_name, client=self.client).set()

    def _choose(
        self, needs: str, refused: dict[str, answers.Answer], cancel: threading.Event
    ) -> list[str] | None:
        try:
            return self.roster.choose(needs, refused, cancel)
        except VmafkitError:
            raise
        # What is wrong with the scheduler shows when the task is sent.
        except Exception:
            return None

    def _wait(self, future: Any, cancel: threading.Event, among: list[str] | None) -> bool:
        """Wait for a task; False when none of the workers that it may go to is left."""
        every_s = _COUNT_WORKERS_EVERY_S if among is None else _COUNT_SOME_WORKERS_EVERY_S
        next_count = time.monotonic() + every_s
        alone_since: float | None = None
        while not future.done():
            if cancel.wait(_LOOK_S):
                raise Cancelled("the work was stopped")
            now = time.monotonic()
            if now < next_count:
                continue
            next_count = now + every_s
            here = self._workers()
            if here:
                alone_since = None
                if among is not None and not here.intersection(among):
                    return False
            elif alone_since is None:
                alone_since = now
            elif now - alone_since > _WITHOUT_WORKERS_S:
                raise ClusterLost(
                    f"the cluster had no worker for {_WITHOUT_WORKERS_S / 60:g} minutes",
                    hint="start some, and this command again: what was measured is kept",
                )
        return True

    def _workers(self) -> set[str]:
        try:
            return set(self.client.nthreads())
        except Exception:
            return set()

    def _data_of(self, located: worker.Located) -> Any:
        if not located.is_private:
            return None
        if located.sha256 not in self.sent:
            path = located.source.path
            if path.stat().st_size > _LARGEST_SENT_BYTES:
                raise Refused(
                    f"{path.name}, made for this run, is too large to be sent to the workers",
                    hint="run without --cluster",
                )
            self.sent[located.sha256] = self.client.scatter(path.read_bytes(), hash=False)
        return self.sent[located.sha256]


@contextlib.contextmanager
def connect(word: str, program: Path, *, mixed_versions: bool = False) -> Generator[Cluster]:
    """Connect to a cluster, and leave out workers whose numbers would not be comparable.

    Args:
        word: a scheduler's address such as `tcp://host:8786`, or `local[:WORKERS]` to start
            workers on this machine for as long as the command runs.
        program: the coordinator's ffmpeg.
        mixed_versions: take workers with other versions all the same.

    Raises:
        CapabilityMissing: dask.distributed is not installed.
        UsageError: not an address.
        ToolFailed: the scheduler does not answer, or has no workers.
        Refused: every worker has another vmafkit, ffmpeg or kind of processor.
        VmafkitError: what else no worker can measure for.
    """
    distributed = _distributed()
    dask: Any = importlib.import_module("dask")
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS}))
        if word.split(":")[0] == _LOCAL:
            where = stack.enter_context(_local_cluster(word, program))
        else:
            where = _address(word)
        try:
            client = distributed.Client(where, timeout=_CONNECT_S, set_as_default=False)
        # A transport without its set-up raises whatever its library does.
        except Exception as error:
            raise ToolFailed(
                f"no scheduler answers at {word}",
                hint="start one with `dask scheduler`, and give what its transport needs",
                detail=str(error),
            ) from error
        stack.callback(client.close)
        ours = worker.versions(program)
        faults = _faults(client, ours, mixed_versions=mixed_versions)
        slots = {name: n for name, n in client.nthreads().items() if name not in faults}
        roster = Roster(client.nthreads, _WITHOUT_WORKERS_S, slots)
        for answer in faults.values():
            roster.leave_out(answer, "")
        stop_name = f"vmafkit-{uuid.uuid4().hex}"
        most = max(1, sum(slots.values()))
        cluster = Cluster(client, most, stop_name, ours, roster, mixed_versions)
        stack.callback(cluster.stop)
        yield cluster


def _faults(
    client: Any, ours: worker.Versions, *, mixed_versions: bool
) -> dict[str, answers.Answer]:
    """The workers that cannot measure, by address."""
    try:
        found: dict[str, Any] = client.run(_versions, on_error="return")
    except Exception as error:
        raise _cannot_say(error) from error
    if not found:
        raise ToolFailed("the cluster has no workers", hint="start some: dask worker ADDRESS")
    faults: dict[str, answers.Answer] = {}
    for address, theirs in found.items():
        error = _fault(ours, theirs, address, mixed_versions=mixed_versions)
        if error is not None:
            faults[address] = answers.Answer(address, address, None, error, True, True)
    if len(faults) == len(found):
        raise named(next(iter(faults.values())))
    return faults


def _fault(
    ours: worker.Versions, theirs: Any, address: str, *, mixed_versions: bool
) -> VmafkitError | None:
    if isinstance(theirs, VmafkitError):
        return theirs
    if not isinstance(theirs, worker.Versions):
        return _cannot_say(theirs)
    try:
        ours.require(theirs, address)
    except Refused as error:
        if not mixed_versions:
            return error
        _log.warning("%s: rows that it measures name that", error.message)
    return None


def _cannot_say(error: Any) -> ToolFailed:
    return ToolFailed(
        "a worker cannot say what it has installed",
        hint="install vmafkit on every worker",
        detail=str(error),
    )


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise CapabilityMissing(
            "--cluster needs dask.distributed", hint="pip install 'vmafkit[cluster]'"
        ) from None


def _versions() -> Any:
    try:
        return worker.versions()
    except VmafkitError as error:
        return error


def _address(word: str) -> str:
    scheme, found, rest = word.partition("://")
    if not found or scheme not in ("tcp", "tls", "ws", "wss", "ucx") or not rest:
        raise UsageError(
            f"--cluster {word} is no address", hint="write tcp://HOST:8786, or local:WORKERS"
        )
    return word


def _local_cluster(word: str, program: Path) -> Any:
    _, _, number = word.partition(":")
    if number and not (number.isascii() and number.isdigit() and int(number) > 0):
        raise UsageError(f"--cluster {word} is no number of workers", hint="write local:2")
    return _distributed().LocalCluster(
        n_workers=int(number) if number else settings.core_count(),
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
        env={settings.FFMPEG_NAME: str(program)},
    )


def _answer(future: Any) -> answers.Answer | None:
    """What a worker answered; None when the cluster dropped the task."""
    distributed = _distributed()
    try:
        return future.result()
    except distributed.CancelledError:
        return None
    except distributed.KilledWorker as error:
        raise ToolFailed(
            f"the worker under one task died {error.allowed_failures + 1} times",
            hint="look for memory that runs out on the workers",
            detail=str(error),
        ) from error
    except Exception as error:
        raise ToolFailed(
            f"a task failed on its worker: {type(error).__name__}",
            hint="install the same vmafkit on every machine",
            detail=str(error),
        ) from error
