"""What the work of this process may take from the machine."""

from __future__ import annotations

import os

from vmafkit import proc
from vmafkit.decide.amounts import parse_bytes
from vmafkit.errors import UsageError


def limit_work(*, nice: int = 0, max_memory: str | None = None) -> None:
    """Bound what this process and the programs it starts take, from now on.

    Args:
        nice: added to the process's niceness, 0 to 19; it cannot be taken back.
        max_memory: such as `4G`. Fewer trials run at once so that they fit, and a program that
            alone takes more is stopped and fails its trial. None for no bound but the machine's.

    Raises:
        UsageError: a value is out of range.
    """
    if not 0 <= nice <= 19:
        raise UsageError(f"--nice {nice} is not within 0 and 19")
    most_bytes = None if max_memory is None else parse_bytes(max_memory, "--max-memory")
    if nice:
        os.nice(nice)
    proc.bound_memory(None if most_bytes is None else int(most_bytes))
