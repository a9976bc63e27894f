"""Who is measuring which trial: a claim lasts as long as the process that made it.

A claim of another machine cannot be checked and ends after a day.
"""

from __future__ import annotations

import os
import sqlite3
import time

from vmafkit import alive

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
    values = (key, owner, os.getpid(), alive.start_of(os.getpid()), alive.host(), time.time())
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


def _alive(pid: int, started: str, host: str, claimed_s: float) -> bool:
    if host != alive.host():
        return time.time() - claimed_s < _FOREIGN_S
    return alive.is_running(pid, started)
