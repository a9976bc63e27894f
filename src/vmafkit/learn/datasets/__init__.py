"""The data sets: one file each, one line each in TABLE."""

from __future__ import annotations

import difflib
import importlib

from vmafkit.errors import UsageError
from vmafkit.learn.datasets.base import Clip, Dataset, FilePair, Listing, Query, View

__all__ = ["TABLE", "Clip", "Dataset", "FilePair", "Listing", "Query", "View", "get"]

TABLE: dict[str, str] = {
    "nflx-local": ".nflx_local:DATASET",
    "konvid-1k": ".konvid_1k:DATASET",
    "bvi-dvc": ".bvi_dvc:DATASET",
    "youtube-ugc": ".youtube_ugc:DATASET",
    "generic": ".generic:DATASET",
    "clips": ".clips:DATASET",
    "made": ".made:DATASET",
}


def get(name: str) -> Dataset:
    """The data set of that name.

    Raises:
        UsageError: there is none; the hint lists them.
    """
    where = TABLE.get(name)
    if where is None:
        near = difflib.get_close_matches(name, TABLE, n=2)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"data set {name!r} is not known", hint=f"{guess}there are: {', '.join(TABLE)}"
        )
    module, _, attribute = where.partition(":")
    found: object = getattr(importlib.import_module(module, __package__), attribute)
    if not isinstance(found, Dataset):
        raise TypeError(f"{where} is not a Dataset")
    return found
