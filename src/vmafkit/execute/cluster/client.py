"""The coordinator's side of a cluster: it hands out tasks and alone writes what comes back."""

from __future__ import annotations

import contextlib
import importlib
import threading
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmafkit import settings
from vmafkit.errors import Cancelled, CapabilityMissing, Refused, ToolFailed, UsageError
from vmafkit.execute.cluster import worker

_LOOK_S = 0.02
_CONNECT_S = 20.0
# How often the worker under one task may die before the task is held to be the cause.
_DEATHS = 10
_LOCAL = "local"
_LARGEST_SENT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connected cluster.

    Attributes:
        client: of dask.distributed.
        slots: tasks that run at once.
        stop_name: of this run's stop signal.
        mixed_versions: workers with other versions may compute.
    """

    client: Any
    slots: int
    stop_name: str
    mixed_versions: bool
    sent: dict[str, Any] = field(default_factory=dict[str, Any])

    def data_of(self, located: worker.Located) -> Any:
        """What a task is given as a private file's bytes: sent to each worker once; else None.

        Raises:
            Refused: it is larger than what can be sent.
        """
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

    def run(self, cancel: threading.Event, function: Callable[..., Any], *arguments: Any) -> Any:
        """One task on some worker; a worker that is lost costs no more than time.

        Raises:
            Cancelled: `cancel` was set; the task's processes are stopped.
            ToolFailed: the workers that ran it died again and again.
            VmafkitError: what the task raised.
        """
        future = self.client.submit(
            worker.attempt, self.stop_name, function, *arguments, pure=False, retries=2
        )
        try:
            while not future.done():
                if cancel.wait(_LOOK_S):
                    raise Cancelled("the work was stopped")
            worked, outcome = _result(future)
        finally:
            with contextlib.suppress(Exception):
                future.release()
        if worked:
            return outcome
        raise outcome

    def stop(self) -> None:
        """Tell every worker to end the processes of this run."""
        with contextlib.suppress(Exception):
            _distributed().Event(self.stop_name, client=self.client).set()


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
        Refused: a worker has another vmafkit, ffmpeg or kind of processor.
    """
    distributed = _distributed()
    dask: Any = importlib.import_module("dask")
    with dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS}):
        where = _local_cluster(word) if word.split(":")[0] == _LOCAL else _address(word)
        try:
            client = distributed.Client(where, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ToolFailed(
                f"no scheduler answers at {word}", hint="start one: dask scheduler",
                detail=str(error),
            ) from error  # fmt: skip
        cluster = None
        try:
            slots = sum(client.nthreads().values())
            cluster = Cluster(client, slots, f"vmafkit-{uuid.uuid4().hex}", mixed_versions)
            _check_workers(cluster, worker.versions(program))
            yield cluster
        finally:
            if cluster is not None:
                cluster.stop()
            client.close()
            if not isinstance(where, str):
                where.close()


def _check_workers(cluster: Cluster, ours: worker.Versions) -> None:
    found: dict[str, tuple[bool, Any]] = cluster.client.run(_versions)
    if not found:
        raise ToolFailed("the cluster has no workers", hint="start some: dask worker ADDRESS")
    for address, (worked, theirs) in found.items():
        if not worked:
            raise theirs
        differences = ours.differences(theirs)
        if differences and not cluster.mixed_versions:
            raise Refused(
                f"worker {address} has {'; '.join(differences)}",
                hint="install the same versions on every machine, or give --mixed-versions",
            )


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise CapabilityMissing(
            "--cluster needs dask.distributed", hint="pip install 'vmafkit[cluster]'"
        ) from None


def _versions() -> tuple[bool, Any]:
    from vmafkit.errors import VmafkitError

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


def _result(future: Any) -> tuple[bool, Any]:
    distributed = _distributed()
    try:
        return future.result()
    except distributed.KilledWorker as error:
        raise ToolFailed(
            f"the worker died {_DEATHS} times under one task",
            hint="look for memory that runs out on the workers",
            detail=str(error),
        ) from error
    except distributed.CancelledError as error:
        raise Cancelled("the cluster dropped the work") from error
