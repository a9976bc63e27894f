"""Finds the hull over renditions and quality values in few encodes.

Ask and tell: `ask` names the cells worth an encode, `tell` brings what was measured. Only
three cells of each rendition are measured blindly; then the curves between them are
interpolated (PCHIP, the logarithm of the bitrate and the quality over the knob), and those
cells are measured that could be a rung, or decide where one rendition takes over.

Where the cells were measured on windows, the rungs are measured again on the whole source, from
the top; each such measurement corrects the figures of its rendition, until every rung that is
picked was measured whole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from vmafkit.decide.hull import Crossover, RatePoint, crossovers, pareto, upper_hull
from vmafkit.decide.rungs import NoRungs, RungRule, beyond, loosened, pick_rungs

# So many whole encodes tell how far the windows are off, where they leave no rung at all.
_MOST_FIRST = 6
# No more whole encodes than these beyond one for each rung.
_SPARE = 6


@dataclass(frozen=True, slots=True, order=True)
class LadderCell:
    """One rendition (width and height in px) at one value of the encoder's knob."""

    height: int
    width: int
    value: float

    @property
    def rendition(self) -> str:
        """Width and height as text, such as 1280x720."""
        return f"{self.width}x{self.height}"

    @property
    def key(self) -> str:
        """Names the cell: its rendition and its value."""
        return f"{self.rendition} {self.value:g}"


@dataclass
class LadderSearch:
    """Chooses the cells to measure.

    Attributes:
        renditions: (width, height), none larger than the source.
        values: of the knob, at least 3.
        rule: how rungs are chosen.
        measured: what was told so far.
        is_sampled: cells are measured on windows, and rungs again on the whole source.
        whole: cells that were measured on the whole source.
        is_spent: the whole encodes are used up; rungs are taken from them alone.
    """

    renditions: Sequence[tuple[int, int]]
    values: Sequence[float]
    rule: RungRule
    measured: dict[LadderCell, RatePoint] = field(default_factory=dict[LadderCell, RatePoint])
    is_sampled: bool = False
    whole: dict[LadderCell, RatePoint] = field(default_factory=dict[LadderCell, RatePoint])
    is_spent: bool = False

    def tell(self, cell: LadderCell, bitrate_kbps: float, quality: float) -> None:
        """Record a measured cell."""
        self.measured[cell] = RatePoint(bitrate_kbps, quality, cell.key)

    def tell_whole(self, cell: LadderCell, bitrate_kbps: float, quality: float) -> None:
        """Record what a measured cell is on the whole source."""
        self.whole[cell] = RatePoint(bitrate_kbps, quality, cell.key)

    def ask(self) -> list[LadderCell]:
        """The cells to measure next; empty when the ladder stands on measurements.

        Raises:
            NoRungs: nothing lies within caps and floors, and the figures are not of windows.
        """
        first = [cell for cell in self._first_cells() if cell not in self.measured]
        if first:
            return first
        try:
            return self._deciding_next()
        except NoRungs:
            if not self.is_sampled:
                raise
            return []

    def ask_whole(self) -> LadderCell | None:
        """The next cell to measure on the whole source; None when every rung was.

        Raises:
            NoRungs: nothing lies within caps and floors, by the whole source's figures.
        """
        if not self.is_sampled:
            return None
        try:
            rungs = self.rungs()
        except NoRungs:
            left = [cell for cell in self.measured if cell not in self.whole]
            if self.is_spent or not left or len(self.whole) >= _MOST_FIRST:
                raise
            return min(left, key=lambda cell: beyond(self._corrected(cell), self.rule))
        # What only an estimate puts beyond a cap or floor is measured before it is passed over.
        near = pick_rungs(self.hull(), loosened(self.rule))
        known = {cell.key for cell in self.whole}
        wanted = [rung.key for rung in (*rungs, *near) if rung.key not in known]
        if self.is_spent or not wanted:
            return None
        if len(self.whole) >= len(rungs) + _SPARE:
            self.is_spent = True
            # Tells now that none of them lies within caps and floors.
            self.rungs()
            return None
        return next(cell for cell in self.measured if cell.key == wanted[0])

    def _deciding_next(self) -> list[LadderCell]:
        around, rungs = self._deciding_cells()
        missing = [cell for cell in around if cell not in self.measured]
        # A rung depends on the one above it, so they are measured from the top.
        missing = missing or [cell for cell in rungs if cell not in self.measured][:1]
        return missing or self._refining_cells()

    def hull(self) -> list[RatePoint]:
        """The upper hull of what was measured."""
        return upper_hull([self._corrected(cell) for cell in self.measured])

    def rungs(self) -> list[RatePoint]:
        """The rungs on the measured hull, best first.

        Raises:
            NoRungs: nothing lies within caps and floors.
        """
        if self.is_spent:
            return pick_rungs(pareto(list(self.whole.values())), self.rule)
        # A vertex of the expected hull that was measured is one of the measured hull too.
        if all(cell in self.measured for cell in self._first_cells()):
            expected = self._deciding_cells()[1]
            if all(cell in self.measured for cell in expected):
                return [self._corrected(cell) for cell in expected]
        return pick_rungs(self.hull(), self.rule)

    def curves(self) -> dict[str, list[RatePoint]]:
        """What was measured of each rendition, by rising bitrate."""
        found: dict[str, list[RatePoint]] = {}
        points = {cell: self._corrected(cell) for cell in self.measured}
        for cell, point in sorted(points.items(), key=lambda item: item[1].bitrate_kbps):
            found.setdefault(cell.rendition, []).append(point)
        return found

    def takeovers(self) -> list[Crossover]:
        """Where a rendition takes over from another on the hull, by rising bitrate.

        Only where rungs may lie: elsewhere nothing was measured to tell it.
        """
        found = _takeovers(self.hull(), self.curves())
        return [each for each in found if self._matters(each, each)]

    def _first_cells(self) -> list[LadderCell]:
        values = sorted(self.values)
        chosen = {values[0], values[len(values) // 2], values[-1]}
        return [LadderCell(h, w, value) for w, h in self.renditions for value in sorted(chosen)]

    def _deciding_cells(self) -> tuple[list[LadderCell], list[LadderCell]]:
        """The cells beside the expected takeovers, and the expected rungs from the top."""
        points = self._expected()
        cells = {point.key: cell for cell, point in points.items()}
        hull = upper_hull(list(points.values()))
        around: set[LadderCell] = set()
        for low, high in itertools.pairwise(hull):
            is_takeover = cells[low.key].rendition != cells[high.key].rendition
            if is_takeover and self._matters(low, high):
                around |= {cells[low.key], cells[high.key]}
        return sorted(around), [cells[rung.key] for rung in pick_rungs(hull, self.rule)]

    def _refining_cells(self) -> list[LadderCell]:
        """What sharpens the takeovers, while less than half of the grid is used."""
        cells = {point.key: cell for cell, point in self._expected().items()}
        curves: dict[str, list[RatePoint]] = {}
        for point in sorted(self._expected().values(), key=lambda p: p.bitrate_kbps):
            curves.setdefault(cells[point.key].rendition, []).append(point)
        room = len(self.renditions) * len(self.values) // 2 - len(self.measured)
        for reach in (1, 2):
            wanted: set[LadderCell] = set()
            for crossing in self.takeovers():
                for name in (crossing.below, crossing.above):
                    near = _around(curves[name], crossing.bitrate_kbps, reach)
                    wanted |= {cells[point.key] for point in near}
            if missing := sorted(wanted - set(self.measured)):
                return missing[: max(0, room)]
        return []

    def _matters(self, low: RatePoint | Crossover, high: RatePoint | Crossover) -> bool:
        """Whether a rung may lie between two places on the hull."""
        rule = self.rule
        return (
            high.quality >= rule.min_quality
            and high.bitrate_kbps >= rule.min_kbps
            and low.bitrate_kbps <= rule.max_kbps
        )

    def _expected(self) -> Mapping[LadderCell, RatePoint]:
        """Every cell: as measured, else as interpolated from its rendition's curve."""
        points: dict[LadderCell, RatePoint] = {}
        for width, height in self.renditions:
            own = {
                cell.value: point
                for cell, point in self.measured.items()
                if (cell.width, cell.height) == (width, height)
            }
            known = sorted(own)
            quality = PchipInterpolator(known, [own[value].quality for value in known])
            log_rate = PchipInterpolator(
                known, [math.log(own[value].bitrate_kbps) for value in known]
            )
            for value in self.values:
                cell = LadderCell(height, width, value)
                points[cell] = self._corrected(
                    cell,
                    own.get(value)
                    or RatePoint(float(np.exp(log_rate(value))), float(quality(value)), cell.key),
                )
        return points

    def _corrected(self, cell: LadderCell, point: RatePoint | None = None) -> RatePoint:
        """A cell as the whole source has it, by the whole encodes of its rendition, or of all."""
        if cell in self.whole:
            return self.whole[cell]
        point = point or self.measured[cell]
        if not self.whole:
            return point
        own = sorted(each for each in self.whole if each.rendition == cell.rendition)
        known = own or sorted(self.whole)
        ratios = [
            math.log(self.whole[each].bitrate_kbps / self.measured[each].bitrate_kbps)
            for each in known
        ]
        gaps = [self.whole[each].quality - self.measured[each].quality for each in known]
        if own:
            at = [each.value for each in own]
            ratio, gap = np.interp(cell.value, at, ratios), np.interp(cell.value, at, gaps)
        else:
            ratio, gap = np.mean(ratios), np.mean(gaps)
        rate = point.bitrate_kbps * math.exp(float(ratio))
        return RatePoint(rate, point.quality + float(gap), point.key)


def _around(curve: Sequence[RatePoint], bitrate_kbps: float, reach: int) -> list[RatePoint]:
    """The nearest points, so many on either side of a bitrate."""
    below = [point for point in curve if point.bitrate_kbps <= bitrate_kbps]
    above = [point for point in curve if point.bitrate_kbps > bitrate_kbps]
    return below[-reach:] + above[:reach]


def _takeovers(
    hull: Sequence[RatePoint], curves: Mapping[str, Sequence[RatePoint]]
) -> list[Crossover]:
    found: list[Crossover] = []
    for low, high in itertools.pairwise(hull):
        below, above = low.key.split()[0], high.key.split()[0]
        if below == above:
            continue
        crossings = [
            crossing
            for crossing in crossovers(below, curves[below], above, curves[above])
            if crossing.below == below
        ]
        if crossings:
            middle = math.sqrt(low.bitrate_kbps * high.bitrate_kbps)
            found.append(min(crossings, key=lambda c: abs(math.log(c.bitrate_kbps / middle))))
        else:
            rate = math.sqrt(low.bitrate_kbps * high.bitrate_kbps)
            found.append(Crossover(rate, (low.quality + high.quality) / 2, below, above))
    return found
