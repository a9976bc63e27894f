"""What `vmaf-tune zones` found: one JSON object."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vmafkit.schema.recommendation import OutputRecord

SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class ZoneRecord(_Record):
    """What a zone did, measured in the packets."""

    zone: str
    first_frame: int
    last_frame: int
    bits_plain: int
    bits: int
    change_percent: float


class RegionRecord(_Record):
    """What a region did, in luma PSNR against the source, in dB."""

    roi: str
    inside_plain_db: float
    inside_db: float
    outside_plain_db: float
    outside_db: float
    gain_db: float = Field(description="of the region over the rest of the picture")


class ZonesResult(_Record):
    """An encode with zones and regions beside the plain one."""

    type: Literal["zones"] = "zones"
    schema_version: int = SCHEMA_VERSION
    source: str
    encoder: str
    preset: str
    crf: float = Field(description="value of the encoder's quality knob")
    zones: list[ZoneRecord]
    rois: list[RegionRecord]
    video_bytes_plain: int
    video_bytes: int
    change_percent: float
    output: OutputRecord | None
    command: list[str]
    versions: dict[str, str | None]

    def record(self) -> dict[str, Any]:
        """The result as one JSON-ready object."""
        return self.model_dump(mode="json")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a result."""
    schema = ZonesResult.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
