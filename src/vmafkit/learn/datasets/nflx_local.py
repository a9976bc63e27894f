"""`nflx-local`: the layout of the Netflix public data set.

`<root>/ref/` and `<root>/dis/` hold raw files named
`<source>_<quality>_<height>_<kbps>.yuv`; references may also be `<source>_<N>fps.yuv`.
A distorted file belongs to the reference with the same first name part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

from vmafkit.errors import Refused, UsageError
from vmafkit.learn.confine import below, files_below
from vmafkit.learn.datasets.base import Dataset, FilePair, Listing, Query
from vmafkit.learn.datasets.roots import flag_or_environment
from vmafkit.media import pixfmt
from vmafkit.media.source import RawGeometry

CACHE_NAME = "nflx_features.parquet"
_LADDER = re.compile(r"(?P<source>[^_]+)_(?P<quality>\d+)_(?P<height>\d+)_(?P<kbps>\d+)\.yuv", re.A)
_RATED = re.compile(r"(?P<source>[^_]+)_(?P<fps>\d+)fps\.yuv", re.A)
_PUBLISHED_SIZE = (1920, 1080)


@dataclass(frozen=True, slots=True)
class _Named:
    path: Path
    relative: str
    source: str
    quality: int
    height: int | None
    fps: int | None


def find(query: Query) -> Listing:
    """Pairs of a root in this layout, sorted by the distorted file's path.

    Raises:
        UsageError: no root, or the geometry of a file cannot be told.
        Refused: a path leads out of the root, or a source has two references.
        Unreadable: a folder or file cannot be read.
    """
    root = flag_or_environment(query)
    skipped: list[str] = []
    references = _references(_named(root, "ref", skipped))
    pairs: list[FilePair] = []
    for distorted in _named(root, "dis", skipped):
        reference = references.get(distorted.source)
        if reference is None:
            skipped.append(f"{distorted.relative}: no reference of source {distorted.source}")
            continue
        ours = _geometry(reference, None, query)
        pairs.append(
            FilePair(
                key=PurePosixPath(distorted.relative).relative_to("dis").as_posix(),
                source=distorted.source,
                reference=reference.path,
                distorted=distorted.path,
                reference_raw=ours,
                distorted_raw=_geometry(distorted, (reference, ours), query),
            )
        )
    return Listing(tuple(pairs), (), tuple(skipped), root / ".cache", CACHE_NAME)


def _named(root: Path, folder: str, skipped: list[str]) -> list[_Named]:
    found: list[_Named] = []
    for relative in files_below(root, folder, (".yuv",)):
        name = PurePosixPath(relative).name
        path = below(root, relative)
        ladder, rated = _LADDER.fullmatch(name), _RATED.fullmatch(name)
        if ladder is not None:
            quality, height = int(ladder["quality"]), int(ladder["height"])
            found.append(_Named(path, relative, ladder["source"], quality, height, None))
        elif rated is not None and folder == "ref":
            found.append(_Named(path, relative, rated["source"], 0, None, int(rated["fps"])))
        else:
            skipped.append(f"{relative}: not named <source>_<quality>_<height>_<kbps>.yuv")
    return found


def _references(found: list[_Named]) -> dict[str, _Named]:
    chosen: dict[str, _Named] = {}
    for each in sorted(found, key=lambda one: (one.source, one.quality)):
        other = chosen.setdefault(each.source, each)
        if other is not each and other.quality == each.quality:
            raise Refused(
                f"source {each.source} has two references: {other.relative} and {each.relative}",
                hint="leave the pristine one, with quality 0, in ref/",
            )
    return chosen


def _geometry(
    file: _Named, reference: tuple[_Named, RawGeometry] | None, query: Query
) -> RawGeometry:
    """The flags' geometry, else the one that the name, the reference and the size agree on."""
    pix_fmt = query.pix_fmt or "yuv420p"
    rate = query.framerate or Fraction(file.fps or 25)
    if query.width or query.height:
        if not (query.width and query.height):
            raise UsageError("--width and --height go together")
        return RawGeometry(query.width, query.height, pix_fmt, rate)
    sizes: list[tuple[int, int]] = []
    size_bytes = file.path.stat().st_size
    if reference is not None:
        rate = reference[1].framerate
        ours = (reference[1].width, reference[1].height)
        if size_bytes == reference[0].path.stat().st_size:
            return RawGeometry(*ours, pix_fmt, rate)
        sizes.append(ours)
    if file.height:
        sizes.append((round(file.height * 16 / 18) * 2, file.height))
    sizes.append(_PUBLISHED_SIZE)
    for width, height in dict.fromkeys(sizes):
        per_frame = pixfmt.frame_bytes(pix_fmt, width, height)
        whole = size_bytes and size_bytes % per_frame == 0
        if whole and (reference is None or _same_length(size_bytes // per_frame, reference)):
            return RawGeometry(width, height, pix_fmt, rate)
    tried = ", ".join(f"{width}x{height}" for width, height in dict.fromkeys(sizes))
    raise UsageError(
        f"the picture size of {file.relative} cannot be told: its {size_bytes} bytes are no"
        f" whole frames of {tried} in {pix_fmt}",
        hint="give --width, --height and --pix-fmt",
    )


def _same_length(frames: int, reference: tuple[_Named, RawGeometry]) -> bool:
    named, raw = reference
    return frames * pixfmt.frame_bytes(raw.pix_fmt, raw.width, raw.height) == (
        named.path.stat().st_size
    )


DATASET = Dataset(
    name="nflx-local",
    licence="Netflix public dataset: for research; not redistributed here",
    about="ref/ and dis/ with raw files named <source>_<quality>_<height>_<kbps>.yuv",
    find=find,
)
