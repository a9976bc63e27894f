"""`generic`: a CSV or YAML list of pairs, in any container.

Fields: `reference`, `distorted` (relative to the root, by default the list's own folder),
and optionally `source` (the content), `codec`, and `width`, `height`, `pix_fmt`, `framerate`
of raw files.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from vmafkit.errors import UsageError
from vmafkit.learn.confine import below, data_root
from vmafkit.learn.datasets.base import Dataset, FilePair, Listing, Query
from vmafkit.learn.datasets.tables import geometry, known_fields, read_records, text_of
from vmafkit.media.source import RawGeometry

_FIELDS = frozenset(
    ("reference", "distorted", "source", "codec", "width", "height", "pix_fmt", "framerate")
)
_RAW = (".yuv", ".raw")


def find(query: Query) -> Listing:
    """The pairs of a list, in its order.

    Raises:
        UsageError: no list, or a record is not a pair.
        Refused: a path leads out of the root.
        Unreadable: the list or a file cannot be read.
    """
    if query.table is None:
        raise UsageError("data set generic needs a list of pairs", hint="give --pairs FILE.csv")
    root = data_root(query.root or query.table.absolute().parent)
    pairs: list[FilePair] = []
    for number, record in enumerate(read_records(query.table, "pairs"), start=1):
        where = f"pair {number} of {query.table.name}"
        known_fields(record, _FIELDS, where)
        reference = text_of(record, "reference", where)
        distorted = text_of(record, "distorted", where)
        raw = geometry(record, where)
        pairs.append(
            FilePair(
                key=PurePosixPath(distorted).as_posix(),
                source=str(record.get("source") or PurePosixPath(reference).stem),
                reference=below(root, reference),
                distorted=below(root, distorted),
                reference_raw=_raw(reference, raw),
                distorted_raw=_raw(distorted, raw),
                codec=str(record.get("codec", "")),
            )
        )
    keys = [pair.key for pair in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UsageError(f"{query.table.name} names the distorted file {twice} twice")
    return Listing(tuple(pairs), (), (), root / ".cache", "generic_features.parquet")


def _raw(name: str, raw: RawGeometry | None) -> RawGeometry | None:
    return raw if name.lower().endswith(_RAW) else None


DATASET = Dataset(
    name="generic",
    licence="as the files' owner says",
    about="a CSV or YAML list of pairs, any container",
    find=find,
)
