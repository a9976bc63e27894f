"""The file formats by name, as JSON Schema."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vmafkit.errors import UsageError

TABLE = {
    "auto-plan": "vmafkit.schema.auto_plan:AutoPlan",
    "corpus-row": "vmafkit.schema.corpus:CorpusRow",
    "fetch-manifest": "vmafkit.schema.fetch_manifest:FetchManifest",
    "harness-recipe": "vmafkit.schema.recipe:Recipe",
    "ladder": "vmafkit.schema.ladder:LadderRecord",
    "per-shot": "vmafkit.schema.per_shot:PerShotResult",
    "recommendation": "vmafkit.schema.recommendation:Recommendation",
    "run-provenance": "vmafkit.schema.run_provenance:RunProvenance",
    "scenes": "vmafkit.schema.scenes:Scenes",
    "tune-result": "vmafkit.schema.auto_plan:TuneResult",
    "tiny-registry": "vmafkit.schema.registry:Registry",
    "tiny-sidecar": "vmafkit.schema.sidecar:Sidecar",
    "zones": "vmafkit.schema.zones:ZonesResult",
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file format.

    Raises:
        UsageError: no format has this name.
    """
    if name not in TABLE:
        raise UsageError(f"no file format is named {name!r}", hint=f"one of: {', '.join(TABLE)}")
    module, _, model = TABLE[name].partition(":")
    schema = getattr(import_module(module), model).model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
