"""Where the encodes of a sweep lie, so that none takes the place of another trial's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vmafkit.decide.sweep import Cell
from vmafkit.execute.trial import is_kept
from vmafkit.schema.corpus import CorpusRow


class Keeping:
    """The places of kept encodes.

    Args:
        folder: None to keep nothing.
        rows: of trials that worked; the files they name stay theirs.
    """

    def __init__(self, folder: Path | None, rows: Iterable[CorpusRow] = ()) -> None:
        self._folder = folder
        self._rows = {row.trial_key: row for row in rows}
        self._owners = {row.encode_path: key for key, row in self._rows.items() if row.encode_path}

    def places(self, cell: Cell) -> tuple[Path | None, Path | None]:
        """Where this cell's encode lies, and where it lies when another file is there."""
        if self._folder is None:
            return None, None
        plain, keyed = self._folder / cell.file_name, self._folder / cell.keyed_name
        for own in (plain, keyed):
            if self._owners.get(str(own)) == cell.spec.key:
                return own, None
        if str(plain) in self._owners or plain == keyed:
            return keyed, None
        return plain, keyed

    def lacks(self, cell: Cell) -> bool:
        """Whether the encode is wanted and a cell that has a row has no file."""
        keep, spare = self.places(cell)
        if keep is None or (spare or keep).is_file():
            return False
        row = self._rows.get(cell.spec.key)
        if spare is None or row is None:
            return True
        frames = cell.window.frames
        return not is_kept(keep, {"source_frame_count": frames, "video_bits": row.video_bits})
