"""The only place that reads the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vmafkit.errors import UsageError

FFMPEG_NAME = "VMAFKIT_FFMPEG"
_PASSED_TO_CHILDREN = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SystemRoot")


def ffmpeg_from_environment() -> str | None:
    """The ffmpeg named by VMAFKIT_FFMPEG, or None."""
    return os.environ.get(FFMPEG_NAME) or None


def cache_folder() -> Path:
    """The folder of the trial store and other caches (VMAFKIT_CACHE overrides)."""
    named = os.environ.get("VMAFKIT_CACHE")
    if named:
        return Path(named).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("vmafkit", appauthor=False))


def scratch_room() -> Path:
    """The folder for the half-made files of runs that use the cache."""
    return cache_folder() / "scratch"


def fetched_bytes() -> int:
    """How much fetched sources may take in the cache folder (VMAFKIT_FETCHED_GB; 100 GB).

    Raises: UsageError.
    """
    word = os.environ.get("VMAFKIT_FETCHED_GB") or "100"
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", word):
        raise UsageError(f"VMAFKIT_FETCHED_GB {word!r} is no number", hint="such as 100")
    return round(float(word) * 1e9)


def core_count() -> int:
    """The processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def child_environment() -> dict[str, str]:
    """The environment of outside programs: a short allow-list, so that nothing leaks."""
    return {name: os.environ[name] for name in _PASSED_TO_CHILDREN if name in os.environ}


def own_environment() -> dict[str, str]:
    """The environment of a process that runs this library again: also what it is set by."""
    ours = ("VMAF_", "VMAFKIT_", "PYTHON", "XDG_")
    return child_environment() | {n: v for n, v in os.environ.items() if n.startswith(ours)}


def wants_colour() -> bool:
    """False when NO_COLOR asks for plain text."""
    return not os.environ.get("NO_COLOR")


def wants_traceback() -> bool:
    """True when VMAFKIT_DEBUG asks for the traceback of an internal error."""
    return bool(os.environ.get("VMAFKIT_DEBUG"))


def data_root_from_environment() -> Path | None:
    """The data root named by VMAF_DATA_ROOT, or None."""
    named = os.environ.get("VMAF_DATA_ROOT")
    return Path(named) if named else None


def konvid_root_from_environment() -> Path | None:
    """The folder named by VMAF_KONVID_1K_DIR, or None."""
    named = os.environ.get("VMAF_KONVID_1K_DIR")
    return Path(named) if named else None


def workspace_folder() -> Path:
    """The research harness's workspace (VMAF_WORKSPACE overrides), read anew at each call."""
    named = os.environ.get("VMAF_WORKSPACE")
    if named:
        return Path(named).absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("vmafkit", appauthor=False)) / "workspace"


def home_folder() -> Path:
    """The user's home folder."""
    return Path.home()
