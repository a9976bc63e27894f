"""Reads the card beside a model, and holds it against the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vmafkit import fsio
from vmafkit.errors import InputError, ModelRefused
from vmafkit.models.onnx_file import OnnxFacts
from vmafkit.schema.sidecar import Sidecar, read_sidecar

_LARGEST_BYTES = 1 << 20


def card_path(model: Path) -> Path:
    """Where the card of a model lies."""
    return model.with_suffix(".json")


def read_card(model: Path) -> Sidecar | None:
    """The card beside a model, or None.

    Raises:
        ModelRefused: there is a file in its place that is no card.
    """
    path = card_path(model)
    if path == model or not path.is_file():
        return None
    try:
        with fsio.open_regular(path) as file:
            data = file.read(_LARGEST_BYTES + 1)
        if len(data) > _LARGEST_BYTES:
            raise ModelRefused(f"{path.name} is too large for a card", reason="card")
        return read_sidecar(data, path.name)
    except OSError as error:
        raise ModelRefused(
            f"{path.name} cannot be read: {error.strerror}", reason="card"
        ) from error
    except InputError as error:
        raise ModelRefused(error.message, reason="card", hint=error.hint) from error


def check_card(card: Sidecar, facts: OnnxFacts, sha256: str) -> None:
    """Refuse a card that is not of this model.

    Raises:
        ModelRefused: naming what differs.
    """
    if card.sha256 != sha256:
        raise _differs("sha256", card.sha256[:16], sha256[:16])
    for what, stated, found in (
        ("number of features", len(card.features), facts.inputs),
        ("input_name", card.input_name, facts.input_name),
        ("output_name", card.output_name, facts.output_name),
        ("opset", card.opset, facts.opset),
    ):
        if stated != found:
            raise _differs(what, stated, found)
    if facts.features and tuple(card.features) != facts.features:
        raise _differs("features", ", ".join(card.features), ", ".join(facts.features))
    _check_scaler("input_mean", card.input_mean, facts.mean)
    _check_scaler("input_std", card.input_std, facts.std)


def _check_scaler(what: str, stated: Sequence[float] | None, found: Sequence[float] | None) -> None:
    if stated is None:
        return
    # The graph may hold them as float32.
    if found is None or len(found) != len(stated) or not np.allclose(found, stated, 1e-6, 1e-9):
        raise _differs(what, list(stated), "none" if found is None else list(found))


def _differs(what: str, stated: object, found: object) -> ModelRefused:
    return ModelRefused(
        f"the model's card says {what} {stated}, the model has {found}",
        reason="card",
        hint="the card is of another model; make it again",
    )
