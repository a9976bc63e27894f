"""Measures assets with a metric: from the store where it is known, else computed now."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmafkit import fsio
from vmafkit.errors import Cancelled, InputError, StoreError, VmafkitError
from vmafkit.execute.cluster.scores import score_somewhere
from vmafkit.execute.room import Room, pair_bytes
from vmafkit.ffmpeg.capabilities import Capabilities
from vmafkit.ffmpeg.run import Job
from vmafkit.harness.assets import Asset, SideSpec
from vmafkit.harness.metrics import Metric
from vmafkit.harness.preparing import pair_of
from vmafkit.harness.results import FileResultStore, result_key
from vmafkit.media.hashing import HashCache, content_hash, show
from vmafkit.proc import Limits
from vmafkit.scoring.pair import Scorer
from vmafkit.scoring.score import EncodeGeometry, Score

if TYPE_CHECKING:
    import polars as pl

OnAsset = Callable[[int, int], None]
# What scoring calls by its own flags, and what a recipe calls it.
_OWN_WORDS = (
    (r"--display (\d+)x(\d+)", r"quality_width: \1 and quality_height: \2 in a recipe"),
    (r"--display", "quality_width and quality_height in a recipe"),
    (r"--frame_cnt", "end_frame in a recipe"),
    (r"--width, --height and --pix-fmt", "width, height and yuv_fmt"),
    (r" \(and --framerate\)", ""),
    (r"another --(?:model|feature)", "another metric"),
)


@dataclass(frozen=True, slots=True)
class Lab:
    """What assets are measured with.

    Attributes:
        capabilities: of the ffmpeg that scores.
        hashes: of files.
        scratch: a private folder.
        store: where results are kept, or None to keep none.
        limits, cancel: of each process.
        room: the memory that assets share.
    """

    capabilities: Capabilities
    hashes: HashCache
    scratch: Path
    store: FileResultStore | None = None
    limits: Limits = field(default_factory=Limits)
    cancel: threading.Event = field(default_factory=threading.Event)
    room: Room = field(default_factory=Room)

    @property
    def program(self) -> Path:
        """The ffmpeg."""
        return Path(self.capabilities.path)


@dataclass(frozen=True, slots=True)
class Measured:
    """An asset's frames.

    Attributes:
        asset: as given.
        frames: `frame` and one column per score.
        known: it was in the store.
    """

    asset: Asset
    frames: pl.DataFrame
    known: bool

    def values(self, column: str) -> Any:
        """A column as an array of shape (frames,)."""
        return self.frames[column].to_numpy()


@dataclass(frozen=True, slots=True)
class Failure:
    """An asset that could not be measured, and why."""

    asset: Asset
    cause: str


def measure_all(
    lab: Lab,
    assets: Sequence[Asset],
    metric: Metric,
    *,
    processes: int = 1,
    on_asset: OnAsset | None = None,
) -> tuple[list[Measured], list[Failure]]:
    """Measure assets, several at once; a failure of one does not stop the others.

    Args:
        processes: assets at once, at least 1.
        on_asset: told (assets done, assets to do).

    Raises:
        StoreError, Cancelled: nothing more can be done; what was measured is kept.
    """
    done: dict[int, Measured] = {}
    failed: list[Failure] = []
    guard = threading.Lock()

    def one(number: int) -> None:
        if lab.cancel.is_set():
            raise Cancelled("the work was stopped")
        try:
            found = measure(lab, assets[number], metric)
        except (Cancelled, StoreError):
            lab.cancel.set()
            raise
        except VmafkitError as error:
            with guard:
                failed.append(Failure(assets[number], error.sentence()))
        else:
            with guard:
                done[number] = found
        if on_asset is not None:
            with guard:
                on_asset(len(done) + len(failed), len(assets))

    with ThreadPoolExecutor(max_workers=max(1, processes)) as pool:
        try:
            for future in [pool.submit(one, number) for number in range(len(assets))]:
                future.result()
        except BaseException:
            lab.cancel.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[number] for number in sorted(done)], failed


def measure(lab: Lab, asset: Asset, metric: Metric) -> Measured:
    """The frames of one asset.

    Raises:
        InputError, ToolFailed, ResultInvalid, Cancelled, StoreError: as `score_pair`.
    """
    if lab.store is None:
        return Measured(asset, _score(lab, asset, metric).table(), known=False)
    facts = facts_of(lab, asset, metric)
    key = result_key(facts)
    owner = f"{os.getpid()}-{threading.get_ident()}"
    with lab.store.measuring(key, owner, lab.cancel) as known:
        if known is not None:
            return Measured(asset, known.frames, known=True)
        score = _score(lab, asset, metric)
        table = score.table()
        if facts_of(lab, asset, metric) != facts:
            raise InputError(f"a file of asset {asset.label} changed while it was scored")
        lab.store.put(key, metric.id, facts, _note(asset, score), table)
    return Measured(asset, table, known=False)


def facts_of(lab: Lab, asset: Asset, metric: Metric) -> dict[str, Any]:
    """Everything that an asset's numbers depend on. Raises: InputError."""
    return {
        "reference": content_hash(asset.reference.path, lab.hashes),
        "distorted": content_hash(asset.distorted.path, lab.hashes),
        "reference_side": _words(asset.reference),
        "distorted_side": _words(asset.distorted),
        "size": list(asset.size_px) if asset.size_px else None,
        "encode": list(asset.encode) if asset.encode else None,
        "metric": metric.id,
        "column": metric.column,
        "models": [model.id for model in metric.models],
        "features": [[each.name, *map(list, each.options)] for each in metric.features],
        "options": list(metric.options),
        "program": lab.capabilities.sha256,
        "version": lab.capabilities.version,
    }  # fmt: skip


def _score(lab: Lab, asset: Asset, metric: Metric) -> Score:
    try:
        return _scored(lab, asset, metric)
    except VmafkitError as error:
        # The way out is a field of a recipe: the harness does not have those flags.
        for pattern, words in _OWN_WORDS:
            error.hint = re.sub(pattern, words, error.hint)
        raise


def _scored(lab: Lab, asset: Asset, metric: Metric) -> Score:
    job = Job(cancel=lab.cancel, limits=lab.limits)
    with fsio.scratch_folder(within=lab.scratch) as folder:
        pair = pair_of(lab.program, asset, folder, job)
        geometry = EncodeGeometry(*asset.encode) if asset.encode else None
        request = replace(metric.request(), display=asset.size_px, encode_geometry=geometry)
        scorer = Scorer(lab.program, lab.capabilities.version)
        with lab.room.taken(pair_bytes(pair.reference, pair.distorted), lab.cancel):
            score = score_somewhere(scorer, pair, request, job)
    return metric.own.with_scores(score, metric.features) if metric.own else score


def _words(side: SideSpec) -> dict[str, Any]:
    raw, steps = side.raw, asdict(side.steps)
    return {
        "raw": [raw.width, raw.height, raw.pix_fmt, str(raw.framerate)] if raw else None,
        "steps": {name: str(value) for name, value in steps.items() if value is not None},
        "frames": list(side.frames) if side.frames else None,
    }


def _note(asset: Asset, score: Score) -> dict[str, Any]:
    return {
        "dataset": asset.dataset,
        "content": asset.content,
        "asset": asset.label,
        "reference": show(asset.reference.path),
        "distorted": show(asset.distorted.path),
        "frames": score.frame_count,
        "wall_s": round(score.wall_s, 3),
    }
