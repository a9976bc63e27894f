"""The workspace and its result store, as verbs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmafkit.errors import UsageError
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.harness.results import FileResultStore, Result
from vmafkit.harness.workspace import LEVELS, SUBFOLDERS, open_workspace
from vmafkit.scoring.score import pool_frames

_DAY_S = 86400.0


def workspace_show(*, workspace: str | Path | None = None) -> dict[str, Any]:
    """Where the workspace and its folders are, and what is in each; nothing is made."""
    space = open_workspace(workspace)
    return {
        "type": "workspace",
        "root": str(space.root),
        "folders": {name: {"path": str(space.root / name), "holds": what}
                    for name, what in SUBFOLDERS.items()},
        "file_result_store": str(space.results),
        "encode_store": str(space.encodes),
    }  # fmt: skip


def workspace_sizes(*, workspace: str | Path | None = None) -> dict[str, int]:
    """The bytes in each folder of the workspace."""
    return open_workspace(workspace).sizes()


def workspace_clean(
    *, levels: Sequence[str] = ("safe",), workspace: str | Path | None = None
) -> dict[str, int]:
    """Empty the folders of some levels; what a living run holds stays.

    Args:
        levels: `safe` (scratch and output), `caches` (stored results and encodes), `models`.

    Returns: bytes removed, by folder.
    Raises: UsageError, StoreError.
    """
    return open_workspace(workspace).clean(levels)


def workspace_levels() -> dict[str, str]:
    """What emptying each level destroys, in words."""
    return {name: level.loses for name, level in LEVELS.items()}


def store_list(
    *,
    metric: str | None = None,
    dataset: str | None = None,
    workspace: str | Path | None = None,
) -> list[dict[str, Any]]:
    """The stored results, oldest first, without their frames. Raises: StoreError."""
    with FileResultStore(open_workspace(workspace).results) as store:
        return [_line(each) for each in store.results(metric=metric, dataset=dataset)]


def store_show(key: str, *, workspace: str | Path | None = None) -> dict[str, Any]:
    """One result with everything it depends on and its pooled scores.

    Args:
        key: its first digits.

    Raises: UsageError for none or several; StoreError.
    """
    with FileResultStore(open_workspace(workspace).results) as store:
        found = store.one(key)
    pooled = {
        name: pool_frames(found.frames[name].to_numpy(), "mean")
        for name in found.frames.columns
        if name != "frame" and not found.frames[name].is_infinite().any()
    }
    return {**_line(found), "key": found.key, "facts": found.facts, "mean": pooled}


def store_prune(
    *,
    metric: str | None = None,
    dataset: str | None = None,
    older_than_days: float | None = None,
    stale: bool = False,
    everything: bool = False,
    ffmpeg_bin: str | Path | None = None,
    workspace: str | Path | None = None,
) -> int:
    """Remove the results that agree with all that is said; returns how many.

    Args:
        stale: only those of another ffmpeg than the one here.
        everything: needed to remove all of them.

    Raises: UsageError when nothing is said; StoreError.
    """
    said = (metric, dataset, older_than_days)
    if all(each is None for each in said) and not stale and not everything:
        raise UsageError(
            "nothing is said to prune", hint="name --metric, --dataset, --older-than or --stale"
        )
    here = read_capabilities(find_ffmpeg(ffmpeg_bin)).sha256 if stale else ""
    with FileResultStore(open_workspace(workspace).results) as store:
        return store.prune(
            metric=metric,
            dataset=dataset,
            older_than_s=None if older_than_days is None else older_than_days * _DAY_S,
            stale=(lambda each: each.facts.get("program") != here) if stale else None,
        )


def store_export(output: str | Path, *, workspace: str | Path | None = None) -> int:
    """Write the per-frame scores of all results to `.parquet` or `.csv`; returns the rows.

    Raises: UsageError, OutputError, StoreError.
    """
    with FileResultStore(open_workspace(workspace).results) as store:
        return store.export(Path(output))


def _line(result: Result) -> dict[str, Any]:
    return {
        "key": result.key,
        "metric": result.metric,
        "created": result.created,
        **result.note,
    }
