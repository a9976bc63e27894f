"""Encodes that a search needs to hit a VMAF target, on measured curves.

    python benchmarks/search.py [benchmarks/curves.parquet]

Every rule sees the same curves: each whole CRF step of three encoders, measured by
benchmarks/measure_curves.py. There are two tables. In the first the knob moves in whole steps, so
every score in it was measured. In the second it moves in the encoder's own step, as searches do
(0.1 for x264 and x265, 0.25 for SVT-AV1): scores are measured at whole steps and interpolated
between them (PCHIP), which is smoother than an encoder is.

The prior of a source is fitted from the other sources only, at whole steps; in the rows marked
`title`, from sources of other titles only. `bisect` and `coarse-to-fine` are this tool's own plain
strategies and stop by the same rule; `ab-av1` and `Av1an` are written from the published
descriptions of their rules, with the ranges they use by default and, in the second table, with
their own increments (ab-av1 the encoder's step, Av1an 0.25).

rounds    probes, those that are made side by side counted once
within    share whose answer is the last step that meets the target, or overshoots by at most 0.5
one off   as within, or one step better than need be
below     answers that miss the target, though it can be met
none      no answer, though the target can be met
over      mean overshoot of the answers that meet it, in VMAF
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from vmafkit import encoders
from vmafkit.curve import pchip
from vmafkit.decide.family import CurveRow, fit_family
from vmafkit.decide.predict import Features, factors_of, probe_rows, with_features
from vmafkit.decide.prior import KnownRow, Prior, bits_per_pixel
from vmafkit.decide.search import Probe, Search
from vmafkit.decide.target import parse_target
from vmafkit.encoders.base import Quality

TARGETS = (80.0, 85.0, 90.0, 93.0, 95.0, 97.0)
# The earlier search that a warm one knows of: as far away as the targets allow.
EARLIER = {80.0: 93.0, 85.0: 95.0, 90.0: 97.0, 93.0: 80.0, 95.0: 85.0, 97.0: 90.0}
OTHER = {"libx264": "libx265", "libx265": "libx264", "libsvtav1": "libx264"}
AB_AV1 = {"libx264": (10, 46), "libx265": (10, 46), "libsvtav1": (5, 63)}
AV1AN = {"libx264": (15, 35), "libx265": (15, 35), "libsvtav1": (15, 50)}
TOLERANCE = 0.5


@dataclass(frozen=True)
class Curve:
    """One source with one encoder: settings rising, shape (n,), scores and bitrates."""

    source: str
    title: str
    encoder: str
    preset: str
    settings: np.ndarray
    scores: np.ndarray
    kbps: np.ndarray
    pixel_rate: float
    step: float = 1.0

    @property
    def knob(self) -> Quality:
        ends = {"lo": float(self.settings[0]), "hi": float(self.settings[-1])}
        return replace(encoders.get(self.encoder).quality, step=self.step, **ends)

    def in_steps(self, step: float | None = None) -> Curve:
        """The curve at finer settings, interpolated; None for the encoder's own step."""
        step = step or encoders.get(self.encoder).quality.step
        count = round((self.settings[-1] - self.settings[0]) / step) + 1
        settings = np.round(self.settings[0] + step * np.arange(count), 6)
        scores = pchip(self.settings, self.scores, settings)
        kbps = np.exp(pchip(self.settings, np.log(self.kbps), settings))
        return replace(self, settings=settings, scores=scores, kbps=kbps, step=step)

    def at(self, quality: float) -> int:
        return round((quality - float(self.settings[0])) / self.step)

    def score(self, quality: float) -> float:
        return float(self.scores[self.at(quality)])

    def probe(self, quality: float) -> Probe:
        kbps = float(self.kbps[self.at(quality)])
        return Probe(quality, (self.score(quality),), kbps, kbps * 125.0)

    def best(self, target: float) -> float | None:
        """The last setting that meets the target."""
        met = self.settings[self.scores >= target]
        return float(met[-1]) if met.size else None


@dataclass(frozen=True)
class Outcome:
    """What a rule did: encodes, its answer or None, and rounds where encodes go side by side."""

    probes: int
    answer: float | None
    rounds: int = 0


@dataclass(frozen=True)
class Summary:
    """A rule over all curves and targets."""

    name: str
    searches: int
    mean: float
    rounds: float
    p90: float
    most: int
    within: float
    one_off: float
    below: int
    none: int
    over: float

    def line(self) -> str:
        return (
            f"{self.name:36} {self.mean:6.2f} {self.rounds:6.2f} {self.p90:4.0f} "
            f"{self.most:4d} {self.within:8.1%} {self.one_off:8.1%} "
            f"{self.below:6d} {self.none:5d} {self.over:6.2f}"
        )


Rule = Callable[[Curve, float], Outcome]


def read_curves(path: Path) -> list[Curve]:
    curves: list[Curve] = []
    for (source, encoder), part in pl.read_parquet(path).group_by(
        "source", "encoder", maintain_order=True
    ):
        part = part.sort("quality")
        rate = part["width"][0] * part["height"][0] * part["fps"][0]
        curves.append(
            Curve(
                source, part["title"][0], encoder, part["preset"][0], part["quality"].to_numpy(),
                part["vmaf"].to_numpy(), part["bitrate_kbps"].to_numpy(), rate,
            )
        )  # fmt: skip
    return curves


def read_features(path: Path) -> dict[str, Features]:
    table = pl.read_parquet(path).filter((pl.col.encoder == "libx264") & (pl.col.quality == 28))
    return {
        row["source"]: Features(
            row["width"], row["height"], row["fps"], row["si"], row["ti"],
            bits_per_pixel(row["bitrate_kbps"], row["width"] * row["height"] * row["fps"]),
        )
        for row in table.iter_rows(named=True)
    }  # fmt: skip


def curve_rows(curves: Iterable[Curve]) -> list[CurveRow]:
    return [
        CurveRow(c.source, c.encoder, c.preset, float(q), float(v), bits_per_pixel(k, c.pixel_rate))
        for c in curves
        for q, v, k in zip(c.settings, c.scores, c.kbps, strict=True)
    ]


class Ours:
    """This tool's search, with priors that leave the source out."""

    def __init__(
        self, curves: Sequence[Curve], features: dict[str, Features], *, by_title: bool = False
    ) -> None:
        self._features = features
        self._by_title = by_title
        self._of = {(c.source, c.encoder): c for c in curves}
        self._families: dict[str, dict] = {}
        rows = curve_rows(curves)
        titles = {c.source: c.title for c in curves}
        for name in {self._left_out(c) for c in curves}:
            rest = [r for r in rows if (titles[r.source] if by_title else r.source) != name]
            self._families[name] = with_features(fit_family(rest), features)

    def on(self, curves: Sequence[Curve]) -> Ours:
        """The same priors, with searches of other encoders on these curves."""
        other = copy.copy(self)
        other._of = {(c.source, c.encoder): c for c in curves}
        return other

    def _left_out(self, curve: Curve) -> str:
        return curve.title if self._by_title else curve.source

    def prior(self, curve: Curve, rows: Sequence[KnownRow] = (), *, seen: bool = False) -> Prior:
        family = self._families[self._left_out(curve)]
        factors = factors_of(self._features[curve.source], family) if seen else None
        if seen:
            rows = (*rows, *probe_rows(self._features[curve.source]))
        return Prior(
            curve.encoder, curve.preset, curve.knob, factors, tuple(rows), curve.pixel_rate, family
        )

    def cold(self, curve: Curve, target: float) -> Outcome:
        return run_search(curve, target, prior=self.prior(curve))[1]

    def several(self, count: int) -> Rule:
        """Cold, so many probes of a round side by side."""
        return lambda curve, target: run_search(
            curve, target, prior=self.prior(curve), at_once=count
        )[1]

    def seen(self, curve: Curve, target: float) -> Outcome:
        return run_search(curve, target, prior=self.prior(curve, seen=True))[1]

    def warm_target(self, curve: Curve, target: float) -> Outcome:
        earlier, _ = run_search(curve, EARLIER[target], prior=self.prior(curve))
        known = [replace(probe, known=True) for probe in earlier]
        return run_search(curve, target, prior=self.prior(curve), known=known)[1]

    def warm_encoder(self, curve: Curve, target: float) -> Outcome:
        other = self._of[curve.source, OTHER[curve.encoder]]
        earlier, _ = run_search(other, target, prior=self.prior(other))
        rows = [
            KnownRow(
                other.encoder, other.preset, p.quality, p.scores[0],
                bits_per_pixel=bits_per_pixel(p.bitrate_kbps, other.pixel_rate),
            )
            for p in earlier
        ]  # fmt: skip
        return run_search(curve, target, prior=self.prior(curve, rows))[1]


def run_search(
    curve: Curve,
    target: float,
    *,
    prior: Prior | None = None,
    known: Sequence[Probe] = (),
    strategy: str = "interpolate",
    at_once: int = 1,
) -> tuple[list[Probe], Outcome]:
    goal = [parse_target(f"{target:g}")]
    search = Search(curve.knob, goal, known=known, prior=prior, strategy=strategy)
    rounds = 0
    while asked := search.ask_several(at_once):
        rounds += 1
        for quality in asked:
            search.tell(curve.probe(quality))
    decision = search.decision()
    return list(decision.probes), Outcome(decision.measured, decision.quality, rounds)


def plain(strategy: str) -> Rule:
    return lambda curve, target: run_search(curve, target, strategy=strategy)[1]


def ab_av1(curve: Curve, target: float) -> Outcome:
    """Middle, then 60 % of the way to a bound, then linear between the nearest two."""
    # Counts the knob's steps, as the tool does.
    lo, hi = (round(end / curve.step) for end in AB_AV1[curve.encoder])
    tried: dict[int, float] = {}
    q = round((lo + hi) / 2)
    while True:
        tried[q] = curve.score(q * curve.step)
        run = len(tried)
        good = [each for each, score in tried.items() if score >= target]
        bad = [each for each, score in tried.items() if score < target]
        if tried[q] >= target:
            close = tried[q] < target + max(0.1, curve.step * 0.1 * 2 ** (run - 1))
            if close or q == hi or q + 1 in bad:
                return Outcome(run, q * curve.step)
        elif q == lo:
            return Outcome(run, None)
        elif q - 1 in good:
            return Outcome(run, (q - 1) * curve.step)
        if good and bad:
            better, worse = max(good), min(bad)
            if better > worse:
                return Outcome(run, better * curve.step)
            share = (tried[better] - target) / (tried[better] - tried[worse])
            q = min(max(round(better + share * (worse - better)), better + 1), worse - 1)
        else:
            bound = hi if good else lo
            q = round(0.4 * q + 0.6 * bound) if run == 1 else bound


def av1an(curve: Curve, target: float) -> Outcome:
    """Four probes at most: middle, middle, line, spline; any score within 1 % is taken."""
    lo, hi = (round(end / curve.step) for end in AV1AN[curve.encoder])
    low, high, centre = target * 0.99, min(target * 1.01, 100.0), target
    tried: dict[int, float] = {}
    while len(tried) < 4 and lo <= hi:
        q = _av1an_next(tried, lo, hi, centre)
        if q in tried:
            break
        tried[q] = curve.score(q * curve.step)
        if low <= tried[q] <= high:
            break
        if tried[q] > high:
            lo = q + 1
        else:
            hi = q - 1
    inside = [q for q, score in tried.items() if low <= score <= high]
    answer = max(inside) if inside else min(tried, key=lambda q: abs(tried[q] - centre))
    return Outcome(len(tried), answer * curve.step)


def _av1an_next(tried: dict[int, float], lo: int, hi: int, centre: float) -> int:
    if len(tried) < 2:
        return (lo + hi) // 2
    points = sorted((score, q) for q, score in tried.items())
    x, y = [p[0] for p in points], [float(p[1]) for p in points]
    if len(set(x)) < len(x):
        return (lo + hi) // 2
    if len(points) == 2:
        guess = y[0] + (centre - x[0]) / (x[1] - x[0]) * (y[1] - y[0])
    else:
        from scipy.interpolate import CubicSpline

        guess = float(CubicSpline(x, y, bc_type="natural")(centre))
    return int(min(max(round(guess), lo), hi))


def summarize(name: str, rule: Rule, curves: Sequence[Curve]) -> Summary:
    results = list(_outcomes(rule, curves))
    counts = np.array([outcome.probes for outcome, _, _ in results])
    rounds = np.array([outcome.rounds or outcome.probes for outcome, _, _ in results])
    within: list[bool] = []
    one_off: list[bool] = []
    overs: list[float] = []
    below = none = 0
    for outcome, curve, target in results:
        best = curve.best(target)
        if outcome.answer is None or best is None:
            missing = outcome.answer is None and best is not None
            # Where nothing can meet the target, an answer that misses it is no less honest
            # for rules that have no other.
            none += missing
            within.append(not missing)
            one_off.append(not missing)
            continue
        over = curve.score(outcome.answer) - target
        below += over < 0
        overs += [over] if over >= 0 else []
        near = over >= 0 and over <= TOLERANCE
        within.append(near or abs(outcome.answer - best) < 1e-6)
        one_off.append(near or -1e-6 <= best - outcome.answer <= curve.step + 1e-6)
    return Summary(
        name, len(results), float(counts.mean()), float(rounds.mean()),
        float(np.percentile(counts, 90)),
        int(counts.max()), float(np.mean(within)), float(np.mean(one_off)), below, none,
        float(np.mean(overs)),
    )  # fmt: skip


def _outcomes(rule: Rule, curves: Sequence[Curve]) -> Iterator[tuple[Outcome, Curve, float]]:
    for curve in curves:
        for target in TARGETS:
            yield rule(curve, target), curve, target


def compare(
    measured: Sequence[Curve], features: dict[str, Features], *, own_step: bool
) -> Iterator[Summary]:
    """Every rule, in the order of the table; on whole steps or on the encoder's own."""
    curves = [c.in_steps() for c in measured] if own_step else measured
    quarters = [c.in_steps(0.25) for c in measured] if own_step else measured
    ours = Ours(measured, features).on(curves)
    strict = Ours(measured, features, by_title=True).on(curves)
    rules: dict[str, Rule] = {
        "ours, cold": ours.cold,
        "ours, cold, two side by side": ours.several(2),
        "ours, cold, three side by side": ours.several(3),
        "ours, cold, four side by side": ours.several(4),
        "ours, cold, features and fast probe": ours.seen,
        "ours, warm: another target known": ours.warm_target,
        "ours, warm: another encoder known": ours.warm_encoder,
        "ours, cold, by title": strict.cold,
        "ours, warm: other target, by title": strict.warm_target,
        "bisect": plain("bisect"),
        "coarse-to-fine": plain("coarse-to-fine"),
        "ab-av1's rule": ab_av1,
    }
    for name, rule in rules.items():
        yield summarize(name, rule, curves)
    yield summarize("Av1an's rule", av1an, quarters)
    real = [curve for curve in curves if "-" in curve.source]
    yield summarize("ours, cold, real clips only", ours.cold, real)
    yield summarize("ours, warm: other target, real only", ours.warm_target, real)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).with_name("curves.parquet")
    parser.add_argument("curves", type=Path, nargs="?", default=default)
    options = parser.parse_args()
    curves, features = read_curves(options.curves), read_features(options.curves)
    sources, titles = {c.source for c in curves}, {c.title for c in curves}
    print(
        f"{len(curves)} curves of {len(sources)} sources ({len(titles)} titles), "
        f"{len(curves) * len(TARGETS)} searches a rule"
    )
    for own_step, title in (
        (False, "whole steps, all measured"),
        (True, "the encoder's own step: measured at whole steps, interpolated between"),
    ):
        print(
            f"\n{title}\n{'rule':36} {'probes':>6} {'rounds':>6} {'p90':>4} {'max':>4} "
            f"{'within':>8} {'one off':>8} {'below':>6} {'none':>5} {'over':>6}"
        )
        for summary in compare(curves, features, own_step=own_step):
            print(summary.line(), flush=True)


if __name__ == "__main__":
    main()
