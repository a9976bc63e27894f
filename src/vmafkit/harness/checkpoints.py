"""Checkpoints of a long training: each member of an ensemble, kept as soon as it is trained.

A training that was stopped goes on where it was when the same data and parameters come again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The kept members of one training.

    Attributes:
        folder: of this training alone.
    """

    folder: Path

    def member(self, number: int, train: Callable[[], Document]) -> Document:
        """The kept member, else a new one, which is kept. Raises: StoreError, as `train`."""
        path = self.folder / f"{number}.json"
        try:
            kept: object = json.loads(path.read_bytes())
        except (OSError, ValueError):
            kept = None
        if isinstance(kept, dict) and "model_dict" in kept:
            return cast("Document", kept)
        made = train()
        fsio.ensure_folder(self.folder)
        fsio.write_atomic(path, json.dumps(made, allow_nan=False))
        return made

    def clear(self) -> None:
        """Forget them, once the model is written. Raises: StoreError."""
        if self.folder.is_dir():
            fsio.remove_folder(self.folder)


def checkpoints_of(room: Path, *facts: bytes) -> Checkpoints:
    """The checkpoints of a training.

    Args:
        room: the folder of all checkpoints.
        facts: everything that the training depends on.
    """
    parts = b"".join(hashlib.sha256(each).digest() for each in facts)
    return Checkpoints(room / hashlib.sha256(parts).hexdigest()[:32])
