"""Trials that other versions made, which a sweep of mixed versions takes for its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from typing import Any

from vmafkit.decide.sweep import Cell
from vmafkit.store.spec import Toolchain
from vmafkit.store.trials import TrialStore


def as_stored(
    store: TrialStore,
    cells: Sequence[Cell],
    done: Collection[str],
    takes: Callable[[Cell], bool],
) -> list[Cell]:
    """The cells; one that is not known, but that other versions measured, with those versions.

    Args:
        done: keys of the trials that the corpus has rows of, which go before others.
        takes: whether a cell with other versions will do.
    """
    return [_as_stored(store, cell, done, takes) for cell in cells]


def _as_stored(
    store: TrialStore, cell: Cell, done: Collection[str], takes: Callable[[Cell], bool]
) -> Cell:
    spec = cell.spec
    if spec.key in done or store.get(spec.key) is not None:
        return cell
    found = store.find(
        source_sha256=spec.source_sha256,
        encoder=spec.encoder,
        preset=spec.preset,
        quality=float(cell.quality),
    )
    wanted = json.loads(spec.canonical())
    for record in sorted(found, key=lambda each: each.key not in done):
        stored: dict[str, Any] = json.loads(record.spec_json)
        tools = stored.get("toolchain", {})
        if stored | {"toolchain": None} != wanted | {"toolchain": None}:
            continue
        if tools.keys() != asdict(spec.toolchain).keys():
            continue
        other = _with_tools(cell, Toolchain(**tools))
        if _is_alike(cell, other) and other.spec.key == record.key and takes(other):
            return other
    return cell


def _with_tools(cell: Cell, tools: Toolchain) -> Cell:
    scorer = replace(cell.scorer, key=tools.scorer)
    return replace(cell, spec=replace(cell.spec, toolchain=tools), scorer=scorer)


def _is_alike(cell: Cell, other: Cell) -> bool:
    """Whether the same backend scored both, if in another version."""
    ours, theirs = cell.spec.toolchain.scorer, other.spec.toolchain.scorer
    return cell.scorer.tool is None and ours.split()[0] == theirs.split()[0]
