"""Which workers of a cluster are left out of which tasks, since they cannot do them."""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from vmafkit.errors import Cancelled, ClusterLost, StoreError, VmafkitError
from vmafkit.execute.cluster.answers import Answer

# A disk may have room again, and a server may answer again.
_LEFT_OUT_S = 600.0
_LOOK_S = 1.0
# What a worker can do no task of this run for.
_EVERY_TASK = None

_log = logging.getLogger(__name__)


class Roster:
    """The workers that are there, less those that said that they cannot.

    Args:
        look: the addresses of the workers that are there now.
        patience_s: how long a worker that was lost is waited for where all others cannot.
        fit: the workers that can measure.
    """

    def __init__(
        self, look: Callable[[], Collection[str]], patience_s: float, fit: Collection[str] = ()
    ) -> None:
        self._look = look
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._unfit: dict[tuple[str, str | None], tuple[float, Answer]] = {}
        self._named: set[tuple[str, str]] = set()
        self._fit = set(fit)

    def leave_out(self, answer: Answer, needs: str) -> None:
        """Remember a worker that cannot, and say so once.

        Args:
            needs: what stands for the source, the encoder and the models of its task.
        """
        assert answer.error is not None
        key = (answer.address, _EVERY_TASK if answer.is_of_machine else needs)
        name = (answer.address, answer.error.code)
        with self._guard:
            self._unfit[key] = (time.monotonic() + _LEFT_OUT_S, answer)
            is_new = name not in self._named
            self._named.add(name)
        if is_new:
            _log.warning("worker %s is left out: %s", answer.address, named(answer).sentence())

    def choose(
        self, needs: str, refused: Mapping[str, Answer], cancel: threading.Event
    ) -> list[str] | None:
        """The workers that a task may go to; None for any.

        Args:
            refused: what the workers answered that this very task was given to.

        Raises:
            ClusterLost: no worker that is there can do any task.
            VmafkitError: none can do this one; it is what the last of them said.
            Cancelled: stopped while a lost worker was waited for.
        """
        until: float | None = None
        while True:
            unfit = {**self._left_out(needs), **refused}
            here = set(self._look()) if unfit else set[str]()
            if not here:
                return None
            with self._guard:
                self._fit |= here - unfit.keys()
                is_one_lost = bool(self._fit - here - unfit.keys())
            if here - unfit.keys():
                return sorted(here - unfit.keys())
            now = time.monotonic()
            until = until or now + self._patience_s
            if not is_one_lost or now >= until:
                with self._guard:
                    self._fit &= here
                raise _nobody([unfit[address] for address in sorted(here)])
            if cancel.wait(_LOOK_S):
                raise Cancelled("the work was stopped")

    def _left_out(self, needs: str) -> dict[str, Answer]:
        now = time.monotonic()
        with self._guard:
            over = [key for key, (until, _) in self._unfit.items() if until < now]
            for key in over:
                del self._unfit[key]
            return {
                address: answer
                for (address, what), (_, answer) in self._unfit.items()
                if what in (_EVERY_TASK, needs)
            }


def named(answer: Answer) -> VmafkitError:
    """The error of an answer, with the worker's name in its sentence."""
    assert answer.error is not None
    # Threads may raise it at the same time.
    error = copy.copy(answer.error)
    if f"worker {answer.node}" not in error.message and answer.address not in error.message:
        error.message = f"worker {answer.node}: {error.message}"
        error.args = (error.message,)
    return error


def _nobody(answers: Sequence[Answer]) -> VmafkitError:
    others = [each for each in answers if not each.is_of_machine]
    error = named((others or answers)[-1])
    # A store that cannot be written ends a run wherever it lies.
    if others or isinstance(error, StoreError):
        return error
    return ClusterLost(
        f"no worker of the cluster can measure: {error.message}",
        hint=error.hint,
        detail=error.detail,
    )
