"""Where the harness looks for a model file that is named without a folder."""

from __future__ import annotations

import re
from pathlib import Path

from vmafkit.errors import UsageError
from vmafkit.harness.workspace import Workspace

_PIECE = re.compile(r"(?:\\.|[^:\\])+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def is_bare(path: Path) -> bool:
    """Whether a path is a name alone, with no folder."""
    return bool(path.name) and path.parent == Path()


def find_model(path: Path, workspace: Workspace) -> Path:
    """A model file; a bare name that is not in the working folder is the workspace's `model`'s.

    Returns: the path as given where the workspace has no such file either.
    """
    if not is_bare(path) or _is_file(path):
        return path
    stored = workspace.root / "model" / path
    return stored if _is_file(stored) else path


def model_word(word: str, workspace: Workspace) -> str:
    """A model's word with the file in it found; any other word as it is.

    Args:
        word: an id, `FILE.json`, or libvmaf's `path=..` or `version=..` with options.

    Raises:
        UsageError: a bare name is in neither folder.
    """
    if word.endswith(".json") and "=" not in word:
        return f"path={_escaped(_found(Path(word), workspace))}"
    if not word.startswith("path=") and ":path=" not in word:
        return word
    return _PIECE.sub(lambda piece: _with_file(piece.group(), workspace), word)


def words_of(word: str) -> dict[str, str]:
    """The parts of libvmaf's `path=..` or `version=..` with options, by their names."""
    pieces = (_ESCAPED.sub(r"\1", piece).partition("=") for piece in _PIECE.findall(word))
    return {key: value for key, _, value in pieces}


def _with_file(piece: str, workspace: Workspace) -> str:
    key, _, value = piece.partition("=")
    if key != "path":
        return piece
    path = Path(_ESCAPED.sub(r"\1", value))
    found = _found(path, workspace)
    return piece if found == path else f"path={_escaped(found)}"


def _found(path: Path, workspace: Workspace) -> Path:
    found = find_model(path, workspace)
    if is_bare(path) and not _is_file(found):
        raise UsageError(
            f"model file {str(path)[:300]} is not there, nor in {workspace.root / 'model'}",
            hint="check the name, or give its folder",
        )
    return found


def _escaped(path: Path) -> str:
    # libvmaf's own words want escapes.
    return str(path).replace("\\", "\\\\").replace(":", "\\:")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
