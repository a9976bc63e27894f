"""Runs one thing for each of several items beside each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vmafkit.errors import VmafkitError
from vmafkit.execute.apart import apart

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(
    one: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int,
    cancel: threading.Event,
) -> list[Result]:
    """The results in the order of the items; after a failure no further item is started.

    Args:
        workers: items at once.
        cancel: set when the run is stopped, which ends the items that run. It is left alone when
            one fails, since that says nothing about the others.

    Raises: what the first item to fail, in their order, raised.
    """
    return apart(lambda: _at_once(one, items, workers, cancel), cancel)


def _at_once(
    one: Callable[[Item], Result], items: Sequence[Item], workers: int, cancel: threading.Event
) -> list[Result]:
    with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="trial") as pool:
        futures = [pool.submit(one, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            for future in futures:
                future.cancel()
            if not isinstance(error, VmafkitError):
                cancel.set()
            raise
