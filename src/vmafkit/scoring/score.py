"""What scoring asks for and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vmafkit import pooling
from vmafkit.errors import UsageError
from vmafkit.scoring.features import Feature
from vmafkit.scoring.vmaf_models import VmafModel

if TYPE_CHECKING:
    import polars as pl

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EncodeGeometry:
    """The picture as it was encoded, before scaling to the display; VMAF v1 asks for it."""

    width: int
    height: int
    bit_depth: int


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What is computed of a pair.

    Attributes:
        models: the VMAF models, the first being the one that a single number means.
        features: further features of libvmaf.
        display: (width, height) both sides are compared at; None for the reference's own.
        subsample: every n-th frame only, 1 for all.
        threads: of libvmaf; 0 for all cores.
        encode_geometry: given to the models that ask for it.
        with_default: the default model is scored even when only features are named.
    """

    models: tuple[VmafModel, ...] = ()
    features: tuple[Feature, ...] = ()
    display: tuple[int, int] | None = None
    subsample: int = 1
    threads: int = 0
    encode_geometry: EncodeGeometry | None = None
    with_default: bool = False


@dataclass(frozen=True)
class Score:
    """Per-frame and pooled scores of one pair, with what computed them.

    Attributes:
        frame_numbers: shape (frames,).
        columns: name to values of shape (frames,); model ids are column names.
        models: the models scored, in the order asked for.
        model_note: why this model, when it was not asked for by name.
        backend: `ffmpeg-libvmaf` or `vmaf-binary`.
        libvmaf_version: as libvmaf names itself.
        tool_version: of ffmpeg or of the vmaf binary.
        display: (width, height) of the compared pictures.
        pix_fmt: the pixel format both sides were compared in.
        steps: what was done to the sides before comparing, in words.
        wall_s, cpu_s: what it cost.
        aggregates: values of the whole clip that are not pooled frames, such as `apsnr_y`.
        features: the features asked for beside the models.

    An ensemble gives the columns `<id>` (its bagging score), `<id>_stddev`,
    `<id>_ci_p95_lo` and `<id>_ci_p95_hi`.
    """

    frame_numbers: npt.NDArray[np.int64]
    columns: Mapping[str, FloatArray]
    models: tuple[VmafModel, ...]
    model_note: str
    backend: str
    libvmaf_version: str
    tool_version: str
    display: tuple[int, int]
    pix_fmt: str
    steps: tuple[str, ...]
    wall_s: float
    cpu_s: float
    aggregates: Mapping[str, float] = field(default_factory=dict[str, float])
    features: tuple[Feature, ...] = ()

    @property
    def frame_count(self) -> int:
        """Frames scored."""
        return int(self.frame_numbers.size)

    @property
    def model_id(self) -> str:
        """The id of the first model, or an empty text."""
        return self.models[0].id if self.models else ""

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """The columns of the features that were asked for, in the order asked for."""
        heads = [column for feature in self.features for column in feature.columns]
        found = [
            name
            for head in heads
            for name in self.columns
            if name == head or name.startswith(f"{head}_")
        ]
        return tuple(dict.fromkeys(found))

    def pooled(self, column: str, statistic: str = "mean") -> float:
        """One column pooled over the clip.

        Raises:
            KeyError: there is no such column.
            UsageError: the statistic is unknown, or not defined for these scores.
        """
        try:
            return pooling.pool(self.columns[column], statistic)
        except ValueError as error:
            raise UsageError(f"{column}: {error}", hint="pool by mean, min, max or pN") from error

    @cached_property
    def summary(self) -> dict[str, dict[str, float]]:
        """Every column with every statistic that is defined for it."""
        result: dict[str, dict[str, float]] = {}
        for name, values in self.columns.items():
            lowest = float(values.min())
            known = [s for s in pooling.STATISTICS if s != "harmonic_mean" or lowest > -1.0]
            result[name] = dict(pooling.pool_all(values, known))
        return result

    def table(self) -> pl.DataFrame:
        """The per-frame table: `frame` and one Float64 column per metric."""
        import polars as pl

        return pl.DataFrame({"frame": self.frame_numbers, **self.columns})
