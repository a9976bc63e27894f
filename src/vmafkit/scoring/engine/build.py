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

from vmafkit.errors import ToolFailed, ToolMissing
from vmafkit.fsio import atomic_path, ensure_folder, scratch_folder
from vmafkit.proc import Limits, run
from vmafkit.scoring.engine.native import LIBRARY_NAME, source_hash
from vmafkit.scoring.engine.tables import MACHINES

_PLAIN = "no_runtime-no_asserts-no_bounds_query"
_LIMITS = Limits(wall_s=300.0)
_GET_HALIDE = "pip install halide"


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


def missing_tools() -> str:
    """What a build needs and is not here, in words; empty when it can run."""
    if not sys.platform.startswith("linux"):
        return "the engine is built on Linux only"
    if find_spec("halide") is None:
        return "the Python package halide is not installed"
    if _compiler() is None:
        return "no C compiler (cc or gcc) was found"
    return ""


def build(
    folder: Path,
    *,
    machines: Sequence[str] = tuple(MACHINES),
    plain_malloc: bool = False,
    on_kernel: Callable[[str], None] = lambda name: None,
) -> Built:
    """Compile and link the engine.

    Args:
        folder: where the shared object goes; it is made if need be.
        machines: the kinds of processor.
        plain_malloc: every piece of scratch memory on its own, for memory checkers.
        on_kernel: called with the name of each kernel before it is compiled.

    Raises:
        ToolMissing: Halide or a C compiler is not here.
        ToolFailed: the compiler failed.
        StoreError: the folder cannot be written.
    """
    missing = missing_tools()
    compiler = _compiler()
    if missing or compiler is None:
        raise ToolMissing(f"the engine cannot be built: {missing}", hint=_GET_HALIDE)
    started = time.monotonic()
    ensure_folder(folder)
    final = folder / LIBRARY_NAME
    with scratch_folder() as work:
        objects = [path for machine in machines for path in _compile(machine, work, on_kernel)]
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
    return Built(final, wall_s, final.stat().st_size, tuple(machines))


def _halide_folder() -> Path:
    found = find_spec("halide")
    if found is None or found.origin is None:
        raise ToolMissing("the engine cannot be built: halide is not here", hint=_GET_HALIDE)
    return Path(found.origin).parent


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def _compile(machine: str, folder: Path, on_kernel: Callable[[str], None]) -> list[Path]:
    from vmafkit.scoring.engine.pipeline import adm_kernels, motion, vif_kernels
    from vmafkit.scoring.engine.pipeline.common import Machine, hl

    features, lanes = MACHINES[machine]
    target = hl.Target(f"x86-64-linux-{features}-{_PLAIN}")
    made: list[Path] = []
    for module in (motion, adm_kernels, vif_kernels):
        for kernel in module.kernels(Machine(machine, features, lanes)):
            name = f"{kernel.name}_{machine}"
            on_kernel(name)
            path = folder / f"{name}.o"
            output = {hl.OutputFileType.object: str(path)}
            kernel.output.compile_to(output, list(kernel.arguments), name, target)
            made.append(path)
    return made
