"""Writes reports, and refuses early what could not be written at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit import fsio
from vmafkit.errors import OutputError
from vmafkit.media.hashing import show

if TYPE_CHECKING:
    from vmafkit.report.data import ReportData

_HINT = "name another --report"


def prepare_report(path: str | Path | None, others: Iterable[str | Path] = ()) -> Path | None:
    """The file a report goes to, checked before the work; None where none is wanted.

    Args:
        others: files that it must not be: the sources and the other outputs.

    Raises:
        UsageError: it is one of the others.
        OutputError: it cannot be written.
    """
    if path is None:
        return None
    target = Path(path).absolute()
    fsio.refuse_same_file(target, [Path(other) for other in others])
    reason = ""
    if target.exists() and not target.is_file():
        reason = "it is not a plain file"
    elif not target.parent.is_dir():
        reason = "its folder does not exist"
    elif not os.access(target.parent, os.W_OK):
        reason = "its folder may not be written to"
    if reason:
        raise OutputError(f"cannot write {show(target)}: {reason}", hint=_HINT)
    return target


def write_report(path: str | Path, data: ReportData) -> None:
    """Write a report as one HTML page, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from vmafkit.report.page import to_html

    fsio.write_atomic(Path(path), to_html(data), user_output=True)
