"""`youtube-ugc`: an original and its transcodes, `<stem>_{orig,cbr,vod,vodlb}.*`.

A `manifest.json` of the form `{stem: {"orig": path, "cbr": path, ..}}` is read when it is there;
else the folder is searched.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, cast

from vmafkit import fsio
from vmafkit.errors import Unreadable
from vmafkit.learn.confine import below, files_below
from vmafkit.learn.datasets.base import VIDEO_SUFFIXES, Dataset, FilePair, Listing, Query
from vmafkit.learn.datasets.roots import own_or_child
from vmafkit.media.hashing import show
from vmafkit.schema import strictjson

MANIFEST = "manifest.json"
KINDS = ("cbr", "vod", "vodlb")
_NAME = re.compile(r"(?P<stem>.+)_(?P<kind>orig|cbr|vod|vodlb)\.\w+", re.ASCII)
_LIMIT_BYTES = 16 << 20


def find(query: Query) -> Listing:
    """Pairs of an original and a transcode, sorted by stem.

    Raises:
        UsageError: no root.
        Refused: a path leads out of the root.
        Unreadable: a folder, file or the manifest cannot be read.
    """
    root = own_or_child(query, "youtube-ugc")
    pairs: list[FilePair] = []
    skipped: list[str] = []
    for stem, files in sorted(_groups(root).items()):
        if "orig" not in files or not any(kind in files for kind in KINDS):
            skipped.append(f"{stem}: an original or its transcodes are missing")
            continue
        original = below(root, files["orig"])
        pairs += [
            FilePair(files[kind], stem, original, below(root, files[kind]), codec="vp9")
            for kind in KINDS
            if kind in files
        ]
    return Listing(
        tuple(pairs), (), tuple(skipped), root / ".cache", "youtube_ugc_features.parquet"
    )


def _groups(root: Path) -> dict[str, dict[str, str]]:
    if (root / MANIFEST).exists():
        return _from_manifest(below(root, MANIFEST))
    groups: dict[str, dict[str, str]] = {}
    for relative in files_below(root, "", VIDEO_SUFFIXES):
        parts = _NAME.fullmatch(PurePosixPath(relative).name)
        if parts is not None:
            groups.setdefault(parts["stem"], {})[parts["kind"]] = relative
    return groups


def _from_manifest(path: Path) -> dict[str, dict[str, str]]:
    wrong = Unreadable(
        f"{show(path)} is not a manifest of the form {{stem: {{orig: path, ..}}}}",
        hint="remove it to have the folder searched",
    )
    if path.stat().st_size > _LIMIT_BYTES:
        raise wrong
    try:
        document: Any = strictjson.loads(fsio.read_bytes(path))
    except ValueError:
        raise wrong from None
    groups: dict[str, dict[str, str]] = {}
    if not isinstance(document, dict):
        raise wrong
    for stem, files in cast("dict[str, Any]", document).items():
        if not isinstance(files, dict):
            raise wrong
        named = cast("dict[str, Any]", files)
        if not all(isinstance(value, str) for value in named.values()):
            raise wrong
        groups[stem] = cast("dict[str, str]", named)
    return groups


DATASET = Dataset(
    name="youtube-ugc",
    licence="CC BY 3.0; not redistributed here",
    about="originals with their CBR, VOD and low-bitrate VP9 transcodes",
    find=find,
)
