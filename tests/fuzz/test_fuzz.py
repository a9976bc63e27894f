"""No input of any kind gets more out of a parser than a value or one of our errors (R44).

`VMAFKIT_TEST_ROUNDS=full` tries 100 000 inputs for each. What was found once is kept as a file in
`finds/` and tried every time; `guided.py` searches with atheris.
"""

from __future__ import annotations

import contextlib
import signal
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.mutate import mutants
from tests.fuzz.targets import TARGETS, Target
from tests.r_record import note

from vmafkit.errors import VmafkitError

Rounds = Callable[[int, int], int]
FINDS = Path(__file__).with_name("finds")


MOST_CPU_S = 1.0
MOST_BYTES = 20_000_000


def _endless(*_: Any) -> NoReturn:
    raise TimeoutError("it takes for ever")


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """An input that takes a second of CPU time is a find."""
    before = signal.signal(signal.SIGPROF, _endless)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def refused(target: Target, data: bytes) -> bool:
    """Whether the input is refused; raises what is a find."""
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
    try:
        target.parse(data)
    except VmafkitError as error:
        assert error.message and len(error.sentence().splitlines()) == 1
        return True
    return False


def slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower())


@pytest.mark.parametrize("name", TARGETS)
def test_r44_odd_inputs_are_refused_in_one_sentence(name: str, rounds: Rounds) -> None:
    target = TARGETS[name]
    many, odd, worst_s = rounds(150, 100_000), 0, 0.0
    for data in mutants(target.seeds, target.tokens, many, seed=rounds(0, 1)):
        began = time.process_time()
        try:
            odd += refused(target, data)
        except Exception as error:
            pytest.fail(f"{name}: {type(error).__name__}: {error}\n{data!r}")
        worst_s = max(worst_s, time.process_time() - began)
    for seed in target.seeds:
        assert not refused(target, seed), f"a seed of {name} is no good input"
    note("R44", many, hits=odd or many, worst_s=worst_s)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=15, deadline=None, database=None)
@given(data=st.binary(max_size=60))
def test_r44_any_bytes(name: str, data: bytes) -> None:
    with contextlib.suppress(VmafkitError):
        TARGETS[name].parse(data)


def test_r44_what_was_found_once_stays_mended() -> None:
    names = {slug(name): name for name in TARGETS}
    finds = sorted(FINDS.glob("*/*"))
    for path in finds:
        with contextlib.suppress(VmafkitError):
            TARGETS[names[path.parent.name]].parse(path.read_bytes())
    assert finds


def test_a_parser_that_lets_another_error_out_is_found() -> None:
    bad = Target(lambda data: int(data.decode("ascii", "replace")), (b"5",))
    with pytest.raises(ValueError, match="invalid literal"):
        for data in mutants(bad.seeds, (b"x",), 50):
            refused(bad, data)


BOMBS: dict[str, bytes] = {
    "corpus rows": b'{"schema_version":4,"a":' + b"[" * 200_000,
    "scenes": b"[" * 200_000,
    "model JSON": b'{"a":' * 200_000,
    "libvmaf log": b"[" * 200_000 + b"]" * 200_000,
    "model card": b"[" * 200_000,
    "model registry": b'{"schema_version":1,"models":' + b"[" * 200_000,
    "recipe .py": b"x = " + b"(" * 100_000 + b")" * 100_000,
    "recipe .yaml": b"a: " + b"[" * 8_000,
    "recipe .toml": b"a = " + b"[" * 100_000,
    "DASH manifest": b"<a>" * 30_000,
    "ONNX file": b"\x3a\xff\xff\xff\xff\x0f" + b"\x0a\x80" * 100_000,
    "quality lists": b"0:1000000000:0.000001",
    "XPSNR log": b"n: " + b"9" * 100_000,
    "y4m header": b"YUV4MPEG2 W" + b"9" * 5_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_r19_a_bomb_is_refused_at_little_cost(name: str) -> None:
    target = TARGETS[name]
    began = time.process_time()
    assert refused(target, BOMBS[name])
    spent_s = time.process_time() - began
    # Once more, since tracing makes it many times slower.
    signal.setitimer(signal.ITIMER_PROF, 0)
    tracemalloc.start()
    try:
        with pytest.raises(VmafkitError):
            target.parse(BOMBS[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES
    note("R19", 1, worst_s=spent_s)
