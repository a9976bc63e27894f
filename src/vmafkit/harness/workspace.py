"""The workspace: where data sets, encodes, models and results of the harness lie.

Folders are made when they are needed, and the location is asked for anew at each call, so a
changed VMAF_WORKSPACE counts at once. A run's scratch folder has a random name and a lock that
ends with its process; what a killed run left behind is removed when the next one starts.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.errors import StoreLocked, UsageError

SUBFOLDERS = {
    "dataset": "clips that recipes name",
    "encode": "encodes made by run-encode",
    "model": "trained models",
    "model_param": "parameter files of models",
    "output": "the report of each run that keeps results, as JSON",
    "result_store_dir": "stored results and encodes",
    "checkpoints_dir": "members of an ensemble whose training was stopped",
    "workdir": "scratch of running commands, under a random name",
}


@dataclass(frozen=True, slots=True)
class Level:
    """A group of folders that may be emptied together.

    Attributes:
        folders: names of SUBFOLDERS.
        loses: what emptying them destroys, in words.
    """

    folders: tuple[str, ...]
    loses: str


LEVELS = {
    "safe": Level(("workdir", "output"), "nothing that a run does not make again"),
    "caches": Level(
        ("result_store_dir", "encode"), "all stored results and encodes; they take time to redo"
    ),
    "models": Level(
        ("model", "checkpoints_dir"), "all trained models; they come back only by training anew"
    ),
}


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace.

    Attributes:
        root: its folder; it need not exist yet.
    """

    root: Path

    def folder(self, name: str) -> Path:
        """A folder of SUBFOLDERS, made if it is not there. Raises: StoreError, ValueError."""
        if name not in SUBFOLDERS:
            raise ValueError(f"no folder of the workspace is called {name}")
        path = self.root / name
        fsio.ensure_folder(path)
        return path

    @property
    def results(self) -> Path:
        """The folder of the FileResultStore."""
        return self.root / "result_store_dir" / "file_result_store"

    @property
    def encodes(self) -> Path:
        """The folder of the EncodeResultStore."""
        return self.root / "result_store_dir" / "encode_store"

    @contextlib.contextmanager
    def scratch(self) -> Generator[Path]:
        """A private folder of this run, removed with all that is in it.

        Raises: StoreError, StoreFull.
        """
        room = self.folder("workdir")
        name = str(uuid.uuid4())
        with contextlib.ExitStack() as held:
            with fsio.FileLock(room / ".lock", timeout_s=30.0):
                _remove_dead(room)
                held.enter_context(fsio.FileLock(room / f"{name}.lock"))
                fsio.ensure_folder(room / name)
            try:
                yield room / name
            finally:
                fsio.remove_folder(room / name)
                fsio.remove(room / f"{name}.lock")

    def sizes(self) -> dict[str, int]:
        """The bytes in each folder of SUBFOLDERS."""
        return {name: _bytes_in(self.root / name) for name in SUBFOLDERS}

    def clean(self, levels: Iterable[str] = ("safe",)) -> dict[str, int]:
        """Empty the folders of some levels.

        Scratch of runs that are going on stays.

        Returns: bytes removed, by folder.
        Raises: UsageError for an unknown level; StoreError.
        """
        removed: dict[str, int] = {}
        for level in levels:
            if level not in LEVELS:
                raise UsageError(f"there is no level {level!r}", hint=f"one of {', '.join(LEVELS)}")
            for name in LEVELS[level].folders:
                removed[name] = self._empty(name)
        return removed

    def _empty(self, name: str) -> int:
        folder = self.root / name
        before = _bytes_in(folder)
        if not folder.is_dir():
            return 0
        if name == "workdir":
            with fsio.FileLock(folder / ".lock", timeout_s=30.0):
                _remove_dead(folder)
        else:
            for entry in folder.iterdir():
                _remove(entry)
        return before - _bytes_in(folder)


def open_workspace(root: str | Path | None = None) -> Workspace:
    """The workspace named here, else by VMAF_WORKSPACE, else in the user's data folder."""
    return Workspace(settings.workspace_folder() if root is None else Path(root).absolute())


def _remove_dead(room: Path) -> None:
    """Remove what no living run holds; the caller has the room's lock."""
    for entry in room.iterdir():
        if entry.name == ".lock" or entry.suffix == ".lock":
            continue
        lock = room / f"{entry.name}.lock"
        try:
            with fsio.FileLock(lock):
                _remove(entry)
                fsio.remove(lock)
        except StoreLocked:
            continue
    for lock in room.glob("?*.lock"):
        if not (room / lock.stem).exists():
            with contextlib.suppress(StoreLocked), fsio.FileLock(lock):
                fsio.remove(lock)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        fsio.remove_folder(entry)
    else:
        fsio.remove(entry)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            # A lock holds a line about its owner, which is no data.
            counts = path.is_file() and path.suffix != ".lock" and path.name != ".lock"
            total += path.lstat().st_size if counts else 0
    return total
