"""How a worker runs a task, and what it answers; whether it is the worker that cannot do it."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from vmafkit.errors import (
    Cancelled,
    OutputError,
    StoreError,
    StoreFull,
    ToolFailed,
    ToolMissing,
    VmafkitError,
)

_stops: dict[str, threading.Event] = {}
_stops_guard = threading.Lock()
# What the machine lacks where a task that was begun fails with it.
FAULTS = (StoreError, OutputError, ToolMissing)


class Unfit(VmafkitError):
    """A task failed by what this machine lacks, so that another may well do it.

    Args:
        error: what is wrong here.
        is_of_machine: no task can do without it.
    """

    def __init__(self, error: VmafkitError, *, is_of_machine: bool) -> None:
        super().__init__(error.message, hint=error.hint, detail=error.detail)
        self.error = error
        self.is_of_machine = is_of_machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker answers to a task.

    Attributes:
        address, node: of the worker, for the cluster and for people.
        result: of a task that worked.
        error: of one that failed.
        is_unfit: another worker may well do it.
        is_of_machine: this one can do no task at all.
    """

    address: str
    node: str
    result: Any = None
    error: VmafkitError | None = None
    is_unfit: bool = False
    is_of_machine: bool = False


@contextlib.contextmanager
def fit_for(
    faults: tuple[type[VmafkitError], ...] = (VmafkitError,), *, every_task: bool = False
) -> Generator[None]:
    """What fails within is this machine's fault rather than the task's.

    Args:
        faults: what of it; a stop never is.
        every_task: no task can do without it.

    Raises: Unfit.
    """
    try:
        yield
    except Cancelled:
        raise
    except faults as error:
        raise unfit(error, every_task=every_task) from error


def unfit(error: VmafkitError, *, every_task: bool = False) -> Unfit:
    """The error as one of this machine."""
    # A full disk may have room for smaller work.
    is_store = isinstance(error, StoreError | OutputError) and not isinstance(error, StoreFull)
    return Unfit(error, is_of_machine=every_task or is_store)


def attempt(stop_name: str, niceness: int, function: Callable[..., Any], *arguments: Any) -> Answer:
    """Run one task. A failure with a sentence is an answer, since dask would run the task again.

    Args:
        stop_name: of the run's stop signal; set, it ends the task's processes.
        niceness: of the task and its processes, at least.
        function: called with a `cancel` event beside the arguments.
    """
    distributed: Any = importlib.import_module("distributed")
    address, node = distributed.get_worker().address, platform.node()
    cancel = _stop_signal(stop_name)
    try:
        result = _giving_way(niceness, lambda: function(*arguments, cancel=cancel))
        return Answer(address, node, result)
    except Unfit as fault:
        return Answer(address, node, None, fault.error, True, fault.is_of_machine)
    except VmafkitError as error:
        return Answer(address, node, None, error)
    except OSError as error:
        told = ToolFailed(f"a task failed on its worker: {type(error).__name__}: {error}")
        return Answer(address, node, None, told, is_unfit=True)


def _giving_way(niceness: int, work: Callable[[], Any]) -> Any:
    # On Linux a thread has its own niceness, which its programs take over; elsewhere it would be
    # the whole worker's for ever.
    if not sys.platform.startswith("linux") or os.getpriority(os.PRIO_PROCESS, 0) >= niceness:
        return work()
    with ThreadPoolExecutor(1, initializer=_be_nice, initargs=(niceness,)) as thread:
        return thread.submit(work).result()


def _be_nice(niceness: int) -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def _stop_signal(name: str) -> threading.Event:
    distributed: Any = importlib.import_module("distributed")
    with _stops_guard:
        if name not in _stops:
            signal = _stops[name] = threading.Event()
            stop = distributed.Event(name, client=distributed.get_client())
            threading.Thread(target=_watch, args=(name, stop, signal), daemon=True).start()
        return _stops[name]


def _watch(name: str, stop: Any, signal: threading.Event) -> None:
    # A wait that fails says that the scheduler is lost, and nobody waits for results then.
    with contextlib.suppress(Exception):
        stop.wait()
    signal.set()
    with _stops_guard:
        _stops.pop(name, None)
