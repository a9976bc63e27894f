"""JSON that every strict parser reads: no NaN, no infinity, no lone surrogate, no key twice.

A file name that is not UTF-8 reaches Python with lone surrogates in it. They are written as
backslash escapes that `unescape` turns back: the byte 0xFF as `\\xff`, any other lone surrogate
as `\\ud8..`. Backslashes that stand before such letters, or before a surrogate, are doubled; all
others stay single, so that ordinary names look as they are.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, cast

_LOOKALIKE = r"x[89a-f][0-9a-f]|ud[89a-f][0-9a-f]{2}"
_TO_ESCAPE = re.compile(rf"(\\*)([\ud800-\udfff])|(\\+)(?={_LOOKALIKE})")
_ESCAPED = re.compile(rf"(\\+)({_LOOKALIKE})")


def dumps(value: object, *, sort_keys: bool = False, escaped: bool = False) -> bytes:
    """Compact UTF-8 JSON with lone surrogates escaped.

    Args:
        escaped: `value` went through `escape` already.

    Raises: ValueError for a number that is not finite; TypeError for what JSON cannot hold.
    """
    text = json.dumps(
        value if escaped else escape(value),
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=sort_keys,
        separators=(",", ":"),
    )
    return text.encode("utf-8")


def loads(data: bytes, *, nan_as_null: bool = False) -> Any:
    """Reads strict UTF-8 JSON; escapes are left as they are.

    Args:
        nan_as_null: read the bare tokens NaN and Infinity of older writers as null.

    Raises: ValueError.
    """

    def constant(token: str) -> None:
        if not nan_as_null:
            raise ValueError(f"{token} is not JSON")

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{text} is too large")
        return value

    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=constant,
            parse_float=number,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def escape(value: Any) -> Any:
    """`value` with lone surrogates in its strings and keys written as backslash escapes."""
    return _map_text(value, _escape_text)


def unescape(value: Any) -> Any:
    """The inverse of `escape`."""
    return _map_text(value, _unescape_text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return result


def _map_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {change(key): _map_text(item, change) for key, item in items}
    if isinstance(value, list | tuple):
        return [_map_text(item, change) for item in cast("list[Any]", value)]
    return value


def _escape_text(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[2] is None:
            return match[3] * 2
        code = ord(match[2])
        name = f"x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"u{code:04x}"
        return match[1] * 2 + "\\" + name

    return _TO_ESCAPE.sub(one, text)


def _unescape_text(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        slashes, name = match[1], match[2]
        kept = "\\" * (len(slashes) // 2)
        if len(slashes) % 2 == 0:
            return kept + name
        code = int(name[1:], 16)
        return kept + chr(code + 0xDC00 if name[0] == "x" else code)

    return _ESCAPED.sub(one, text)
