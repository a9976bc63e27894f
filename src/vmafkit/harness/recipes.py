"""Reads recipes: YAML, TOML, or `.py` files that are not run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from vmafkit import fsio
from vmafkit.errors import Refused, Unreadable, UsageError
from vmafkit.harness.assets import NOT_YUV
from vmafkit.harness.recipe_py import MAX_BYTES, read_py
from vmafkit.harness.workspace import Workspace
from vmafkit.media import pixfmt
from vmafkit.media.hashing import show
from vmafkit.schema import strictyaml
from vmafkit.schema.recipe import Recipe

_MAX_VALUES = 2_000_000
_M = TypeVar("_M", bound=BaseModel)


def load_recipe(path: str | Path, space: Workspace | None = None) -> Recipe:
    """A data set recipe.

    Args:
        space: what VmafConfig's paths are of in a `.py` recipe; None for the usual workspace.

    Raises:
        UsageError: another suffix than .yaml, .yml, .toml or .py.
        Unreadable: it cannot be read, or is not in its format.
        Refused: a field is missing, unknown or wrong, or a .py recipe does more than assign.
    """
    recipe = load_as(Path(path), Recipe, space)
    for video in (recipe, *recipe.ref_videos, *recipe.dis_videos):
        for name in ("yuv_fmt", "workfile_yuv_type"):
            _check_format(getattr(video, name), f"{show(Path(path))}: {name}")
    return recipe


def _check_format(pix_fmt: str | None, where: str) -> None:
    if pix_fmt in (None, NOT_YUV):
        return
    try:
        pixfmt.bit_depth(pix_fmt)
    except UsageError as error:
        hint = f"{error.hint}; {NOT_YUV} where files describe themselves"
        raise Refused(f"{where}: {error.message}", hint=hint) from None


def load_as(path: Path, kind: type[_M], space: Workspace | None = None) -> _M:
    """A file's values as one kind of record.

    Of a `.py` file only the names that the record has are taken, since it may hold helpers.

    Raises: as `load_recipe`.
    """
    values = load_values(path, space)
    if path.suffix == ".py":
        values = {name: value for name, value in values.items() if name in kind.model_fields}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise Refused(f"{show(path)}: {_first(error)}", hint="correct that field") from None


def load_values(path: Path, space: Workspace | None = None) -> dict[str, Any]:
    """The values of a YAML, TOML or `.py` file. Raises: as `load_recipe`."""
    if path.suffix == ".py":
        values = read_py(path, space)
    elif path.suffix in (".yaml", ".yml", ".toml"):
        values = _read_data(path)
    else:
        raise UsageError(f"{show(path)} is no recipe", hint="name a .yaml, .toml or .py file")
    _check_amount(values, path)
    return values


def _read_data(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Refused(f"{show(path)} is larger than {MAX_BYTES >> 20} MiB")
        text = fsio.read_text(path)
        values: object = tomllib.loads(text) if path.suffix == ".toml" else strictyaml.loads(text)
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        first = " ".join(str(error).split())[:200]
        raise Unreadable(f"{show(path)} is not {path.suffix[1:].upper()}: {first}") from None
    if not isinstance(values, dict):
        raise Unreadable(f"{show(path)} holds no fields")
    return cast("dict[str, Any]", values)


def _check_amount(values: object, path: Path) -> None:
    """A small file may name one list many times over."""
    waiting: list[object] = [values]
    count = 0
    while waiting:
        each = waiting.pop()
        count += 1
        if count > _MAX_VALUES:
            raise Refused(f"{show(path)} holds more than {_MAX_VALUES} values")
        if isinstance(each, dict):
            waiting.extend(cast("dict[object, object]", each).values())
        elif isinstance(each, list):
            waiting.extend(cast("list[object]", each))


def _first(error: ValidationError) -> str:
    """The first complaint, with the place."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"]
    ).lstrip(".")
    message = found["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
