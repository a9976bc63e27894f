"""What an encode has to reach: metric, statistic, relation, value and model, as people write it."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from vmafkit import pooling
from vmafkit.decide.caps import Caps
from vmafkit.errors import UsageError
from vmafkit.scoring.vmaf_models import VmafModel, model_by_id

__all__ = ["METRICS", "Caps", "Metric", "Target", "parse_target"]

_FORMS = "write 93, vmaf>=93, vmaf:p5>=90, vmaf:harmonic>=93, xpsnr>=42 or ssim>=0.98"
_TEXT = re.compile(
    r"(?:(?P<metric>[A-Za-z][\w.-]*)?(?::(?P<statistic>\w[\w.]*))?\s*"
    r"(?P<relation>[<>=]=|[<>=])\s*)?(?P<value>[-+]?[\d.][\w.+-]*)"
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that can be a target.

    Attributes:
        name: as it is written.
        lo, hi: range of its values; a VMAF model has its own.
        higher_is_better: False for banding.
        feature: libvmaf's feature that computes it; empty for a VMAF model or ffmpeg's filter.
        column: of the scores; empty for a VMAF model, whose id it is.
        tolerance: overshoot that a search accepts by itself, in the metric's unit.
    """

    name: str
    lo: float
    hi: float
    higher_is_better: bool = True
    feature: str = ""
    column: str = ""
    tolerance: float = 0.5


# PSNR ends at 60 dB for 8-bit and 72 dB for 10-bit video in libvmaf; CAMBI's documentation
# gives 24 as the highest value seen.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("vmaf", 0.0, 100.0),
        Metric("xpsnr", 0.0, 100.0, column="xpsnr", tolerance=0.25),
        Metric("psnr", 0.0, 72.0, feature="psnr", column="psnr_y", tolerance=0.25),
        Metric("ssim", 0.0, 1.0, feature="float_ssim", column="float_ssim", tolerance=0.002),
        Metric(
            "ms_ssim", 0.0, 1.0, feature="float_ms_ssim", column="float_ms_ssim", tolerance=0.002
        ),
        Metric("cambi", 0.0, 24.0, False, feature="cambi", column="cambi", tolerance=0.25),
    )
}
_ALIASES = {"ms-ssim": "ms_ssim", "msssim": "ms_ssim"}
_STATISTICS = {"harmonic": "harmonic_mean", "hm": "harmonic_mean", "avg": "mean"}
_SHORT = {"harmonic_mean": "harmonic"}
_NO_STATISTIC = ("stddev",)


@dataclass(frozen=True, slots=True)
class Target:
    """One quality target; make it with `parse_target`.

    Attributes:
        metric: name in METRICS.
        statistic: of `pooling`, over the frames.
        relation: `>=`, or `<=` where lower is better.
        value: in the metric's unit.
        model: id of the VMAF model; None for the default by display height, and other metrics.
    """

    metric: str
    statistic: str
    relation: str
    value: float
    model: str | None = None

    def met_by(self, score: float) -> bool:
        """Whether a measured score meets it; never with a margin, and never for NaN."""
        return score >= self.value if self.relation == ">=" else score <= self.value

    def margin(self, score: float) -> float:
        """How far a score lies on the good side, in the metric's unit; below 0 is a miss."""
        return score - self.value if self.relation == ">=" else self.value - score

    def __str__(self) -> str:
        name = self.model or self.metric
        statistic = _SHORT.get(self.statistic, self.statistic)
        middle = "" if statistic == "mean" else f":{statistic}"
        return f"{name}{middle}{self.relation}{_plain(self.value)}"


def parse_target(text: str, *, model: str | VmafModel | None = None) -> Target:
    """A target as people write it: `93`, `vmaf:p5>=90`, `xpsnr>=42`, `cambi<=5`.

    In place of `vmaf` the id of a model may stand: `vmaf_v0.6.1neg>=93`.

    Args:
        model: the VMAF model that `vmaf` and a bare number mean; None for the default.

    Raises:
        UsageError: it is not a target, or its value is outside of the metric's range.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--target {text!r} is not a target", hint=_FORMS)
    metric, chosen = _metric(found["metric"] or "vmaf", text)
    if metric.name == "vmaf" and chosen is None and model is not None:
        chosen = model_by_id(model) if isinstance(model, str) else model
    relation = _relation(found["relation"], metric, text)
    value = _value(found["value"], text)
    lo, hi, name = metric.lo, metric.hi, metric.name
    if chosen is not None:
        lo, hi, name = chosen.lo, chosen.hi, chosen.id
    if not lo <= value <= hi:
        raise UsageError(
            f"--target {text!r} is outside of the range of {name}",
            hint=f"it goes from {lo:g} to {hi:g}",
        )
    statistic = _statistic(found["statistic"], text)
    return Target(metric.name, statistic, relation, value, chosen.id if chosen else None)


def _plain(value: float) -> str:
    return repr(value).removesuffix(".0")


def _metric(word: str, text: str) -> tuple[Metric, VmafModel | None]:
    name = word.lower()
    name = _ALIASES.get(name, name)
    if name in METRICS:
        return METRICS[name], None
    try:
        return METRICS["vmaf"], model_by_id(word)
    except UsageError:
        near = difflib.get_close_matches(name, METRICS, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"--target {text!r} names no metric",
            hint=f"{guess}there are {', '.join(METRICS)} and the ids of VMAF models",
        ) from None


def _relation(word: str | None, metric: Metric, text: str) -> str:
    wanted = ">=" if metric.higher_is_better else "<="
    if word is not None and word != wanted:
        better = "higher" if metric.higher_is_better else "lower"
        raise UsageError(
            f"--target {text!r} has the relation {word}",
            hint=f"{better} is better for {metric.name}: write {wanted}",
        )
    return wanted


def _value(word: str, text: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"--target {text!r} has no number", hint=_FORMS)
    return value + 0.0


def _statistic(word: str | None, text: str) -> str:
    name = (word or "mean").lower()
    name = _STATISTICS.get(name, name)
    try:
        if name not in pooling.STATISTICS:
            rank = pooling.percentile_rank(name)
            name = f"p{rank:g}"
    except ValueError:
        name = _NO_STATISTIC[0]
    if name in _NO_STATISTIC:
        known = ", ".join(
            _SHORT.get(each, each) for each in pooling.STATISTICS if each not in _NO_STATISTIC
        )
        raise UsageError(f"--target {text!r} has no such statistic", hint=f"{known} or pN")
    return name
