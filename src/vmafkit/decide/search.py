"""Finds the cheapest setting that meets every target, by ask and tell.

Settings are numbered from the end where the goal is surely met: for targets from the best
quality, for caps alone from the cheapest. The search looks for the last one that passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vmafkit.decide import strategies
from vmafkit.decide.aim import Aim
from vmafkit.decide.caps import Caps
from vmafkit.decide.prior import Prior, grid
from vmafkit.decide.probes import Bracket, Decision, Probe, goal_of
from vmafkit.decide.target import Target
from vmafkit.encoders.base import Quality
from vmafkit.errors import UsageError

__all__ = ["STRATEGIES", "Bracket", "Decision", "Probe", "Search", "decide_from_rows"]

MOST_PROBES = 24
STRATEGIES = ("interpolate", "bisect", "coarse-to-fine")


class Search:
    """Ask and tell: `ask` names the next setting to measure, `tell` takes its probe.

    With targets it finds the cheapest setting that meets them all; with caps only, the best
    quality that keeps them.

    Args:
        knob: range, step and direction of the encoder's quality knob.
        targets: all must hold; probes carry one score for each.
        caps: limits on cost.
        known: probes that are there already; they cost nothing.
        prior: what is expected of the curve; None for a wide expectation.
        tolerance: overshoot of the first target that is good enough, in its unit; None for the
            metric's own (0.5 VMAF); 0 searches for the exact step.
        strategy: one of STRATEGIES.
        max_probes: most settings to measure.
        lo, hi: a narrower range of the knob; None for all of it.

    Raises:
        UsageError: neither targets nor caps, an unknown strategy, or an empty range.
    """

    def __init__(
        self,
        knob: Quality,
        targets: Sequence[Target],
        *,
        caps: Caps | None = None,
        known: Sequence[Probe] = (),
        prior: Prior | None = None,
        tolerance: float | None = None,
        strategy: str = "interpolate",
        max_probes: int = MOST_PROBES,
        lo: float | None = None,
        hi: float | None = None,
    ) -> None:
        if not targets and not caps:
            raise UsageError("the search has no goal", hint="give --target, or a cap")
        if strategy not in STRATEGIES:
            raise UsageError(f"--strategy {strategy} is not known", hint=", ".join(STRATEGIES))
        if max_probes < 1:
            raise UsageError(f"--max-probes {max_probes} is below 1")
        if tolerance is not None and not tolerance >= 0:
            raise UsageError(f"--tolerance {tolerance:g} is below 0")
        self._goal = goal_of(targets, caps, tolerance)
        settings = grid(knob, lo, hi)
        if settings.size == 0:
            raise UsageError(
                f"no {knob.knob} lies between {lo} and {hi}",
                hint=f"it goes from {knob.lo:g} to {knob.hi:g} in steps of {knob.step:g}",
            )
        self._settings = settings[::-1].copy() if self._goal.by_cost else settings
        self._prior = prior or Prior("", None, knob)
        self._strategy = strategy
        self._max_probes = max_probes
        self._probes: list[Probe] = []
        self._at: dict[int, Probe] = {}
        self._aim = Aim(self._goal, self._prior, self._settings)
        for probe in known:
            self.tell(probe)

    def ask(self) -> float | None:
        """The setting to measure next, on the knob's step; None when the search is over."""
        if self._ending() is not None:
            return None
        good, bad = self._span()
        choose: Callable[[], int]
        if self._strategy == "bisect":
            choose = lambda: strategies.bisect(good, bad)  # noqa: E731
        elif self._strategy == "coarse-to-fine":
            choose = lambda: strategies.coarse_to_fine(good, bad, len(self._settings))  # noqa: E731
        else:
            choose = lambda: self._aim.choose(good, bad, list(self._at.values()))  # noqa: E731
        return float(self._settings[choose()])

    def ask_several(self, count: int) -> tuple[float, ...]:
        """The settings to measure next, side by side; none when the search is over.

        More probes are needed than by `ask`, in fewer rounds. Plain strategies name one.

        Args:
            count: at most so many, at least 1.
        """
        if count == 1 or self._strategy != "interpolate":
            asked = self.ask()
            return () if asked is None else (asked,)
        if self._ending() is not None:
            return ()
        left = self._max_probes - sum(not probe.known for probe in self._probes)
        probes = list(self._at.values())
        numbers = self._aim.choose_several(*self._span(), probes, min(count, left))
        return tuple(float(self._settings[number]) for number in numbers)

    def tell(self, probe: Probe) -> None:
        """Takes a measurement, of the setting asked for or of any other in range.

        Raises:
            ValueError: it has another number of scores than there are targets.
        """
        if len(probe.scores) != len(self._goal.targets):
            raise ValueError(f"{len(probe.scores)} scores for {len(self._goal.targets)} targets")
        if not np.isfinite([*probe.scores, probe.bitrate_kbps, probe.size_bytes]).all():
            raise ValueError(f"the probe at {probe.quality:g} has a number that is not finite")
        self._probes.append(probe)
        index = int(np.argmin(np.abs(self._settings - probe.quality)))
        if abs(self._settings[index] - probe.quality) < 1e-6:
            self._at[index] = probe

    def decision(self) -> Decision:
        """What the probes so far say; final once `ask` gave None."""
        good, bad = self._span()
        found = self._at.get(good)
        affordable = found is not None and self._goal.affordable(found)
        met = found is not None and affordable
        ending = self._ending() or "the search is not finished"
        tried = list(self._at.values())
        best = found if met else max(tried, key=self._goal.merit, default=None)
        return Decision(
            quality=found.quality if found is not None and met else None,
            probe=found if met else None,
            met=met,
            exact=found is not None and met and bad == good + 1,
            bracket=Bracket(found, self._at.get(bad)),
            probes=tuple(self._probes),
            reason=ending,
            best_attempt=best,
            overshoot=self._goal.spare(found) if found is not None and met else None,
            measured=sum(not probe.known for probe in self._probes),
        )

    def _span(self) -> tuple[int, int]:
        """The last setting that passes (-1 for none) and the first beyond it that fails."""
        good = max((i for i, probe in self._at.items() if self._goal.passes(probe)), default=-1)
        beyond = [i for i in self._at if i > good]
        return good, min(beyond, default=len(self._settings))

    def _ending(self) -> str | None:
        """Why the search is over; None while it is not."""
        good, bad = self._span()
        found = self._at.get(good)
        if found is None:
            if bad == 0:
                return self._out_of_reach()
        elif self._goal.by_cost or self._goal.affordable(found):
            ended = self._ending_found(good, bad, found)
            if ended is not None:
                return ended
        elif bad == good + 1:
            return f"the cheapest setting that meets the target costs more than {self._goal.caps}"
        beyond = self._at.get(bad)
        costly = found is None or not self._goal.affordable(found)
        contradicts = costly and not self._goal.by_cost
        if contradicts and beyond is not None and not self._goal.affordable(beyond):
            return (
                f"{beyond.quality:g} misses the target and already costs more than "
                f"{self._goal.caps}: target and cap contradict"
            )
        if sum(not probe.known for probe in self._probes) >= self._max_probes:
            return f"stopped after {self._max_probes} probes"
        return None

    def _ending_found(self, good: int, bad: int, found: Probe) -> str | None:
        if bad == len(self._settings) == good + 1:
            end = "best" if self._goal.by_cost else "cheapest"
            return f"the {end} setting of the knob passes"
        if bad == good + 1:
            return f"the next step, {self._settings[bad]:g}, was measured and fails"
        if self._goal.within(found):
            return "within the tolerance"
        if self._strategy == "interpolate" and self._aim.sure(good, list(self._at.values())):
            return f"the next step, {self._settings[good + 1]:g}, is expected to fail"
        return None

    def _out_of_reach(self) -> str:
        first = self._at[0]
        if self._goal.by_cost:
            return f"even the cheapest setting, {first.quality:g}, costs more than allowed"
        missed = [
            f"{target} (measured {score:.4g})"
            for target, score in zip(self._goal.targets, first.scores, strict=True)
            if not target.met_by(score)
        ]
        return f"even the best setting, {first.quality:g}, misses {' and '.join(missed)}"


def decide_from_rows(
    probes: Sequence[Probe],
    knob: Quality,
    targets: Sequence[Target],
    *,
    caps: Caps | None = None,
    tolerance: float | None = None,
) -> Decision:
    """The decision from rows alone, by the rule of `Search`: nothing more is measured.

    Raises:
        UsageError: as `Search`.
    """
    return Search(
        knob, targets, caps=caps, known=probes, tolerance=tolerance, max_probes=1
    ).decision()
