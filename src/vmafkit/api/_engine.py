"""The verb `engine`: build the in-process VMAF engine, and say what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmafkit.errors import CapabilityMissing, UsageError
from vmafkit.scoring.engine import native

if TYPE_CHECKING:
    from vmafkit.scoring.engine.build import Built


@dataclass(frozen=True, slots=True)
class EngineState:
    """What is known of the engine here.

    Attributes:
        path: the shared object, or None.
        machine: the kind of processor its code is chosen for; empty without one.
        detail: in words.
        hint: how to get it; empty when it is there.
        wall_s: what building took; 0 when nothing was built.
    """

    path: Path | None
    machine: str
    detail: str
    hint: str = ""
    wall_s: float = 0.0


def engine_state() -> EngineState:
    """Find and load the engine; a missing one is a state, not an error."""
    try:
        library = native.load()
    except CapabilityMissing as error:
        return EngineState(None, "", error.message, error.hint)
    return EngineState(library.path, library.machine, f"{library.machine} code at {library.path}")


def build_engine(
    *,
    machine: str | None = None,
    output: str | Path | None = None,
    force: bool = False,
    on_kernel: Callable[[str], None] = lambda name: None,
) -> EngineState:
    """Compile the engine into the cache folder, unless it is there already, or into a file.

    Args:
        machine: `x86_64` or `arm64`; None is this machine's. What is made for another one goes
            into a file and is not tried.
        output: the file; it is made anew.
        force: compile anew what is in the cache folder.
        on_kernel: called with the name of each part before it is compiled.

    Raises:
        ToolMissing: Halide or a C compiler is not here.
        ToolFailed: compiling failed.
        UsageError: there is no such machine, or it is another one and no file is named.
        StoreError: the cache folder or the file cannot be written.
    """
    from vmafkit.scoring.engine.build import build, kinds_for

    kinds = kinds_for(machine) if machine else native.family()
    if output is not None:
        where = Path(output)
        made = build(where.parent, machines=kinds, name=where.name, on_kernel=on_kernel)
        return EngineState(made.path, kinds[0], _detail(kinds[0], made), wall_s=made.wall_s)
    if kinds != native.family():
        raise UsageError(
            f"--machine {machine}: this machine has no use for it in its cache folder",
            hint="name a file with --output",
        )
    before = engine_state()
    if before.path is not None and not force:
        return before
    made = build(native.cached_folder(), on_kernel=on_kernel)
    library = native.load(made.path)
    return EngineState(
        made.path, library.machine, _detail(library.machine, made), wall_s=made.wall_s
    )


def _detail(machine: str, made: Built) -> str:
    return f"{machine} code at {made.path}, {made.size_bytes / 1e6:.1f} MB"
