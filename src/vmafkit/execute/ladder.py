"""Measures the cells of a ladder over the trial store, and makes the encodes of its rungs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from vmafkit import fsio
from vmafkit.decide.ladder import LadderCell, LadderSearch
from vmafkit.decide.samples import full
from vmafkit.decide.sweep import Cell
from vmafkit.encoders.gop import fixed_gop, with_gop
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.execute.search import Asked, Measured, Setup, measure, measure_all
from vmafkit.execute.trial import run_trial


@dataclass(frozen=True, slots=True)
class RungSetup(Setup):
    """The trials of one rendition: as they will be packaged, in closed groups of one length.

    Attributes:
        gop_frames: from one key frame to the next.
    """

    gop_frames: int = 0

    @classmethod
    def of(
        cls, base: Setup, gop_frames: int, scale: tuple[int, int] | None, keep: Path | None
    ) -> RungSetup:
        """A search's setup for one rendition; `scale` None is the source's own size."""
        is_whole = base.samples.is_full
        return cls(
            bench=base.bench,
            known=base.known,
            encoder=base.encoder,
            preset=base.preset,
            grid=base.grid,
            scoring=base.scoring,
            toolchain=base.toolchain,
            targets=base.targets,
            samples=base.samples,
            # Whole cells run beside each other instead.
            workers=1 if is_whole else base.workers,
            keep=keep if is_whole else None,
            scale=scale,
            gop_frames=gop_frames,
        )

    def cells(self, quality: float) -> tuple[Cell, ...]:
        """The trials of one value, one for each window."""
        return tuple(self._grouped(cell) for cell in Setup.cells(self, quality))

    def _grouped(self, cell: Cell) -> Cell:
        if fixed_gop(cell.encoder, self.gop_frames) is None:
            return cell
        argv = with_gop(cell.spec.encode_argv, cell.encoder, self.gop_frames)
        # Matroska rounds times to milliseconds, which would stay in the segments.
        encoder = replace(cell.encoder, container="mp4")
        size = self.scale or cell.source.display_size
        stem = cell.file_name.rpartition(".")[0]
        return replace(
            cell,
            spec=replace(cell.spec, encode_argv=argv),
            encoder=encoder,
            file_name=f"{stem}__{size[0]}x{size[1]}.mp4",
        )


Setups = Mapping[tuple[int, int], RungSetup]


def run_ladder(
    setups: Setups,
    search: LadderSearch,
    *,
    workers: int,
    exhaustive: bool = False,
    on_event: OnEvent = ignore,
) -> dict[LadderCell, Measured]:
    """Measure until the ladder stands, or the whole grid.

    Args:
        setups: by (width, height) of the rendition.
        workers: trials at once, or batches of them.

    Raises:
        VmafkitError: a trial failed; those before are in the store.
    """
    measured: dict[LadderCell, Measured] = {}
    todo = _grid(search) if exhaustive else search.ask()
    while todo:
        for cell, found in zip(todo, _measure_all(setups, todo, workers, on_event), strict=True):
            measured[cell] = found
            search.tell(cell, found.probe.bitrate_kbps, found.scores[0])
        todo = [] if exhaustive else search.ask()
    return measured


def run_whole(
    setups: Setups,
    search: LadderSearch,
    measured: dict[LadderCell, Measured],
    folder: Path,
    *,
    workers: int,
    exhaustive: bool = False,
    on_event: OnEvent = ignore,
) -> dict[LadderCell, Measured]:
    """Measure the whole source until every rung was; nothing where windows were not sampled.

    Args:
        measured: what `run_ladder` gave; cells that are measured on windows besides are added.
        folder: for the encodes.

    Raises:
        VmafkitError: a trial failed, or no setting lies within caps and floors.
    """
    whole: dict[LadderCell, Measured] = {}
    while (cell := search.ask_whole()) is not None:
        setup = replace(_whole(setups, cell), keep=folder)
        found = measure(setup, cell.value, _named(cell, on_event))
        whole[cell] = found
        search.tell_whole(cell, found.probe.bitrate_kbps, found.scores[0])
        if not exhaustive:
            measured |= run_ladder(setups, search, workers=workers, on_event=on_event)
    return whole


def make_rungs(
    setups: Setups,
    cells: Sequence[LadderCell],
    folder: Path,
    whole: Mapping[LadderCell, Measured] = MappingProxyType({}),
    on_event: OnEvent = ignore,
) -> list[tuple[Path, Measured]]:
    """The encodes of the whole source at these cells, scored, as files in a folder.

    Args:
        whole: what `run_whole` gave; encodes that are no rungs are removed.

    Raises:
        VmafkitError: a trial failed.
    """
    for cell, each in whole.items():
        if each.path is not None and cell not in cells:
            fsio.remove(each.path)
    made: list[tuple[Path, Measured]] = []
    for cell in cells:
        setup = _whole(setups, cell)
        trial = setup.cells(cell.value)[0]
        path = folder / f"{trial.spec.key}.{trial.encoder.container}"
        keeping = replace(setup, keep=folder)
        measured = whole.get(cell) or measure(keeping, cell.value, _named(cell, on_event))
        if measured.path is None:
            # A known trial leaves no file, so it is encoded once more.
            run_trial(setup.bench, trial, keep=path)
        made.append((path, measured))
    return made


def _whole(setups: Setups, cell: LadderCell) -> RungSetup:
    setup = setups[cell.width, cell.height]
    return replace(setup, samples=full(setup.known.source.frame_count), keep=None)


def _grid(search: LadderSearch) -> list[LadderCell]:
    return [
        LadderCell(height, width, value)
        for width, height in search.renditions
        for value in search.values
    ]


def _measure_all(
    setups: Setups, cells: Sequence[LadderCell], workers: int, on_event: OnEvent
) -> list[Measured]:
    return measure_all(
        [
            Asked(setups[cell.width, cell.height], cell.value, _named(cell, on_event))
            for cell in cells
        ],
        workers=workers,
    )


def _named(cell: LadderCell, on_event: OnEvent) -> OnEvent:
    def show(event: Event) -> None:
        on_event(Event(event.type, {**event.payload, "rendition": cell.rendition}))

    return show
