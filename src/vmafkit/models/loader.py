"""The one way to open an ONNX model.

The file is read once. The bytes that were read are hashed, held against the registry and the
card, inspected, and handed to onnxruntime: nothing is opened by its path again, so a file that is
swapped in between is either seen whole or not at all.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmafkit.errors import ModelRefused, UsageError
from vmafkit.models import devices, onnx_file, registry
from vmafkit.models.card import check_card, read_card
from vmafkit.models.onnx_file import OnnxFacts
from vmafkit.schema.sidecar import Sidecar

FloatArray = npt.NDArray[np.float64]

# The order of the inputs of a model that does not name them: that of the reference's models.
CANONICAL_6 = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# All results of a block together hold at most so many numbers.
_BLOCK_ELEMENTS = 4_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """An open model.

    Attributes:
        id: of its card or its registry entry, else the file's name without its suffix.
        features: the names of its inputs, in order.
        sha256: of the bytes that run.
        device: where it runs: cuda, openvino, rocm or cpu.
        notes: how the device was chosen, and what was taken for granted.
        facts: what the file says of itself.
        card: its sidecar, or None.
    """

    id: str
    features: tuple[str, ...]
    sha256: str
    device: str
    notes: tuple[str, ...]
    facts: OnnxFacts
    card: Sidecar | None
    _session: Any = field(repr=False)

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return self.facts.inputs

    def run(self, rows: npt.ArrayLike) -> FloatArray:
        """Scores of rows.

        Args:
            rows: shape (frames, inputs), columns in the order of `features`.

        Returns:
            Shape (frames,).

        Raises:
            UsageError: another shape, or a number that is not finite.
        """
        table = np.ascontiguousarray(rows, dtype=self.facts.dtype)
        if table.ndim != 2 or table.shape[1] != self.inputs:
            raise UsageError(
                f"features of shape {table.shape} do not fit model {self.id}",
                hint=f"one row per frame: {', '.join(self.features)}",
            )
        if not np.isfinite(table).all():
            raise UsageError(f"a feature given to model {self.id} is not a finite number")
        step = max(1, _BLOCK_ELEMENTS // max(1, self.facts.row_elements))
        names = [self.facts.output_name]
        scores = np.empty(table.shape[0])
        for start in range(0, table.shape[0], step):
            block = {self.facts.input_name: table[start : start + step]}
            scores[start : start + step] = self._session.run(names, block)[0]
        return scores


def open_model(
    path_or_id: str | Path, *, device: str = "auto", registry_file: Path | None = None
) -> Model:
    """Open a model by its path, or by its id in a registry.

    Args:
        path_or_id: an `.onnx` file, or an id such as `vmaf_tiny_v2`.
        device: auto, cuda, openvino, rocm or cpu.
        registry_file: where ids are looked up; None for the models that come with vmafkit.

    Raises:
        UsageError: there is no such file or id, or no such device.
        ModelRefused: the file is not safe to run, or is not what the registry or card says.
        CapabilityMissing: the device asked for, or onnxruntime, is not here.
    """
    devices.check_device(device)
    path, expected, known_id = _locate(str(path_or_id), registry_file)
    data = onnx_file.read_once(path)
    card = read_card(path)
    return open_bytes(data, device=device, card=card, sha256=expected, name=known_id or path.stem)


def open_bytes(
    data: bytes,
    *,
    device: str = "auto",
    card: Sidecar | None = None,
    sha256: str | None = None,
    name: str = "model",
) -> Model:
    """Open a model from its bytes.

    Args:
        card: what it is held against.
        sha256: the hash that it must have; None for any.
        name: its id when there is no card.

    Raises:
        ModelRefused, CapabilityMissing, UsageError: as `open_model`.
    """
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ModelRefused(
            f"model {name} has sha256 {found[:16]}.., the registry says {sha256[:16]}..",
            reason="hash",
            hint="the file was changed after it was registered; get it again or register it",
        )
    facts = onnx_file.inspect(data)
    if card is not None:
        check_card(card, facts, found)
    features, notes = _features(facts, card)
    session, used, how = devices.open_session(data, device)
    return Model(
        id=card.id if card else name,
        features=features,
        sha256=found,
        device=used,
        notes=(f"device {how}", *notes),
        facts=facts,
        card=card,
        _session=session,
    )


def _locate(word: str, registry_file: Path | None) -> tuple[Path, str | None, str]:
    """The file, the hash that it must have, and its id where a registry knows it."""
    path = Path(word)
    # A word with a suffix or a folder is a path, so that no file can stand for an id by chance.
    if _ID.fullmatch(word):
        entry, path = registry.find(word, registry_file)
        return path, entry.sha256, entry.id
    entry = registry.entry_of(path)
    return (path, entry.sha256, entry.id) if entry else (path, None, "")


def _features(facts: OnnxFacts, card: Sidecar | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if card is not None:
        return tuple(card.features), ()
    if facts.features:
        return facts.features, ("no card beside the model: features as its file names them",)
    if facts.inputs == len(CANONICAL_6):
        note = f"no card beside the model: its 6 inputs are taken to be {', '.join(CANONICAL_6)}"
        return CANONICAL_6, (note,)
    raise ModelRefused(
        f"the model takes {facts.inputs} numbers and does not say which",
        reason="features",
        hint="put its card beside it, as <name>.json",
    )
