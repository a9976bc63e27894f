"""Which process is meant, and whether it is still there.

A process is known by its number and its start time, since numbers are used again.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


def start_of(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty where this is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name in brackets may hold spaces and brackets.
    state, *rest = stat[stat.rindex(")") + 2 :].split()
    return "" if state in "ZX" else rest[18]


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


@cache
def host() -> str:
    """The machine and its start, since process numbers begin anew with it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        boot = ""
    return f"{platform.node()} {boot}".strip()
