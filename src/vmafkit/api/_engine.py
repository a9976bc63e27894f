"""The verb `engine`: build the in-process VMAF engine, and say what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmafkit.errors import CapabilityMissing
from vmafkit.scoring.engine import native


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
    *, force: bool = False, on_kernel: Callable[[str], None] = lambda name: None
) -> EngineState:
    """Compile the engine into the cache folder, unless it is there already.

    Args:
        force: compile it anew.
        on_kernel: called with the name of each part before it is compiled.

    Raises:
        ToolMissing: Halide or a C compiler is not here.
        ToolFailed: compiling failed.
        StoreError: the cache folder cannot be written.
    """
    before = engine_state()
    if before.path is not None and not force:
        return before
    from vmafkit.scoring.engine.build import build

    made = build(native.cached_folder(), on_kernel=on_kernel)
    library = native.load(made.path)
    detail = f"{library.machine} code at {made.path}, {made.size_bytes / 1e6:.1f} MB"
    return EngineState(made.path, library.machine, detail, wall_s=made.wall_s)
