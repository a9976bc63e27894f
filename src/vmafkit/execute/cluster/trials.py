"""Trials on a cluster: cells go out, facts and per-frame scores come back, encodes if wanted."""

from __future__ import annotations

import contextlib
import platform
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vmafkit import fsio, proc, settings
from vmafkit.decide.sweep import Cell
from vmafkit.errors import CapabilityMissing, Changed, Refused, ToolMissing, VmafkitError
from vmafkit.execute.cluster import answers, worker
from vmafkit.execute.cluster.client import Cluster
from vmafkit.execute.measuring import MeasuredCell, Rig, measure
from vmafkit.execute.toolchain import toolchain
from vmafkit.proc import Limits

# An encode travels through the scheduler whole.
_LARGEST_ENCODE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Order:
    """Cells of one reference that a worker is to measure.

    Attributes:
        cells: with sources as the coordinator sees them.
        located: their source.
        wanted: whose encodes are to come back.
        score_threads, limits: as on the coordinator, with its bound on memory.
        versions: of the coordinator.
        mixed_versions: measure with other versions than the cells were planned with.
    """

    cells: tuple[Cell, ...]
    located: worker.Located
    wanted: tuple[bool, ...]
    score_threads: int
    limits: Limits
    versions: worker.Versions
    mixed_versions: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """What comes back of a cell: what was measured, and the bytes of the encode if wanted."""

    measured: MeasuredCell
    video: bytes | None


def measure_there(
    rig: Rig, cluster: Cluster, cells: Sequence[Cell], folder: Path, wanted: Sequence[bool]
) -> list[MeasuredCell | VmafkitError]:
    """Measure cells of one reference on some worker.

    Raises:
        Unreadable, Changed: no worker can come to the source or to a model.
        StoreError: an encode that came back cannot be written, or no worker has room.
        ToolFailed, Cancelled: as `Cluster.run`.
    """
    located = worker.locate(cells[0].source, cells[0].spec.source_sha256)
    order = Order(
        tuple(cells), located, tuple(wanted), rig.score_threads,
        replace(rig.limits, memory_bytes=proc.memory_bound()),
        cluster.versions, cluster.mixed_versions,
    )  # fmt: skip
    delivered: list[Delivered | VmafkitError] = cluster.run(
        rig.cancel, measure_order, order, [located], needs=_needs(order)
    )
    outcomes: list[MeasuredCell | VmafkitError] = []
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

    Raises: answers.Unfit.
    """
    with answers.fit_for(every_task=True):
        capabilities = worker.worker_capabilities()
        here = worker.versions()
        if not order.mixed_versions:
            order.versions.require(here, platform.node())
    with contextlib.ExitStack() as until:
        with answers.fit_for():
            _check_inputs(order.cells[0])
            folder = until.enter_context(fsio.scratch_folder(within=settings.scratch_room()))
            source = worker.place(order.located, folder, data, until=until)
            cells = [replace(_as_here(order, cell, here), source=source) for cell in order.cells]
        rig = Rig(
            program=Path(capabilities.path),
            version=capabilities.version,
            score_threads=order.score_threads,
            limits=order.limits,
            cancel=cancel,
            scratch=folder,
            cluster=None,
        )
        with answers.fit_for(answers.FAULTS):
            outcomes = measure(rig, cells, folder, wanted=order.wanted)
        for each in outcomes:
            if isinstance(each, ToolMissing):
                raise answers.unfit(each)
        return [
            each if isinstance(each, VmafkitError) else _packed(each, wanted, here.tool)
            for each, wanted in zip(outcomes, order.wanted, strict=True)
        ]


def _needs(order: Order) -> str:
    cell = order.cells[0]
    kinds = sorted({f"{each.encoder.name} {each.scorer.name}" for each in order.cells})
    return " ".join((order.located.sha256, *kinds, *cell.spec.models))


def _packed(measured: MeasuredCell, wanted: bool, tool: str) -> Delivered | VmafkitError:
    assert measured.video is not None
    video = None
    if wanted:
        if measured.video.stat().st_size > _LARGEST_ENCODE_BYTES:
            return Refused(
                "an encode of more than 1 GiB cannot come back from the cluster",
                hint="leave out the flag that keeps encodes, or run without --cluster",
            )
        video = measured.video.read_bytes()
    facts = {**measured.facts, "tool_version": tool}
    return Delivered(replace(measured, facts=facts, video=None), video)


def _as_here(order: Order, cell: Cell, here: worker.Versions) -> Cell:
    """The cell with what this machine computes it with, which must be as planned.

    Raises:
        CapabilityMissing: the engine is to score it and is not built here.
        Refused: other versions, which were not asked for.
    """
    scorer, planned = cell.scorer, cell.spec.toolchain
    if scorer.name == "engine":
        if not here.engine:
            raise CapabilityMissing(
                f"worker {platform.node()} has no VMAF engine",
                hint="run `vmafkit engine build` there, or give --score-backend libvmaf",
            )
        scorer = replace(scorer, key=f"engine {here.engine}")
    tools = toolchain(worker.worker_capabilities(), cell.encoder)
    # One program may lie where it names its encoders and elsewhere where it does not.
    if tools.ffmpeg_sha256 == planned.ffmpeg_sha256 and "" in (
        tools.encoder_version, planned.encoder_version,
    ):  # fmt: skip
        tools = planned
    tools = replace(tools, scorer=scorer.key)
    if tools == planned:
        return cell
    if not order.mixed_versions:
        raise Refused(
            f"worker {platform.node()} has ffmpeg {tools.ffmpeg_version} with "
            f"{cell.encoder.name} {tools.encoder_version or 'of another build'}, and the run was "
            f"planned with ffmpeg {planned.ffmpeg_version}",
            hint=worker.SAME_VERSIONS,
        )
    return replace(cell, spec=replace(cell.spec, toolchain=tools), scorer=scorer)


def _check_inputs(cell: Cell) -> None:
    worker.require_models(cell.models, cell.spec.models)
    tool = cell.scorer.tool
    if tool is None:
        return
    if not tool.is_file() or fsio.sha256_file(tool) != cell.scorer.key.rpartition(" ")[2]:
        raise Changed(
            f"worker {platform.node()} does not have the vmaf binary {tool} of this machine",
            hint="install the same one at that path, or leave --vmaf-binary out",
        )
