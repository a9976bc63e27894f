"""The bootstrap ensembles: their member models, and the interval they give.

ffmpeg's libvmaf filter loads single models only, so the members of a collection, which
libvmaf carries inside itself, are read from the program and scored side by side in one
pass. The statistics are those of libvmaf's own collection. Its first model is the plain one
that was trained on every viewer, and no member. Mean, population standard deviation and the
percentiles 2.5 and 97.5 are taken of the scores as the members predict them; only then are
they transformed and clipped, and the deviation shrinks as the clipping flattens the scale.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit import fsio
from vmafkit.errors import CapabilityMissing, Unreadable

_MARK = b'{\n    "0": {\n        "param_dict"'
_LONGEST_BYTES = 4 * 1024 * 1024
_MOST_MEMBERS = 1000
# Half the step over which the slope of the clipped scale is taken.
_DELTA = 0.01

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """The transform of a collection: y = p0 + p1 x + p2 x^2, and never below x if `rises`."""

    p0: float = 0.0
    p1: float = 1.0
    p2: float = 0.0
    rises: bool = False

    def of(self, scores: FloatArray) -> FloatArray:
        """The transformed scores, of the same shape."""
        curved = self.p0 + self.p1 * scores + self.p2 * scores * scores
        return np.maximum(curved, scores) if self.rises else curved


def member_models(program: Path, version: str) -> tuple[str, ...]:
    """The JSON texts of an ensemble's members, from the libvmaf inside a program.

    Args:
        version: `vmaf_b_v0.6.3`, or `vmaf_float_b_v0.6.3` for features in floating point.

    Raises:
        CapabilityMissing: this build does not carry it.
    """
    prefix = "VMAF_feature" if "_float_" in version else "VMAF_integer_feature"
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_MARK)
        while start >= 0:
            end = data.find(b"\0", start, start + _LONGEST_BYTES)
            members = _members(bytes(data[start:end]), prefix) if end > 0 else ()
            if members:
                return members
            start = data.find(_MARK, start + 1)
    raise CapabilityMissing(
        f"{program.name} carries no model {version}", hint="choose another --model"
    )


def members_of_file(path: Path) -> tuple[str, ...]:
    """The JSON texts of a collection's members, without its first, the plain model.

    Raises:
        Unreadable: it is no collection in libvmaf's JSON form.
    """
    try:
        collection = cast("dict[str, Any]", json.loads(fsio.read_bytes(path)))
        members = tuple(json.dumps(collection[key]) for key in sorted(collection, key=int))[1:]
    except OSError as error:
        raise Unreadable(f"model file {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, RecursionError):
        members = ()
    if not 1 <= len(members) <= _MOST_MEMBERS:
        raise Unreadable(
            f"model file {path} holds no collection of 2 to {_MOST_MEMBERS + 1} models",
            hint="its keys are 0, 1, 2 ..",
        )
    return members


def _members(text: bytes, prefix: str) -> tuple[str, ...]:
    try:
        collection = cast("dict[str, Any]", json.loads(text))
    except (ValueError, RecursionError):
        return ()
    models = [collection[key] for key in sorted(collection, key=int)]
    names = cast("list[str]", models[0]["model_dict"]["feature_names"])
    if not all(name.startswith(prefix) for name in names):
        return ()
    return tuple(json.dumps(model) for model in models[1:])


def curve_of(member: str) -> Curve:
    """The transform that a member's JSON text states; the identity where it states none."""
    stated = json.loads(member)["model_dict"].get("score_transform", {})
    values = {key: float(stated[key]) for key in ("p0", "p1", "p2") if key in stated}
    if not values:
        return Curve()
    return Curve(
        values.get("p0", 0.0),
        values.get("p1", 0.0),
        values.get("p2", 0.0),
        rises=stated.get("out_gte_in") == "true",
    )


def combine(
    members: Sequence[FloatArray],
    lo: float,
    hi: float,
    *,
    curve: Curve | None = None,
    clip: bool = True,
) -> dict[str, FloatArray]:
    """Per-frame statistics of an ensemble.

    Args:
        members: scores neither transformed nor clipped, one array of shape (frames,) a member.
        lo, hi: the range that results are clipped to.
        curve: the transform of the score, when one was asked for.
        clip: False to leave results outside the range as they are.

    Returns:
        `bagging`, `stddev`, `ci_p95_lo`, `ci_p95_hi`, each of shape (frames,).
    """
    scores = np.stack([np.asarray(member, dtype=np.float64) for member in members])

    def final(values: FloatArray) -> FloatArray:
        curved = curve.of(values) if curve else values
        return np.clip(curved, lo, hi) if clip else curved

    mean = scores.mean(axis=0)
    slope = (final(mean + _DELTA) - final(mean - _DELTA)) / (2.0 * _DELTA)
    return {
        "bagging": final(mean),
        "stddev": scores.std(axis=0) * slope,
        "ci_p95_lo": final(np.percentile(scores, 2.5, axis=0)),
        "ci_p95_hi": final(np.percentile(scores, 97.5, axis=0)),
    }
