"""How many trials run at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.workers import trial_bytes, worker_count

GB = 1_000_000_000


def test_known_cases() -> None:
    assert worker_count(16, 1) == 16
    assert worker_count(16, 4) == 4
    assert worker_count(16, 5) == 3
    assert worker_count(2, 8) == 1
    assert worker_count(16, 1, free_bytes=10 * GB, trial_bytes=2 * GB) == 4
    assert worker_count(16, 1, free_bytes=1, trial_bytes=2 * GB) == 1
    assert worker_count(16, 1, free_bytes=None, trial_bytes=2 * GB) == 16
    assert trial_bytes(3840, 2160, 10) > 3 * trial_bytes(1280, 720, 8)


@given(
    st.integers(1, 256), st.integers(1, 64), st.none() | st.integers(0, 10**12),
    st.integers(0, 10**11),
)  # fmt: skip
def test_neither_cores_nor_memory_are_overdrawn(
    cores: int, threads: int, free: int | None, each: int
) -> None:
    count = worker_count(cores, threads, free_bytes=free, trial_bytes=each)
    assert count >= 1
    if count > 1:
        assert count * threads <= cores
        assert free is None or count * each <= free
