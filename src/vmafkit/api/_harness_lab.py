"""What every verb of the harness opens first: workspace, store, scratch and ffmpeg."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmafkit import fsio, settings
from vmafkit.errors import UsageError
from vmafkit.execute.room import Room, room_here
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.harness import plots
from vmafkit.harness.assets import Asset, assets_of
from vmafkit.harness.measuring import Failure, Lab, Measured, measure_all
from vmafkit.harness.metrics import Metric, model_metric, phone_metric
from vmafkit.harness.model_files import model_word
from vmafkit.harness.recipes import load_recipe
from vmafkit.harness.results import FileResultStore
from vmafkit.harness.workspace import Workspace, open_workspace
from vmafkit.proc import Limits
from vmafkit.schema.recipe import Recipe
from vmafkit.store.hashes import StoredHashes

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What every verb that measures is given beside its own arguments.

    Attributes:
        workspace: its folder, or None for the usual one.
        ffmpeg_bin: the ffmpeg to use, or None for the usual one.
        timeout_s, cancel: of each process.
        cache_result: keep results, and use what is there.
        workers: assets at once; None for as many as there are cores and memory for.
        on_progress: told (assets done, assets to do).

    Raises:
        UsageError: the bound on processes is not above 0.
    """

    workspace: str | Path | None
    ffmpeg_bin: str | Path | None
    timeout_s: float | None
    cancel: threading.Event | None
    cache_result: bool = True
    workers: int | None = 1
    on_progress: OnProgress | None = None

    def __post_init__(self) -> None:
        check_timeout(self.timeout_s)

    @property
    def space(self) -> Workspace:
        """The workspace."""
        return open_workspace(self.workspace)

    @contextmanager
    def lab(self) -> Generator[Lab]:
        """A lab in the workspace; its scratch is gone at the end.

        Raises: ToolMissing, CapabilityMissing, StoreError.
        """
        space = self.space
        capabilities = read_capabilities(find_ffmpeg(self.ffmpeg_bin))
        capabilities.require_libvmaf()
        with ExitStack() as held:
            scratch = held.enter_context(space.scratch())
            store = None
            if self.cache_result:
                store = held.enter_context(FileResultStore(space.results))
            yield Lab(
                capabilities=capabilities,
                hashes=StoredHashes(settings.cache_folder()),
                scratch=scratch,
                store=store,
                limits=Limits(wall_s=self.timeout_s),
                cancel=self.cancel or threading.Event(),
                room=room_here() if self.workers is None else Room(),
            )

    def measure(
        self, lab: Lab, assets: Sequence[Asset], metric: Metric
    ) -> tuple[list[Measured], list[Failure]]:
        """Measure assets, several at once. Raises: StoreError, Cancelled."""
        workers = self.workers or settings.core_count()
        return measure_all(lab, assets, metric, processes=workers, on_asset=self.on_progress)

    def keep_report(self, report: Mapping[str, Any], *words: str) -> None:
        """Put a report into the workspace's `output`, where results are kept at all.

        Raises: StoreError.
        """
        if self.cache_result:
            name = "_".join(plots.safe(word) for word in words)
            text = json.dumps(report, indent=1, allow_nan=False) + "\n"
            fsio.write_atomic(self.space.folder("output") / f"{name}.json", text)


def load_data_set(path: str | Path, space: Workspace) -> tuple[Recipe, list[Asset]]:
    """A recipe and its assets. Raises: UsageError, Unreadable, Refused."""
    recipe = load_recipe(path, space)
    return recipe, assets_of(recipe, Path(path).absolute().parent, space)


def worker_count(processes: int | None, parallelize: bool) -> int | None:
    """How many assets are measured at once; None for what fits. Raises: UsageError."""
    if processes is not None and processes < 1:
        raise UsageError(f"--processes {processes} is below 1")
    return processes or (None if parallelize else 1)


def named_model(word: str | None, space: Workspace, *, phone_flag: str | None = None) -> Metric:
    """A VMAF model as a metric, a JSON file named as it is too.

    Args:
        word: None for vmaf_v0.6.1.
        space: a bare file name that is not in the working folder is looked up in its `model`.
        phone_flag: the flag that asks for its transform of phone viewing; None for none.

    Raises: UsageError, Unreadable.
    """
    metric = model_metric(model_word(word or "vmaf_v0.6.1", space))
    return phone_metric(metric, phone_flag) if phone_flag else metric


def check_timeout(timeout_s: float | None) -> None:
    """Refuse a bound that nothing fits in. Raises: UsageError."""
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g} is not above 0", hint="it is in seconds")
