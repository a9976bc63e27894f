"""The package keeps the house rules, and every rule is shown to find a breach."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from . import doors, shape
from .tree import Module, module, package

Rule = Callable[[Sequence[Module]], list[str]]

RULES: tuple[Rule, ...] = (
    shape.module_sizes,
    shape.function_sizes,
    shape.annotations,
    shape.docstrings,
    shape.units,
    doors.processes,
    doors.writes,
    doors.environment,
    doors.printing,
    doors.banned,
    doors.raises,
    doors.graphs,
)


@pytest.fixture(scope="module")
def tree() -> list[Module]:
    found = package()
    assert len(found) > 50
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule, tree: list[Module]) -> None:
    assert rule(tree) == []


FINE = '"""What it is."""\n'
BREACHES: list[tuple[Rule, str, str]] = [
    (shape.module_sizes, "a.py", FINE + "x = 1\n" * 500),
    (shape.function_sizes, "a.py", "def f():\n" + "    x = 1\n" * 80),
    (shape.annotations, "a.py", "def f(x) -> None: ..."),
    (shape.annotations, "a.py", "def f(*, x: int, **rest) -> None: ..."),
    (shape.annotations, "a.py", "def f(x: int): ..."),
    (shape.annotations, "a.py", "import yaml  # type: ignore"),
    (shape.annotations, "a.py", "import yaml  # noqa"),
    (shape.docstrings, "a.py", "x = 1"),
    (shape.docstrings, "a.py", FINE + "def f() -> None: ..."),
    (shape.docstrings, "a.py", FINE + 'class C:\n    """One."""\n    def f(self) -> None: ...'),
    (shape.docstrings, "cli/verbs/a.py", FINE + "import typer\ndef a() -> int: ..."),
    (shape.units, "a.py", "def f(timeout: float) -> None: ..."),
    (shape.units, "a.py", "class C:\n    max_bitrate: int | None"),
    (shape.units, "a.py", "def f(fps: float) -> None: ..."),
    (shape.units, "a.py", "def f(crf: int) -> None: ..."),
    (doors.processes, "a.py", "import subprocess"),
    (doors.processes, "a.py", "from subprocess import run"),
    (doors.processes, "a.py", "import os\nos.execv('a', [])"),
    (doors.processes, "a.py", "from os import fork\nfork()"),
    (doors.processes, "a.py", "import multiprocessing.pool"),
    (doors.processes, "a.py", "from concurrent.futures import ProcessPoolExecutor as P\nP()"),
    (doors.writes, "a.py", "open('a', 'w')"),
    (doors.writes, "a.py", "open('a', mode='r+b')"),
    (doors.writes, "a.py", "def f(mode: str) -> None: open('a', mode)"),
    (doors.writes, "a.py", "path.open('ab')"),
    (doors.writes, "a.py", "import os\nos.open('a', os.O_RDONLY | os.O_CREAT)"),
    (doors.writes, "a.py", "import os\nos.fdopen(3, 'w')"),
    (doors.writes, "a.py", "path.write_text('a')"),
    (doors.writes, "a.py", "path.replace(other)"),
    (doors.writes, "a.py", "from os import remove as gone\ngone('a')"),
    (doors.writes, "a.py", "import shutil\nshutil.rmtree('a')"),
    (doors.writes, "a.py", "import tempfile\ntempfile.mkdtemp()"),
    (doors.writes, "a.py", "table.write_parquet(path)"),
    (doors.environment, "a.py", "import os\nos.environ['A']"),
    (doors.environment, "a.py", "from os import getenv"),
    (doors.printing, "a.py", "print('a')"),
    (doors.printing, "a.py", "import sys\nsys.stdout.write('a')"),
    (doors.banned, "a.py", "f(shell=True)"),
    (doors.banned, "a.py", "import os\nos.system('a')"),
    (doors.banned, "a.py", "eval('1')"),
    (doors.banned, "a.py", "exec('1')"),
    (doors.banned, "a.py", "import pickle"),
    (doors.banned, "a.py", "import yaml\nyaml.load(text)"),
    (doors.banned, "a.py", "import numpy as np\nnp.load(path, allow_pickle=True)"),
    (doors.banned, "a.py", "import torch\ntorch.load(path)"),
    (doors.banned, "a.py", "archive.extractall(folder)"),
    (doors.banned, "a.py", "try:\n    f()\nexcept:\n    pass"),
    (doors.raises, "a.py", "raise RuntimeError('a')"),
    (doors.raises, "a.py", "raise Exception"),
    (doors.raises, "a.py", "def f() -> None: raise OSError(1, 'a')"),
    (doors.raises, "a.py", "def f() -> KeyError: ...\nraise f()"),
    (doors.raises, "a.py", "raise SystemExit(1)"),
    (doors.graphs, "scoring/graph.py", "from pathlib import Path"),
    (doors.graphs, "a.py", 'f"[0:v]libvmaf=log_path={log_path}"'),
    (doors.graphs, "a.py", 'f"movie={source.file_name}[m]"'),
]


@pytest.mark.parametrize(("rule", "name", "text"), BREACHES)
def test_a_breach_is_found(rule: Rule, name: str, text: str) -> None:
    assert rule([module(name, text)]) != []


def test_every_rule_has_a_breach() -> None:
    assert {rule for rule, _, _ in BREACHES} == set(RULES)


def test_the_median_and_the_percentiles_count_too() -> None:
    many = [module(f"{n}.py", FINE + "x = 1\n" * 160) for n in range(9)]
    assert any("median" in each for each in shape.module_sizes(many))
    few = [module(f"{n}.py", FINE + "x = 1\n" * (400 if n < 2 else 9)) for n in range(10)]
    assert any("percentile" in each for each in shape.module_sizes(few))
    body = "def f() -> None:\n" + "    x = 1\n" * 50
    assert any("percentile" in each for each in shape.function_sizes([module("a.py", body)]))


FINE_CODE: list[tuple[Rule, str, str]] = [
    (shape.annotations, "a.py", "class C:\n    def f(self, x: int) -> None: ..."),
    (shape.units, "a.py", "def f(timeout_s: float, crf: float, fps: Fraction) -> None: ..."),
    (shape.units, "cli/verbs/a.py", "import typer\ndef f(timeout: float) -> None: ..."),
    (doors.processes, "proc.py", "import subprocess"),
    (doors.writes, "a.py", "open('a').read(); open('a', 'rb'); path.open('rb'); av.open('a', 'r')"),
    (doors.writes, "a.py", "'text'.replace('a', 'b'); dataclasses.replace(x, a=1)"),
    (doors.writes, "fsio/whole.py", "path.write_text('a')"),
    (doors.writes, "a.py", "import os\nos.fdopen(os.open('a', os.O_RDONLY), 'rb')"),
    (doors.banned, "a.py", "import torch\ntorch.load(path, weights_only=True)"),
    (doors.banned, "a.py", "import re\nre.compile('a'); f(shell=False)"),
    (
        doors.raises,
        "a.py",
        "class VmafkitError(Exception): ...\nclass B(VmafkitError): ...\nraise B",
    ),
    (doors.raises, "a.py", "def f(error: Exception) -> None: raise error"),
    (doors.graphs, "scoring/graph.py", 'f"scale={width}:{height}"'),
]


@pytest.mark.parametrize(("rule", "name", "text"), FINE_CODE)
def test_what_is_fine_is_left_alone(rule: Rule, name: str, text: str) -> None:
    assert rule([module(name, text)]) == []
