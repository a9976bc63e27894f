"""The verbs that list: encoders, models, and one model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from vmafkit import encoders
from vmafkit.models import registry
from vmafkit.scoring.vmaf_models import TABLE


def list_encoders() -> list[dict[str, Any]]:
    """Every encoder with its presets and its quality knob; `doctor` says which work here."""
    return [
        {
            "name": each.name,
            "codec": each.codec,
            "aliases": list(each.aliases),
            "knob": each.quality.knob,
            "range": [each.quality.lo, each.quality.hi, each.quality.step],
            "presets": list(each.presets),
            "default_preset": each.default_preset,
            "hardware": each.hardware,
        }
        for each in map(encoders.get, encoders.names())
    ]


def list_models() -> list[dict[str, Any]]:
    """The VMAF models and the tiny models that come along, by id.

    Raises:
        Unreadable: the registry of the tiny models cannot be read.
    """
    found: list[dict[str, Any]] = [
        {"id": one.id, "kind": "vmaf", "display": one.display, "range": [one.lo, one.hi]}
        for one in TABLE.values()
    ]
    tiny = [one for one in registry.load().models if not one.smoke]
    return found + [
        {"id": one.id, "kind": f"tiny-{one.kind}", "description": one.description or ""}
        for one in tiny
    ]


def describe_model(model: str | Path) -> dict[str, Any]:
    """A VMAF model or a tiny model by id, or an ONNX file.

    Raises:
        UsageError, Unreadable, ModelRefused: there is none, or it may not be opened.
    """
    if str(model) in TABLE:
        known = TABLE[str(model)]
        return {"type": "vmaf-model", "id": known.id, "model": asdict(known)}
    from vmafkit.models.loader import open_model

    opened = open_model(model, device="cpu")
    return {
        "type": "tiny-model",
        "id": opened.id,
        "sha256": opened.sha256,
        "features": list(opened.features),
        "card": opened.card.model_dump(mode="json") if opened.card else None,
        "notes": list(opened.notes),
    }
