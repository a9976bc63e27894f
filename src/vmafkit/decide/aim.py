"""Where to probe next: the setting that most likely ends the search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vmafkit.curve import FloatArray
from vmafkit.decide.belief import Curve, Factors, Point, infer
from vmafkit.decide.prior import Prior, bits_per_pixel, scale_of
from vmafkit.decide.probes import Goal, Probe

# A step is taken to fail without measuring it when it passes less often than this.
_DOUBT = 0.04
# Below this chance of ending the search, a probe is spent on what it teaches.
_WORTH = 0.3
# How much of a step's drop is too close to call: standard deviations, and doubt in its slope.
_MARGIN_SDS = 1.0
_SLOPE_DOUBT = 0.04
# After so many probes of its own the search strides or halves, whatever it believes.
_PATIENCE = 6
_UNKNOWN_RATE_SD = 3.0
_ROOT_2 = math.sqrt(2.0)


_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Line:
    """One condition: its curve must lie at `level` or above; up to `ceiling` wastes little."""

    curve: Curve
    level: float
    ceiling: float
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Aim:
    """Chooses among the settings of a search.

    Attributes:
        goal: what is searched for.
        prior: of the source's curves.
        settings: in the order of the search, passing ones first.
    """

    goal: Goal
    prior: Prior
    settings: FloatArray

    def choose(self, good: int, bad: int, probes: Sequence[Probe]) -> int:
        """The number of the next setting, strictly between good and bad.

        Args:
            good: the last number that passes, or -1.
            bad: the first beyond it that fails, or the count of settings.
            probes: so far.
        """
        between = np.arange(good + 1, bad)
        if between.size == 1:
            return int(between[0])
        if self._is_patient(probes):
            return self._plain(good, bad, probes)
        hit, passing = self._expected(between, bad, probes)
        if hit.max() >= _WORTH:
            return int(between[int(np.argmax(hit))])
        return int(between[int(np.argmin(np.abs(passing - 0.5)))])

    def choose_several(
        self, good: int, bad: int, probes: Sequence[Probe], count: int
    ) -> tuple[int, ...]:
        """The numbers of the next settings, to be measured side by side.

        Args:
            good, bad, probes: as `choose`.
            count: of settings, at least 1; fewer where there are not as many.
        """
        between = np.arange(good + 1, bad)
        if count == 1:
            return (self.choose(good, bad, probes),)
        if between.size <= count:
            return tuple(between.tolist())
        if self._is_patient(probes):
            hit, passing = np.zeros(between.size), np.linspace(1.0, 0.0, between.size + 2)[1:-1]
        else:
            hit, passing = self._expected(between, bad, probes)
        chosen = _covering(hit, passing, count) if hit.max() >= _WORTH else _parting(passing, count)
        return tuple(int(between[n]) for n in sorted(chosen))

    def _is_patient(self, probes: Sequence[Probe]) -> bool:
        return sum(not probe.known for probe in probes) >= _PATIENCE

    def _expected(
        self, between: _Numbers, bad: int, probes: Sequence[Probe]
    ) -> tuple[FloatArray, FloatArray]:
        """How likely each setting ends the search, and how likely it passes, for all targets."""
        chances = [self._chances(line, between, bad) for line in self._lines(probes)]
        hit = np.min([ends for ends, _ in chances], axis=0)
        return hit, np.prod([meets for _, meets in chances], axis=0)

    def _plain(self, good: int, bad: int, probes: Sequence[Probe]) -> int:
        """Without belief: the middle of a bracket; without one, outward in doubling strides."""
        count = self.settings.size
        if (good == -1) == (bad == count):
            return good + 1 + (bad - good - 2) // 2
        at = {int(np.argmin(np.abs(self.settings - probe.quality))) for probe in probes}
        if good == -1:
            nearest = sorted(number for number in at if number >= bad)
            return max(0, bad - _stride(nearest))
        nearest = sorted((number for number in at if number <= good), reverse=True)
        return min(count - 1, good + _stride(nearest))

    def sure(self, good: int, probes: Sequence[Probe]) -> bool:
        """Whether the setting after `good` is all but certain to fail."""
        if max(self.goal.tolerances) == 0.0:
            return False
        after = np.array([good + 1])
        return any(self._chances(line, after, -1)[1][0] < _DOUBT for line in self._lines(probes))

    def _chances(self, line: _Line, numbers: _Numbers, bad: int) -> tuple[FloatArray, FloatArray]:
        """How likely each setting ends the search, and how likely it passes."""
        following = np.minimum(numbers + 1, self.settings.size - 1)
        both = np.concatenate([self.settings[numbers], self.settings[following]])
        seen = infer(line.curve, both, line.points, self._start)
        mean, after = seen.mean[: numbers.size], seen.mean[numbers.size :]
        spread = np.hypot(seen.sd[: numbers.size], line.curve.noise_sd)
        drop = np.maximum(mean - after, 0.0)
        unsure = _MARGIN_SDS * (1.5 * line.curve.noise_sd + _SLOPE_DOUBT * drop)
        top = np.maximum(line.ceiling, line.level + drop - unsure)
        # Beyond the last one lies a setting that is known to fail, or none.
        top = np.where(numbers == bad - 1, np.inf, top)
        below = _normal((line.level - mean) / spread)
        above = 1.0 - _normal((top - mean) / spread)
        return np.maximum(1.0 - below - above, 0.0), 1.0 - below

    @cached_property
    def _start(self) -> Factors:
        return self.prior.start()

    def _lines(self, probes: Sequence[Probe]) -> list[_Line]:
        return [self._cost_line(probes)] if self.goal.by_cost else self._target_lines(probes)

    def _target_lines(self, probes: Sequence[Probe]) -> list[_Line]:
        shared = [*self.prior.points(), *self._bits(probes)]
        lines: list[_Line] = []
        for number, target in enumerate(self.goal.targets):
            curve, scale = self.prior.score_curve(target), scale_of(target)
            points: list[Point] = []
            for probe in probes:
                score = probe.scores[number]
                value = float(scale.to(score))
                slope = abs(float(scale.to(score - 0.05)) - float(scale.to(score + 0.05))) / 0.1
                points.append(Point(curve, probe.quality, value, probe.error * slope))
            better = 1.0 if target.relation == ">=" else -1.0
            level = float(scale.to(target.value))
            ceiling = float(scale.to(target.value + better * self.goal.tolerances[number]))
            lines.append(_Line(curve, level, ceiling, (*shared, *points)))
        return lines

    def _cost_line(self, probes: Sequence[Probe]) -> _Line:
        curve, caps = self.prior.bits_curve(), self.goal.caps
        rate = self.prior.pixel_rate
        if rate is None:
            curve = replace(curve, shift_sd=_UNKNOWN_RATE_SD)
        points = [
            Point(curve, p.quality, -float(np.log2(bits_per_pixel(p.bitrate_kbps, rate or 1e7))))
            for p in probes
        ]
        level = float(curve.mean.mean())
        if probes:
            last = probes[-1]
            excess = caps.excess(last.bitrate_kbps, last.size_bytes)
            level = points[-1].value + float(np.log2(excess))
        elif rate is not None and caps.max_bitrate_kbps is not None:
            level = -float(np.log2(bits_per_pixel(caps.max_bitrate_kbps, rate)))
        shared = self.prior.points() if rate is not None else []
        return _Line(curve, level, level + self.goal.tolerances[0], (*shared, *points))

    def _bits(self, probes: Sequence[Probe]) -> list[Point]:
        rate = self.prior.pixel_rate
        if rate is None:
            return []
        curve = self.prior.bits_curve()
        return [
            Point(curve, p.quality, -float(np.log2(bits_per_pixel(p.bitrate_kbps, rate))))
            for p in probes
            if p.bitrate_kbps > 0
        ]


def _covering(hit: FloatArray, passing: FloatArray, count: int) -> list[int]:
    """Those of which one most likely ends the search.

    The answer's place among the settings is drawn evenly from 0 to 1 by `passing`; a setting ends
    the search on a stretch as long as its chance.
    """
    chosen: list[int] = []
    fresh = hit.copy()
    for _ in range(count):
        chosen.append(int(np.argmax(fresh)))
        top, bottom = passing[chosen[-1]], passing[chosen[-1]] - hit[chosen[-1]]
        shared = np.minimum(passing, top) - np.maximum(passing - hit, bottom)
        fresh -= np.maximum(shared, 0.0)
        fresh[chosen] = -1.0
    return chosen


def _parting(passing: FloatArray, count: int) -> list[int]:
    """Those that leave the answer as likely between any two of them."""
    chosen: list[int] = []
    for part in range(1, count + 1):
        by_need = np.argsort(np.abs(passing - part / (count + 1)), kind="stable")
        chosen.append(next(int(n) for n in by_need if int(n) not in chosen))
    return chosen


def _stride(nearest: Sequence[int]) -> int:
    """Twice the way between the two outermost numbers, at least 1."""
    return max(1, 2 * abs(nearest[0] - nearest[1])) if len(nearest) > 1 else 1


def _normal(x: FloatArray) -> FloatArray:
    """The cumulative normal distribution."""
    return np.array([0.5 * math.erfc(-each / _ROOT_2) for each in x.tolist()], dtype=np.float64)
