"""Trials on a cluster: cells go out, facts and per-frame scores come back, encodes if wanted."""

from __future__ import annotations

import platform
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.decide.sweep import Cell
from vmafkit.errors import Changed, InputError, Refused, VmafkitError
from vmafkit.execute.cluster import worker
from vmafkit.execute.cluster.client import Cluster
from vmafkit.execute.measuring import Measured, Rig, measure
from vmafkit.execute.toolchain import toolchain
from vmafkit.proc import Limits
from vmafkit.scoring.vmaf_models import model_key

# An encode travels through the scheduler whole.
_LARGEST_ENCODE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Order:
    """Cells of one reference that a worker is to measure.

    Attributes:
        cells: with sources as the coordinator sees them.
        located: their source.
        wanted: whose encodes are to come back.
        score_threads, limits: as on the coordinator.
        mixed_versions: measure with other versions than the cells were planned with.
    """

    cells: tuple[Cell, ...]
    located: worker.Located
    wanted: tuple[bool, ...]
    score_threads: int
    limits: Limits
    mixed_versions: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """What comes back of a cell: what was measured, and the bytes of the encode if wanted."""

    measured: Measured
    video: bytes | None


def measure_there(
    rig: Rig, cluster: Cluster, cells: Sequence[Cell], folder: Path, wanted: Sequence[bool]
) -> list[Measured | VmafkitError]:
    """Measure cells of one reference on some worker.

    Raises:
        Unreadable, Changed: the worker cannot come to the source or to a model.
        Refused: the worker has other versions.
        StoreError: an encode that came back cannot be written.
        ToolFailed, Cancelled: as `Cluster.run`.
    """
    located = worker.locate(cells[0].source, cells[0].spec.source_sha256)
    order = Order(
        tuple(cells), located, tuple(wanted), rig.score_threads, rig.limits, cluster.mixed_versions
    )
    delivered: list[Delivered | VmafkitError] = cluster.run(
        rig.cancel, measure_order, order, cluster.data_of(located)
    )
    outcomes: list[Measured | VmafkitError] = []
    for number, (cell, each) in enumerate(zip(cells, delivered, strict=True)):
        if isinstance(each, VmafkitError):
            outcomes.append(each)
            continue
        video = None
        if each.video is not None:
            video = folder / f"encode{number}.{cell.encoder.container}"
            fsio.write_scratch(video, each.video)
        there = replace(each.measured.cell, source=cell.source)
        outcomes.append(replace(each.measured, cell=there, video=video))
    return outcomes


def measure_order(
    order: Order, data: bytes | None, *, cancel: threading.Event
) -> list[Delivered | VmafkitError]:
    """Measure an order on this machine; runs on a worker.

    Args:
        data: the source's bytes where it is a private file of the coordinator.
    """
    capabilities = worker.worker_capabilities()
    source = worker.place(order.located, data)
    _check_inputs(order.cells[0])
    cells = [replace(_with_toolchain(order, cell), source=source) for cell in order.cells]
    with fsio.scratch_folder(within=settings.scratch_room()) as folder:
        rig = Rig(
            program=Path(capabilities.path),
            version=capabilities.version,
            score_threads=order.score_threads,
            limits=order.limits,
            cancel=cancel,
            scratch=folder,
            cluster=None,
        )
        outcomes = measure(rig, cells, folder, wanted=order.wanted)
        return [
            each if isinstance(each, VmafkitError) else _packed(each, wanted)
            for each, wanted in zip(outcomes, order.wanted, strict=True)
        ]


def _packed(measured: Measured, wanted: bool) -> Delivered | VmafkitError:
    assert measured.video is not None
    video = None
    if wanted:
        if measured.video.stat().st_size > _LARGEST_ENCODE_BYTES:
            return Refused(
                "an encode of more than 1 GiB cannot come back from the cluster",
                hint="leave out the flag that keeps encodes, or run without --cluster",
            )
        video = measured.video.read_bytes()
    return Delivered(replace(measured, video=None), video)


def _with_toolchain(order: Order, cell: Cell) -> Cell:
    """The cell with what this machine computes it with, which must be as planned."""
    here = replace(
        toolchain(worker.worker_capabilities(), cell.encoder), scorer=cell.spec.toolchain.scorer
    )
    planned = cell.spec.toolchain
    if here == planned:
        return cell
    if not order.mixed_versions:
        raise Refused(
            f"worker {platform.node()} has ffmpeg {here.ffmpeg_version} with "
            f"{cell.encoder.name} {here.encoder_version or 'of another build'}, and the run was "
            f"planned with ffmpeg {planned.ffmpeg_version}",
            hint="install the same versions on every machine, or give --mixed-versions",
        )
    return replace(cell, spec=replace(cell.spec, toolchain=here))


def _check_inputs(cell: Cell) -> None:
    try:
        models = sorted(model_key(model) for model in cell.models)
    except OSError as error:
        raise InputError(
            f"worker {platform.node()} does not see a model file: {error.filename}",
            hint="put it on a disk that every worker has at that path",
        ) from error
    if models != sorted(cell.spec.models):
        raise Changed(
            f"a model file on worker {platform.node()} is another one than on this machine",
            hint="copy it again",
        )
    tool = cell.scorer.tool
    if tool is None:
        return
    if not tool.is_file() or fsio.sha256_file(tool) != cell.scorer.key.rpartition(" ")[2]:
        raise Changed(
            f"worker {platform.node()} does not have the vmaf binary {tool} of this machine",
            hint="install the same one at that path, or leave --vmaf-binary out",
        )
