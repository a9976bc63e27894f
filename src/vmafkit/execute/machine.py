"""What this machine has to give."""

from __future__ import annotations

from pathlib import Path

from vmafkit import proc

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def free_memory_bytes() -> int | None:
    """Memory that may still be taken, within the container's limit and the user's.

    None where it is not known.
    """
    limits = (_system_bytes(), _group_bytes(), proc.memory_bound())
    found = [value for value in limits if value is not None]
    return min(found) if found else None


def _system_bytes() -> int | None:
    for line in _read(_MEMINFO).splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if name == "MemAvailable" and words and words[0].isdigit():
            return int(words[0]) * 1024
    return None


def _group_bytes() -> int | None:
    limit = _read(_CGROUP / "memory.max").strip()
    if not limit.isdigit():
        return None
    used = _read(_CGROUP / "memory.current").strip()
    facts = dict(
        line.split(maxsplit=1)
        for line in _read(_CGROUP / "memory.stat").splitlines()
        if line.count(" ") == 1
    )
    # What the kernel keeps of files is given back when it is needed.
    cached = facts.get("inactive_file", "0")
    held = (int(used) if used.isdigit() else 0) - (int(cached) if cached.isdigit() else 0)
    return max(0, int(limit) - max(0, held))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
