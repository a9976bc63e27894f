"""Puts the compiled VMAF engine into a wheel, where that takes little and can be done.

Compiling takes about 15 seconds; Halide and numpy are asked for as build requirements only
then. Nothing is compiled for an editable install, on another system than Linux on x86-64,
without a C compiler, where Halide has no wheels for this Python, or when it would take more than
a minute; the wheel is then one of plain Python, and `vmafkit engine build` adds the engine later.
VMAFKIT_WHEEL_ENGINE=0 leaves it out, and 1 makes its absence an error. The wheel's tag names the
oldest glibc that has what the compiled engine asks of it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "VMAFKIT_WHEEL_ENGINE"
REQUIRED = ("halide>=21,<22", "numpy>=2", "platformdirs>=4.3")
INSIDE = "vmafkit/scoring/engine/vmafkit_engine.so"
MOST_S = 60.0
# Halide 21 has wheels for these.
_PYTHONS = ((3, 11), (3, 12), (3, 13))
# Parts of glibc itself; PEP 600 lets a manylinux wheel ask for these.
_OF_GLIBC = {b"libc.so.6", b"libm.so.6", b"libpthread.so.0", b"ld-linux-x86-64.so.2"}
_OLDEST_GLIBC = (2, 5)


class CustomBuildHook(BuildHookInterface[Any]):
    """The hook that hatchling calls."""

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling: only asked for where it can be used."""
        # A front end names the hook that it calls; an editable install compiles nothing.
        is_editable = any("editable" in word for word in sys.argv[1:3])
        return [] if is_editable or why_not() else list(REQUIRED)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the engine and add it to the wheel."""
        if self.target_name != "wheel" or version != "standard":
            return
        reason = why_not() or ("" if find_spec("halide") else "Halide is not installed")
        path = None if reason else self._build()
        if path is not None:
            build_data["force_include"][str(path)] = INSIDE
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag(path.read_bytes())}"
        elif reason:
            self._leave_out(reason)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel has taken in."""
        path = next((path for path, name in _taken(build_data) if name == INSIDE), None)
        if path is not None:
            shutil.rmtree(Path(path).parent, ignore_errors=True)

    def _build(self) -> Path | None:
        sys.path.insert(0, str(Path(self.root) / "src"))
        try:
            from vmafkit.errors import VmafkitError
            from vmafkit.scoring.engine.build import build
        except ImportError as error:
            self._leave_out(str(error))
            return None
        started = time.monotonic()

        def watch(name: str) -> None:
            if time.monotonic() - started > MOST_S:
                raise TimeoutError(f"compiling takes more than {MOST_S:g} s on this machine")

        try:
            return build(Path(tempfile.mkdtemp(prefix="vmafkit-wheel-")), on_kernel=watch).path
        except (VmafkitError, TimeoutError) as error:
            self._leave_out(error.sentence() if isinstance(error, VmafkitError) else str(error))
            return None

    def _leave_out(self, reason: str) -> None:
        if os.environ.get(SWITCH) == "1":
            raise RuntimeError(f"{SWITCH}=1, and the engine cannot be built: {reason}")
        self.app.display_warning(
            f"the VMAF engine is left out: {reason}; `vmafkit engine build` adds it"
        )


def platform_tag(shared_object: bytes) -> str:
    """The platform of a shared object for x86-64: manylinux_2_N for the glibc that it asks for.

    It is linux_x86_64, which promises nothing, where it asks for other libraries, or for
    something of glibc that has no plain version number.
    """
    libraries = set(re.findall(rb"(?<=\0)[\w.+-]+\.so(?:\.[\w.]+)?(?=\0)", shared_object))
    asked = set(re.findall(rb"(?<=\0)GLIBC_(\w[\w.]*)(?=\0)", shared_object))
    versions = [re.fullmatch(rb"(\d+)\.(\d+)(?:\.\d+)?", word) for word in asked]
    known = [(int(found[1]), int(found[2])) for found in versions if found]
    if not libraries <= _OF_GLIBC or not known or len(known) < len(versions):
        return "linux_x86_64"
    major, minor = max(*known, _OLDEST_GLIBC)
    return f"manylinux_{major}_{minor}_x86_64"


def _taken(build_data: dict[str, Any]) -> list[tuple[str, str]]:
    return list(build_data.get("force_include", {}).items())


def why_not() -> str:
    """Why this machine does not compile the engine, in words; empty when it can."""
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return "it is compiled on Linux and x86-64 only"
    if sys.implementation.name != "cpython" or sys.version_info[:2] not in _PYTHONS:
        return "Halide has no wheels for this Python"
    if not (shutil.which("cc") or shutil.which("gcc")):
        return "there is no C compiler"
    return ""
