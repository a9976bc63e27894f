"""Rules on form: sizes, annotations, docstrings, names. Each returns its findings."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator, Sequence

from .tree import Function, Module, functions

_NEEDS_UNIT = re.compile(
    r"(^|_)(timeout|duration|elapsed|delay|interval|bitrate|latency|age|wall|"
    r"grace|(?<!batch_)size)$"
)
_IS_RATE = re.compile(r"(^|_)(fps|framerate|frame_rate)$")
_IGNORE = re.compile(r"#\s*(type:\s*ignore|pyright:\s*ignore(?!\[\w)|noqa(?!: [A-Z]))")


def percentile(values: Sequence[int], share: float) -> int:
    """The value that `share` of the values do not pass (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)]


def module_sizes(tree: Sequence[Module]) -> list[str]:
    """Median <= 150 lines, 9 of 10 <= 350, none over 500; the smallest do not count."""
    sizes = {each.name: each.text.count("\n") for each in tree}
    counted = [size for size in sizes.values() if size > 5]
    found = [f"{name}: {size} lines, over 500" for name, size in sizes.items() if size > 500]
    if counted and statistics.median(counted) > 150:
        found.append(f"the median module has {statistics.median(counted)} lines, over 150")
    if counted and percentile(counted, 0.9) > 350:
        found.append(f"the 90th percentile is {percentile(counted, 0.9)} lines, over 350")
    return found


def function_sizes(tree: Sequence[Module]) -> list[str]:
    """None over 80 lines, 9 of 10 <= 40; docstrings and a command's table of flags aside."""
    found: list[str] = []
    sizes: list[int] = []
    for each in tree:
        for function in functions(each.tree):
            size = (function.end_lineno or 0) - function.lineno + 1 - _docstring_lines(function)
            if each.name.startswith("cli/"):
                size -= function.body[0].lineno - function.lineno - 1
            sizes.append(size)
            if size > 80:
                found.append(each.at(function, f"{function.name} has {size} lines, over 80"))
    if sizes and percentile(sizes, 0.9) > 40:
        found.append(f"the 90th percentile is {percentile(sizes, 0.9)} lines, over 40")
    return found


def _docstring_lines(function: Function) -> int:
    if ast.get_docstring(function) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or 0) - first.lineno + 1


def annotations(tree: Sequence[Module]) -> list[str]:
    """Every parameter and every result has a type; ignores name their rule."""
    found: list[str] = []
    for each in tree:
        for function in functions(each.tree):
            bare = [a.arg for a in _parameters(function) if a.annotation is None]
            if bare:
                found.append(each.at(function, f"{function.name}: no type for {', '.join(bare)}"))
            if function.returns is None:
                found.append(each.at(function, f"{function.name}: no type for the result"))
        for number, line in enumerate(each.text.splitlines(), 1):
            if _IGNORE.search(line):
                found.append(f"{each.name}:{number}: an ignore that names no rule")
    return found


def _parameters(function: Function) -> list[ast.arg]:
    args = function.args
    known = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    if known and known[0].arg in ("self", "cls"):
        known = known[1:]
    return [*known, *(a for a in (args.vararg, args.kwarg) if a is not None)]


def docstrings(tree: Sequence[Module]) -> list[str]:
    """Every module and every public class and function says what it is.

    A verb says it in its module's HELP instead.
    """
    found: list[str] = []
    for each in tree:
        if not ast.get_docstring(each.tree):
            found.append(f"{each.name}:1: the module has no docstring")
        says_help = each.is_verb and re.search(r"^HELP\b", each.text, re.M) is not None
        for node in _public(each.tree.body):
            if says_help and isinstance(node, Function):
                continue
            if not (ast.get_docstring(node) or "").strip():
                found.append(each.at(node, f"{node.name} has no docstring"))
    return found


def _public(body: Sequence[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            if any(ast.unparse(d).split(".")[-1] in _NO_DOC for d in node.decorator_list):
                continue
            yield node
            # A protocol repeats what the classes that fit it say themselves.
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                yield from _public(node.body)


_NO_DOC = ("overload", "setter", "override")


def units(tree: Sequence[Module]) -> list[str]:
    """A number that has a unit carries it in its name; a rate is a Fraction; a CRF a float.

    The flags of a verb and the keys of a stored record keep the names that users know.
    """
    found: list[str] = []
    for each in tree:
        if each.is_verb or each.name.startswith("schema/"):
            continue
        for node, name, kind in _named_numbers(each.tree):
            number = re.search(r"\b(int|float)\b", kind) and "Fraction" not in kind
            is_pair = "tuple" in kind or "Callable" in kind
            if number and not is_pair and _NEEDS_UNIT.search(name):
                found.append(
                    each.at(node, f"{name}: {kind} says no unit (_s _ms _kbps _bytes _px)")
                )
            is_text = re.search(r"\bstr\b", kind) is not None
            if re.search(r"\bfloat\b", kind) and not is_text and _IS_RATE.search(name):
                found.append(each.at(node, f"{name}: {kind} should be a Fraction"))
            if re.search(r"\bint\b", kind) and re.search(r"(^|_)crf$", name):
                found.append(each.at(node, f"{name}: {kind} should be a float"))
    return found


def _named_numbers(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node, node.arg, ast.unparse(node.annotation)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node, node.target.id, ast.unparse(node.annotation)
        elif isinstance(node, Function) and node.returns is not None:
            yield node, node.name, ast.unparse(node.returns)
