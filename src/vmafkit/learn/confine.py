"""Paths of a data set, every one of them held below its root.

Refused: `..`, absolute names, links that lead out, a neighbour whose name only begins like the
root's, another disk mounted inside, loops, and whatever is not a regular file.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from vmafkit.errors import Refused, Unreadable
from vmafkit.media.hashing import show

_HINT = "copy it below the data root, or name another root"


def data_root(path: Path, *, flag: str = "--data-root") -> Path:
    """The real path of a data root.

    Raises:
        Unreadable: it is missing, no folder, a loop, or may not be listed.
    """
    try:
        real = path.resolve(strict=True)
        is_folder = real.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else "cannot be opened"
        raise Unreadable(f"{flag} {show(path)} {reason}", hint="check the path") from None
    if not is_folder or not os.access(real, os.R_OK | os.X_OK):
        reason = "may not be listed" if is_folder else "is not a folder"
        raise Unreadable(f"{flag} {show(path)} {reason}", hint="name the folder of the data")
    return real


def below(root: Path, name: str | PurePath) -> Path:
    """The real path of a file of the data set.

    Args:
        root: as `data_root` gave it.
        name: relative to the root.

    Raises:
        Refused: it is not below the root, or is no regular file.
        Unreadable: it is missing or may not be read.
    """
    text = str(name)
    pure = PurePath(text)
    shown = show(Path(text.replace("\0", "?")))
    if not text or "\0" in text or pure.is_absolute() or ".." in pure.parts:
        raise Refused(f"{shown} is not a path below the data root", hint=_HINT)
    try:
        real = (root / pure).resolve(strict=True)
        facts = real.stat()
        other_disk = facts.st_dev != root.stat().st_dev
    except FileNotFoundError:
        raise Unreadable(f"{shown} is not below {show(root)}", hint="check the path") from None
    except (OSError, RuntimeError, ValueError):
        raise Refused(f"{shown} cannot be followed to a file", hint=_HINT) from None
    if not real.is_relative_to(root) or other_disk:
        raise Refused(f"{shown} leads out of the data root {show(root)}", hint=_HINT)
    if not real.is_file():
        raise Refused(f"{shown} is not a regular file", hint=_HINT)
    if not os.access(real, os.R_OK):
        raise Unreadable(f"{shown} may not be read", hint="check its permissions")
    return real


def files_below(root: Path, folder: str, suffixes: tuple[str, ...]) -> list[str]:
    """The names, relative to the root, of the files in a folder of it and deeper, sorted.

    Links are not followed here; `below` judges each name when it is used.

    Raises:
        Refused: the folder leads out of the root.
        Unreadable: it is not there.
    """
    top = root / folder
    try:
        real = top.resolve(strict=True)
    except (OSError, RuntimeError):
        raise Unreadable(
            f"the data root {show(root)} has no folder {folder or '.'}",
            hint="check the layout that the data set asks for",
        ) from None
    if not real.is_relative_to(root) or real.stat().st_dev != root.stat().st_dev:
        raise Refused(f"the folder {folder} leads out of the data root", hint=_HINT)
    if not real.is_dir():
        raise Unreadable(f"{show(top)} is not a folder", hint="check the layout")
    names: list[str] = []
    for path, folders, files in os.walk(top):
        here = Path(path)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        linked = [each for each in folders if (here / each).is_symlink()]
        if linked:
            below_folder(root, here / linked[0])
        names += [
            (here / each).relative_to(root).as_posix()
            for each in files
            if each.lower().endswith(suffixes) and not each.startswith(".")
        ]
    return sorted(names)


def below_folder(root: Path, folder: Path) -> None:
    """Check that a folder, perhaps a link, stays below the root.

    Raises:
        Refused: it does not.
    """
    try:
        inside = folder.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        raise Refused(f"{show(folder)} leads out of the data root", hint=_HINT)
