"""`bvi-dvc`: raw clips named `<tier><Name>_<W>x<H>_<fps>fps_<bits>bit_420.yuv`, or containers.

The first letter is the resolution tier (A to D); the four tiers of one scene are one source.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import PurePosixPath

from vmafkit.learn.confine import below, files_below
from vmafkit.learn.datasets.base import VIDEO_SUFFIXES, Clip, Dataset, Listing, Query
from vmafkit.learn.datasets.roots import own_or_child
from vmafkit.media.source import RawGeometry

_NAME = re.compile(
    r"(?P<tier>[A-D])(?P<scene>[A-Za-z0-9-]+)_(?P<width>\d+)x(?P<height>\d+)_"
    r"(?P<fps>\d+(?:\.\d+)?)fps_(?P<bits>8|10)bit_420\.\w+",
    re.ASCII,
)


def find(query: Query) -> Listing:
    """The clips, sorted by path.

    Raises:
        UsageError: no root.
        Refused: a path leads out of the root.
        Unreadable: a folder or file cannot be read.
    """
    root = own_or_child(query, "bvi-dvc")
    clips: list[Clip] = []
    skipped: list[str] = []
    for relative in files_below(root, "", (".yuv", *VIDEO_SUFFIXES)):
        name = PurePosixPath(relative).name
        parts = _NAME.fullmatch(name)
        if parts is None:
            skipped.append(f"{relative}: not named <tier><Name>_<W>x<H>_<fps>fps_<bits>bit_420")
            continue
        raw = None
        if name.lower().endswith(".yuv"):
            pix_fmt = "yuv420p10le" if parts["bits"] == "10" else "yuv420p"
            size = (int(parts["width"]), int(parts["height"]))
            raw = RawGeometry(*size, pix_fmt, Fraction(parts["fps"]))
        clips.append(Clip(relative, parts["scene"], below(root, relative), raw))
    return Listing((), tuple(clips), tuple(skipped), root / ".cache", "bvi_dvc_features.parquet")


DATASET = Dataset(
    name="bvi-dvc",
    licence="BVI-DVC: academic use; not redistributed here",
    about="pristine clips in four sizes; pairs are made by our encoders",
    find=find,
)
