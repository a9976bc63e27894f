"""Writes models in libvmaf's JSON form, which libvmaf loads as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.schema.model_recipe import ModelParam

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rescale:
    """slope * value + intercept, of the score first and then of each feature."""

    slopes: FloatArray
    intercepts: FloatArray


def svr_document(
    *,
    weights: FloatArray,
    vectors: FloatArray,
    offset: float,
    names: Sequence[str],
    scale: Rescale,
    param: ModelParam,
    feature_options: Sequence[Mapping[str, float | bool]] = (),
) -> dict[str, Any]:
    """One support vector regression as a document.

    Args:
        weights: shape (vectors,).
        vectors: rescaled, shape (vectors, features).
        offset: added to the weighted sum.
        feature_options: of each feature, as libvmaf's extractors take them; empty for none.
    """
    options = param.model_param_dict
    model: dict[str, Any] = {
        "model_type": param.model_type,
        "norm_type": "linear_rescale",
        "slopes": [float(value) for value in scale.slopes],
        "intercepts": [float(value) for value in scale.intercepts],
        "feature_names": list(names),
        "feature_dict": _feature_dict(names),
        "model": _svm_text(weights, vectors, offset, param),
    }
    if any(feature_options):
        model["feature_opts_dicts"] = [dict(each) for each in feature_options]
    if options.score_clip is not None:
        model["score_clip"] = list(options.score_clip)
    if options.score_transform is not None:
        model["score_transform"] = options.score_transform.model_dump(exclude_none=True)
    used = {"norm_type": options.norm_type, "kernel": options.kernel}
    numbers = {"gamma": options.gamma, "C": options.C, "nu": options.nu}
    return {"param_dict": used | numbers, "model_dict": model}


def collection(documents: Sequence[dict[str, Any]]) -> bytes:
    """The text of a model file: of one document, or of several as a collection."""
    one = documents[0] if len(documents) == 1 else {str(i): d for i, d in enumerate(documents)}
    return (json.dumps(one, indent=1, allow_nan=False) + "\n").encode()


def _feature_dict(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        kind, _, rest = name.partition("_feature_")
        found.setdefault(f"{kind}_feature", []).append(rest.removesuffix("_score"))
    return found


def _svm_text(weights: FloatArray, vectors: FloatArray, offset: float, param: ModelParam) -> str:
    """LIBSVM's text form; 17 digits bring every number back as it was."""
    options = param.model_param_dict
    head = ["svm_type nu_svr", f"kernel_type {options.kernel}"]
    if options.kernel == "rbf":
        head.append(f"gamma {options.gamma:.17g}")
    head += ["nr_class 2", f"total_sv {len(weights)}", f"rho {-offset:.17g}", "SV"]
    lines = [
        " ".join([f"{weight:.17g}", *(f"{i}:{v:.17g}" for i, v in enumerate(vector, 1))])
        for weight, vector in zip(weights, vectors, strict=True)
    ]
    return "\n".join([*head, *lines]) + "\n"
