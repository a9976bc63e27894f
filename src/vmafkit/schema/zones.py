"""What `vmaf-tune zones` found: one JSON object."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vmafkit.schema.recommendation import OutputRecord
from vmafkit.schema.record import Record

SCHEMA_VERSION = 1


class ZoneRecord(Record):
    """What a zone did, measured in the packets."""

    zone: str
    first_frame: int
    last_frame: int
    bits_plain: int
    bits: int
    change_percent: float


class RegionRecord(Record):
    """What a region did, in luma PSNR against the source, in dB."""

    roi: str
    inside_plain_db: float
    inside_db: float
    outside_plain_db: float
    outside_db: float
    gain_db: float = Field(description="of the region over the rest of the picture")


class ZonesResult(Record):
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
