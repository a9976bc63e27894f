"""Subjective models: from raw opinion scores to one score per stimulus, with its error.

MOS is the mean over subjects. DMOS (ITU-T P.910, hidden reference) is each subject's score less
the same subject's score of the reference, plus the reference's nominal score. SR_MOS leaves out
subjects by the screening of ITU-R BT.500 (kurtosis test). BR_SR_MOS first takes each subject's
bias away (ITU-T P.913, 12.4) and screens then. MLE_CO_AP2 recovers scores, biases and
inconsistencies of the subjects together by alternating projection (ITU-T P.910, annex E;
Li et al., "A simple model for subject behavior in subjective experiments", 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmafkit.errors import Refused, UsageError
from vmafkit.harness import sureal_bridge

FloatArray = npt.NDArray[np.float64]
MODELS = ("MLE_CO_AP2", "MOS", "DMOS", "SR_MOS", "BR_SR_MOS")
DEFAULT = "MLE_CO_AP2"
PER_SUBJECT = "PERSUBJECT"
_ALIASES = {
    "BT500": "SR_MOS",
    "BT.500": "SR_MOS",
    "P913": "BR_SR_MOS",
    "P.913": "BR_SR_MOS",
    "P910": "MLE_CO_AP2",
    "P.910": "MLE_CO_AP2",
}
_ROUNDS = 1000
_SETTLED = 1e-9
_LEAST_SPREAD = 1e-4


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a subjective model gives.

    Attributes:
        scores: shape (stimuli,).
        errors: standard error of each, shape (stimuli,); NaN where one score is all there is.
        subjects: their names.
        bias, inconsistency: of each subject, in the unit of the scores, shape (subjects,);
            NaN where the model knows none.
        left_out: subjects that the screening rejected.
    """

    scores: FloatArray
    errors: FloatArray
    subjects: tuple[str, ...]
    bias: FloatArray
    inconsistency: FloatArray
    left_out: tuple[str, ...] = ()


def model_name(word: str) -> str:
    """The name of a subjective model. Raises: UsageError, listing what there is."""
    name = _ALIASES.get(word, word)
    if name == PER_SUBJECT:
        raise UsageError(
            f"{PER_SUBJECT} is for training only", hint="a test needs one score for each asset"
        )
    if name not in MODELS and not name.startswith(sureal_bridge.PREFIX):
        raise UsageError(
            f"there is no subjective model {word!r}",
            hint=f"one of {', '.join(MODELS)}, or {sureal_bridge.PREFIX}TYPE",
        )
    return name


def table_of(
    opinions: Sequence[Mapping[str, tuple[float, ...]]],
) -> tuple[FloatArray, tuple[str, ...]]:
    """Scores of shape (stimuli, subjects, repetitions), NaN where there is none, and subjects."""
    subjects = tuple(dict.fromkeys(name for each in opinions for name in each))
    most = max((len(values) for each in opinions for values in each.values()), default=1)
    table = np.full((len(opinions), len(subjects), most), np.nan)
    index = {name: column for column, name in enumerate(subjects)}
    for row, each in enumerate(opinions):
        for name, values in each.items():
            table[row, index[name], : len(values)] = values
    return table, subjects


def recover(
    opinions: Sequence[Mapping[str, tuple[float, ...]]],
    model: str = DEFAULT,
    *,
    references: Sequence[int | None] = (),
    ref_score: float | None = None,
) -> Recovered:
    """One score per stimulus.

    Args:
        opinions: of each stimulus, subject to scores.
        model: of MODELS, BT500, P913, P910, or `sureal:` and a model of that library.
        references: for DMOS: the stimulus that is the reference of each, or None.
        ref_score: for DMOS: the nominal score of a reference.

    Raises:
        UsageError: the model is not known.
        Refused: a stimulus has no score, or DMOS lacks a reference.
        CapabilityMissing: sureal is asked for and not installed.
    """
    name = model_name(model)
    table, subjects = table_of(opinions)
    if table.size == 0 or np.isnan(table).all(axis=(1, 2)).any():
        raise Refused("a stimulus has no opinion scores")
    if name.startswith(sureal_bridge.PREFIX):
        return _by_sureal(name, opinions, references, ref_score)
    nothing = np.full(len(subjects), np.nan)
    if name == "MLE_CO_AP2":
        return _alternating(table, subjects)
    means = _mean(table, 2)
    if name == "DMOS":
        means = _against_references(means, references, ref_score)
    bias = nothing
    if name == "BR_SR_MOS":
        bias = _mean(means - _mean(means, 1)[:, None], 0)
        means = means - bias
    keep = np.full(len(subjects), True)
    if name in ("SR_MOS", "BR_SR_MOS"):
        keep = ~screened(means)
    kept = means[:, keep]
    count = np.isfinite(kept).sum(axis=1)
    if (count == 0).any():
        raise Refused(
            "after screening a stimulus has no opinion scores", hint="use --subj-model MOS"
        )
    out = tuple(subject for subject, kept_one in zip(subjects, keep, strict=True) if not kept_one)
    return Recovered(_mean(kept, 1), _error(kept, count), subjects, bias, nothing, out)


def screened(scores: FloatArray) -> npt.NDArray[np.bool_]:
    """Which subjects ITU-R BT.500 rejects.

    For each stimulus the limit is 2 standard deviations where the kurtosis lies in 2..4, else
    the square root of 20 of them. A subject past the limits in more than 5 % of its stimuli,
    with the two sides differing by less than 30 % of both, is rejected.

    Args:
        scores: shape (stimuli, subjects), NaN where there is none.
    """
    mean = _mean(scores, 1)[:, None]
    centred = scores - mean
    second, fourth = _mean(centred**2, 1), _mean(centred**4, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = fourth / second**2
    count = np.isfinite(scores).sum(axis=1)
    spread = np.sqrt(second * count / np.maximum(count - 1, 1))
    normal = (kurtosis >= 2.0) & (kurtosis <= 4.0)
    limit = (np.where(normal, 2.0, np.sqrt(20.0)) * spread)[:, None]
    above = ((centred >= limit) & (limit > 0)).sum(axis=0)
    below = ((centred <= -limit) & (limit > 0)).sum(axis=0)
    seen = np.maximum(np.isfinite(scores).sum(axis=0), 1)
    both = above + below
    lopsided = np.abs(above - below) / np.maximum(both, 1)
    return (both / seen > 0.05) & (lopsided < 0.3) & (both > 0)


def _alternating(table: FloatArray, subjects: tuple[str, ...]) -> Recovered:
    quality = np.nanmean(table, axis=(1, 2))
    bias = np.zeros(len(subjects))
    spread = np.ones(len(subjects))
    seen = np.isfinite(table)
    for _ in range(_ROUNDS):
        before = quality
        bias = np.nanmean(table - quality[:, None, None], axis=(0, 2))
        rest = table - quality[:, None, None] - bias[None, :, None]
        spread = np.maximum(np.sqrt(np.nanmean(rest**2, axis=(0, 2))), _LEAST_SPREAD)
        weight = np.where(seen, 1.0 / spread[None, :, None] ** 2, 0.0)
        unbiased = np.where(seen, table - bias[None, :, None], 0.0)
        quality = (unbiased * weight).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
        if np.linalg.norm(quality - before) < _SETTLED * np.sqrt(quality.size):
            break
    rest = table - quality[:, None, None] - bias[None, :, None]
    # Only sums of a score and a bias are known, so the biases are taken to be 0 on average.
    shift = float(bias.mean())
    votes = rest.reshape(rest.shape[0], -1)
    count = np.isfinite(votes).sum(axis=1)
    centred = votes - _mean(votes, 1)[:, None]
    errors = np.sqrt(_mean(centred**2, 1) / np.maximum(count, 1))
    known = np.where(count > 1, errors, np.nan)
    return Recovered(quality + shift, known, subjects, bias - shift, spread)


def _by_sureal(
    name: str,
    opinions: Sequence[Mapping[str, tuple[float, ...]]],
    references: Sequence[int | None],
    ref_score: float | None,
) -> Recovered:
    kind = name.removeprefix(sureal_bridge.PREFIX)
    found = sureal_bridge.run_sureal(kind, opinions, references=references, ref_score=ref_score)
    subjects: tuple[str, ...] = found["subjects"]
    rejected = found.get("observer_rejected") or [False] * len(subjects)
    bias, spread = (
        sureal_bridge.column(found, f"observer_{part}", len(subjects))
        for part in ("bias", "inconsistency")
    )
    return Recovered(
        sureal_bridge.column(found, "quality_scores", len(opinions)),
        sureal_bridge.column(found, "quality_scores_std", len(opinions)),
        subjects,
        bias,
        spread,
        tuple(each for each, is_out in zip(subjects, rejected, strict=True) if is_out),
    )


def _against_references(
    means: FloatArray, references: Sequence[int | None], ref_score: float | None
) -> FloatArray:
    if ref_score is None:
        raise Refused("DMOS needs ref_score, the nominal score of a reference")
    if len(references) != means.shape[0] or any(each is None for each in references):
        raise Refused(
            "DMOS needs opinion scores of each reference itself",
            hint="add the references to dis_videos, or choose another --subj-model",
        )
    rows = [int(each) for each in references if each is not None]
    return means - means[rows] + ref_score


def _mean(values: FloatArray, axis: int) -> FloatArray:
    """A mean over what is there; NaN where nothing is."""
    count = np.isfinite(values).sum(axis=axis)
    total = np.nansum(values, axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _error(kept: FloatArray, count: npt.NDArray[np.int64]) -> FloatArray:
    centred = kept - _mean(kept, 1)[:, None]
    variance = np.nansum(centred**2, axis=1) / np.maximum(count - 1, 1)
    return np.where(count > 1, np.sqrt(variance / np.maximum(count, 1)), np.nan)
