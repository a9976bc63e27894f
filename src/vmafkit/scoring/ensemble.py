"""The bootstrap ensemble: its member models, and the interval they give.

ffmpeg's libvmaf filter loads single models only, so the members of the collection,
which libvmaf carries inside itself, are read from the program and scored side by side
in one pass. The statistics are those of libvmaf's own collection: mean and population
standard deviation of the unclipped member scores, percentiles 2.5 and 97.5, clipped.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vmafkit.errors import CapabilityMissing

_MARK = b'{\n    "0": {\n        "param_dict"'
_INTEGER_FEATURE = "VMAF_integer_feature"
_LONGEST_BYTES = 4 * 1024 * 1024

FloatArray = npt.NDArray[np.float64]


def member_models(program: Path) -> tuple[str, ...]:
    """The JSON texts of the ensemble's members, from the libvmaf inside a program.

    Raises:
        CapabilityMissing: this build carries no ensemble of integer features.
    """
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_MARK)
        while start >= 0:
            end = data.find(b"\0", start, start + _LONGEST_BYTES)
            members = _members(bytes(data[start:end])) if end > 0 else ()
            if members:
                return members
            start = data.find(_MARK, start + 1)
    raise CapabilityMissing(
        f"{program.name} carries no bootstrap model", hint="choose another --model"
    )


def _members(text: bytes) -> tuple[str, ...]:
    try:
        collection = cast("dict[str, Any]", json.loads(text))
    except (ValueError, RecursionError):
        return ()
    models = [collection[key] for key in sorted(collection, key=int)]
    names = cast("list[str]", models[0]["model_dict"]["feature_names"])
    if not all(name.startswith(_INTEGER_FEATURE) for name in names):
        return ()
    return tuple(json.dumps(model) for model in models)


def combine(members: Sequence[FloatArray], lo: float, hi: float) -> dict[str, FloatArray]:
    """Per-frame statistics of an ensemble.

    Args:
        members: unclipped scores, one array of shape (frames,) per member.
        lo, hi: the range that results are clipped to.

    Returns:
        `bagging`, `stddev`, `ci_p95_lo`, `ci_p95_hi`, each of shape (frames,).
    """
    scores = np.stack([np.asarray(member, dtype=np.float64) for member in members])
    return {
        "bagging": np.clip(scores.mean(axis=0), lo, hi),
        "stddev": scores.std(axis=0),
        "ci_p95_lo": np.clip(np.percentile(scores, 2.5, axis=0), lo, hi),
        "ci_p95_hi": np.clip(np.percentile(scores, 97.5, axis=0), lo, hi),
    }
