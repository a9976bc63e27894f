"""What happens during long work, as records that a bar, a log or a program can show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        type: `sweep-started`, `trial-started`, `trial-progress`, `trial-finished`,
            `sweep-finished`.
        payload: JSON-ready facts.
    """

    type: str
    payload: Payload = field(default_factory=dict[str, Any])

    def record(self) -> dict[str, Any]:
        """The event as one JSON object."""
        return {"type": self.type, **self.payload}


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Takes an event and does nothing."""
