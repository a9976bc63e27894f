"""What `vmaf-tune tune-per-shot` found: one JSON object."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vmafkit.schema.recommendation import OutputRecord
from vmafkit.schema.record import Record

SCHEMA_VERSION = 1


class ShotProbe(Record):
    """One measured setting of a shot."""

    crf: float = Field(description="value of the encoder's quality knob")
    score: float = Field(description="mean over the shot's frames")
    video_bits: int


class ShotRecord(Record):
    """One shot and its setting."""

    shot_id: int = Field(description="counted from 0")
    start_frame: int
    end_frame: int = Field(description="the frame after the last")
    frames: int
    segment: int = Field(
        default=-1,
        description="shots of one segment are encoded as one, with one setting; counted from 0",
    )
    crf: float | None = Field(description="value of the encoder's quality knob")
    score: float | None = Field(description="mean over the shot's frames in the joined file")
    score_single: float | None = Field(description="the same with the best single setting")
    video_bits: int | None = Field(description="null for a shot that shares its segment")
    probes: list[ShotProbe]


class TitleRecord(Record):
    """A whole title, measured."""

    score: float = Field(description="on the aim's scale: what is held against the target")
    mean: float = Field(description="over all frames")
    worst_shot: float = Field(description="the lowest mean of a shot")
    bitrate_kbps: float
    video_bytes: int
    crf: float | None = Field(description="null where each shot has its own")


class PerShotResult(Record):
    """The settings of the shots, what they give as one file, and what one setting gives."""

    type: Literal["per-shot"] = "per-shot"
    schema_version: int = SCHEMA_VERSION
    source: str
    encoder: str
    preset: str
    quality_knob: str
    mode: str
    target: str
    target_vmaf: float | None = Field(description="where the target is a VMAF")
    worst: float | None = Field(description="no shot may lie below, where asked for")
    model: str
    framerate: float
    frames: int
    shots: list[ShotRecord]
    per_shot: TitleRecord | None = Field(description="of the joined file")
    single: TitleRecord | None = Field(description="the best single setting")
    change_percent: float | None = Field(
        description="bits by shot against the single setting; below 0 is a saving"
    )
    change_at_equal_score_percent: float | None = Field(
        description="the same with the single setting's bits taken at the joined file's score, "
        "between measured settings"
    )
    kept: Literal["per-shot", "single"] | None
    met: bool = Field(description="what is kept was measured and reaches the target")
    reason: str
    rounds: list[TitleRecord] = Field(description="every joined title that was made")
    segment_commands: list[list[str]] = Field(
        description="ffmpeg's words for each segment, into --segment-dir, else the current folder"
    )
    concat_command: list[str] = Field(
        description="joins the segments in --segment-dir; empty without one"
    )
    trials_measured: int
    trials_known: int
    output: OutputRecord | None
    versions: dict[str, str | None]
    notes: list[str]
