"""Things that run beside each other stay within the memory they share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from vmafkit import proc
from vmafkit.errors import Cancelled
from vmafkit.execute.room import Room, room_here


class Counter:
    """How much was held at once, at most."""

    def __init__(self) -> None:
        self.held, self.most, self.guard = 0, 0, threading.Lock()

    def run(self, room: Room, wanted: int) -> None:
        with room.taken(wanted, threading.Event()):
            with self.guard:
                self.held += wanted
                self.most = max(self.most, self.held)
            threading.Event().wait(0.005)
            with self.guard:
                self.held -= wanted


@pytest.fixture
def bounded() -> Iterator[None]:
    proc.bound_memory(1_000)
    yield
    proc.bound_memory(None)


@pytest.mark.parametrize(("most", "wanted", "held"), [(100, 30, 90), (100, 100, 100), (10, 30, 30)])
def test_no_more_is_held_than_there_is_but_one_may_always_run(
    most: int, wanted: int, held: int
) -> None:
    room, counter = Room(most), Counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counter.run(room, wanted), range(24)))
    assert counter.most <= held
    assert counter.held == 0


def test_a_stop_ends_the_waiting() -> None:
    room, cancel = Room(10), threading.Event()
    with room.taken(10, threading.Event()):
        cancel.set()
        with pytest.raises(Cancelled), room.taken(1, cancel):
            pass
    with room.taken(1, cancel):
        pass


def test_what_fails_gives_its_memory_back() -> None:
    room = Room(10)
    with pytest.raises(ValueError, match="mine"), room.taken(10, threading.Event()):
        raise ValueError("mine")
    cancel = threading.Event()
    cancel.set()
    with room.taken(10, cancel):
        pass


def test_the_users_bound_is_what_there_is(bounded: None) -> None:
    room, cancel = room_here(), threading.Event()
    cancel.set()
    held = room.taken(400, threading.Event()), room.taken(400, cancel)
    with held[0], held[1], pytest.raises(Cancelled), room.taken(1, cancel):
        pass
