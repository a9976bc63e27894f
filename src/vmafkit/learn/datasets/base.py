"""What a data set adapter is: a name, a licence, and a function that finds its clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vmafkit.media.source import RawGeometry

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".y4m", ".avi", ".ts", ".m4v")


@dataclass(frozen=True, slots=True)
class FilePair:
    """A reference and a distorted file.

    Attributes:
        key: names the pair in tables and splits; for `nflx-local` the path below `dis/`.
        source: the content; pairs of one source stand on one side of a split.
        reference, distorted: real paths.
        reference_raw, distorted_raw: geometry of raw files, else None.
        codec: what made the distorted side, empty where it is not known.
    """

    key: str
    source: str
    reference: Path
    distorted: Path
    reference_raw: RawGeometry | None = None
    distorted_raw: RawGeometry | None = None
    codec: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A piece of a clip that is cut out before it is encoded.

    Attributes:
        name: of the view; empty for the clip as it is.
        start, frames: the frames taken, `frames` None for all from `start`.
        step: every so-manieth frame, which makes faster motion.
        crop: (width, height, x, y) in samples, or None.
        scale: (width, height) after the crop, bicubic, or None.
    """

    name: str = ""
    start: int = 0
    frames: int | None = None
    step: int = 1
    crop: tuple[int, int, int, int] | None = None
    scale: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A pristine clip, whose distorted sides our encoders make.

    Attributes:
        key: names the clip.
        source: its content.
        path: of the video; None for one that `graph` draws.
        raw: geometry of a raw file.
        view: the piece that is used; None for the file itself.
        graph: a lavfi graph of ours, for made clips only.
        frames: of a made clip.
    """

    key: str
    source: str
    path: Path | None
    raw: RawGeometry | None = None
    view: View | None = None
    graph: str = ""
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found.

    Attributes:
        pairs: complete pairs.
        clips: pristine clips to make pairs of.
        skipped: what was left out, and why, in words.
        cache_folder: where the data set keeps its feature cache, or None for the user's.
        cache_name: of the cache file.
    """

    pairs: tuple[FilePair, ...] = ()
    clips: tuple[Clip, ...] = ()
    skipped: tuple[str, ...] = ()
    cache_folder: Path | None = None
    cache_name: str = "features.parquet"


@dataclass(frozen=True, slots=True)
class Query:
    """What the caller says about the data.

    Attributes:
        root: `--data-root` or its environment variable.
        own_root: a flag of this data set alone, such as `--konvid-root`.
        table: a CSV or YAML file of pairs or views.
        width, height, pix_fmt, framerate: of raw files; None to find out.
    """

    root: Path | None = None
    own_root: Path | None = None
    table: Path | None = None
    width: int | None = None
    height: int | None = None
    pix_fmt: str | None = None
    framerate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """One data set.

    Attributes:
        name: as `--dataset` takes it.
        licence: short; what may be done with the data.
        about: one line.
        find: lists the pairs or clips of a root; no network.
    """

    name: str
    licence: str
    about: str
    find: Callable[[Query], Listing]
