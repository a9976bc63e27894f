"""Fills in `run_provenance`."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vmafkit import fsio, proc
from vmafkit.errors import VmafkitError
from vmafkit.media.hashing import show
from vmafkit.schema.run_provenance import Entrypoint, FileFact, RunProvenance
from vmafkit.version import __version__

_PACKAGES = ("numpy", "scipy", "polars", "torch", "onnx", "onnxruntime", "safetensors")
_LIMITS = proc.Limits(wall_s=10.0)


def describe_run(
    name: str,
    code: Path,
    args: Mapping[str, Any],
    *,
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    argv: Sequence[str] = (),
    seed: int | None = None,
    versions: Mapping[str, str] | None = None,
    notes: str | None = None,
) -> dict[str, Any]:
    """The block, JSON-ready.

    Args:
        name: of the command or script.
        code: the file of code that was called; its hash goes in.
        args: every argument with its effective value.
        inputs, outputs: files by name; those that are there are hashed.
        argv: as typed, without the program.
        versions: of outside programs.
    """
    block = RunProvenance.model_validate(
        {
            "schema": "vmafkit.run_provenance.v1",
            "entrypoint": Entrypoint(name=name, path=code.name, sha256=_sha256(code)),
            "argv": [fsio.without_secrets(word) for word in argv],
            "args": {key: plain(value) for key, value in args.items()},
            "inputs": {key: _fact(path) for key, path in inputs.items()},
            "outputs": {key: _fact(path) for key, path in outputs.items()},
            "versions": {**_versions(), **(versions or {})},
            **_git(code.parent),
            "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": seed,
            "notes": notes,
        }
    )
    return block.record()


def plain(value: Any) -> Any:
    """A value as JSON holds it; paths as printable text."""
    if isinstance(value, Path):
        return show(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _fact(path: Path) -> FileFact:
    if not path.is_file():
        return FileFact(path=show(path), sha256=None, bytes=None)
    return FileFact(path=show(path), sha256=_sha256(path), bytes=path.stat().st_size)


def _sha256(path: Path) -> str | None:
    try:
        return fsio.sha256_file(path)
    except VmafkitError:
        return None


def _versions() -> dict[str, str]:
    found = {"vmafkit": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git(folder: Path) -> dict[str, Any]:
    """Commit and state of the checkout that the code lies in, when it is one."""
    try:
        head = proc.run(["git", "rev-parse", "HEAD"], cwd=folder, limits=_LIMITS)
        state = proc.run(["git", "status", "--porcelain", "-uno", "."], cwd=folder, limits=_LIMITS)
    except VmafkitError:
        return {}
    commit = head.stdout.decode("ascii", "replace").strip()
    if head.exit_status != 0 or len(commit) != 40:
        return {}
    return {"git_commit": commit, "git_dirty": bool(state.stdout.strip())}
