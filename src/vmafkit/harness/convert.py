"""Changes model files: from the older pickled form, and to a form without enhancement gain.

A pickle is a program. This reads its instructions one by one and knows only those that build
plain values; the first other one refuses the file. Nothing in it is run.
"""

from __future__ import annotations

import json
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.errors import ModelRefused, Unreadable
from vmafkit.media.hashing import show

_MAX_BYTES = 64 << 20
_LIMITED = {"adm": ("adm_enhn_gain_limit", 1.0), "vif": ("vif_enhn_gain_limit", 1.0)}
_MARK = object()
_LITERALS = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
)  # fmt: skip
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NOTHING = ("PROTO", "FRAME", "STOP")


def pickled_model(path: Path) -> dict[str, Any]:
    """A model of plain values in the older form, with its vectors in `<path>.model`.

    Raises:
        Unreadable: it cannot be read, or lacks what a model has.
        ModelRefused: it asks for more than plain values (reason `pickle`).
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelRefused(f"{show(path)} is too large for a model", reason="size")
        values = plain_pickle(fsio.read_bytes(path), show(path))
        vectors = path.with_name(f"{path.name}.model")
        model = cast("dict[str, Any]", values["model_dict"])
        if not isinstance(model.get("model"), str):
            model["model"] = fsio.read_text(vectors, encoding="ascii")
        parameters = dict(values.get("param_dict") or {})
        json.dumps([parameters, model], allow_nan=False)
    except OSError as error:
        name = error.filename or path
        raise Unreadable(f"cannot read {name}: {error.strerror}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Unreadable(f"{show(path)} holds no model ({type(error).__name__})") from None
    return {"param_dict": parameters, "model_dict": model}


def plain_pickle(data: bytes, name: str) -> Any:
    """The plain value that a pickle builds. Raises: Unreadable, ModelRefused."""
    try:
        return _build(data, name)
    except ModelRefused:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{name} is no whole pickle ({type(error).__name__})") from None


def _build(data: bytes, name: str) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        place = max(i for i, each in enumerate(stack) if each is _MARK)
        items = stack[place + 1 :]
        del stack[place:]
        return items

    actions: dict[str, Callable[[], None]] = {
        "MARK": lambda: stack.append(_MARK),
        "EMPTY_DICT": lambda: stack.append({}),
        "EMPTY_LIST": lambda: stack.append([]),
        "EMPTY_TUPLE": lambda: stack.append([]),
        "DICT": lambda: stack.append(_pairs(since_mark())),
        "LIST": lambda: stack.append(since_mark()),
        "TUPLE": lambda: stack.append(since_mark()),
        "TUPLE1": lambda: stack.append([stack.pop()]),
        "TUPLE2": lambda: stack.append([stack.pop(-2), stack.pop()]),
        "TUPLE3": lambda: stack.append([stack.pop(-3), stack.pop(-2), stack.pop()]),
        "APPEND": lambda: stack[-2].append(stack.pop()),
        "APPENDS": lambda: _extend(stack, since_mark()),
        "SETITEM": lambda: _set(stack, [stack.pop(-2), stack.pop()]),
        "SETITEMS": lambda: _set(stack, since_mark()),
        "MEMOIZE": lambda: memo.__setitem__(len(memo), stack[-1]),
    }
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in actions:
            actions[opcode.name]()
        elif opcode.name in _LITERALS:
            stack.append(argument)
        elif opcode.name in _CONSTANTS:
            stack.append(_CONSTANTS[opcode.name])
        elif opcode.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[int(cast("int", argument))] = stack[-1]
        elif opcode.name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[int(cast("int", argument))])
        elif opcode.name not in _NOTHING:
            raise ModelRefused(
                f"{name} is a pickle that asks for {opcode.name}, and nothing in it is run",
                reason="pickle",
                hint="write the model as JSON where it was trained",
            )
    if len(stack) != 1 or stack[0] is _MARK:
        raise ValueError("not one value")
    return stack[0]


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _extend(stack: list[Any], items: list[Any]) -> None:
    cast("list[Any]", stack[-1]).extend(items)


def _set(stack: list[Any], items: list[Any]) -> None:
    cast("dict[Any, Any]", stack[-1]).update(_pairs(items))


def without_enhancement_gain(document: dict[str, Any]) -> dict[str, Any]:
    """The model, or collection of models, with features that give no credit for enhancement.

    Raises: Unreadable for what is no model.
    """
    if "0" in document:
        return {name: without_enhancement_gain(each) for name, each in document.items()}
    copy = cast("dict[str, Any]", json.loads(json.dumps(document)))
    try:
        model = cast("dict[str, Any]", copy["model_dict"])
        names = [str(name) for name in model["feature_names"]]
        given = cast("list[dict[str, Any]]", model.get("feature_opts_dicts") or [])
        options = [dict(each) for each in given] or [dict[str, Any]() for _ in names]
        for name, own in zip(names, options, strict=True):
            for part, (option, limit) in _LIMITED.items():
                if f"_{part}" in name:
                    own[option] = limit
        model["feature_opts_dicts"] = options
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"this is no model in libvmaf's form ({type(error).__name__})") from None
    return copy
