"""A data set recipe: references, distorted videos and their opinion scores."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Resampling = Literal["bilinear", "bicubic", "lanczos"]
Id = int | str
Side = Annotated[int, Field(ge=1, le=8192)]
Frame = Annotated[int, Field(ge=0)]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a score must be a finite number")
    return value


Score = Annotated[float, AfterValidator(_finite)]
Opinions = list[Score] | dict[str | int, Score | list[Score]]
SCORE_KINDS = ("dmos", "mos", "groundtruth", "os")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Geometry(_Part):
    """What may be said of a video, or of all videos at once.

    `crop_cmd` is `w:h[:x:y]` and `pad_cmd` `w:h:x:y`, each a number or iw/ih with a number
    added; `fps_cmd` is a rate.
    """

    yuv_fmt: str | None = None
    width: Side | None = None
    height: Side | None = None
    resampling_type: Resampling | None = None
    crop_cmd: str | None = None
    pad_cmd: str | None = None
    fps_cmd: str | int | float | None = None
    workfile_yuv_type: str | None = None


class RefVideo(_Geometry):
    """A reference."""

    content_id: Id
    path: str
    content_name: str | None = None
    ref_start_frame: Frame | None = None
    ref_end_frame: Frame | None = None


class DisVideo(_Geometry):
    """A distorted video; frame ranges include their last frame."""

    content_id: Id
    asset_id: Id
    path: str
    asset_name: str | None = None
    dmos: Score | None = None
    mos: Score | None = None
    groundtruth: Score | None = None
    os: Opinions | None = None
    groundtruth_std: Annotated[float, Field(ge=0)] | None = None
    rebuf_indices: list[int] | None = None
    quality_width: Side | None = None
    quality_height: Side | None = None
    enc_width: Side | None = None
    enc_height: Side | None = None
    enc_bitdepth: Annotated[int, Field(ge=8, le=16)] | None = None
    start_frame: Frame | None = None
    end_frame: Frame | None = None
    dis_start_frame: Frame | None = None
    dis_end_frame: Frame | None = None
    duration_sec: Annotated[float, Field(gt=0)] | None = None
    fps: Annotated[float, Field(gt=0)] | None = None

    @property
    def score_kind(self) -> str | None:
        """Which of SCORE_KINDS it has."""
        return next((kind for kind in SCORE_KINDS if getattr(self, kind) is not None), None)

    @model_validator(mode="after")
    def _one_score(self) -> DisVideo:
        given = [kind for kind in SCORE_KINDS if getattr(self, kind) is not None]
        if len(given) > 1:
            raise ValueError(f"asset {self.asset_id} has {' and '.join(given)}; name one")
        if isinstance(self.os, dict | list) and not self.os:
            raise ValueError(f"asset {self.asset_id} has no opinion scores in os")
        return self


class Recipe(_Geometry):
    """A data set; what is said here holds for every video that says nothing else."""

    dataset_name: Annotated[str, Field(min_length=1, max_length=200)]
    ref_videos: Annotated[list[RefVideo], Field(min_length=1)]
    dis_videos: Annotated[list[DisVideo], Field(min_length=1)]
    ref_score: Score | None = None
    quality_width: Side | None = None
    quality_height: Side | None = None
    duration_sec: Annotated[float, Field(gt=0)] | None = None
    fps: Annotated[float, Field(gt=0)] | None = None
    start_frame: Frame | None = None
    end_frame: Frame | None = None

    @property
    def score_kind(self) -> str | None:
        """Which of SCORE_KINDS the distorted videos have; None for none."""
        return self.dis_videos[0].score_kind

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        known = {video.content_id for video in self.ref_videos}
        if len(known) != len(self.ref_videos):
            raise ValueError("a content_id of ref_videos is there twice")
        seen: set[Id] = set()
        for video in self.dis_videos:
            if video.content_id not in known:
                raise ValueError(
                    f"asset {video.asset_id} has content_id {video.content_id}, no reference has"
                )
            if video.asset_id in seen:
                raise ValueError(f"asset_id {video.asset_id} is there twice")
            seen.add(video.asset_id)
        kinds = {video.score_kind for video in self.dis_videos}
        if len(kinds) > 1:
            names = ", ".join(sorted(str(kind) for kind in kinds))
            raise ValueError(f"the distorted videos have different kinds of scores: {names}")
        return self
