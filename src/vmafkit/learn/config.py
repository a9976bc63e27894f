"""The recipe of a fit: a YAML file, checked before anything is read.

Keys of the reference's configurations are understood: `model`, `epochs`, `batch_size`,
`val_frac`, `test_frac`, `seed`, `cache` (the feature table) and `output`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vmafkit import fsio
from vmafkit.errors import Unreadable, UsageError
from vmafkit.learn.feature_sets import TABLE as FEATURE_SETS
from vmafkit.learn.feature_sets import TEACHER
from vmafkit.learn.mlp import ARCHITECTURES
from vmafkit.learn.splits import SplitRule
from vmafkit.media.hashing import show
from vmafkit.schema import strictyaml

_LIMIT_BYTES = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Enrich(_Strict):
    """Rows made around the training rows, labelled by the exact teacher."""

    rows: int = Field(0, ge=0, le=5_000_000, description="0 for none")
    rounds: int = Field(3, ge=1, le=50, description="how often hard rows are sought anew")


class Polish(_Strict):
    """Levenberg-Marquardt steps after the epochs."""

    steps: int = Field(0, ge=0, le=2000, description="0 for none")
    rows: int = Field(60_000, ge=256, description="drawn for each step")
    norm: float = Field(2.0, ge=2.0, le=8.0, description="above 2, large errors weigh more")


class FitConfig(_Strict):
    """A recipe.

    `features` names a set of `feature_sets.TABLE`; the model card carries its columns.
    """

    name: str = Field("fr_tiny", pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    model: str = "mlp_small"
    features: str = "canonical-6"
    teacher: str = TEACHER
    epochs: int = Field(50, ge=1, le=10_000)
    batch_size: int = Field(256, ge=1, le=1_000_000)
    lr: float = Field(1e-3, gt=0.0, le=1.0)
    schedule: Literal["constant", "onecycle"] = "constant"
    val_frac: float = 0.1
    test_frac: float = 0.1
    split_by: Literal["source", "clip"] = "source"
    val_sources: list[str] = Field(
        default_factory=list[str],
        description="sources for validation instead of the rule's, where the table has them",
    )
    patience: int = Field(0, ge=0, description="epochs without a better validation; 0 goes on")
    seed: int = Field(0, ge=0)
    seeds: list[int] = Field(default_factory=list[int], max_length=32, description="a sweep")
    enrich: Enrich = Field(default_factory=lambda: Enrich.model_validate({}))
    polish: Polish = Field(default_factory=lambda: Polish.model_validate({}))
    finish: Polish = Field(
        default_factory=lambda: Polish.model_validate({}),
        description="more steps, for the best seeds only",
    )
    finalists: int = Field(1, ge=1, le=32, description="how many seeds get the finish")
    source_weights: dict[str, float] = Field(
        default_factory=dict[str, float],
        description="how often rows of a source are drawn, 1 where it is not named",
    )
    low_weight: float = Field(
        1.0, gt=0.0, le=1.0, description="weight of rows at score 0, rising to 1 at score 40"
    )
    cache: str | None = Field(None, description="the feature table when no flag names it")
    output: str | None = Field(None, description="the folder when no flag names it")

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for what, name, table in (
            ("model", self.model, ARCHITECTURES),
            ("features", self.features, FEATURE_SETS),
        ):
            if name not in table:
                raise ValueError(f"{what} {name!r} is not one of {', '.join(table)}")
        if any(not 0.0 <= weight <= 1000.0 for weight in self.source_weights.values()):
            raise ValueError("a source weight is out of range")
        return self

    @property
    def rule(self) -> SplitRule:
        """How rows are dealt out. Raises: UsageError."""
        return SplitRule(self.split_by, self.test_frac, self.val_frac)

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.model_dump(mode="json")


def load_config(path: Path) -> FitConfig:
    """Read a recipe.

    Raises:
        Unreadable: the file is missing or no YAML mapping.
        UsageError: a key or value is wrong; the first one is named.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise Unreadable(f"{show(path)} is too large for a configuration")
        document: Any = strictyaml.loads(fsio.read_text(path))
    except OSError as error:
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}") from None
    except ValueError as error:
        raise Unreadable(f"{show(path)} is not YAML", detail=str(error)) from None
    if not isinstance(document, dict):
        raise Unreadable(f"{show(path)} holds no keys", hint="write `model: mlp_small` and so on")
    try:
        config = FitConfig.model_validate(document)
        _ = config.rule
    except ValidationError as error:
        fact = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in fact["loc"]) or "it"
        raise UsageError(
            f"{show(path)}: {where}: {fact['msg']}",
            hint=f"known keys are {', '.join(FitConfig.model_fields)}",
        ) from None
    return config
