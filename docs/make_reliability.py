"""Runs the reliability tests in full and writes docs/reliability.md.

    python docs/make_reliability.py --records FOLDER [--rows R01,R02] [--write]

It goes file by file and leaves what each came to in the folder, so that it can be stopped and
run again; `--rows` runs some rows only. `--write` makes the page of what the folder holds.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.r_table import SWITCHES, TABLE  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
HEAD = """# Reliability: what was tried, and what came of it

Made by `python docs/make_reliability.py` from the tests themselves, at their full numbers
(`VMAFKIT_TEST_ROUNDS=full`); every test also runs in the ordinary suite with fewer rounds. A row
is one kind of fault. *Rounds* is how often it was tried, *hits* how often the fault really landed
(a kill while the work ran, a disk that was really full), *violations* how many tests failed.
*Worst time* is the slowest round where the test measures that; with (t) the slowest test.

A fault that lands in no round fails its test. What each fault must not break is in the test; exit
codes and sentences are in [errors.md](errors.md), the threats in [security.md](security.md).
"""
TAIL = """
## What is not promised

- Linux is the full set. On macOS and Windows children are not tied to a killed parent, and
  folders are not synced.
- On network disks `flock` may not hold: one writer for a corpus file there.
- No sync helps on a disk that lies about it. Loss of power was played back from the order of
  writes and syncs, not with a real cut.
- Rows that need a disk of their own (R17, R21) are skipped where mounting is not allowed.
"""


@dataclass
class Outcome:
    """What the tests of a row came to."""

    tests: set[str] = field(default_factory=set[str])
    rounds: int = 0
    hits: int = 0
    violations: int = 0
    worst_s: float = 0.0
    slowest_test_s: float = 0.0
    is_timed: bool = False
    skipped: int = 0


def where() -> dict[str, list[Path]]:
    """The files that define each test function."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name].append(path)
    return found


def run(rows: list[str], records: Path) -> int:
    """Run the tests of some rows, file by file; returns how many files had failures."""
    files: dict[Path, set[str]] = defaultdict(set)
    places = where()
    wanted = {name for row in rows for name in TABLE[row].tests}
    if "R51" in rows:
        wanted |= set(SWITCHES.values())
    for name in wanted:
        for path in places[name]:
            files[path].add(name)
    failures = 0
    for path, names in sorted(files.items()):
        relative = path.relative_to(ROOT).as_posix()
        # One record for each set of tests: a later run of fewer rows replaces nothing else.
        words = hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:8]
        record = records / f"{relative.replace('/', '__')}.{words}.jsonl"
        print(f"{relative}: {', '.join(sorted(names))}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "tests.r_record",
             *(f"{relative}::{name}" for name in sorted(names))],
            cwd=ROOT, check=False,
            env={**os.environ, "VMAFKIT_TEST_ROUNDS": "full", "VMAFKIT_TEST_RECORD": str(record)},
        )  # fmt: skip
        failures += done.returncode != 0
    return failures


def read(records: Path) -> list[dict[str, Any]]:
    """What each test came to, from its latest record."""
    newest: dict[str, tuple[float, list[dict[str, Any]]]] = {}
    for path in sorted(records.glob("*.jsonl"), key=lambda path: path.stat().st_mtime):
        file = path.name.partition(".py")[0]
        by_test: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in path.read_text("utf-8").splitlines():
            found = json.loads(line)
            by_test[found["test"]].append(found)
        for test, found in by_test.items():
            newest[f"{file} {test}"] = (path.stat().st_mtime, found)
    return [each for _, found in newest.values() for each in found]


def outcomes(found: list[dict[str, Any]]) -> dict[str, Outcome]:
    """The rows of the table."""
    rows = {row: Outcome() for row in TABLE}
    named = {row: set(TABLE[row].tests) for row in TABLE}
    named["R51"] = set(SWITCHES.values())
    for each in found:
        for row, tests in named.items():
            if each["test"] in tests:
                _count(rows[row], row, each)
    return rows


def _count(outcome: Outcome, row: str, each: dict[str, Any]) -> None:
    outcome.tests.add(each["test"])
    outcome.skipped += each["outcome"] == "skipped"
    outcome.violations += each["outcome"] == "failed"
    if each["outcome"] != "passed":
        return
    notes = [note for note in each["notes"] if note["row"] == row]
    outcome.slowest_test_s = max(outcome.slowest_test_s, each["s"])
    for note in notes or [{"rounds": each["rounds"], "hits": each["rounds"], "worst_s": None}]:
        outcome.rounds += note["rounds"]
        outcome.hits += note["hits"]
        if note["worst_s"] is not None:
            outcome.is_timed = True
            outcome.worst_s = max(outcome.worst_s, note["worst_s"])


def page(found: list[dict[str, Any]]) -> str:
    """The page as Markdown."""
    rows = outcomes(found)
    lines = [
        HEAD,
        f"Written {datetime.now(UTC):%Y-%m-%d} on {platform.system()} "
        f"{platform.release().partition('-')[0]}, Python {platform.python_version()}.\n",
        "| id | what is done | rounds | hits | violations | worst time (s) |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row, outcome in rows.items():
        worst = (
            f"{outcome.worst_s:.2f}" if outcome.is_timed else f"{outcome.slowest_test_s:.2f} (t)"
        )
        lines.append(
            f"| {row} | {TABLE[row].what} | {outcome.rounds} | {outcome.hits} | "
            f"{outcome.violations} | {worst} |"
        )
    lines += ["", "## R51: protections that were switched off", "",
              "Each of these tests takes a protection away and sees the damage.", "",
              "| switched off | test | went red |", "| --- | --- | --- |"]  # fmt: skip
    passed = {each["test"] for each in found if each["outcome"] == "passed"}
    failed = {each["test"] for each in found if each["outcome"] == "failed"}
    for what, test in SWITCHES.items():
        red = "yes" if test in passed - failed else "NO"
        lines.append(f"| {what} | `{test}` | {red} |")
    return "\n".join(lines) + "\n" + TAIL


def short(found: list[dict[str, Any]]) -> list[str]:
    """The rows that lack tests or rounds, or have violations."""
    wrong: list[str] = []
    for row, outcome in outcomes(found).items():
        tests = set(TABLE[row].tests) if row != "R51" else set(SWITCHES.values())
        missing = sorted(tests - outcome.tests)
        if missing:
            wrong.append(f"{row}: not run: {', '.join(missing)}")
        if outcome.rounds < TABLE[row].least:
            wrong.append(f"{row}: {outcome.rounds} rounds of {TABLE[row].least}")
        if outcome.violations or outcome.skipped:
            wrong.append(f"{row}: {outcome.violations} failed, {outcome.skipped} skipped")
    return wrong


def main() -> int:
    """Run what was asked for, and write."""
    parser = argparse.ArgumentParser(description="Runs the reliability tests in full.")
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--rows", default="", help="R01,R02; left out, all")
    parser.add_argument("--write", action="store_true", help="write the page, run nothing")
    arguments = parser.parse_args()
    arguments.records.mkdir(parents=True, exist_ok=True)
    failures = 0
    if not arguments.write:
        failures = run(arguments.rows.split(",") if arguments.rows else [*TABLE], arguments.records)
    found = read(arguments.records)
    for line in short(found):
        print(line)
    if arguments.write or not arguments.rows:
        PAGE.write_text(page(found), "utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
