"""Joins the per-frame logs of parts of a video, one after the other in time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from vmafkit import fsio
from vmafkit.errors import Refused, Unreadable
from vmafkit.media.hashing import show
from vmafkit.scoring.score import pool_frames

FloatArray = npt.NDArray[np.float64]
_MAX_BYTES = 512 << 20
_NOT_SCORES = ("frameNum", "frameNumber")


@dataclass(frozen=True, slots=True)
class Log:
    """Per-frame scores of a log: column name to values of shape (frames,)."""

    columns: Mapping[str, FloatArray]

    @property
    def frame_count(self) -> int:
        """Frames in it."""
        return next(iter(self.columns.values())).size


def read_log(path: Path) -> Log:
    """A log in libvmaf's JSON or XML layout, or in run-vmaf's. Raises: Unreadable, Refused."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise Refused(f"{show(path)} is larger than {_MAX_BYTES >> 20} MiB")
        data = fsio.read_bytes(path, _MAX_BYTES)
        rows = _xml_rows(data) if data.lstrip().startswith(b"<") else _json_rows(data)
        names = list(rows[0])
        columns = {name: np.asarray([_number(row[name]) for row in rows]) for name in names}
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{show(path)} is no log of libvmaf ({type(error).__name__})") from None
    except ElementTree.ParseError as error:
        raise Unreadable(f"{show(path)} is no whole XML: {error}") from None
    if not columns:
        raise Unreadable(f"{show(path)} holds no scores")
    return Log(columns)


def assemble(paths: Sequence[Path]) -> Log:
    """The logs joined in the order given.

    Raises:
        Unreadable, Refused: a log cannot be used, or the logs hold different scores.
    """
    if not paths:
        raise Refused("there is no log to join")
    logs = [read_log(path) for path in paths]
    names = list(logs[0].columns)
    for path, log in zip(paths, logs, strict=True):
        if set(log.columns) != set(names):
            other = sorted(set(log.columns) ^ set(names))
            raise Refused(f"{show(path)} holds other scores than {show(paths[0])}: {other[0]}")
    return Log({name: np.concatenate([log.columns[name] for log in logs]) for name in names})


def as_record(log: Log) -> dict[str, Any]:
    """A log in libvmaf's JSON layout, its frames numbered anew."""
    names = list(log.columns)
    pooled: dict[str, dict[str, float]] = {}
    for name in names:
        pooled[name] = {}
        for statistic in ("min", "max", "mean", "harmonic_mean"):
            try:
                value = pool_frames(log.columns[name], statistic)
            except ValueError:
                continue
            if math.isfinite(value):
                pooled[name][statistic] = value
    return {
        "frames": [
            {"frameNum": i, "metrics": {name: _plain(log.columns[name][i]) for name in names}}
            for i in range(log.frame_count)
        ],
        "pooled_metrics": pooled,
    }


def _json_rows(data: bytes) -> list[dict[str, Any]]:
    document = cast("dict[str, Any]", json.loads(data))
    frames = cast("list[dict[str, Any]] | dict[str, list[Any]]", document["frames"])
    if isinstance(frames, dict):
        rows = zip(*frames.values(), strict=True)
        return [dict(zip(frames, row, strict=True)) for row in rows]
    return [dict(frame["metrics"]) for frame in frames]


def _xml_rows(data: bytes) -> list[dict[str, Any]]:
    # Entities are how a small XML file grows; libvmaf writes none.
    if b"<!" in data:
        raise ValueError("a declaration")
    frames = ElementTree.fromstring(data).iter("frame")
    return [{k: v for k, v in each.attrib.items() if k not in _NOT_SCORES} for each in frames]


def _number(value: object) -> float:
    if value is None or value == "":
        return math.inf
    number = float(cast("str | float", value))
    if math.isnan(number):
        raise ValueError("a score is no number")
    return number


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
