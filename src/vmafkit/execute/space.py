"""Refuses work that the disk has no room for, before it is begun."""

from __future__ import annotations

import shutil
from pathlib import Path

from vmafkit.errors import StoreFull


def ensure_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Check the free space of the disk that a folder lies on.

    Args:
        folder: it, or the nearest folder above it that is there, is asked.
        needed_bytes: an estimate.
        what: what needs the space, such as `this sweep`.

    Raises:
        StoreFull: there is less.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < needed_bytes:
        raise StoreFull(
            f"{what} needs about {_shown(needed_bytes)} on the disk of {folder}, which has "
            f"{_shown(free)} free",
            hint="free some space, use fewer --workers, or name a folder on another disk: "
            "VMAFKIT_CACHE for the work, --encode-dir for kept encodes",
        )


def _shown(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"
