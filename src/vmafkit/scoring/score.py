"""What scoring asks for and what it gives back."""

from __future__ import annotations

import contextlib
import math
import re
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
_CAPPED = ("psnr_y", "psnr_cb", "psnr_cr", "float_psnr")


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
        statistic: what the scores are going to be pooled by.
    """

    models: tuple[VmafModel, ...] = ()
    features: tuple[Feature, ...] = ()
    display: tuple[int, int] | None = None
    subsample: int = 1
    threads: int = 0
    encode_geometry: EncodeGeometry | None = None
    with_default: bool = False
    statistic: str = "mean"


@dataclass(frozen=True, slots=True)
class TinyModel:
    """A tiny model that was scored; its column has its id.

    Attributes:
        sha256: of the file that ran.
        device: where it ran: cuda, openvino, rocm or cpu.
        notes: how the device was chosen, and what was taken for granted.
    """

    id: str
    sha256: str
    device: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """Per-frame and pooled scores of one pair, with what computed them.

    Attributes:
        frame_numbers: shape (frames,).
        columns: name to values of shape (frames,); model ids are column names.
        models: the models scored, in the order asked for.
        model_note: why this model, when it was not asked for by name.
        backend: `ffmpeg-libvmaf`, `vmaf-binary` or `engine`.
        libvmaf_version: as libvmaf names itself; for the engine, whose arithmetic it follows.
        tool_version: of ffmpeg, of the vmaf binary, or of the engine.
        display: (width, height) of the compared pictures.
        pix_fmt: the pixel format both sides were compared in.
        steps: what was done to the sides before comparing, in words.
        wall_s, cpu_s: what it cost.
        aggregates: values of the whole clip that are not pooled frames, such as `apsnr_y`.
        features: the features asked for beside the models.
        statistic: what the scores are pooled by when nothing else is said.
        tiny: the tiny models scored.
        backend_note: why it was not scored by the engine, where that was to be tried.

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
    statistic: str = "mean"
    tiny: tuple[TinyModel, ...] = ()
    backend_note: str = ""

    @property
    def value(self) -> float | None:
        """The first model pooled by `statistic`; None when no model was scored."""
        return self.pooled(self.model_id, self.statistic) if self.models else None

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the values: where they are infinite, or at a ceiling."""
        ceiling = 6.0 * _depth(self.pix_fmt) + 12.0
        notes = [f"{model.id}: {note}" for model in self.tiny for note in model.notes]
        for name, values in self.columns.items():
            infinite = int(np.isinf(values).sum())
            capped = int((values >= ceiling).sum()) if name.startswith(_CAPPED) else 0
            if infinite:
                notes.append(
                    f"{name} is infinite on {infinite} of {values.size} frames: equal pictures"
                )
            elif capped:
                notes.append(
                    f"{name} is at its ceiling of {ceiling:g} dB on {capped} of {values.size} "
                    "frames, where equal pictures would be infinite"
                )
        return tuple(notes)

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
        """One column pooled over the clip; infinite where infinite frames make it so.

        Raises:
            KeyError: there is no such column.
            UsageError: the statistic is unknown, or not defined for these scores.
        """
        try:
            return pool_frames(self.columns[column], statistic)
        except ValueError as error:
            raise UsageError(f"{column}: {error}", hint="pool by mean, min, max or pN") from error

    @cached_property
    def summary(self) -> dict[str, dict[str, float]]:
        """Every column with every statistic that is defined and finite."""
        result: dict[str, dict[str, float]] = {}
        for name, values in self.columns.items():
            result[name] = {}
            for statistic in pooling.STATISTICS:
                with contextlib.suppress(ValueError):
                    value = pool_frames(values, statistic)
                    if math.isfinite(value):
                        result[name][statistic] = value
        return result

    def table(self) -> pl.DataFrame:
        """The per-frame table: `frame` and one Float64 column per metric."""
        import polars as pl

        return pl.DataFrame({"frame": self.frame_numbers, **self.columns})


def _depth(pix_fmt: str) -> int:
    """Bits per sample of the pass that the features come from, the first that is named."""
    found = re.match(r"yuv4\d\dp(\d*)", pix_fmt)
    return int(found[1] or 8) if found else 8


def pool_frames(values: FloatArray, statistic: str) -> float:
    """`pooling.pool`, for scores that may be infinite.

    Args:
        values: shape (frames,), no NaN and no minus infinity.
        statistic: as `pooling.pool` takes it.

    Raises:
        ValueError: the statistic is unknown, or not defined for these scores.
    """
    if not np.isinf(values).any():
        return pooling.pool(values, statistic)
    if statistic in ("mean", "max"):
        return math.inf
    if statistic == "min":
        return float(values.min())
    if statistic == "harmonic_mean":
        finite = values[np.isfinite(values)]
        if not finite.size:
            return math.inf
        # An infinite frame adds nothing to the sum of reciprocals.
        return (pooling.pool(finite, statistic) + 1.0) * values.size / finite.size - 1.0
    if statistic == "stddev":
        raise ValueError("infinite scores have no standard deviation")
    rank = 50.0 if statistic == "median" else pooling.percentile_rank(statistic)
    place = rank / 100.0 * (values.size - 1)
    ordered = np.sort(values)
    below, above = float(ordered[math.floor(place)]), float(ordered[math.ceil(place)])
    if math.isinf(above):
        return below if place == math.floor(place) else math.inf
    return below + (above - below) * (place - math.floor(place))
