"""The folder that `auto --execute` fills: encodes, and `tune_results.jsonl` beside them."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from vmafkit import fsio
from vmafkit.errors import OutputError, StoreError, VmafkitError
from vmafkit.schema import strictjson
from vmafkit.schema.auto_plan import TuneResult

FILE_NAME = "tune_results.jsonl"
_STRAY_AGE_S = 3600.0


def _row(line: bytes) -> TuneResult | None:
    try:
        return TuneResult.model_validate(strictjson.loads(line))
    except (ValueError, ValidationError):
        return None


_ROWS = fsio.Rows(b'{"cell_index"', lambda line: _row(line) is not None)


class ResultsFile:
    """Rows of executed cells, appended; a row counts as done while its file is whole.

    Args:
        folder: made if it is not there.

    Raises: OutputError when it cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        fsio.ensure_output_folder(folder, "--runs-dir")
        try:
            fsio.recover_tail(self.path, _ROWS)
        except StoreError as error:
            raise OutputError(error.message, hint="name another --runs-dir") from error
        fsio.remove_strays(folder, older_than_s=_STRAY_AGE_S)

    def rows(self) -> list[TuneResult]:
        """The rows that can be read, in order; others are passed over."""
        if not self.path.is_file():
            return []
        found: list[TuneResult] = []
        for line in self.path.read_bytes().splitlines():
            row = _row(line)
            if row is not None:
                found.append(row)
        return found

    def done(self, cell_key: str) -> TuneResult | None:
        """The newest row of this work, if its file is still what it was.

        A target that no setting reaches is done too: it has no file.
        """
        for row in reversed(self.rows()):
            if row.cell_key == cell_key and row.error is None:
                return row if _is_whole(row) else None
        return None

    def path_for(self, cell_key: str, stem: str, suffix: str) -> Path:
        """Where a cell's file goes: `stem` if that is free or the cell's own, else with its key."""
        plain = self.folder / f"{stem}{suffix}"
        owners = {
            row.cell_key
            for row in self.rows()
            if row.encode_path is not None and made_path(row.encode_path).name == plain.name
        }
        if owners == {cell_key} or not (owners or plain.exists()):
            return plain
        return self.folder / f"{stem}__{cell_key[:8]}{suffix}"

    def append(self, row: TuneResult) -> None:
        """Add a row; it is on the disk on return. Raises: StoreFull, StoreError."""
        fsio.append_line(self.path, row.line(), rows=_ROWS)


def made_path(encode_path: str) -> Path:
    """The file that a row's `encode_path` names."""
    return Path(os.fsdecode(strictjson.unescape(encode_path)))


def _is_whole(row: TuneResult) -> bool:
    if row.encode_path is None:
        return not row.met
    path = made_path(row.encode_path)
    if not path.is_file() or path.stat().st_size != row.encode_size_bytes:
        return False
    try:
        return fsio.sha256_file(path) == row.encode_sha256
    except VmafkitError:
        return False
