"""What scoring asks for and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vmafkit import pooling
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
    """

    models: tuple[VmafModel, ...] = ()
    features: tuple[Feature, ...] = ()
    display: tuple[int, int] | None = None
    subsample: int = 1
    threads: int = 0
    encode_geometry: EncodeGeometry | None = None


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
        intervals: ensemble models: id to (lo, hi) of the pooled mean, 95 %.
        extra: per-frame columns of ensembles, such as `<id>_stddev`.
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
    pooled_metrics: tuple[str, ...] = field(default=())

    @property
    def frame_count(self) -> int:
        """Frames scored."""
        return int(self.frame_numbers.size)

    @property
    def model_id(self) -> str:
        """The id of the first model, or an empty text."""
        return self.models[0].id if self.models else ""

    def pooled(self, column: str, statistic: str = "mean") -> float:
        """One column pooled over the clip.

        Raises:
            KeyError: there is no such column.
        """
        return pooling.pool(self.columns[column], statistic)

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
