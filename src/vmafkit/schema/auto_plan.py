"""The plan of `vmaf-tune auto`, and the rows of `tune_results.jsonl`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vmafkit.schema import strictjson
from vmafkit.schema.record import Record

SCHEMA_VERSION = 1


class PlanCell(Record):
    """One candidate: a codec, preset and setting, with what is expected of it."""

    cell_index: int
    rung: int = Field(description="lines of the encode")
    width: int
    height: int
    codec: str = Field(description="ffmpeg's name of the encoder")
    preset: str
    quality_knob: str
    crf: float = Field(description="value of the encoder's quality knob")
    estimated_vmaf: float | None = Field(description="of the first target; null if not known")
    estimated_vmaf_interval: list[float] | None = Field(description="90 % interval")
    estimated_bitrate_kbps: float | None
    estimated_bitrate_interval: list[float] | None = Field(description="90 % interval")
    estimated_scores: list[float] = Field(description="one for each target")
    prediction_source: str = Field(description="what the estimates come from")
    expected_to_reach: bool = Field(description="targets and caps; nothing was measured")
    why: str
    selected: bool


class Winner(Record):
    """The cell that was chosen, and the reason."""

    status: Literal["expected", "expected_over_budget", "expected_short", "none"]
    cell_index: int | None
    codec: str | None
    preset: str | None
    crf: float | None
    rung: int | None
    estimated_vmaf: float | None
    estimated_bitrate_kbps: float | None
    quality_margin: float | None = Field(description="of the first target, in its unit")
    budget_margin_kbps: float | None
    reason: str


class PlanMetadata(Record):
    """What the plan was made from."""

    src: str
    src_sha256: str
    targets: list[str]
    caps: str
    model: str
    allow_codecs: list[str]
    skipped: list[dict[str, str]] = Field(description="codecs left out, and why")
    source_meta: dict[str, Any]
    versions: dict[str, str | None]
    notes: list[str]
    winner: Winner


class AutoPlan(Record):
    """A plan: equal bytes for equal sources, words and versions."""

    type: Literal["plan"] = "plan"
    schema_version: int = SCHEMA_VERSION
    cells: list[PlanCell]
    metadata: PlanMetadata


class TuneResult(Record):
    """One row of `tune_results.jsonl`: an executed cell.

    Further keys `feature_<name>_mean` and `feature_<name>_std` hold the features that the model
    computed.
    """

    cell_index: int
    codec: str
    preset: str
    crf: float = Field(description="the setting that was encoded in the end")
    selected: bool
    estimated_vmaf: float | None
    estimated_bitrate_kbps: float | None
    prediction_source: str
    encode_size_bytes: int | None = Field(description="of the whole file")
    encode_time_ms: float | None
    encode_exit_status: int
    ffmpeg_version: str
    encoder_version: str | None
    encode_path: str | None = Field(description="null when no file was made")
    vmaf_score: float | None = Field(description="measured on the whole source, mean")
    score_time_ms: float | None
    score_exit_status: int
    vmaf_binary_version: str | None

    schema_version: int = SCHEMA_VERSION
    cell_key: str = Field(description="equal for equal work; a restart skips it")
    src: str
    timestamp: str
    planned_crf: float
    rung: int
    targets: list[str]
    scores: list[float]
    met: bool = Field(description="measured on the whole source")
    reason: str
    vmaf_model: str | None
    bitrate_kbps: float | None
    video_bytes: int | None
    encode_sha256: str | None
    libvmaf_version: str | None
    probes: list[dict[str, Any]]
    cpu_s: float
    error: str | None = None
    error_code: str | None = None

    def line(self) -> bytes:
        """The row as one line of strict JSON."""
        return strictjson.dumps(self.model_dump(mode="json")) + b"\n"
