"""Fits the family of curves that priors are made of, from measured rows of many sources.

One matrix holds a source in each row: its scores and bits per pixel at the knots of every
encoder, each on its line. Its principal components are the loadings of the hidden factors
(M. Tipping and C. Bishop, "Probabilistic principal component analysis", 1999); gaps are filled
by the components themselves until they stay (R. Mazumder et al., "Spectral regularization
algorithms", 2010).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vmafkit.curve import FloatArray, pchip
from vmafkit.decide.prior import scale_for
from vmafkit.errors import UsageError

FACTORS = 5
KNOT_EVERY = 3.0
FEWEST_SOURCES = 4
_FEWEST_POINTS = 4
_BITS_WEIGHT = 0.3
_ROUNDS = 50
_SPREAD = 1.1
# Of what the factors leave: standard deviation, length in settings, noise of one point.
_RESIDUAL = {
    "score": {"sd": 0.3, "length": 25.0, "noise": 0.012},
    "bits": {"sd": 0.4, "length": 20.0, "noise": 0.02},
}


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One measured row for a fit: the VMAF mean and the video bits for each pixel."""

    source: str
    encoder: str
    preset: str | None
    quality: float
    vmaf: float
    bits_per_pixel: float


@dataclass(frozen=True, slots=True)
class _Block:
    """A run of columns: one encoder's curve of one kind."""

    encoder: str
    kind: str
    knots: FloatArray


def fit_family(
    rows: Sequence[CurveRow], *, factors: int = FACTORS, knot_every: float = KNOT_EVERY
) -> dict[str, Any]:
    """The family as it is shipped: plain lists and numbers, ready for JSON.

    Of each encoder the preset with most rows is used.

    Raises:
        UsageError: fewer than 4 sources have a curve of 4 points or more.
    """
    presets = _presets(rows)
    blocks = _blocks(rows, presets, knot_every)
    matrix, sources = _matrix([r for r in rows if presets[r.encoder] == r.preset], blocks)
    if len(sources) < FEWEST_SOURCES:
        raise UsageError(
            f"{len(sources)} sources have a curve to learn from",
            hint=f"measure {FEWEST_SOURCES} or more, each at {_FEWEST_POINTS} settings or more",
        )
    weights = np.concatenate(
        [np.full(b.knots.size, 1.0 if b.kind == "score" else _BITS_WEIGHT) for b in blocks]
    )
    mean, loadings, own = _components(matrix * weights, min(factors, len(sources) - 2))
    mean, loadings = mean / weights, loadings / weights[:, None]
    encoders: dict[str, Any] = {}
    at = 0
    for block in blocks:
        part = slice(at, at + block.knots.size)
        at += block.knots.size
        entry = encoders.setdefault(
            block.encoder, {"preset": presets[block.encoder], "knots": rounded(block.knots)}
        )
        entry[block.kind] = {"mean": rounded(mean[part]), "loadings": rounded(loadings[part])}
    return {
        "factors": loadings.shape[1],
        "sources": {name: rounded(values) for name, values in zip(sources, own, strict=True)},
        "residual": _RESIDUAL,
        "encoders": encoders,
    }


def _presets(rows: Sequence[CurveRow]) -> dict[str, str | None]:
    counts: dict[str, Counter[str | None]] = {}
    for row in rows:
        counts.setdefault(row.encoder, Counter())[row.preset] += 1
    return {encoder: count.most_common(1)[0][0] for encoder, count in sorted(counts.items())}


def _blocks(rows: Sequence[CurveRow], presets: dict[str, str | None], every: float) -> list[_Block]:
    blocks: list[_Block] = []
    for encoder in presets:
        settings = [row.quality for row in rows if row.encoder == encoder]
        first, last = min(settings), max(settings)
        knots = np.linspace(first, last, max(2, round((last - first) / every) + 1))
        blocks += [_Block(encoder, kind, knots) for kind in ("score", "bits")]
    return blocks


def _matrix(rows: Sequence[CurveRow], blocks: Sequence[_Block]) -> tuple[FloatArray, list[str]]:
    """Shape (sources, knots of all blocks); NaN where nothing was measured."""
    line = scale_for("vmaf").to
    curves: dict[tuple[str, str], dict[float, CurveRow]] = {}
    for row in rows:
        curves.setdefault((row.source, row.encoder), {})[row.quality] = row
    sources = sorted({key[0] for key, found in curves.items() if len(found) >= _FEWEST_POINTS})
    lines: list[FloatArray] = []
    for source in sources:
        parts: list[FloatArray] = []
        for block in blocks:
            found = curves.get((source, block.encoder), {})
            values = np.full(block.knots.size, np.nan)
            if len(found) >= _FEWEST_POINTS:
                points = [found[quality] for quality in sorted(found)]
                x = np.array([p.quality for p in points])
                score = line([p.vmaf for p in points])
                bits = -np.log2([max(p.bits_per_pixel, 1e-9) for p in points])
                inside = (block.knots >= x[0]) & (block.knots <= x[-1])
                values[inside] = pchip(
                    x, score if block.kind == "score" else bits, block.knots[inside]
                )
            parts.append(values)
        lines.append(np.concatenate(parts))
    return np.array(lines), sources


def _components(matrix: FloatArray, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean (d,), loadings (d, count) for standard normal factors, and each source's factors."""
    gaps = np.isnan(matrix)
    filled: FloatArray = np.where(gaps, np.nanmean(matrix, axis=0), matrix)
    mean, left, sizes, right = _decomposed(filled)
    for _ in range(_ROUNDS if gaps.any() else 0):
        low = (left[:, :count] * sizes[:count]) @ right[:count]
        filled = np.where(gaps, mean + low, matrix)
        mean, left, sizes, right = _decomposed(filled)
    root = float(np.sqrt(max(matrix.shape[0] - 1, 1)))
    loadings = right[:count].transpose() * (_SPREAD * sizes[:count] / root)
    return mean, loadings, left[:, :count] * (root / _SPREAD)


def _decomposed(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    mean = np.asarray(matrix.mean(axis=0), dtype=np.float64)
    parts = np.linalg.svd(matrix - mean, full_matrices=False)
    left, sizes, right = (np.asarray(part, dtype=np.float64) for part in parts)
    return mean, left, sizes, right


def rounded(values: FloatArray) -> Any:
    """Nested lists of the values with 4 decimals."""
    return np.round(values, 4).tolist()
