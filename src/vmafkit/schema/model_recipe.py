"""What a model is trained from: its features, and the parameters of its regression."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ModelType = Literal[
    "LIBSVMNUSVR",
    "BOOTSTRAP_LIBSVMNUSVR",
    "RESIDUEBOOTSTRAP_LIBSVMNUSVR",
    "RANDOMFOREST",
]
NormType = Literal["clip_0to1", "clip_minus1to1", "custom_clip_0to1", "normalize", "none"]
Pair = tuple[float, float]


class FeatureParam(BaseModel):
    """`feature_dict`: extractor type to the names of its features, or `all`.

    `feature_option_dict`: extractor type to options of libvmaf's extractors, such as
    `adm_enhn_gain_limit: 1.0`; each goes to the extractor that its name begins with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_dict: Annotated[
        dict[
            Literal["VMAF_feature", "VMAF_integer_feature"],
            Literal["all"] | Annotated[list[str], Field(min_length=1)],
        ],
        Field(min_length=1),
    ]
    feature_option_dict: dict[
        Literal["VMAF_feature", "VMAF_integer_feature"],
        dict[Annotated[str, Field(pattern=r"^(adm|vif|motion)_[a-z0-9_]{1,60}$")], float | bool],
    ] = {}


class ScoreTransform(BaseModel):
    """What is done to a score after the regression."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    p0: float | None = None
    p1: float | None = None
    p2: float | None = None
    knots: list[Pair] | None = None
    out_lte_in: Literal["true", "false"] | None = None
    out_gte_in: Literal["true", "false"] | None = None
    enabled: bool | None = None


class Parameters(BaseModel):
    """The parameters of a regression; those of another kind of model are left unused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    norm_type: NormType = "clip_0to1"
    score_clip: Pair | None = None
    score_transform: ScoreTransform | None = None
    custom_clip_0to1_map: dict[str, Pair] | None = None
    kernel: Literal["rbf", "linear"] = "rbf"
    gamma: Annotated[float, Field(gt=0)] = 0.05
    C: Annotated[float, Field(gt=0)] = 4.0
    nu: Annotated[float, Field(gt=0, le=1)] = 0.9
    cache_size: Annotated[float, Field(gt=0)] = 200.0
    num_models: Annotated[int, Field(ge=2, le=1000)] = 101
    n_estimators: Annotated[int, Field(ge=1, le=1000)] = 100
    max_depth: Annotated[int, Field(ge=1, le=32)] | None = None
    random_state: int = 0


class ModelParam(BaseModel):
    """`model_type` and `model_param_dict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_type: ModelType
    model_param_dict: Parameters = Parameters()
