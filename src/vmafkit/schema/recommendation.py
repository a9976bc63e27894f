"""The record of a target search: what `vmaf-tune recommend --json` prints at the end."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vmafkit.schema.record import Record

SCHEMA_VERSION = 1


class QualityValue(Record):
    """A setting of the encoder's own quality knob."""

    knob: str
    value: float


class ProbeRecord(Record):
    """One setting that was measured, or was known."""

    quality: float
    score: float | None = Field(description="of the first target, on its statistic")
    scores: list[float] = Field(description="one for each target")
    bitrate_kbps: float
    known: bool = Field(description="it was in the store already and cost nothing")
    preset: str | None = Field(default=None, description="where it is not the record's")
    window: str | None = Field(default=None, description="where it is not the record's")


class BracketRecord(Record):
    """The setting found and the neighbour that fails."""

    passing: float | None
    passing_score: float | None
    failing: float | None
    failing_score: float | None


class SamplingRecord(Record):
    """How much of the source the probes looked at."""

    windows: int
    share: float = Field(description="of the frames, above 0 and at most 1")
    half_width: float | None = Field(
        description="of the 95 % interval of the score that sampling adds; null where one "
        "window cannot tell; 0 for the whole source"
    )
    inside_tolerance: bool


class OutputRecord(Record):
    """The final file, after it was checked."""

    path: str
    size_bytes: int
    video_bytes: int
    carried: dict[str, int] = Field(description="streams beside the video, by kind")
    dropped: list[str]
    encoded_again: bool = Field(description="false where a probe's file is the result")


class CostRecord(Record):
    """What the search cost, in CPU seconds of the outside programs."""

    probes_measured: int
    probes_known: int
    encode_s: float
    score_s: float
    saved_s: float = Field(description="what the known probes cost when they were measured")
    final_s: float


class Recommendation(Record):
    """The setting that meets the target at the least cost, and how that is known.

    `met` is said of measurements only; a prediction has `predicted` set and `met` false.
    """

    type: Literal["recommendation"] = "recommendation"
    source: str
    encoder: str
    preset: str | None
    quality: QualityValue | None = Field(description="of the best attempt where met is false")
    target: str
    score: float | None = Field(description="measured, on the target's statistic")
    met: bool
    exact: bool
    bracket: BracketRecord
    bitrate_kbps: float | None
    probes: list[ProbeRecord]
    window: str = Field(description="'full', or 'start+frames' of every window, in frames")
    model: str | None
    versions: dict[str, str | None]
    command: str

    schema_version: int = SCHEMA_VERSION
    reason: str = ""
    targets: list[str] = Field(default_factory=list[str])
    scores: list[float] = Field(default_factory=list[float])
    caps: str = ""
    size_bytes: int | None = Field(default=None, description="of the whole source's video, encoded")
    size_percent: float | None = Field(default=None, description="of the source's video bytes")
    tolerance: float | None = None
    strategy: str = ""
    sampling: SamplingRecord | None = None
    proxy_preset: str | None = None
    predicted: dict[str, Any] | None = None
    output: OutputRecord | None = None
    cost: CostRecord | None = None
    notes: list[str] = Field(default_factory=list[str])
