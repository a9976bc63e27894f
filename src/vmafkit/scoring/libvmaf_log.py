"""Reads libvmaf's JSON log, strictly: a log that is not whole is never a number."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import FrameCount, NotFinite, ResultInvalid, Truncated

_MOST_FRAMES = 2**31


@dataclass(frozen=True, slots=True)
class LibvmafLog:
    """A whole log.

    Attributes:
        version: of libvmaf, as it names itself.
        frame_numbers: shape (frames,), rising.
        columns: name to per-frame values, each of shape (frames,).
        aggregates: values of the whole clip.
    """

    version: str
    frame_numbers: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.float64]]
    aggregates: Mapping[str, float]


def parse_log(
    text: str, *, expected_frames: int | None = None, unbounded: Sequence[str] = ()
) -> LibvmafLog:
    """Read a JSON log of libvmaf.

    Args:
        text: the file's content.
        expected_frames: how many frames it must hold; None takes what is there.
        unbounded: columns that are infinite where the two pictures are equal, which JSON
            can only write as null.

    Raises:
        Truncated: it is empty or cut short.
        ResultInvalid: it is JSON, but no log of libvmaf.
        FrameCount: it holds another number of frames.
        NotFinite: a value is not a finite number, `unbounded` columns apart.
    """
    if not text.strip():
        raise Truncated("libvmaf wrote an empty log", hint="is the disk full?")
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Truncated("libvmaf's log is cut short", hint="is the disk full?") from error
    if not isinstance(document, dict):
        raise ResultInvalid("libvmaf's log is not an object")
    return _from_document(cast("dict[str, Any]", document), expected_frames, unbounded)


def _refuse_constant(name: str) -> float:
    raise NotFinite(f"libvmaf's log holds {name}", hint="the pair may be damaged; score it alone")


def _from_document(
    document: dict[str, Any], expected: int | None, unbounded: Sequence[str]
) -> LibvmafLog:
    frames = document.get("frames")
    if not isinstance(frames, list) or not frames or "pooled_metrics" not in document:
        raise ResultInvalid("libvmaf's log holds no frames")
    rows = [_frame(item, unbounded) for item in cast("list[Any]", frames)]
    if expected is not None and len(rows) != expected:
        raise FrameCount(f"libvmaf scored {len(rows)} frames where {expected} were expected")
    numbers = [number for number, _ in rows]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise ResultInvalid("the frame numbers of libvmaf's log do not rise")
    names = rows[0][1].keys()
    if any(metrics.keys() != names for _, metrics in rows):
        raise ResultInvalid("the frames of libvmaf's log do not hold the same metrics")
    return LibvmafLog(
        version=str(document.get("version", "unknown")),
        frame_numbers=np.asarray(numbers, dtype=np.int64),
        columns={
            name: np.asarray([metrics[name] for _, metrics in rows], dtype=np.float64)
            for name in names
        },
        aggregates=_values(document.get("aggregate_metrics", {}), "the whole clip"),
    )


def _frame(item: Any, unbounded: Sequence[str]) -> tuple[int, dict[str, float]]:
    if not isinstance(item, dict):
        raise ResultInvalid("a frame of libvmaf's log is not an object")
    frame = cast("dict[str, Any]", item)
    number, metrics = frame.get("frameNum"), frame.get("metrics")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST_FRAMES:
        raise ResultInvalid("a frame of libvmaf's log has no number")
    return number, _values(metrics, f"frame {number}", unbounded)


def _values(metrics: Any, where: str, unbounded: Sequence[str] = ()) -> dict[str, float]:
    if not isinstance(metrics, dict):
        raise ResultInvalid(f"{where} has no metrics in libvmaf's log")
    values: dict[str, float] = {}
    for name, value in cast("dict[str, Any]", metrics).items():
        if value is None and name in unbounded:
            values[name] = math.inf
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ResultInvalid(f"{name} of {where} is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise NotFinite(f"{name} of {where} is not finite")
        values[name] = number
    return values
