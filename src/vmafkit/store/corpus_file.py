"""A corpus file: rows in JSON Lines that are only ever added to.

A failed trial leaves a row as well, and is tried again by the next run, which adds another row.
So a trial may have many rows, but at most one of them has `exit_status` 0: a second success of a
trial is not written. `latest` gives one row for each trial.

One process at a time decides what to run for a file; any number may add rows to it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from vmafkit import fsio
from vmafkit.errors import OutputError, SchemaTooNew, StoreCorrupt, StoreError, Unreadable
from vmafkit.schema.corpus import CorpusRow, from_line, to_line

OnCorrupt = Literal["raise", "skip"]

_BLOCK_BYTES = 1 << 20
_LONGEST_LINE_BYTES = 16 << 20
_log = logging.getLogger(__name__)
# Where a damaged newline has joined two lines.
_SEAM = re.compile(rb"(?<=\}).(?=\{\"schema_version\":)", re.DOTALL)


def read_corpus(path: Path, *, on_corrupt: OnCorrupt = "raise") -> list[CorpusRow]:
    """All rows of a file in their order; the file is not changed.

    Args:
        on_corrupt: 'raise' at the first line that is no whole row, or 'skip' it with a warning.

    Raises: Unreadable; StoreCorrupt naming file:line; SchemaTooNew.
    """
    return list(_rows(path, on_corrupt))


def _rows(path: Path, on_corrupt: OnCorrupt) -> Generator[CorpusRow]:
    """The rows one by one: a large file is never in memory as a whole."""
    for number, line in _lines(path):
        try:
            yield from_line(line, where=f"{path}:{number}")
        except StoreCorrupt as error:
            if on_corrupt == "raise":
                raise
            _log.warning("%s; the line is left out", error.message)
            yield from _salvage(line)


def latest(rows: list[CorpusRow]) -> list[CorpusRow]:
    """One row for each trial: its success, else its last failure, in order of first appearance.

    Rows without a trial key (of older versions) are all kept.
    """
    chosen: dict[str, CorpusRow] = {}
    for index, row in enumerate(rows):
        key = row.trial_key or f"row {index}"
        before = chosen.get(key)
        if before is None or before.exit_status != 0:
            chosen[key] = row
    return list(chosen.values())


class CorpusFile:
    """A corpus file that rows are added to.

    Opening it sets aside a line that a crash cut short and says so in the log.

    Args:
        path: the file; it need not exist, its folder must.
        on_corrupt: as for `read_corpus`, for every reading.

    Raises: OutputError when the file cannot be written; StoreCorrupt; SchemaTooNew.
    """

    def __init__(self, path: Path, *, on_corrupt: OnCorrupt = "raise") -> None:
        self.path = path
        self.on_corrupt: OnCorrupt = on_corrupt
        refuse_unwritable(path)
        self.torn: Path | None = fsio.recover_tail(path, _ROWS)
        if self.torn is not None:
            _log.warning("%s ended in half a row; it was moved to %s", path, self.torn)
        self._done: set[str] = set()
        self._read_to: int = 0
        self._inode: int = 0
        # Damage shows here, before any work is done.
        self.done_keys()

    def rows(self) -> list[CorpusRow]:
        """All rows that are in the file now. Raises: StoreCorrupt, SchemaTooNew, Unreadable."""
        if not self.path.exists():
            return []
        return read_corpus(self.path, on_corrupt=self.on_corrupt)

    def latest(self) -> list[CorpusRow]:
        """One row for each trial; see `latest`."""
        return latest(self.rows())

    def done_keys(self) -> set[str]:
        """The trial keys with a success, which need not be run again."""
        if not self.path.exists():
            return set()
        rows = _rows(self.path, self.on_corrupt)
        return {row.trial_key for row in rows if row.trial_key and row.exit_status == 0}

    def append(self, row: CorpusRow) -> bool:
        """Adds a row; it is on the disk on return.

        Returns: False when the row is a second success of its trial and was not written,
            whoever wrote the first.
        Raises: StoreFull, StoreError.
        """
        key = row.trial_key if row.exit_status == 0 else None
        line = to_line(row)
        if key is None:
            return fsio.append_line(self.path, line, rows=_ROWS)
        return fsio.append_line(
            self.path, line, unless=lambda handle: self._has(handle, key), rows=_ROWS
        )

    def _has(self, handle: int, key: str) -> bool:
        """Whether the open file holds a success of this trial; reads only what is new in it."""
        facts = os.fstat(handle)
        if facts.st_size < self._read_to or facts.st_ino != self._inode:
            self._done, self._read_to, self._inode = set(), 0, facts.st_ino
        while self._read_to < facts.st_size:
            block = os.pread(handle, _BLOCK_BYTES, self._read_to)
            whole = block.rfind(b"\n") + 1
            if not whole:
                block = os.pread(handle, facts.st_size - self._read_to, self._read_to)
                whole = len(block)
            for line in block[:whole].split(b"\n"):
                self._note(line)
            self._read_to += whole
        return key in self._done

    def _note(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            row = from_line(line)
        except StoreError:
            return
        if row.trial_key and row.exit_status == 0:
            self._done.add(row.trial_key)


def _is_row(line: bytes) -> bool:
    try:
        from_line(line)
    except SchemaTooNew:
        return True
    except StoreCorrupt:
        return False
    return True


_ROWS = fsio.Rows(b'{"schema_version"', _is_row)


def _lines(path: Path) -> Generator[tuple[int, bytes]]:
    try:
        with fsio.open_regular(path) as stream:
            number = 0
            while line := stream.readline(_LONGEST_LINE_BYTES + 1):
                number += 1
                if len(line) > _LONGEST_LINE_BYTES:
                    raise Unreadable(
                        f"{path}:{number} is longer than {_LONGEST_LINE_BYTES >> 20} MiB",
                        hint="a corpus is JSON Lines, one row on each",
                    )
                if line.strip():
                    yield number, line
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error


def _salvage(line: bytes) -> list[CorpusRow]:
    """The whole rows in a line that a damaged newline has joined."""
    found: list[CorpusRow] = []
    parts = _SEAM.split(line)
    for part in parts if len(parts) > 1 else []:
        try:
            found.append(from_line(part))
        except (StoreCorrupt, SchemaTooNew):
            continue
    return found


def refuse_unwritable(path: Path) -> None:
    """Refuse a corpus file that could not be written. Raises: OutputError."""
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.exists() and not path.is_file():
        raise OutputError(f"cannot write {path}: it is not a plain file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"cannot write {path}: permission denied")
