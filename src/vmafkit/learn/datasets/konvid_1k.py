"""`konvid-1k`: 1200 MP4 clips in `KoNViD_1k_videos/`; our encoders make the distorted sides."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from vmafkit import settings
from vmafkit.learn.confine import below, data_root, files_below
from vmafkit.learn.datasets.base import Clip, Dataset, Listing, Query

FOLDER = "KoNViD_1k_videos"


def root_of(query: Query) -> Path:
    """`--konvid-root`, `--data-root`, VMAF_KONVID_1K_DIR, VMAF_DATA_ROOT/konvid-1k, then
    ~/datasets/konvid-1k.

    Raises:
        Unreadable: the first of them that is named is not a folder.
    """
    if query.own_root is not None:
        return data_root(query.own_root, flag="--konvid-root")
    if query.root is not None:
        child = query.root / "konvid-1k"
        return data_root(child if child.is_dir() else query.root)
    named = settings.konvid_root_from_environment()
    if named is not None:
        return data_root(named, flag="VMAF_KONVID_1K_DIR")
    common = settings.data_root_from_environment()
    if common is not None:
        return data_root(common / "konvid-1k", flag="VMAF_DATA_ROOT")
    return data_root(settings.home_folder() / "datasets" / "konvid-1k", flag="~/datasets/konvid-1k")


def find(query: Query) -> Listing:
    """The clips, sorted by name; each is a source of its own.

    Raises:
        Refused: a path leads out of the root.
        Unreadable: a folder or file cannot be read.
    """
    root = root_of(query)
    clips = tuple(
        Clip(PurePosixPath(name).name, PurePosixPath(name).stem, below(root, name))
        for name in files_below(root, FOLDER, (".mp4",))
    )
    return Listing((), clips, (), root / ".cache", "konvid_1k_features.parquet")


DATASET = Dataset(
    name="konvid-1k",
    licence="CC BY 4.0; not redistributed here",
    about="MP4 clips in KoNViD_1k_videos/; pairs are made by our encoders",
    find=find,
)
