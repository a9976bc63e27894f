"""Finds models by id, and adds them to a registry."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vmafkit import fsio, settings
from vmafkit.errors import ModelRefused, Unreadable, UsageError
from vmafkit.models.card import check_card, read_card
from vmafkit.models.onnx_file import inspect, read_once
from vmafkit.schema.registry import (
    Registry,
    RegistryEntry,
    first_error,
    read_registry,
    render_registry,
)

FILE_NAME = "registry.json"
SCHEMA_WORD = "../../docs/schemas/tiny-registry.json"
_LARGEST_BYTES = 4 << 20


def shipped_folder() -> Path:
    """The folder of the models that come with vmafkit: in the wheel, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "model" / "tiny"
    return installed if installed.is_dir() else package.parents[1] / "model" / "tiny"


def load(path: Path | None = None) -> Registry:
    """Read a registry; None for that of the models that come with vmafkit.

    Raises:
        Unreadable: it is not there or is none.
    """
    path = path or shipped_folder() / FILE_NAME
    try:
        with fsio.open_regular(path) as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_BYTES:
        raise Unreadable(f"{path} is too large for a registry")
    return read_registry(data, str(path))


def find(model_id: str, path: Path | None = None) -> tuple[RegistryEntry, Path]:
    """The entry of a model and its file.

    Raises:
        UsageError: no model has this id; the message lists those that there are.
        Unreadable: the registry cannot be read.
        ModelRefused: the entry leads outside the registry's folder.
    """
    path = path or shipped_folder() / FILE_NAME
    known = load(path)
    entry = known.entry(model_id)
    if entry is None:
        names = ", ".join(one.id for one in known.models) or "none so far"
        raise UsageError(
            f"tiny model {model_id!r} is not known",
            hint=f"known are {names}; a file is named by its path, such as ./{model_id}.onnx",
        )
    file = path.parent / entry.onnx
    if not file.resolve().is_relative_to(path.parent.resolve()):
        raise ModelRefused(f"model {model_id} lies outside its registry", reason="outside")
    return entry, file


def entry_of(file: Path) -> RegistryEntry | None:
    """The entry of a model file in the registry beside it, or None.

    Raises:
        ModelRefused: there is a registry, but it cannot be read.
    """
    path = file.parent / FILE_NAME
    if not path.is_file():
        return None
    try:
        known = load(path)
    except Unreadable as error:
        raise ModelRefused(error.message, reason="registry") from error
    return next((one for one in known.models if one.onnx == file.name), None)


def register(
    model: Path, *, registry: Path, model_id: str | None = None, kind: str = "fr", **facts: Any
) -> RegistryEntry:
    """Add a model to a registry, or put it in place of the entry with its id.

    The model is inspected as it would be before a run, and held against its card.

    Args:
        model: a file beside the registry or below it.
        registry: the registry's file; made when it is not there.
        model_id: None for the card's, else the file's name without its suffix.
        kind: fr, nr or filter.
        facts: further fields of the entry, such as `license`; None leaves one out.

    Raises:
        UsageError: the model lies elsewhere, or a field does not fit.
        ModelRefused: the model may not be run, or is not what its card says.
        Unreadable: the registry is there but cannot be read.
        StoreError: the registry cannot be written.
    """
    folder = Path(os.path.realpath(registry.parent))
    real = Path(os.path.realpath(model))
    if not real.is_relative_to(folder):
        raise UsageError(f"{model} does not lie beside {registry}", hint="move it there first")
    data = read_once(model)
    card = read_card(model)
    sha256 = hashlib.sha256(data).hexdigest()
    found = inspect(data)
    if card is not None:
        check_card(card, found, sha256)
    fields: dict[str, Any] = {
        "id": model_id or (card.id if card else re.sub(r"[^a-z0-9_-]", "_", model.stem.lower())),
        "kind": kind,
        "onnx": real.relative_to(folder).as_posix(),
        "sha256": sha256,
        "opset": found.opset,
        **{name: value for name, value in facts.items() if value is not None},
    }
    try:
        entry = RegistryEntry.model_validate(fields)
    except ValidationError as error:
        raise UsageError(f"the registry cannot take {model.name}: {first_error(error)}") from error
    with fsio.FileLock(_lock_path(folder / registry.name), timeout_s=10.0):
        known = load(registry) if registry.exists() else _empty()
        fsio.write_atomic(registry, render_registry(known.with_entry(entry)))
    return entry


def _lock_path(registry: Path) -> Path:
    # Not beside the registry: that folder is under version control.
    folder = settings.cache_folder() / "locks"
    fsio.ensure_folder(folder)
    return folder / f"{hashlib.sha256(os.fsencode(registry)).hexdigest()[:16]}.lock"


def _empty() -> Registry:
    return Registry.model_validate({"$schema": SCHEMA_WORD, "schema_version": 1, "models": []})
