"""Finds and loads the compiled engine."""

from __future__ import annotations

import ctypes
import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vmafkit import settings
from vmafkit.errors import CapabilityMissing
from vmafkit.scoring.engine.tables import FAMILIES, MACHINES

LIBRARY_NAME = "vmafkit_engine.so"
_NEEDS = {
    "x86_64": {"sse4_1"},
    "avx2": {"avx2", "fma", "f16c"},
    "avx512": {"avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
_OF_THE_NUMBERS = (
    "engine.py", "frame_adm.py", "frame_vif.py", "models.py", "steps.py", "workspace.py",
    "../ensemble.py", "../svr.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded engine.

    Attributes:
        path: the shared object.
        machine: the kind of processor its kernels are chosen for.
        lanes: numbers a kernel keeps side by side.
    """

    path: Path
    machine: str
    lanes: int
    handle: ctypes.CDLL

    def address(self, kernel: str) -> int:
        """Where the function is that takes the arguments of this kernel as a list."""
        known = kernel.startswith("vmafkit_")
        name = f"{kernel}_argv" if known else f"{kernel}_{self.machine}_argv"
        return ctypes.cast(getattr(self.handle, name), ctypes.c_void_p).value or 0

    @property
    def machines(self) -> tuple[str, ...]:
        """The kinds of processor whose kernels are there and run here."""
        return _machines(self.handle)


def _machines(handle: ctypes.CDLL) -> tuple[str, ...]:
    known, best = family(), detect_machine()
    runs = known[: known.index(best) + 1] if best else ()
    return tuple(name for name in runs if hasattr(handle, f"motion_8_{name}"))


def family() -> tuple[str, ...]:
    """The kinds of code for processors of this machine's family, from the least to the best.

    Empty where there is none for it.
    """
    return FAMILIES.get(platform.machine(), ())


@cache
def detect_machine() -> str:
    """The best kind of code that this processor runs; empty where there is none for it."""
    known = family()
    if not known:
        return ""
    flags = _processor_flags() if any(name in _NEEDS for name in known) else set[str]()
    return next((name for name in reversed(known) if flags >= _NEEDS.get(name, set())), known[0])


def _processor_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return set()
    lines = (line for line in text.splitlines() if line.startswith("flags"))
    return set(next(lines, "").split())


@cache
def source_hash() -> str:
    """The hash of everything the shared object is made from."""
    folder = Path(__file__).parent
    names = ("runtime.c", "tables.py")
    digest = hashlib.sha256()
    for path in sorted([*(folder / name for name in names), *folder.glob("pipeline/*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def version() -> str:
    """What the engine's numbers depend on, in 16 hexadecimal digits: kernels, sums and models."""
    digest = hashlib.sha256(source_hash().encode())
    for name in _OF_THE_NUMBERS:
        digest.update(name.encode() + b"\0" + (Path(__file__).parent / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def hint() -> str:
    """How to get the engine on this machine."""
    known = family()
    if not known:
        return f"there is no engine for {platform.machine() or 'this machine'}; libvmaf scores"
    if known == FAMILIES["x86_64"]:
        return "vmafkit engine build makes it; it needs pip install halide and a C compiler"
    return (
        f"make it on x86-64 Linux with vmafkit engine build --machine {known[0]} --output FILE, "
        f"and put the file at {cached_folder() / LIBRARY_NAME}"
    )


def cached_folder() -> Path:
    """Where `vmafkit engine build` puts the shared object."""
    return settings.cache_folder() / "engine" / source_hash()


def find_library() -> Path | None:
    """The shared object of the wheel, else that of the cache, if it is there."""
    for folder in (Path(__file__).parent, cached_folder()):
        path = folder / LIBRARY_NAME
        if path.is_file():
            return path
    return None


def load(path: Path | None = None) -> Library:
    """Load the engine for this processor.

    Args:
        path: the shared object; None looks for it.

    Raises:
        CapabilityMissing: there is none, it cannot be loaded, or it is of other sources.
    """
    found = path or find_library()
    if found is None:
        raise CapabilityMissing("the in-process VMAF engine is not built", hint=hint())
    return _load(found)


@cache
def _load(path: Path) -> Library:
    try:
        handle = ctypes.CDLL(str(path.absolute()))
        stamp = handle.vmafkit_source_hash
    except (OSError, AttributeError) as error:
        raise CapabilityMissing(f"the engine {path} cannot be loaded", hint=hint()) from error
    stamp.restype = ctypes.c_char_p
    if stamp().decode() != source_hash():
        raise CapabilityMissing(f"the engine {path} is of other sources", hint=hint())
    handle.vmafkit_run.restype = ctypes.c_int
    handle.vmafkit_run.argtypes = (ctypes.c_void_p, ctypes.c_int64)
    handle.vmafkit_extend.restype = None
    handle.vmafkit_extend.argtypes = (
        ctypes.c_void_p, ctypes.c_int64, *(ctypes.c_int32,) * 6,
    )  # fmt: skip
    found = _machines(handle)
    if not found:
        raise CapabilityMissing(f"the engine {path} has no code for this processor", hint=hint())
    machine = found[-1]
    return Library(path, machine, MACHINES[machine][1], handle)
