"""The record of `vmaf-tune ladder`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vmafkit.schema.record import Record

SCHEMA_VERSION = 1


class LadderPoint(Record):
    """One measured setting of one rendition."""

    width: int
    height: int
    crf: float = Field(description="value of the encoder's quality knob")
    bitrate_kbps: float = Field(description="of the video packets")
    vmaf: float = Field(description="mean of the model in `vmaf_model`, at the display size")
    known: bool = Field(description="it was in the store already")
    trial_key: str | None = Field(description="of its first trial")


class Rung(LadderPoint):
    """One rung, best first."""

    rung: int
    verified: bool = Field(description="measured on the whole source, not on windows of it")
    bandwidth_bps: int | None = Field(
        None, description="peak over the segments; null without a package"
    )
    average_bandwidth_bps: int | None = Field(None, description="mean over the segments")
    codecs: str | None = Field(None, description="as manifests name the video's codec")


class Takeover(Record):
    """Where a rendition takes over from another as the bitrate rises."""

    bitrate_kbps: float
    vmaf: float
    below: str = Field(description="the rendition below that bitrate")
    above: str = Field(description="the rendition above it")


class Encodes(Record):
    """What the ladder cost."""

    grid: int = Field(description="renditions times values")
    used: int = Field(description="cells that were measured or known")
    measured: int
    known: int
    encode_s: float = Field(description="processor seconds of the measured ones")
    score_s: float


class LadderRecord(Record):
    """A ladder."""

    type: Literal["ladder"] = "ladder"
    schema_version: int = SCHEMA_VERSION
    source: str
    src_sha256: str
    encoder: str
    preset: str
    quality_knob: str
    vmaf_model: str
    display_width: int
    display_height: int
    window: str = Field(description="`full`, or the windows that were measured")
    segment_duration_s: float
    gop_frames: int
    spacing: str
    renditions: list[Rung] = Field(description="the rungs, best first")
    hull: list[LadderPoint] = Field(description="by rising bitrate")
    crossovers: list[Takeover]
    points: list[LadderPoint] = Field(description="all that was measured")
    encodes: Encodes
    packages: dict[str, str] = Field(description="manifests by kind")
    commands: list[str]
    versions: dict[str, str]
    notes: list[str]
