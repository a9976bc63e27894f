"""What must hold of a corpus file, whatever has happened."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faketools.zygote import Command

from vmafkit.schema.corpus import CorpusRow, from_line
from vmafkit.store.corpus_file import read_corpus

OF_ONE_RUN = {
    *("run_id", "timestamp", "encode_time_ms", "score_time_ms", "encode_cpu_s", "score_cpu_s"),
    *("checksum", "src", "encode_path"),
}


def plain(row: CorpusRow) -> dict[str, Any]:
    """A row without what belongs to one run."""
    return {name: value for name, value in row.model_dump().items() if name not in OF_ONE_RUN}


def facts(path: Path) -> dict[str | None, dict[str, Any]]:
    """The rows of a file by their trial keys."""
    return {row.trial_key: plain(row) for row in read_corpus(path)}


def acknowledged(command: Command) -> set[str]:
    """The trials that the command has said are done."""
    ended = command.events("trial-finished")
    return {event["trial_key"] for event in ended if event["outcome"] != "failed"}


def good_keys(path: Path) -> list[str]:
    """The keys of the successes, as they stand after a crash: a torn last line is left out."""
    if not path.exists():
        return []
    rows = [from_line(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return [row.trial_key or "" for row in rows if row.exit_status == 0]


def doubled(path: Path) -> list[str]:
    """The trials with more than one success."""
    return [key for key, count in Counter(good_keys(path)).items() if count > 1]


def programs_under(folder: Path) -> list[str]:
    """The running programs whose words name a folder."""
    found: list[str] = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        # A script runs under the name of its shell.
        named = any("ffmpeg" in word.rpartition("/")[2] for word in words[:2])
        if named and any(str(folder) in word for word in words):
            found.append(" ".join(words)[:200])
    return found


def all_gone(folder: Path, seconds: float) -> bool:
    """Whether every program that names the folder ends within that time."""
    until = time.monotonic() + seconds
    while programs_under(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
