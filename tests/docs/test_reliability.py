"""The reliability table is whole, its tests are there, and the page that was made of it is good."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.r_table import SWITCHES, TABLE

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^\| (R\d\d) \| (.+?) \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+)( \(t\))? \|$", re.M)
EVERY = [f"R{number:02}" for number in range(1, 52)]


@pytest.fixture(scope="module")
def functions() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        found |= {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
    return found


def test_every_row_of_the_table_has_its_tests(functions: set[str]) -> None:
    assert list(TABLE) == EVERY
    for row, (_, _, tests) in TABLE.items():
        assert tests or row == "R51", f"{row} has no test"
        assert [name for name in tests if name not in functions] == [], row


def test_every_switch_of_the_table_has_its_test(functions: set[str]) -> None:
    assert len(SWITCHES) >= 10
    assert [name for name in SWITCHES.values() if name not in functions] == []


def test_every_test_that_names_a_row_is_in_the_table(functions: set[str]) -> None:
    listed = {name for row in TABLE.values() for name in row.tests} | set(SWITCHES.values())
    named = {name for name in functions if re.match(r"test_r\d\d_", name)}
    assert sorted(named - listed) == []


def test_the_page_shows_every_row_in_full_without_a_violation() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    rows = {found[0]: found for found in LINE.findall(text)}
    assert list(rows) == EVERY
    for row, (_, what, rounds, hits, violations, _, _) in rows.items():
        assert what == TABLE[row].what
        assert int(rounds) >= TABLE[row].least, f"{row}: run python docs/make_reliability.py"
        assert int(hits) > 0
        assert int(violations) == 0, row
    assert "| NO |" not in text
    assert all(f"`{name}` | yes |" in text for name in SWITCHES.values())


def test_the_tests_that_the_security_page_names_are_there(functions: set[str]) -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 30
    assert sorted(named - functions) == []
