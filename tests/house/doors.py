"""Rules on what code may do: one door each, nothing banned, errors that users understand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from .tree import Function, Module, calls, dotted, functions, imported

_PROCESS_MODULES = ("subprocess", "multiprocessing", "pty", "pexpect", "asyncio.subprocess")
_PROCESS_CALL = re.compile(
    r"os\.(system|popen|fork\w*|exec[lv]\w*|spawn\w*|posix_spawn\w*|startfile)$"
    r"|asyncio\.create_subprocess_\w+$|(^|\.)ProcessPoolExecutor$|(^|\.)Popen$"
)
_WRITE_CALL = re.compile(
    r"os\.(write|remove|unlink|rename|renames|replace|mkdir|makedirs|rmdir|removedirs|"
    r"link|symlink|truncate|ftruncate|chmod|chown|utime|mkfifo)$"
    r"|shutil\.(copy\w*|move|rmtree|make_archive|unpack_archive|chown)$"
    r"|tempfile\.(?!gettempdir)\w+$|(^|\.)(NamedTemporaryFile|TemporaryDirectory|mkstemp|mkdtemp)$"
    r"|\.(write_text|write_bytes|mkdir|unlink|rmdir|touch|symlink_to|hardlink_to|rename|chmod)$"
    r"|(np|numpy)\.(save\w*|memmap)$|\.(write_parquet|write_csv|write_ndjson|write_json|sink_\w+)$"
)
_NO_FILES = {"os.devnull", "buffer"}  # what a write to nowhere or to memory names
_BANNED_MODULES = ("pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib")
_BANNED_CALL = re.compile(
    r"^(eval|exec|compile|__import__)$|os\.(system|popen)$"
    r"|yaml\.(load|load_all|full_load\w*|unsafe_load\w*)$|\.extractall$"
)
_STREAMS = ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__")


def _module_in(name: str, banned: Sequence[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in banned)


def _resolved(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """Calls by full names: `from os import remove; remove()` is `os.remove`."""
    names: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
    for call, name in calls(module.tree):
        head, _, rest = name.partition(".")
        full = names.get(head, head)
        yield call, f"{full}.{rest}" if rest else full


def processes(tree: Sequence[Module]) -> list[str]:
    """Only proc.py starts a process."""
    found: list[str] = []
    for each in (m for m in tree if m.name != "proc.py"):
        for node, name in imported(each.tree):
            if _module_in(name, _PROCESS_MODULES):
                found.append(each.at(node, f"imports {name}; use vmafkit.proc"))
        for call, name in _resolved(each):
            if _PROCESS_CALL.search(name):
                found.append(each.at(call, f"{name}() starts a process; use vmafkit.proc"))
    return found


def writes(tree: Sequence[Module]) -> list[str]:
    """Only fsio writes files; anybody may read."""
    found: list[str] = []
    for each in (m for m in tree if not m.name.startswith("fsio/")):
        given = _NO_FILES | _names_from_fsio(each.tree)
        for call, name in _resolved(each):
            harmless = any(dotted(arg) in given for arg in call.args)
            does = _WRITE_CALL.search(name) or _opens_to_write(call, name) or _replaces(call, name)
            if does and not harmless and not name.startswith("vmafkit."):
                found.append(each.at(call, f"{name}() writes; use vmafkit.fsio"))
    return found


def _names_from_fsio(tree: ast.Module) -> set[str]:
    """Names that fsio gave to write to: `with fsio.atomic_path(..) as temp`."""
    return {
        item.optional_vars.id
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name)
        and dotted(getattr(item.context_expr, "func", node)) == "fsio.atomic_path"
    }


def _opens_to_write(call: ast.Call, name: str) -> bool:
    if name == "os.open":
        return re.search(r"O_(WRONLY|RDWR|CREAT|APPEND|TRUNC)", ast.unparse(call)) is not None
    if name.split(".")[-1] not in ("open", "fdopen") or name in ("av.open", "webbrowser.open"):
        return False
    position = (
        1 if name in ("open", "os.fdopen", "io.open", "gzip.open", "lzma.open", "bz2.open") else 0
    )
    modes = [k.value for k in call.keywords if k.arg == "mode"] or call.args[position:][:1]
    if not modes:
        return False
    if not (isinstance(modes[0], ast.Constant) and isinstance(modes[0].value, str)):
        return True
    return any(letter in modes[0].value for letter in "wax+")


def _replaces(call: ast.Call, name: str) -> bool:
    # Text has replace(old, new), a path replace(target).
    return name.endswith(".replace") and len(call.args) == 1 and not call.keywords


def environment(tree: Sequence[Module]) -> list[str]:
    """Only settings.py reads the environment."""
    found: list[str] = []
    banned = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv")
    for each in (m for m in tree if m.name != "settings.py"):
        for node in ast.walk(each.tree):
            if isinstance(node, ast.Attribute) and dotted(node) in banned:
                found.append(each.at(node, f"{dotted(node)}; use vmafkit.settings"))
        for node, name in imported(each.tree):
            if name in banned:
                found.append(each.at(node, f"imports {name}; use vmafkit.settings"))
    return found


def printing(tree: Sequence[Module]) -> list[str]:
    """Only cli/output.py prints."""
    found: list[str] = []
    for each in (m for m in tree if m.name != "cli/output.py"):
        for call, name in calls(each.tree):
            if name in ("print", "input", "breakpoint", "typer.echo", "typer.secho", "click.echo"):
                found.append(each.at(call, f"{name}(); use vmafkit.cli.output"))
        for node in ast.walk(each.tree):
            if isinstance(node, ast.Attribute) and dotted(node) in _STREAMS:
                found.append(each.at(node, f"{dotted(node)}; use vmafkit.cli.output"))
    return found


def banned(tree: Sequence[Module]) -> list[str]:
    """No shell, no evaluated text, no pickles, no unsafe loaders, no bare except."""
    found: list[str] = []
    for each in tree:
        for node, name in imported(each.tree):
            if _module_in(name, _BANNED_MODULES):
                found.append(each.at(node, f"imports {name}"))
        for call, name in _resolved(each):
            if _BANNED_CALL.search(name) or _has_banned_keyword(call, name):
                found.append(each.at(call, f"{name}() is banned"))
        for node in ast.walk(each.tree):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                found.append(each.at(node, "a bare except"))
    return found


def _has_banned_keyword(call: ast.Call, name: str) -> bool:
    values = {k.arg: k.value for k in call.keywords}

    def is_false(word: str) -> bool:
        value = values.get(word)
        return value is None or (isinstance(value, ast.Constant) and value.value is False)

    if not is_false("shell") or not is_false("allow_pickle"):
        return True
    return name == "torch.load" and is_false("weights_only")


_PROGRAMMER = {"ValueError", "TypeError", "AssertionError", "NotImplementedError"}
_FACE = {"KeyboardInterrupt", "SystemExit", "typer.Exit", "argparse.ArgumentTypeError"}


def raises(tree: Sequence[Module]) -> list[str]:
    """Raised: a VmafkitError, or ValueError/TypeError for a mistake of the programmer.

    A face may also end the program; `__getattr__` raises AttributeError; a private class
    stays within its module; a name in small letters is raised again.
    """
    ours, makers = _our_errors(tree), _makers(tree)
    found: list[str] = []
    for each in tree:
        private = {n.name for n in ast.walk(each.tree) if isinstance(n, ast.ClassDef)}
        private = {name for name in private if name.startswith("_")}
        allowed = ours | _PROGRAMMER | private
        if each.name.startswith(("cli/", "mcp/")):
            allowed |= _FACE
        for function, node in _raises(each.tree):
            around = function.name if function else ""
            name = dotted(node.func if isinstance(node, ast.Call) else node)
            last = name.split(".")[-1]
            fine = (
                name in allowed
                or last in ours
                or makers.get(last, "") in ours | _PROGRAMMER
                or (isinstance(node, ast.Name) and name.islower())
                or (name == "AttributeError" and around == "__getattr__")
                or (name == "OSError" and function is not None and _catches(function, name))
                or any(part in ours for part in name.split("."))
            )
            if not fine:
                found.append(each.at(node, f"raises {name}, which is no VmafkitError"))
    return found


def _raises(tree: ast.Module) -> Iterator[tuple[Function | None, ast.expr]]:
    inside: dict[ast.AST, Function] = {}
    for function in functions(tree):
        inside |= dict.fromkeys(ast.walk(function), function)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            yield inside.get(node), node.exc


def _catches(function: Function, name: str) -> bool:
    return any(
        isinstance(node, ast.ExceptHandler) and node.type and name in ast.unparse(node.type)
        for node in ast.walk(function)
    )


def _our_errors(tree: Sequence[Module]) -> set[str]:
    """The names of VmafkitError and of everything made from it, wherever it is made."""
    bases = {
        node.name: {dotted(base).split(".")[-1] for base in node.bases}
        for each in tree
        for node in ast.walk(each.tree)
        if isinstance(node, ast.ClassDef)
    }
    ours = {"VmafkitError"}
    while more := {name for name, above in bases.items() if above & ours} - ours:
        ours |= more
    return ours


def _makers(tree: Sequence[Module]) -> dict[str, str]:
    """What calling a name makes: `_refused() -> Refused`, or `failure: type[ToolFailed]`."""
    made: dict[str, str] = {}
    for function in (f for each in tree for f in functions(each.tree)):
        if function.returns is not None:
            made[function.name] = dotted(function.returns).split(".")[-1]
        for arg in (*function.args.args, *function.args.kwonlyargs):
            if isinstance(arg.annotation, ast.Subscript) and dotted(arg.annotation.value) == "type":
                made[arg.arg] = dotted(arg.annotation.slice).split(".")[-1]
    return made


_GRAPH = re.compile(r"\[\d+:[va]|\blibvmaf=|\bmovie=|\bscale=|\bsetpts=|\bxpsnr=|\bzscale=")
_USER_TEXT = re.compile(r"path|file|folder|\bstem\b|\bsrc\b|\boutput\b|\breference\b|\bdistorted\b")


def graphs(tree: Sequence[Module]) -> list[str]:
    """No text of the user's enters a filter graph: its builder knows no path, no f-string one."""
    found: list[str] = []
    for each in tree:
        if each.name.split("/")[-1] == "graph.py":
            found += [
                each.at(node, "a graph's builder imports pathlib")
                for node, name in imported(each.tree)
                if _module_in(name, ("pathlib", "os"))
            ]
        for node in ast.walk(each.tree):
            if isinstance(node, ast.JoinedStr) and _GRAPH.search(_constant_text(node)):
                words = " ".join(
                    ast.unparse(v) for v in node.values if isinstance(v, ast.FormattedValue)
                )
                if _USER_TEXT.search(words):
                    found.append(each.at(node, f"a filter graph takes {words}"))
    return found


def _constant_text(node: ast.JoinedStr) -> str:
    return "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
