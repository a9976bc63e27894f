"""What the records of the verbs have in common."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from vmafkit.schema import strictjson


class Record(BaseModel):
    """A frozen record in strict JSON; keys that are not known here are kept."""

    model_config = ConfigDict(
        frozen=True, extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    def record(self) -> dict[str, Any]:
        """The record as one JSON-ready object."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """The record as JSON for a file."""
        return json.dumps(strictjson.escape(self.record()), indent=2, allow_nan=False) + "\n"
