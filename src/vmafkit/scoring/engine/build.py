"""Compiles the pipelines into one shared object; needs Halide and a C compiler.

    from vmafkit.scoring.engine.build import build
    build(folder)

The object holds every kernel once for each kind of processor. It is named by the hash of
the sources it is made from, so an old one is never taken for a new one.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vmafkit.errors import ToolFailed, ToolMissing, UsageError
from vmafkit.fsio import atomic_path, ensure_folder, scratch_folder
from vmafkit.proc import Limits, run
from vmafkit.scoring.engine.native import LIBRARY_NAME, family, hint, source_hash
from vmafkit.scoring.engine.tables import FAMILIES, MACHINES

_PLAIN = "no_runtime-no_asserts-no_bounds_query"
_LIMITS = Limits(wall_s=300.0)
_COMPILERS = {"x86_64": "x86_64-linux-gnu-gcc", "aarch64": "aarch64-linux-gnu-gcc"}


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made.

    Attributes:
        path: the shared object.
        wall_s: what it took.
        size_bytes: its size.
        machines: the kinds of processor in it.
    """

    path: Path
    wall_s: float
    size_bytes: int
    machines: tuple[str, ...]


def missing_tools(machines: Sequence[str] | None = None) -> str:
    """What a build needs and is not here, in words; empty when it can run.

    Args:
        machines: the kinds of processor; None is this machine's.
    """
    if not sys.platform.startswith("linux"):
        return "the engine is built on Linux only"
    if find_spec("halide") is None:
        return "the Python package halide is not installed"
    wanted = family() if machines is None else tuple(machines)
    if not wanted:
        return "there is no code for this kind of processor"
    if _compiler(wanted) is None:
        return f"no C compiler ({' or '.join(_compilers(wanted))}) was found"
    return ""


def build(
    folder: Path,
    *,
    machines: Sequence[str] | None = None,
    name: str = LIBRARY_NAME,
    plain_malloc: bool = False,
    on_kernel: Callable[[str], None] = lambda name: None,
) -> Built:
    """Compile and link the engine.

    Args:
        folder: where the shared object goes; it is made if need be.
        machines: the kinds of processor, all of one family; None is every kind of this
            machine's. Those of another family need a compiler that makes code for it.
        name: of the shared object.
        plain_malloc: every piece of scratch memory on its own, for memory checkers.
        on_kernel: called with the name of each kernel before it is compiled.

    Raises:
        ToolMissing: Halide or a C compiler is not here.
        ToolFailed: the compiler failed.
        UsageError: the kinds of processor are of two families.
        StoreError: the folder cannot be written.
    """
    kinds = family() if machines is None else tuple(machines)
    missing = missing_tools(kinds)
    compiler = None if missing else _compiler(kinds)
    if compiler is None:
        raise ToolMissing(f"the engine cannot be built: {missing}", hint=_way_out(kinds))
    started = time.monotonic()
    ensure_folder(folder)
    final = folder / name
    with scratch_folder() as work:
        objects = [path for machine in kinds for path in _compile(machine, work, on_kernel)]
        words = [
            f'-DVMAFKIT_SOURCE_HASH="{source_hash()}"',
            f"-I{_halide_folder() / 'include'}",
            *(["-DVMAFKIT_PLAIN_MALLOC"] if plain_malloc else []),
            str(Path(__file__).with_name("runtime.c")),
            *map(str, objects),
        ]
        with atomic_path(final) as temp:
            argv = [compiler, "-O2", "-fPIC", "-shared", "-pthread", "-s", "-o", str(temp), *words]
            finished = run(argv, cwd=work, limits=_LIMITS)
            if finished.exit_status != 0:
                raise ToolFailed(
                    f"the engine cannot be linked: {finished.cause}", detail=finished.stderr_tail
                )
    wall_s = time.monotonic() - started
    return Built(final, wall_s, final.stat().st_size, kinds)


def _halide_folder() -> Path:
    found = find_spec("halide")
    if found is None or found.origin is None:
        raise ToolMissing("the engine cannot be built: halide is not here", hint=hint())
    return Path(found.origin).parent


def kinds_for(machine: str) -> tuple[str, ...]:
    """All kinds of processor that an object for this machine holds, the machine being the least.

    Raises:
        UsageError: there is no such machine.
    """
    known = {kinds[0]: kinds for kinds in FAMILIES.values()}
    if machine not in known:
        raise UsageError(
            f"--machine {machine}: there is no such machine", hint=f"one of {', '.join(known)}"
        )
    return known[machine]


def _way_out(machines: Sequence[str]) -> str:
    if not machines or set(machines) <= set(family()):
        return hint()
    return f"pip install halide, and a C compiler named {_compilers(machines)[0]}"


def _compilers(machines: Sequence[str]) -> tuple[str, ...]:
    systems = [word for word, kinds in FAMILIES.items() if set(machines) <= set(kinds)]
    if not systems:
        raise UsageError(f"no one shared object can serve {' and '.join(machines)}")
    return ("cc", "gcc") if FAMILIES[systems[0]] == family() else (_COMPILERS[systems[0]],)


def _compiler(machines: Sequence[str]) -> str | None:
    return next(filter(None, map(shutil.which, _compilers(machines))), None)


def _compile(machine: str, folder: Path, on_kernel: Callable[[str], None]) -> list[Path]:
    from vmafkit.scoring.engine.pipeline import adm_kernels, motion, vif_kernels
    from vmafkit.scoring.engine.pipeline.common import Machine, hl

    processor, lanes = MACHINES[machine]
    target = hl.Target(f"{processor}-{_PLAIN}")
    made: list[Path] = []
    for module in (motion, adm_kernels, vif_kernels):
        for kernel in module.kernels(Machine(machine, lanes)):
            name = f"{kernel.name}_{machine}"
            on_kernel(name)
            path = folder / f"{name}.o"
            output = {hl.OutputFileType.object: str(path)}
            kernel.output.compile_to(output, list(kernel.arguments), name, target)
            made.append(path)
    return made
