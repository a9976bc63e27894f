"""What a run of the reliability tests really did: rounds, hits, the worst time.

A test that goes round a loop says how often with `note`. With `-p tests.r_record` every test that
`tests.r_table` names leaves its outcome in the file that VMAFKIT_TEST_RECORD names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_notes: dict[str, list[dict[str, Any]]] = {}
_examples: dict[str, int] = {}
_seen: list[dict[str, Any]] = []


def note(row: str, rounds: int, *, hits: int | None = None, worst_s: float | None = None) -> None:
    """Said by a test at its end: what it did for a row of the table.

    Args:
        row: `R01` to `R51`.
        rounds: how often it tried.
        hits: how often the fault really landed; left out when a round cannot miss.
        worst_s: the slowest of what the row bounds in seconds.
    """
    hits = rounds if hits is None else hits
    assert rounds > 0 and hits > 0, f"{row}: nothing was hit in {rounds} rounds"
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    done = {"row": row, "rounds": rounds, "hits": hits, "worst_s": worst_s}
    _notes.setdefault(test, []).append(done)
    print(f"{row}: {rounds} rounds, {hits} hits" + (f", {worst_s:.2f} s" if worst_s else ""))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Know how many examples a property is tried with."""
    function = getattr(item, "obj", None)
    chosen = getattr(function, "_hypothesis_internal_use_settings", None)
    if chosen is not None:
        _examples[item.nodeid] = chosen.max_examples


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a test came to."""
    if report.when == "call" or report.outcome != "passed":
        test, _, _ = report.nodeid.rpartition("::")[2].partition("[")
        found = {"test": test, "outcome": report.outcome, "s": round(report.duration, 3)}
        rounds = _examples.get(report.nodeid, 1)
        _seen.append({**found, "rounds": rounds, "notes": _notes.pop(report.nodeid, [])})


def pytest_sessionfinish() -> None:
    """Write it down."""
    where = os.environ.get("VMAFKIT_TEST_RECORD")
    if where:
        Path(where).write_text("".join(json.dumps(each) + "\n" for each in _seen), "utf-8")
