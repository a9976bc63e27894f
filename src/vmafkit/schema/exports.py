"""The file formats by name, as JSON Schema."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vmafkit.errors import UsageError

TABLE = {
    "auto-plan": "vmafkit.schema.auto_plan:plan_json_schema",
    "corpus-row": "vmafkit.schema.corpus:json_schema",
    "fetch-manifest": "vmafkit.schema.fetch_manifest:json_schema",
    "harness-recipe": "vmafkit.schema.recipe:json_schema",
    "ladder": "vmafkit.schema.ladder:json_schema",
    "per-shot": "vmafkit.schema.per_shot:json_schema",
    "recommendation": "vmafkit.schema.recommendation:json_schema",
    "run-provenance": "vmafkit.schema.run_provenance:json_schema",
    "scenes": "vmafkit.schema.scenes:json_schema",
    "tune-result": "vmafkit.schema.auto_plan:result_json_schema",
    "tiny-registry": "vmafkit.schema.registry:json_schema",
    "tiny-sidecar": "vmafkit.schema.sidecar:json_schema",
    "zones": "vmafkit.schema.zones:json_schema",
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file format.

    Raises:
        UsageError: no format has this name.
    """
    if name not in TABLE:
        raise UsageError(f"no file format is named {name!r}", hint=f"one of: {', '.join(TABLE)}")
    module, _, function = TABLE[name].partition(":")
    return getattr(import_module(module), function)()
