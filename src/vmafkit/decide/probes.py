"""A measured setting, and how a search for one ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vmafkit.decide.caps import Caps
from vmafkit.decide.target import METRICS, Target


@dataclass(frozen=True, slots=True)
class Probe:
    """One measured setting.

    Attributes:
        quality: on the encoder's knob.
        scores: one per target, on the target's statistic.
        bitrate_kbps: of the video.
        size_bytes: of the video of the whole title; scaled up where only a part was encoded.
        known: it was there before and cost nothing now.
        error: standard error that sampling adds to the scores, in their unit; 0 for a full one.
        key: of its trial.
    """

    quality: float
    scores: tuple[float, ...]
    bitrate_kbps: float
    size_bytes: float
    known: bool = False
    error: float = 0.0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Bracket:
    """The setting that passes and the nearest beyond it that fails; None where there is none."""

    passing: Probe | None
    failing: Probe | None


@dataclass(frozen=True, slots=True)
class Decision:
    """How a search ended.

    Attributes:
        quality: the setting found; None when nothing measured meets everything.
        probe: its measurement.
        met: whether a measurement meets every target and cap.
        exact: the next cheaper step (with caps alone: the next better one) was measured and
            fails, or there is none.
        bracket: the setting found and the nearest failing one beyond it.
        probes: all of them, the known ones first, then in the order told.
        reason: one sentence.
        best_attempt: the one found, else the nearest miss; None without probes.
        overshoot: of the tightest target in its unit; with caps alone, the unused share of
            the cap in percent; None when not met.
        measured: probes that were not known before.
    """

    quality: float | None
    probe: Probe | None
    met: bool
    exact: bool
    bracket: Bracket
    probes: tuple[Probe, ...]
    reason: str
    best_attempt: Probe | None
    overshoot: float | None
    measured: int


@dataclass(frozen=True, slots=True)
class Goal:
    """What a search is for: targets within caps, or the best quality that caps allow.

    Attributes:
        targets: all must hold.
        caps: limits on cost.
        tolerances: of each target, in its unit; of a cap in octaves of bitrate when there are
            no targets.
    """

    targets: tuple[Target, ...]
    caps: Caps
    tolerances: tuple[float, ...]

    @property
    def by_cost(self) -> bool:
        """True where only caps are given: the search goes from cheap to good."""
        return not self.targets

    def passes(self, probe: Probe) -> bool:
        """Whether the probe meets what is searched for: the targets, or the caps alone."""
        if self.by_cost:
            return self.affordable(probe)
        return all(t.met_by(s) for t, s in zip(self.targets, probe.scores, strict=True))

    def affordable(self, probe: Probe) -> bool:
        """Whether it keeps the caps."""
        return self.caps.kept_by(probe.bitrate_kbps, probe.size_bytes)

    def spare(self, probe: Probe) -> float:
        """Margin of the tightest target in its unit; with caps alone, percent left of the cap."""
        if self.by_cost:
            return 100.0 * (1.0 - self.caps.excess(probe.bitrate_kbps, probe.size_bytes))
        return min(t.margin(s) for t, s in zip(self.targets, probe.scores, strict=True))

    def within(self, probe: Probe) -> bool:
        """Whether a passing probe wastes no more than the tolerance."""
        if self.by_cost:
            excess = self.caps.excess(probe.bitrate_kbps, probe.size_bytes)
            return self.tolerances[0] > 0 and excess >= 2.0 ** -self.tolerances[0]
        scored = zip(self.targets, probe.scores, self.tolerances, strict=True)
        return any(room > 0 and target.margin(score) <= room for target, score, room in scored)

    def merit(self, probe: Probe) -> tuple[float, ...]:
        """Orders probes that miss, best last: kept caps, then the worst target's margin."""
        if self.by_cost:
            return (self.spare(probe),)
        scored = zip(self.targets, probe.scores, strict=True)
        worst = min(min(t.margin(s), 0.0) / METRICS[t.metric].tolerance for t, s in scored)
        return (float(self.affordable(probe)), worst, -probe.bitrate_kbps)


def goal_of(targets: Sequence[Target], caps: Caps | None, tolerance: float | None) -> Goal:
    """A goal with the usual tolerances, or with `tolerance` for the first target.

    Further targets get theirs in proportion, since a point of VMAF is not a point of SSIM.
    """
    usual = [METRICS[target.metric].tolerance for target in targets] or [CAP_OCTAVES]
    factor = 1.0 if tolerance is None else tolerance / usual[0]
    return Goal(tuple(targets), caps or Caps(), tuple(each * factor for each in usual))


# 5 % of a cap left unused.
CAP_OCTAVES = 0.074
