"""Private folders for half-made files.

They are named after the process that made them, so that the next run can tell which ones a
killed process left behind and remove those.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path
from tempfile import gettempdir

from vmafkit import alive
from vmafkit.errors import StoreError
from vmafkit.fsio.disk import write_error
from vmafkit.fsio.whole import ensure_folder, remove_folder

_NAME = re.compile(r"vmafkit-(\d+)-(\d*)-([0-9a-f]{8})-[0-9a-f]{8}")
# One word; what comes before it in a folder with a space in its name stays.
_PATH = re.compile(rf"(?:file:)?[^\s'\"]*?{_NAME.pattern}(?P<inside>(?:/[^\s'\":/]+)*)")
_PID_SPACE = Path("/proc/self/ns/pid")


@contextlib.contextmanager
def scratch_folder(*, within: Path | None = None) -> Generator[Path]:
    """A private folder for what an outside program reads and writes; gone at the end.

    Those that killed processes of this user left in the same place are removed first.

    Args:
        within: the folder it is made in, itself made if it is not there; None for the system's.

    Raises: StoreError, StoreFull.
    """
    room = within or _system_room()
    ensure_folder(room)
    remove_left_behind(room)
    pid = os.getpid()
    folder = room / f"vmafkit-{pid}-{alive.start_of(pid)}-{_here()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise write_error(error, room) from error
    try:
        yield folder
    finally:
        remove_folder(folder)


def is_scratch(path: Path) -> bool:
    """Whether a file lies in a private folder of this or another process."""
    return any(_NAME.fullmatch(folder.name) for folder in path.parents)


def without_scratch(text: str, room: Path) -> str:
    """The text with every path into a private folder cut to the file's name, without its number.

    So two runs say the same of the same failure.

    Args:
        room: where private folders are made.
    """
    plain = text.replace(f"{room}{os.sep}", "")
    return _PATH.sub(_name_alone, plain)


def _name_alone(path: re.Match[str]) -> str:
    name = path["inside"].rpartition("/")[2]
    if not name or _NAME.fullmatch(name):
        return "the scratch folder"
    return re.sub(r"\d+(?=\.\w+$)", "", name)


def _system_room() -> Path:
    try:
        return Path(gettempdir())
    except FileNotFoundError as error:
        raise StoreError(
            "no folder for temporary files can be written to", hint="name one as TMPDIR"
        ) from error


def remove_left_behind(room: Path) -> None:
    """Removes the private folders in a place that killed processes of this user left there."""
    here = _here()
    for folder in room.glob("vmafkit-*"):
        found = _NAME.fullmatch(folder.name)
        if found is None or found[3] != here:
            continue
        with contextlib.suppress(OSError):
            ours = folder.lstat().st_uid == os.geteuid()
            if ours and not alive.is_running(int(found[1]), found[2]):
                shutil.rmtree(folder, ignore_errors=True)


def _here() -> str:
    """Where the numbers of processes count, in 8 hexadecimal digits.

    Containers may share a folder and a host name, and each has numbers of its own.
    """
    space = _PID_SPACE.stat().st_ino if _PID_SPACE.exists() else 0
    return hashlib.sha256(f"{alive.host()} {space}".encode("utf-8", "replace")).hexdigest()[:8]
