"""Small tables a user writes: CSV or YAML lists of records, read strictly."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.errors import Unreadable, UsageError
from vmafkit.media.hashing import show
from vmafkit.media.source import RawGeometry
from vmafkit.media.timing import rate_from
from vmafkit.schema import strictyaml

_LIMIT_BYTES = 64 << 20


def read_records(path: Path, key: str) -> list[dict[str, Any]]:
    """The records of a CSV file, or of a YAML list (bare, or under `key`).

    Raises:
        Unreadable: the file is missing, too large, or not such a table.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise Unreadable(f"{show(path)} is too large for a list")
        text = fsio.read_text(path, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{show(path)} cannot be read as text", detail=str(error)) from None
    if path.suffix.lower() == ".csv":
        rows: list[dict[str, Any]] = []
        for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
            if None in row or None in row.values():
                raise Unreadable(f"{show(path)} line {number} has another number of columns")
            rows.append({name: value for name, value in row.items() if value != ""})
        return rows
    return _yaml(path, text, key)


def _yaml(path: Path, text: str, key: str) -> list[dict[str, Any]]:
    try:
        document: Any = strictyaml.loads(text)
    except ValueError:
        raise Unreadable(
            f"{show(path)} is neither CSV nor YAML", hint="name a .csv or .yaml file"
        ) from None
    if isinstance(document, dict):
        document = cast("dict[str, Any]", document).get(key)
    rows = cast("list[Any]", document) if isinstance(document, list) else []
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Unreadable(f"{show(path)} holds no list of {key}", hint="write one record per line")
    return cast("list[dict[str, Any]]", rows)


def known_fields(record: dict[str, Any], fields: frozenset[str], where: str) -> None:
    """Refuse a field that is not known.

    Raises:
        UsageError: there is one.
    """
    unknown = sorted(str(name) for name in record if name not in fields)
    if unknown:
        raise UsageError(
            f"{where} has the field {unknown[0]}", hint=f"known are {', '.join(sorted(fields))}"
        )


def text_of(record: dict[str, Any], name: str, where: str) -> str:
    """A text that must be there. Raises: UsageError."""
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where} has no {name}", hint=f"write {name}: PATH")
    return value


def whole_number(record: dict[str, Any], name: str, where: str, default: int | None) -> int | None:
    """A whole number at or above 0. Raises: UsageError."""
    value = record.get(name, default)
    try:
        number = None if value is None or isinstance(value, bool) else int(str(value))
    except ValueError:
        number = -1
    if number is not None and number < 0:
        raise UsageError(f"{where} has {name} {value!r}", hint="it is a whole number")
    return number


def numbers(record: dict[str, Any], name: str, count: int, where: str) -> tuple[int, ...] | None:
    """So many whole numbers, as a list or as text such as `320x180`. Raises: UsageError."""
    value = record.get(name)
    if value is None:
        return None
    parts: list[Any] = value if isinstance(value, list) else str(value).replace("x", " ").split()  # pyright: ignore[reportUnknownVariableType]
    try:
        found = tuple(int(str(part)) for part in parts)
    except ValueError:
        found = ()
    if len(found) != count or min(found) < 0:
        raise UsageError(f"{where} has {name} {value!r}", hint=f"it is {count} whole numbers")
    return found


def geometry(record: dict[str, Any], where: str) -> RawGeometry | None:
    """The geometry of raw files, when the record states it. Raises: UsageError."""
    width, height = (whole_number(record, name, where, None) for name in ("width", "height"))
    if width is None and height is None:
        return None
    if not width or not height:
        raise UsageError(f"{where} needs both width and height")
    try:
        rate = rate_from(str(record.get("framerate", 25)))
    except ValueError:
        raise UsageError(f"{where} has framerate {record['framerate']!r}") from None
    return RawGeometry(width, height, str(record.get("pix_fmt", "yuv420p")), rate)
