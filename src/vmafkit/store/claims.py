"""Who is measuring which trial: a claim lasts as long as the process that made it.

A process is known by its number and its start time, since numbers are used again. A claim of
another machine cannot be checked and ends after a day.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sqlite3
import time
from functools import cache
from pathlib import Path

CREATE = """
CREATE TABLE IF NOT EXISTS claims (
  key TEXT PRIMARY KEY, owner TEXT, pid INTEGER, started TEXT, host TEXT, claimed_s REAL);
"""

_FOREIGN_S = 86400.0


def take(link: sqlite3.Connection, key: str, owner: str) -> bool:
    """Claims `key` inside the caller's transaction; False while another living owner has it."""
    query = "SELECT owner, pid, started, host, claimed_s FROM claims WHERE key = ?"
    held = link.execute(query, (key,)).fetchone()
    if held is not None:
        holder, pid, started, host, claimed_s = held
        mine = holder == owner.encode() and pid == os.getpid()
        if not mine and _alive(pid, started.decode(), host.decode(), claimed_s):
            return False
    values = (key, owner, os.getpid(), start_of(os.getpid()), _host(), time.time())
    link.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)", values)
    return True


def drop(link: sqlite3.Connection, key: str, owner: str | None = None) -> None:
    """Ends a claim of this process's `owner`, or whoever's it is when `owner` is None."""
    if owner is None:
        link.execute("DELETE FROM claims WHERE key = ?", (key,))
    else:
        link.execute(
            "DELETE FROM claims WHERE key = ? AND owner = ? AND pid = ?", (key, owner, os.getpid())
        )


def start_of(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty where this is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name in brackets may hold spaces and brackets.
    state, *rest = stat[stat.rindex(")") + 2 :].split()
    return "" if state in "ZX" else rest[18]


def _alive(pid: int, started: str, host: str, claimed_s: float) -> bool:
    if host != _host():
        return time.time() - claimed_s < _FOREIGN_S
    return is_running(pid, started)


def is_running(pid: int, started: str) -> bool:
    """Whether the process that had this number and this start is still there."""
    if started:
        return start_of(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def host_word() -> str:
    """The machine and its start in 8 hexadecimal digits."""
    return hashlib.sha256(_host().encode("utf-8", "replace")).hexdigest()[:8]


@cache
def _host() -> str:
    """The machine and its start, since process numbers begin anew with it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        boot = ""
    return f"{platform.node()} {boot}".strip()
