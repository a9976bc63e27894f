"""`clips`: a folder of pristine videos; our encoders make the distorted sides.

A list of views (`--pairs views.yaml`) cuts pieces out of them first. Fields of a view: `clip`
(relative to the root), `name`, `source` (the content; default the clip's stem), `start`,
`frames`, `step`, `crop` (width, height, x, y), `scale` (width, height), and `width`, `height`,
`pix_fmt`, `framerate` of raw files.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, cast

from vmafkit.errors import UsageError
from vmafkit.learn.confine import below, files_below
from vmafkit.learn.datasets.base import VIDEO_SUFFIXES, Clip, Dataset, Listing, Query, View
from vmafkit.learn.datasets.roots import flag_or_environment
from vmafkit.learn.datasets.tables import (
    geometry,
    known_fields,
    numbers,
    read_records,
    text_of,
    whole_number,
)

_FIELDS = frozenset(
    ("clip", "name", "source", "start", "frames", "step", "crop", "scale",
     "width", "height", "pix_fmt", "framerate")
)  # fmt: skip


def find(query: Query) -> Listing:
    """The clips of a folder, or the views of them that a list names.

    Raises:
        UsageError: no root, or a view is not one.
        Refused: a path leads out of the root.
        Unreadable: a folder, file or the list cannot be read.
    """
    root = flag_or_environment(query)
    if query.table is None:
        clips = [
            Clip(name, PurePosixPath(name).stem, below(root, name))
            for name in files_below(root, "", VIDEO_SUFFIXES)
        ]
    else:
        records = read_records(query.table, "views")
        clips = [
            _view(root, record, f"view {number} of {query.table.name}")
            for number, record in enumerate(records, start=1)
        ]
    keys = [clip.key for clip in clips]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UsageError(f"two views have the name {twice}", hint="give each a name of its own")
    return Listing((), tuple(clips), (), None, "clips_features.parquet")


def _view(root: Path, record: dict[str, Any], where: str) -> Clip:
    known_fields(record, _FIELDS, where)
    clip = text_of(record, "clip", where)
    stem = PurePosixPath(clip).stem
    view = View(
        name=str(record.get("name") or stem),
        start=whole_number(record, "start", where, 0) or 0,
        frames=whole_number(record, "frames", where, None),
        step=whole_number(record, "step", where, 1) or 1,
        crop=cast("tuple[int, int, int, int] | None", numbers(record, "crop", 4, where)),
        scale=cast("tuple[int, int] | None", numbers(record, "scale", 2, where)),
    )
    source = str(record.get("source") or stem)
    return Clip(view.name, source, below(root, clip), geometry(record, where), view)


DATASET = Dataset(
    name="clips",
    licence="as the files' owner says",
    about="a folder of pristine videos, or views of them; pairs are made by our encoders",
    find=find,
)
