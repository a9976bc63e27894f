"""`made`: clips that ffmpeg draws itself; they need no data at all."""

from __future__ import annotations

from vmafkit.learn.datasets.base import Clip, Dataset, Listing, Query
from vmafkit.learn.made_sources import FRAMES, SOURCES

_LARGE_FRAMES = 12
_LARGE_PX = 1000 * 500


def find(query: Query) -> Listing:
    """The made clips; nothing of the query is used."""
    del query
    clips = tuple(
        Clip(
            each.name,
            each.content,
            None,
            graph=each.graph,
            frames=_LARGE_FRAMES if each.width * each.height > _LARGE_PX else FRAMES,
        )
        for each in SOURCES
    )
    return Listing((), clips, (), None, "made_features.parquet")


DATASET = Dataset(
    name="made",
    licence="made by this package; free of rights of others",
    about="test patterns, fractals, noise and motion drawn by ffmpeg; pairs by our encoders",
    find=find,
)
