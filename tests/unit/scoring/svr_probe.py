"""Reads libvmaf's features at full precision.

libvmaf's log has six digits after the point. A model of one linear support vector, whose score is
one feature times 1e9, makes it print fifteen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.ffmpeg.run import run_ffmpeg

SCALE = 1e9
FloatArray = npt.NDArray[np.float64]


def probe(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A model in libvmaf's form whose score is the feature times SCALE."""
    vector = "svm_type nu_svr\nkernel_type linear\nnr_class 2\ntotal_sv 1\nrho 0\nSV\n1 1:1 \n"
    model: dict[str, Any] = {
        "model": vector,
        "model_type": "LIBSVMNUSVR",
        "norm_type": "linear_rescale",
        "slopes": [1.0 / SCALE, 1.0],
        "intercepts": [0.0, 0.0],
        "feature_names": [name],
        "feature_dict": {},
    }
    if options:
        model["feature_opts_dicts"] = [dict(options)]
    parameters = {"C": 1.0, "nu": 0.5, "gamma": 1.0, "norm_type": "clip_0to1"}
    return {"param_dict": parameters, "model_dict": model}


def magnified(document: dict[str, Any], factor: float = 1e6) -> dict[str, Any]:
    """The model with its raw score times `factor`, without clip and transform."""
    copy = json.loads(json.dumps(document))
    model = copy["model_dict"]
    model["slopes"][0] /= factor
    for key in ("score_transform", "score_clip"):
        model.pop(key, None)
    return copy


def run_models(
    program: Path,
    folder: Path,
    pair: tuple[str, str],
    models: Mapping[str, tuple[dict[str, Any] | bytes, Sequence[str]]],
) -> dict[str, FloatArray]:
    """libvmaf's log of model documents.

    Args:
        pair: lavfi sources of the reference and the distorted side.
        models: column name to (document, further words).
    """
    entries: list[str] = []
    for index, (name, (document, words)) in enumerate(models.items()):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        (folder / f"p{index}.json").write_bytes(data)
        entries.append("\\:".join((f"path=p{index}.json", f"name={name}", *words)))
    value = "|".join(entries)
    run_ffmpeg(
        program,
        [
            "-f", "lavfi", "-i", pair[1], "-f", "lavfi", "-i", pair[0],
            "-lavfi", f"[0][1]libvmaf=log_fmt=json:log_path=x.json:n_threads=2:model='{value}'",
            "-f", "null", "-",
        ],
        cwd=folder,
    )  # fmt: skip
    frames = json.loads((folder / "x.json").read_text())["frames"]
    return {name: np.asarray([frame["metrics"][name] for frame in frames]) for name in models}
