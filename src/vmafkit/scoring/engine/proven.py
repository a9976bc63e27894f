"""What the engine is proven for: the models and sizes of its parity tests."""

from __future__ import annotations

from collections.abc import Sequence

from vmafkit.scoring.vmaf_models import VmafModel

SMALLEST = 40
"""Samples on the shorter side; below, libvmaf's vector code and its own C differ."""
MODELS = (
    "vmaf_v0.6.1",
    "vmaf_v0.6.1neg",
    "vmaf_4k_v0.6.1",
    "vmaf_4k_v0.6.1neg",
    "vmaf_b_v0.6.3",
)
"""The built-in models in the parity tests; each also with the transform for phones."""
_LARGEST = 16384


def is_proven(model: VmafModel) -> bool:
    """Whether the model is in the parity tests."""
    return not model.path and not model.options and model.version in MODELS


def unproven(
    models: Sequence[VmafModel],
    display: tuple[int, int],
    *,
    has_features: bool = False,
    subsample: int = 1,
) -> str:
    """Why the engine does not score this, in words; empty when it does.

    Args:
        models: resolved.
        display: (width, height) of the compared pictures.
        has_features: features of libvmaf are asked for beside the models.
        subsample: every n-th frame is asked for.
    """
    others = [model.id for model in models if not is_proven(model)]
    short, long = sorted(display)
    reasons = (
        ("features beside the models are asked for", has_features),
        ("no model is asked for", not models),
        (f"model {', '.join(others)} is not proven", bool(others)),
        ("only every n-th frame is asked for", subsample != 1),
        (f"the picture is below {SMALLEST} samples", short < SMALLEST),
        (f"the picture is above {_LARGEST} samples", long > _LARGEST),
    )
    return next((reason for reason, holds in reasons if holds), "")
