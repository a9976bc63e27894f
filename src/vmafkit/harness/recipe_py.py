"""Reads a `.py` recipe without running it.

Only plain assignments are understood: literals, names assigned before, `+` of texts, lists and
numbers, `os.path.join`, and the paths of VmafConfig. Everything else is refused with its line.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.errors import Refused, Unreadable
from vmafkit.harness.config import FOLDERS, path_in
from vmafkit.harness.workspace import Workspace, open_workspace
from vmafkit.media.hashing import show

MAX_BYTES = 8 << 20
_MAX_ITEMS = 1_000_000
_HINT = "a recipe holds plain values; write it as YAML or TOML, or put the value in"
_MODULES = ("vmaf", "vmaf.config", "os", "os.path", "__future__")

Value = Any


def read_py(path: Path, space: Workspace | None = None) -> dict[str, Value]:
    """The values that a recipe assigns, by name.

    Args:
        space: what VmafConfig's paths are of; None for the usual workspace.

    Raises:
        Unreadable: it cannot be read, or is not Python.
        Refused: it does more than assign plain values; the message names the line.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Refused(f"{show(path)} is larger than {MAX_BYTES >> 20} MiB", hint=_HINT)
        text = fsio.read_text(path)
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Unreadable(f"{show(path)} is not UTF-8 text") from None
    return values_of(text, show(path), space)


def values_of(text: str, name: str, space: Workspace | None = None) -> dict[str, Value]:
    """The values that a recipe's text assigns. Raises: as `read_py`."""
    try:
        tree = ast.parse(text)
        return _Reader(name, space or open_workspace()).run(tree.body)
    except SyntaxError as error:
        raise Unreadable(f"{name}:{error.lineno}: this is not Python ({error.msg})") from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise Unreadable(f"{name} cannot be read: {type(error).__name__}") from None


class _Reader:
    def __init__(self, name: str, space: Workspace) -> None:
        self._name = name
        self._space = space
        self._values: dict[str, Value] = {}
        self._calls: dict[str, Callable[..., str]] = {}

    def run(self, body: list[ast.stmt]) -> dict[str, Value]:
        for statement in body:
            self._statement(statement)
        return self._values

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets):
            value = self._value(node.value)
            for target in node.targets:
                self._values[cast("ast.Name", target).id] = value
        elif (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.value is not None
        ):
            self._values[node.target.id] = self._value(node.value)
        elif isinstance(node, ast.Pass) or _is_text(node):
            return
        else:
            raise self._refused(node, f"{_word(node)} is not a plain value")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        modules = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
        )
        level = node.level if isinstance(node, ast.ImportFrom) else 0
        for module in modules:
            if level or module not in _MODULES:
                raise self._refused(node, f"it imports {module}, which may do anything")
        if isinstance(node, ast.Import):
            if any(alias.asname for alias in node.names):
                raise self._refused(node, "it imports under another name")
            if any(alias.name in ("os", "os.path") for alias in node.names):
                self._calls["os.path.join"] = posixpath.join
            return
        for alias in node.names:
            known = (node.module, alias.name)
            called = alias.asname or alias.name
            if known in (("vmaf.config", "VmafConfig"), ("vmaf", "VmafConfig")):
                for name in FOLDERS:
                    self._calls[f"{called}.{name}"] = partial(path_in, self._space, name)
            elif known == ("os", "path"):
                self._calls[f"{called}.join"] = posixpath.join
            elif known == ("os.path", "join"):
                self._calls[called] = posixpath.join
            elif node.module != "__future__":
                raise self._refused(node, f"it imports {alias.name} from {node.module}")

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str | int | float | bool | None):
                return node.value
        elif isinstance(node, ast.Name):
            if node.id in self._values:
                return self._values[node.id]
            raise self._refused(node, f"{node.id} is not assigned before")
        elif isinstance(node, ast.List | ast.Tuple):
            return [self._value(item) for item in node.elts]
        elif isinstance(node, ast.Dict):
            return self._mapping(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._sum(node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._value(node.operand)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return -value if isinstance(node.op, ast.USub) else value
        elif isinstance(node, ast.Call):
            return self._call(node)
        raise self._refused(node, f"{_word(node)} is not a plain value")

    def _mapping(self, node: ast.Dict) -> dict[Value, Value]:
        found: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                raise self._refused(node, "** is not a plain value")
            name = self._value(key)
            if not isinstance(name, str | int | float):
                raise self._refused(key, "a key is neither a text nor a number")
            if name in found:
                raise self._refused(key, f"the key {name!r} is there twice")
            found[name] = self._value(item)
        return found

    def _sum(self, node: ast.BinOp) -> Value:
        left, right = self._value(node.left), self._value(node.right)
        if isinstance(left, str) and isinstance(right, str):
            return self._bounded(node, left + right)
        if isinstance(left, list) and isinstance(right, list):
            joined = [*cast("list[Value]", left), *cast("list[Value]", right)]
            return self._bounded(node, joined)
        if isinstance(left, int | float) and isinstance(right, int | float):
            return left + right
        raise self._refused(node, "+ joins two texts, two lists or two numbers")

    def _bounded(self, node: ast.BinOp, value: str | list[Value]) -> Value:
        if len(value) > _MAX_ITEMS:
            raise self._refused(node, "the sum is too long")
        return value

    def _call(self, node: ast.Call) -> str:
        name = ast.unparse(node.func)
        function = self._calls.get(name)
        if function is None:
            raise self._refused(node, f"it calls {name[:60]}(), and nothing is run")
        parts = [self._value(part) for part in node.args]
        if node.keywords or not all(isinstance(part, str) for part in parts):
            raise self._refused(node, f"{name} takes texts only")
        if name.endswith("join") and not parts:
            raise self._refused(node, f"{name} joins nothing")
        return function(*cast("list[str]", parts))

    def _refused(self, node: ast.stmt | ast.expr, why: str) -> Refused:
        return Refused(f"{self._name}:{node.lineno}: {why}", hint=_HINT)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _word(node: ast.AST) -> str:
    words: Mapping[str, str] = {
        "FunctionDef": "def", "ClassDef": "class", "For": "for", "While": "while", "If": "if",
        "With": "with", "Delete": "del", "AugAssign": "a changed value", "Expr": "a bare statement",
        "ListComp": "a comprehension", "Lambda": "lambda", "JoinedStr": "an f-string",
    }  # fmt: skip
    name = type(node).__name__
    return words.get(name, name)
