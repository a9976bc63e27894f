"""`run_provenance`: which command, with which inputs and versions, made a file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_NAME = "vmafkit.run_provenance.v1"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Entrypoint(_Strict):
    """The program or function that was called."""

    name: str = Field(description="command or script, such as `vmaf-train export`")
    path: str | None = Field(None, description="file name of the code")
    sha256: str | None = Field(None, description="of that file")


class FileFact(_Strict):
    """A file that was read or written.

    `sha256` and `bytes` are null for a file that was not there when the block was written,
    such as the file that holds the block.
    """

    path: str
    sha256: str | None = None
    bytes: int | None = None


class RunProvenance(_Strict):
    """How a file came about."""

    schema_name: str = Field(SCHEMA_NAME, alias="schema")
    entrypoint: Entrypoint
    argv: list[str]
    args: dict[str, Any]
    inputs: dict[str, FileFact]
    outputs: dict[str, FileFact]
    versions: dict[str, str]
    git_commit: str | None = None
    git_dirty: bool | None = None
    created_utc: str
    seed: int | None = None
    notes: str | None = None

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.model_dump(mode="json", by_alias=True)
