"""Keeps signals away from locks.

Python raises what a signal's handler raises wherever the main thread is. Inside the threading
module that may be after a lock was taken and before it is known to be, which leaves it taken: a
worker then waits for it for ever. So the main thread of long work does nothing but sleep.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from vmafkit import proc

Result = TypeVar("Result")

# A signal that the system hands to another thread is seen only when the main one wakes.
_LOOK_S = 0.02


def apart(work: Callable[[], Result], cancel: threading.Event) -> Result:
    """What the work gives, done in a thread of its own when this is the main one.

    Args:
        cancel: set when a signal breaks in; the work has to end soon then, and is waited for. A
            second signal takes the programs' time of grace.

    Raises: what the work raises, or the signal's exception once the work has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    results: list[Result] = []
    failures: list[BaseException] = []
    over: list[None] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)
        over.append(None)

    # Thread.start waits for the thread with a lock of the kind that must not be met here.
    _thread.start_new_thread(run, ())
    try:
        _sleep_until(over)
    except BaseException:
        cancel.set()
        _wait_for_end(over)
        raise
    for error in failures:
        raise error
    return results[0]


def _wait_for_end(over: list[None]) -> None:
    try:
        _sleep_until(over)
    except BaseException:
        proc.hurry()
        try:
            _sleep_until(over)
        finally:
            proc.hurry(False)
        raise


def _sleep_until(over: list[None]) -> None:
    while not over:
        time.sleep(_LOOK_S)
