"""The card beside a tiny model, `<name>.json`: what it takes, gives, and was made from."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vmafkit.schema.registry import ModelId, Sha256, read_model, render

SCHEMA_VERSION = 1

FeatureName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
OptionValue = str | int | float | bool


class Sidecar(BaseModel):
    """One model's card.

    `features` is the model's own list; nothing is taken from a list for all models.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    schema_version: int = Field(SCHEMA_VERSION, ge=1)
    id: ModelId
    kind: Literal["fr", "nr", "filter"] = "fr"
    onnx: str = Field(max_length=256, pattern=r"^[^/\\]+$", description="the file's name")
    sha256: Sha256
    opset: int = Field(ge=7, le=21)
    input_name: str = Field(min_length=1, max_length=64)
    input_shape: list[int] = Field(description="[-1, number of features]")
    output_name: str = Field(min_length=1, max_length=64)
    output_shape: list[int] = Field(description="[-1]")
    features: list[FeatureName] = Field(min_length=1, max_length=64, description="in input order")
    feature_options: dict[FeatureName, dict[FeatureName, OptionValue]] = Field(
        default_factory=dict[str, dict[str, OptionValue]],
        description="options of libvmaf's extractors, by feature",
    )
    bit_depth: Literal[8, 10] = Field(8, description="the least depth that features are taken at")
    input_mean: list[float] | None = Field(None, description="subtracted inside the graph")
    input_std: list[float] | None = Field(None, description="divided by inside the graph")
    output_range: list[float] | None = Field(None, description="[least, most] score meant")
    arch: str | None = Field(None, max_length=256)
    n_params: int | None = Field(None, ge=0)
    quant_mode: Literal["fp32", "static", "dynamic", "qat"] | None = None
    teacher: str | None = Field(None, max_length=128, description="the model it imitates")
    name: str | None = Field(None, max_length=128)
    description: str | None = Field(None, max_length=512)
    notes: str | None = Field(None, max_length=4096)
    license: str | None = Field(None, max_length=128)
    training: dict[str, Any] | None = Field(None, description="data, split, hyperparameters")
    evaluation: dict[str, Any] | None = Field(None, description="figures by split and source")
    run_provenance: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        count = len(self.features)
        if len(set(self.features)) != count:
            raise ValueError("a feature is there twice")
        if self.input_shape != [-1, count] or self.output_shape != [-1]:
            raise ValueError(f"input_shape must be [-1, {count}] and output_shape [-1]")
        for name, values in (("input_mean", self.input_mean), ("input_std", self.input_std)):
            if values is not None and len(values) != count:
                raise ValueError(f"{name} holds {len(values)} numbers for {count} features")
        if set(self.feature_options) - set(self.features):
            raise ValueError("feature_options names a feature that is not in features")
        bounds = self.output_range
        if bounds is not None and (len(bounds) != 2 or bounds[0] >= bounds[1]):
            raise ValueError("output_range is not [least, most]")
        return self


def read_sidecar(data: bytes, name: str) -> Sidecar:
    """Read a card.

    Raises:
        Unreadable: it is not one; `name` is what the error calls it.
        SchemaTooNew: a newer version wrote it.
    """
    return read_model(Sidecar, data, name, SCHEMA_VERSION, "a model card")


def render_sidecar(card: Sidecar) -> str:
    """The file's text: two spaces, a newline at its end, nothing that is not set."""
    return render(card.model_dump(exclude_none=True))
