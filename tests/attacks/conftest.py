"""What the tests of hostile model files share."""

from __future__ import annotations

from typing import Any

import pytest

from vmafkit.models import devices


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the models that reach onnxruntime, and lets none in."""
    reached: list[int] = []

    def refuse(data: bytes, device: str) -> Any:
        reached.append(len(data))
        raise AssertionError("the model reached onnxruntime")

    monkeypatch.setattr(devices, "open_session", refuse)
    return reached
