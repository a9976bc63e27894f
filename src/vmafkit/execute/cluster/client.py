"""The coordinator's side of a cluster: it hands out tasks and alone writes what comes back."""

from __future__ import annotations

import contextlib
import importlib
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
from vmafkit.execute.cluster import worker

_LOOK_S = 0.02
_CONNECT_S = 20.0
# Kubernetes and SLURM may take minutes to replace the last worker.
_WITHOUT_WORKERS_S = 600.0
_COUNT_WORKERS_EVERY_S = 15.0
# How often the worker under one task may die before the task is held to be the cause; a
# scheduler that was started elsewhere has a number of its own.
_DEATHS = 10
_LOCAL = "local"
_LARGEST_SENT_BYTES = 1 << 30
_SENDINGS = 5


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connected cluster.

    Attributes:
        client: of dask.distributed.
        slots: tasks that run at once.
        stop_name: of this run's stop signal.
        versions: of the coordinator.
        mixed_versions: workers with other versions may compute.
        sent: private files that workers hold, by SHA-256.
    """

    client: Any
    slots: int
    stop_name: str
    versions: worker.Versions
    mixed_versions: bool = False
    sent: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(
        self,
        cancel: threading.Event,
        function: Callable[..., Any],
        order: Any,
        sources: Sequence[worker.Located],
    ) -> Any:
        """One task on some worker; a worker that is lost costs no more than time.

        Args:
            function: called with the order and, for each source, its bytes or None.

        Raises:
            Cancelled: `cancel` was set; the task's processes are stopped.
            ClusterLost: the scheduler is gone, or no worker has come for ten minutes.
            ToolFailed: the workers that ran it died again and again.
            VmafkitError: what the task raised.
        """
        for _ in range(_SENDINGS):
            data = [self._data_of(each) for each in sources]
            future = self.client.submit(
                worker.attempt, self.stop_name, function, order, *data, pure=False, retries=2
            )
            try:
                self._wait(future, cancel)
                outcome = _outcome(future)
            finally:
                with contextlib.suppress(Exception):
                    future.release()
            if outcome is not None:
                worked, result = outcome
                if worked:
                    return result
                raise result
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

    def _wait(self, future: Any, cancel: threading.Event) -> None:
        next_count = time.monotonic() + _COUNT_WORKERS_EVERY_S
        alone_since: float | None = None
        while not future.done():
            if cancel.wait(_LOOK_S):
                raise Cancelled("the work was stopped")
            now = time.monotonic()
            if now < next_count:
                continue
            next_count = now + _COUNT_WORKERS_EVERY_S
            if self._has_workers():
                alone_since = None
            elif alone_since is None:
                alone_since = now
            elif now - alone_since > _WITHOUT_WORKERS_S:
                raise ClusterLost(
                    f"the cluster had no worker for {_WITHOUT_WORKERS_S / 60:g} minutes",
                    hint="start some, and this command again: what was measured is kept",
                )

    def _has_workers(self) -> bool:
        try:
            return bool(self.client.nthreads())
        except Exception:
            return False

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
    """Connect to a cluster, and refuse workers whose numbers would not be comparable.

    Args:
        word: a scheduler's address such as `tcp://host:8786`, or `local[:WORKERS]` to start
            workers on this machine for as long as the command runs.
        program: the coordinator's ffmpeg.
        mixed_versions: take workers with other versions all the same.

    Raises:
        CapabilityMissing: dask.distributed is not installed.
        UsageError: not an address.
        ToolFailed: the scheduler does not answer, or has no workers.
        Refused: a worker has another vmafkit, ffmpeg, engine or kind of processor.
    """
    distributed = _distributed()
    dask: Any = importlib.import_module("dask")
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS}))
        if word.split(":")[0] == _LOCAL:
            where = stack.enter_context(_local_cluster(word))
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
        slots = sum(client.nthreads().values())
        ours = worker.versions(program)
        cluster = Cluster(client, slots, f"vmafkit-{uuid.uuid4().hex}", ours, mixed_versions)
        stack.callback(cluster.stop)
        _check_workers(cluster)
        yield cluster


def _check_workers(cluster: Cluster) -> None:
    try:
        found: dict[str, tuple[bool, Any]] = cluster.client.run(_versions)
    except Exception as error:
        raise ToolFailed(
            "a worker cannot say what it has installed",
            hint="install vmafkit on every worker",
            detail=str(error),
        ) from error
    if not found:
        raise ToolFailed("the cluster has no workers", hint="start some: dask worker ADDRESS")
    for address, (worked, theirs) in found.items():
        if not worked:
            raise theirs
        if not cluster.mixed_versions:
            cluster.versions.require(theirs, address)


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise CapabilityMissing(
            "--cluster needs dask.distributed", hint="pip install 'vmafkit[cluster]'"
        ) from None


def _versions() -> tuple[bool, Any]:
    try:
        return True, worker.versions()
    except VmafkitError as error:
        return False, error


def _address(word: str) -> str:
    scheme, found, rest = word.partition("://")
    if not found or scheme not in ("tcp", "tls", "ws", "wss", "ucx") or not rest:
        raise UsageError(
            f"--cluster {word} is no address", hint="write tcp://HOST:8786, or local:WORKERS"
        )
    return word


def _local_cluster(word: str) -> Any:
    _, _, number = word.partition(":")
    if number and not (number.isascii() and number.isdigit() and int(number) > 0):
        raise UsageError(f"--cluster {word} is no number of workers", hint="write local:2")
    return _distributed().LocalCluster(
        n_workers=int(number) if number else settings.core_count(),
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    )


def _outcome(future: Any) -> tuple[bool, Any] | None:
    """(True, the result) or (False, the error); None when the cluster dropped the task."""
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
