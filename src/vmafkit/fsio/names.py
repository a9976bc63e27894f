"""Which file a path is, and what is in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from vmafkit.errors import Unreadable, UsageError
from vmafkit.fsio.reading import open_regular


def refuse_same_file(output: Path, sources: Iterable[Path]) -> None:
    """Refuses an output that is one of the sources under whatever name.

    Links, hard links, `.` and `..`, other spellings and bind mounts are seen through; so is an
    output whose folders would first have to be made.

    Raises: UsageError.
    """
    lexical = Path(os.path.abspath(output))  # noqa: PTH100 (Path.absolute keeps `..`)
    names = {output, lexical, Path(os.path.realpath(output)), Path(os.path.realpath(lexical))}
    for source in sources:
        real = Path(os.path.realpath(source))
        for name in names:
            if name == real or _same(name, real) or (real in name.parents and real.is_file()):
                raise UsageError(
                    f"the output {output} is the source {source}", hint="name another output"
                )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes as 64 hex digits. Raises: Unreadable, Refused."""
    try:
        with open_regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
