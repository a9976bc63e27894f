"""Puts the compiled VMAF engine into a wheel, where that takes little and can be done.

Nothing is compiled for an editable install, on another system than Linux on x86-64, or
without Halide or a C compiler; the wheel is then one of plain Python, and
`vmafkit engine build` adds the engine later.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "VMAFKIT_WHEEL_ENGINE"
REQUIRED = ("halide>=21,<22", "numpy>=2", "platformdirs>=4.3")
INSIDE = "vmafkit/scoring/engine/vmafkit_engine.so"


class CustomBuildHook(BuildHookInterface[Any]):
    """The hook that hatchling calls."""

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling: only asked for where it can be used."""
        return list(REQUIRED) if os.environ.get(SWITCH) == "1" and _wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the engine and add it to the wheel."""
        if self.target_name != "wheel" or version != "standard" or not _wanted():
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        try:
            from vmafkit.errors import VmafkitError
            from vmafkit.scoring.engine.build import build
        except ImportError as error:
            self.app.display_warning(f"the engine is left out: {error}")
            return
        folder = Path(tempfile.mkdtemp(prefix="vmafkit-wheel-"))
        try:
            built = build(folder)
        except VmafkitError as error:
            self.app.display_warning(f"the engine is left out: {error.sentence()}")
            return
        build_data["force_include"][str(built.path)] = INSIDE
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-linux_x86_64"


def _wanted() -> bool:
    """1 asks for the engine, 0 forbids it; otherwise it is made where Halide is at hand."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    switch = os.environ.get(SWITCH, "")
    return switch == "1" or (switch != "0" and find_spec("halide") is not None)
