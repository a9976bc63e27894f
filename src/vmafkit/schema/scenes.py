"""`scenes.json`: the shots of a title, as files keep them.

`frames` and `scenes` with `start_frame` and `end_frame` (the frame after the last) are what
other per-shot tools write too. Keys that are not known here are kept and written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from pydantic import Field, ValidationError

from vmafkit.errors import SchemaTooNew, Unreadable
from vmafkit.schema import strictjson
from vmafkit.schema.record import Record

SCHEMA_VERSION = 1
_HINT = "delete it to have the shots found again, or correct it"


class Scene(Record):
    """One shot."""

    start_frame: int = Field(ge=0, description="the first frame, counted from 0")
    end_frame: int = Field(ge=1, description="the frame after the last")


class Scenes(Record):
    """The shots of a title; together they hold every frame, in order."""

    frames: int = Field(ge=1)
    scenes: list[Scene]
    schema_version: int = SCHEMA_VERSION

    def bounds(self) -> list[tuple[int, int]]:
        """(first frame, frame after the last) of each shot."""
        return [(scene.start_frame, scene.end_frame) for scene in self.scenes]


def scenes_of(bounds: Sequence[tuple[int, int]], **further: Any) -> Scenes:
    """The record of shots given as (first frame, frame after the last)."""
    scenes = [Scene(start_frame=first, end_frame=end) for first, end in bounds]
    return Scenes(frames=bounds[-1][1], scenes=scenes, **further)


def read_scenes(data: bytes, name: str) -> Scenes:
    """The shots of a file; also of one whose list is `shots` with the last frame included.

    Args:
        name: what to call the file in messages.

    Raises:
        Unreadable: it is not such a file, or the shots do not follow each other.
        SchemaTooNew: a newer version wrote it.
    """
    try:
        value = strictjson.unescape(strictjson.loads(data))
        found = Scenes.model_validate(_modern(value))
    except (ValueError, ValidationError) as error:
        raise Unreadable(f"{name} holds no list of shots", hint=_HINT, detail=str(error)) from None
    if found.schema_version > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{name} has schema version {found.schema_version}; {SCHEMA_VERSION} is known here",
            hint="use a newer version of this program",
        )
    edges = [0, *(end for _, end in found.bounds())]
    starts = [first for first, _ in found.bounds()]
    if starts != edges[:-1] or edges[-1] != found.frames or any(a >= b for a, b in pairwise(edges)):
        raise Unreadable(
            f"{name}: its shots do not hold the frames 0 to {found.frames} in order", hint=_HINT
        )
    return found


def qpfile(bounds: Sequence[tuple[int, int]]) -> str:
    """Key frames at the start of every shot, in the form that x264 and x265 read."""
    return "".join(f"{first} I -1\n" for first, _ in bounds)


def _modern(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    record = cast("dict[str, Any]", value)
    shots = record.get("shots")
    if "scenes" in record or not isinstance(shots, list):
        return record
    scenes = [_with_end_after(shot) for shot in cast("list[Any]", shots)]
    rest = {key: item for key, item in record.items() if key != "shots"}
    return {"frames": scenes[-1]["end_frame"] if scenes else 0, **rest, "scenes": scenes}


def _with_end_after(shot: Any) -> dict[str, Any]:
    if not isinstance(shot, dict):
        raise ValueError("a shot is no object")
    record = cast("dict[str, Any]", shot)
    last = record.get("end_frame")
    if not isinstance(last, int):
        raise ValueError("a shot has no end_frame")
    return {**record, "end_frame": last + 1}
