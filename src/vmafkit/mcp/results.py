"""What tools answer: one shape for all, with a typed result."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = float | Literal["inf", "-inf", "nan"] | None


class Part(BaseModel):
    """Named values that clients may rely on; more may be there."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Failure(Part):
    """Why a call gave no result."""

    error: str = Field(description="a short code, such as refused, usage, cancelled")
    message: str
    hint: str = ""


class Answer(Part):
    """What every tool that works in a job answers."""

    job_id: str
    tool: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: float = 0.0
    total: float = Field(0.0, description="0 where it is not known")
    note: str = ""
    wall_s: float = 0.0
    cpu_s: float = Field(0.0, description="CPU seconds, its programs included; told at its end")
    files: list[str] = Field(default_factory=list[str], description="written by this job")
    resources: list[str] = Field(
        default_factory=list[str], description="the whole result and the frames, by page"
    )
    cut: dict[str, int] = Field(
        default_factory=dict[str, int], description="lists that were cut, with their whole length"
    )
    failure: Failure | None = None


class ScoredBy(Part):
    """What scores are told with."""

    model: str | None = Field(None, description="id of the VMAF model; null without one")
    statistic: str = Field("mean", description="how frames are pooled")
    backend: str | None = Field(
        None, description="engine or libvmaf, which made the scores; null where none was made"
    )
    versions: dict[str, str | None] = Field(default_factory=dict[str, str | None])


class Scored(Part):
    """A result that holds scores."""

    scored_by: ScoredBy | None = None


class ScoreResult(Scored):
    """A score, without its frames."""

    model: str | None = None
    score: Number = Field(None, description="the first model pooled by `statistic`")
    statistic: str = "mean"
    frames: int = 0
    pooled: dict[str, dict[str, float]] = Field(default_factory=dict[str, dict[str, float]])
    worst: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], description="the lowest frames, apart"
    )
    display: str = ""
    notes: list[str] = Field(default_factory=list[str])
    pictures: dict[str, Any] | None = Field(
        None, description="of worst_frames: how many pairs, how wide, and why not all of them"
    )


class ScoreAnswer(Answer):
    """Of score and worst_frames."""

    result: ScoreResult | None = None


class RecommendResult(Scored):
    """A setting, and how it is known."""

    encoder: str = ""
    preset: str | None = None
    quality: dict[str, Any] | None = Field(None, description="knob and value")
    met: bool = Field(False, description="measured to reach every target within the caps")
    score: Number = None
    bitrate_kbps: Number = None
    reason: str = ""
    command: str = ""


class RecommendAnswer(Answer):
    """Of recommend."""

    result: RecommendResult | None = None


class AutoResult(Scored):
    """A plan, and the rows of what was executed of it."""

    met: bool | None = Field(None, description="null where nothing was executed")
    plan: dict[str, Any] = Field(default_factory=dict[str, Any])
    results: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class AutoAnswer(Answer):
    """Of auto."""

    result: AutoResult | None = None


class LadderResult(Scored):
    """Rungs, best first, and what they lie on."""

    renditions: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    hull: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    packages: dict[str, str] = Field(default_factory=dict[str, str])


class LadderAnswer(Answer):
    """Of ladder."""

    result: LadderResult | None = None


class PerShotResult(Scored):
    """A setting for each shot, and what they give together."""

    shots: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    per_shot: dict[str, Any] | None = None
    single: dict[str, Any] | None = None
    change_percent: Number = None
    kept: str | None = None
    met: bool = False
    reason: str = ""


class PerShotAnswer(Answer):
    """Of tune_per_shot."""

    result: PerShotResult | None = None


class PlanResult(Part):
    """What would be run, and what it would cost; nothing was encoded."""

    verb: str = ""
    frames: int = Field(0, description="of the source")
    measured_frames: int = Field(0, description="of the windows that one trial encodes")
    known_trials: int = Field(0, description="of this source in the store; they cost nothing")
    estimate: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="encodes, encode_s, score_s and cpu_s (CPU seconds), wall_s with `cores` "
        "kept busy, and `basis`: measured in the trial store, or assumed",
    )
    at_most: dict[str, Any] | None = Field(None, description="the same for the verb's own bound")
    whole_source: dict[str, Any] | None = Field(None, description="for one encode of all frames")
    parts: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], description="the estimate by encoder and preset"
    )
    notes: list[str] = Field(default_factory=list[str])
    record: dict[str, Any] = Field(default_factory=dict[str, Any])


class PlanAnswer(Answer):
    """Of plan."""

    result: PlanResult | None = None


class TableResult(Scored):
    """A record of a kind that its `type` names."""

    type: str = ""


class TableAnswer(Answer):
    """Of the other tools."""

    result: TableResult | None = None


class JobList(Part):
    """All jobs that are known, oldest first."""

    jobs: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    at_once: int = 0
    time_limit_s: float = 0.0


class Listing(Part):
    """A list of records."""

    items: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class Facts(Part):
    """Facts of one thing."""

    name: str = ""
