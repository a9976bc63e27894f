"""What every verb of the harness opens first: workspace, store, scratch and ffmpeg."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vmafkit import settings
from vmafkit.errors import UsageError
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.harness.assets import Asset, assets_of
from vmafkit.harness.measuring import Lab
from vmafkit.harness.recipes import load_recipe
from vmafkit.harness.results import FileResultStore
from vmafkit.harness.workspace import Workspace
from vmafkit.proc import Limits
from vmafkit.schema.recipe import Recipe
from vmafkit.store.hashes import StoredHashes


@contextmanager
def open_lab(
    space: Workspace,
    *,
    cache_result: bool,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    cancel: threading.Event | None = None,
) -> Generator[Lab]:
    """A lab in a workspace; its scratch is gone at the end.

    Raises: ToolMissing, CapabilityMissing, StoreError.
    """
    capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin))
    capabilities.require_libvmaf()
    with ExitStack() as held:
        scratch = held.enter_context(space.scratch())
        store = held.enter_context(FileResultStore(space.results)) if cache_result else None
        yield Lab(
            capabilities=capabilities,
            hashes=StoredHashes(settings.cache_folder()),
            scratch=scratch,
            store=store,
            limits=Limits(wall_s=timeout_s),
            cancel=cancel or threading.Event(),
        )


def load_data_set(path: str | Path, space: Workspace) -> tuple[Recipe, list[Asset]]:
    """A recipe and its assets. Raises: UsageError, Unreadable, Refused."""
    recipe = load_recipe(path)
    return recipe, assets_of(recipe, Path(path).absolute().parent, space)


def worker_count(processes: int | None, parallelize: bool) -> int:
    """How many assets are measured at once. Raises: UsageError."""
    if processes is not None and processes < 1:
        raise UsageError(f"--processes {processes} is below 1")
    return processes or (settings.core_count() if parallelize else 1)
