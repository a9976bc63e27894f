"""A signal that breaks into the threading module right after a lock was taken."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vmafkit.execute.apart import apart


def _break_in(patch: pytest.MonkeyPatch) -> None:
    """Raise in the main thread, once, with the lock taken that it was about to use."""
    real, main, done = threading.Condition.__enter__, threading.main_thread(), []

    def enter(self: Any) -> Any:
        found = real(self)
        if threading.current_thread() is main and not done:
            done.append(None)
            raise KeyboardInterrupt
        return found

    patch.setattr(threading.Condition, "__enter__", enter)


def _work(cancel: threading.Event) -> str:
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(cancel.wait, 20)
        while not future.done():
            time.sleep(0.01)
    return "stopped"


def test_a_lock_is_left_taken_when_the_main_thread_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(time.sleep, 0.1)
        with monkeypatch.context() as patch:
            _break_in(patch)
            with pytest.raises(KeyboardInterrupt):
                future.done()
        time.sleep(0.5)
        # The worker cannot tell that it is done.
        assert not future.done()
        future._condition.release()  # pyright: ignore


def test_apart_the_work_ends_and_the_signal_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel, pid = threading.Event(), os.getpid()
    threading.Timer(0.2, os.kill, (pid, signal.SIGINT)).start()
    with monkeypatch.context() as patch:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            apart(lambda: _work(cancel), cancel)
        assert time.monotonic() - began < 15
        assert cancel.is_set()
        _break_in(patch)
        # Had it looked at the future itself, this would have hit.
        assert apart(lambda: "well", threading.Event()) == "well"


def test_apart_gives_what_the_work_gives_and_raises_what_it_raises() -> None:
    cancel = threading.Event()
    assert apart(lambda: threading.current_thread() is threading.main_thread(), cancel) is False
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 // 0, cancel)
    assert not cancel.is_set()
