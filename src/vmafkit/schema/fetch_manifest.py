"""`fetch_manifest.json`: what a fetch brought, from where, with which checksums."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_NAME = "vmafkit.fetch_manifest.v1"


class FetchedFile(BaseModel):
    """One file of a data set."""

    model_config = ConfigDict(extra="forbid")

    url: str
    path: str = Field(description="below the root, with forward slashes")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    resumed: bool = Field(False, description="a part was there already")
    known: bool = Field(False, description="the whole file was there already")


class FetchManifest(BaseModel):
    """All files of one fetch."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_name: str = Field(SCHEMA_NAME, alias="schema")
    dataset: str
    licence: str
    root: str
    fetched_utc: str
    files: list[FetchedFile]
    run_provenance: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.model_dump(mode="json", by_alias=True)
