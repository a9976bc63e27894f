"""Turns words of the command line into values."""

from __future__ import annotations

import re
from pathlib import Path

from vmafkit.errors import UsageError


def parse_size(word: str | None, flag: str) -> tuple[int, int] | None:
    """`1920x1080` as (1920, 1080).

    Raises:
        UsageError: it is not a size.
    """
    if word is None:
        return None
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", word.strip())
    if found is None or "0" in (found[1].lstrip("0") or "0", found[2].lstrip("0") or "0"):
        raise UsageError(f"{flag} {word!r} is not a size", hint="write 1920x1080")
    return int(found[1]), int(found[2])


def one_source(positional: str | None, flag: str | None) -> str | None:
    """The source, named once.

    Raises:
        UsageError: it is named twice.
    """
    if positional is not None and flag is not None:
        raise UsageError("the source is named twice", hint="as an argument or with --source")
    return positional if flag is None else flag


def refuse_report_of_dry_run(report: Path | None, dry_run: bool) -> None:
    """A run that measures nothing has nothing to report.

    Raises: UsageError.
    """
    if dry_run and report is not None:
        raise UsageError(
            "--dry-run measures nothing, so --report has nothing to show",
            hint="leave one of them out",
        )
