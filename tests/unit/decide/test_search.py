"""The target search, on curves made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from vmafkit import encoders
from vmafkit.decide.prior import KnownRow, prior_for
from vmafkit.decide.search import STRATEGIES, Decision, Probe, Search, decide_from_rows
from vmafkit.decide.target import Caps, parse_target
from vmafkit.encoders.base import Quality
from vmafkit.errors import UsageError

CRF = Quality("crf", 0, 51, 1, 23, higher_is_better=False)
Scores = Callable[[float], Sequence[float]]


def sigmoid(crf: float, middle: float = 38.0, width: float = 5.0) -> float:
    return 100.0 / (1.0 + float(np.exp((crf - middle) / width)))


def kbps(crf: float) -> float:
    return 20000.0 * 2.0 ** (-crf / 6.0)


def probe(crf: float, scores: Scores, known: bool = False) -> Probe:
    return Probe(crf, tuple(scores(crf)), kbps(crf), kbps(crf) * 1000, known=known)


def run(search: Search, scores: Scores, rate: Callable[[float], float] = kbps) -> Decision:
    for _ in range(200):
        asked = search.ask()
        if asked is None:
            return search.decision()
        search.tell(Probe(asked, tuple(scores(asked)), rate(asked), rate(asked) * 1000))
    raise AssertionError("the search does not end")


def vmaf(crf: float) -> tuple[float]:
    return (sigmoid(crf),)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("target", [5, 50, 80, 93, 97])
def test_exact_search_finds_the_last_passing_step(strategy: str, target: int) -> None:
    search = Search(CRF, [parse_target(str(target))], tolerance=0, strategy=strategy)
    found = run(search, vmaf)
    best = max(crf for crf in range(52) if sigmoid(crf) >= target)
    assert found.met
    assert found.exact
    assert found.quality == best
    assert found.bracket.passing is not None
    if best < 51:
        assert found.bracket.failing is not None
        assert found.bracket.failing.quality == best + 1
    assert found.measured == len(found.probes)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fine_steps_end_within_tolerance(strategy: str) -> None:
    knob = encoders.get("libx264").quality
    found = run(Search(knob, [parse_target("93")], strategy=strategy), vmaf)
    assert found.met
    assert found.overshoot is not None
    assert 0 <= found.overshoot <= 0.5
    assert found.quality is not None
    assert knob.check(found.quality) == found.quality


def test_higher_is_better_knob_is_searched_the_right_way_round() -> None:
    knob = Quality("q:v", 0, 100, 1, 50, higher_is_better=True)
    search = Search(knob, [parse_target("90")], tolerance=0)
    found = run(search, lambda q: (sigmoid(60 - q * 0.6),), lambda q: kbps(50 - q / 2))
    assert found.quality == min(q for q in range(101) if sigmoid(60 - q * 0.6) >= 90)
    assert found.exact


def test_lower_is_better_metric() -> None:
    search = Search(CRF, [parse_target("cambi<=5")], tolerance=0)
    found = run(search, lambda crf: (crf / 4,))
    assert found.quality == 20
    assert found.exact


def test_all_targets_must_hold() -> None:
    def both(crf: float) -> tuple[float, float]:
        return sigmoid(crf), 1.0 - crf / 1000

    goal = [parse_target("80"), parse_target("ssim>=0.978")]
    found = run(Search(CRF, goal, tolerance=0), both)
    assert found.quality == 22
    tight = [parse_target("95"), parse_target("ssim>=0.9")]
    found = run(Search(CRF, tight, tolerance=0), both)
    assert found.quality == max(crf for crf in range(52) if sigmoid(crf) >= 95)


def test_unreachable_target_gives_the_best_attempt_and_the_reason() -> None:
    found = run(Search(CRF, [parse_target("97")]), lambda crf: (90 - crf,))
    assert not found.met
    assert found.quality is None
    assert found.best_attempt is not None
    assert found.best_attempt.quality == 0
    assert "misses vmaf>=97 (measured 90)" in found.reason
    assert found.overshoot is None


def test_target_met_at_the_cheapest_end() -> None:
    found = run(Search(CRF, [parse_target("80")]), lambda crf: (99.0,))
    assert found.quality == 51
    assert found.exact
    assert found.bracket.failing is None


def test_one_value_range() -> None:
    found = run(Search(CRF, [parse_target("80")], lo=30, hi=30), vmaf)
    assert (found.quality, found.exact, found.measured) == (30, True, 1)
    missed = run(Search(CRF, [parse_target("95")], lo=30, hi=30), vmaf)
    assert (missed.met, missed.measured) == (False, 1)


def test_cap_that_contradicts_the_target() -> None:
    caps = Caps(max_bitrate_kbps=100)
    found = run(Search(CRF, [parse_target("93")], caps=caps), vmaf)
    assert not found.met
    assert found.quality is None
    assert "contradict" in found.reason or "costs more" in found.reason
    assert found.best_attempt is not None
    assert found.measured <= 6


def test_cap_that_does_not_bind_changes_nothing() -> None:
    caps = Caps(max_bitrate_kbps=1e6)
    assert run(Search(CRF, [parse_target("93")], caps=caps), vmaf).met


@pytest.mark.parametrize("limit", [250.0, 1000.0, 4000.0])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_best_quality_under_a_cap(limit: float, strategy: str) -> None:
    search = Search(CRF, (), caps=Caps(max_bitrate_kbps=limit), tolerance=0, strategy=strategy)
    found = run(search, lambda crf: ())
    assert found.quality == min(crf for crf in range(52) if kbps(crf) <= limit)
    assert found.exact
    assert found.overshoot is not None
    assert 0 <= found.overshoot <= 100


def test_cap_that_nothing_keeps() -> None:
    found = run(Search(CRF, (), caps=Caps(max_size_bytes=1.0)), lambda crf: ())
    assert not found.met
    assert found.best_attempt is not None
    assert found.best_attempt.quality == 51
    assert "even the cheapest" in found.reason


def test_local_dips_and_plateaus_do_not_break_it() -> None:
    def bumpy(crf: float) -> tuple[float]:
        return (sigmoid(crf) + (0.8 if int(crf) % 2 else 0.0),)

    found = run(Search(CRF, [parse_target("90")], tolerance=0), bumpy)
    assert found.met
    assert found.quality is not None
    assert bumpy(found.quality)[0] >= 90
    cliff = [parse_target("90")]
    flat = run(Search(CRF, cliff, tolerance=0), lambda crf: (97.4 if crf < 40 else 20.0,))
    assert flat.quality == 39
    assert flat.exact


def test_known_probes_cost_nothing_and_may_decide_at_once() -> None:
    known = [probe(27, vmaf, known=True), probe(26, vmaf, known=True), probe(25, vmaf, known=True)]
    search = Search(CRF, [parse_target("92")], known=known)
    assert search.ask() is None
    found = search.decision()
    assert (found.quality, found.exact, found.measured) == (25, True, 0)


def test_ends_after_the_most_probes() -> None:
    search = Search(CRF, [parse_target("93")], strategy="coarse-to-fine", tolerance=0, max_probes=2)
    found = run(search, vmaf)
    assert found.measured == 2
    assert "stopped after 2" in found.reason


def test_a_step_taken_to_fail_is_not_called_exact() -> None:
    search = Search(CRF, [parse_target("93")], prior=prior_for("libx264", "medium", CRF))
    found = run(search, lambda crf: (sigmoid(crf, 36.0, 4.5),))
    assert found.met
    if "expected to fail" in found.reason:
        assert not found.exact


def test_a_prior_of_another_encoder_of_the_source_saves_probes() -> None:
    def real(crf: float) -> tuple[float]:
        return (sigmoid(crf, 40.0, 4.5),)

    rows = [KnownRow("libx265", "fast", crf, sigmoid(crf, 41.0, 5.0)) for crf in (24, 28, 32)]
    goal = [parse_target("93")]
    warm = run(Search(CRF, goal, prior=prior_for("libx264", "medium", CRF, rows=rows)), real)
    assert warm.met
    assert warm.measured <= 4


@pytest.mark.parametrize("encoder", ["libx264", "libsvtav1", "libvpx-vp9", "h264_videotoolbox"])
@pytest.mark.parametrize("metric", ["vmaf>=93", "xpsnr>=40", "ssim>=0.98", "cambi<=3"])
def test_every_encoder_and_metric_has_a_prior_that_works(encoder: str, metric: str) -> None:
    knob = encoders.get(encoder).quality
    prior = prior_for(encoder, None, knob, pixel_rate=1e7)
    target = parse_target(metric)

    def share(q: float) -> float:
        cheap = (q - knob.lo) / (knob.hi - knob.lo)
        return 1.0 - cheap if knob.higher_is_better else cheap

    def score(q: float) -> tuple[float]:
        s = share(q)
        line = {"vmaf": 100 - 60 * s**2, "xpsnr": 55 - 30 * s, "ssim": 1 - 0.1 * s**2}
        return (line.get(target.metric, 8 * s),)

    found = run(Search(knob, [target], prior=prior), score, lambda q: kbps(51 * share(q)))
    assert found.met
    assert found.measured <= 9


def test_rows_alone_decide_by_the_same_rule() -> None:
    rows = [probe(crf, vmaf, known=True) for crf in (20, 24, 28, 32)]
    found = decide_from_rows(rows, CRF, [parse_target("90")])
    assert found.quality == 24
    assert not found.exact
    assert found.bracket.failing is not None
    assert found.bracket.failing.quality == 28
    none = decide_from_rows(rows, CRF, [parse_target("99.5")])
    assert (none.met, none.quality) == (False, None)
    assert none.best_attempt is not None
    assert none.best_attempt.quality == 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"targets": []},
        {"strategy": "magic"},
        {"lo": 60.0},
        {"tolerance": -1.0},
        {"tolerance": float("nan")},
        {"max_probes": 0},
    ],
)
def test_bad_arguments_are_told(wrong: dict[str, object]) -> None:
    given = {"targets": [parse_target("93")], **wrong}
    with pytest.raises(UsageError):
        Search(CRF, **given)  # pyright: ignore[reportArgumentType]


def test_a_probe_that_is_no_measurement_is_refused() -> None:
    search = Search(CRF, [parse_target("93")])
    with pytest.raises(ValueError, match="not finite"):
        search.tell(Probe(20, (float("nan"),), 1.0, 1.0))
    with pytest.raises(ValueError, match="2 scores"):
        search.tell(Probe(20, (1.0, 2.0), 1.0, 1.0))


def _told(*qualities: float, passing: bool) -> Search:
    """A search on steps of 0.1 that was told settings which all pass, or all fail."""
    score = 99.0 if passing else 10.0
    search = Search(encoders.get("libx264").quality, [parse_target("93")], tolerance=0)
    for each in qualities:
        search.tell(probe(each, lambda _: (score,)))
    return search


@pytest.mark.parametrize(("sign", "passing"), [(-1, False), (1, True)])
def test_a_search_that_creeps_on_the_wrong_side_strides_out(sign: int, passing: bool) -> None:
    search = _told(*(25 + sign * step / 10 for step in range(6)), passing=passing)
    asked: list[float] = []
    for _ in range(4):
        quality = search.ask()
        assert quality is not None
        asked.append(sign * (quality - 25))
        search.tell(probe(quality, lambda _: (99.0 if passing else 10.0,)))
    # From 0.5 off in strides of 0.2, 0.4, 0.8 and 1.6.
    assert asked == pytest.approx([0.7, 1.1, 1.9, 3.5])
    quality = search.ask()
    assert quality is not None and sign * (quality - 25) == pytest.approx(6.7)
    search.tell(probe(quality, lambda _: (10.0 if passing else 99.0,)))
    # Both ends were measured: now the middle.
    quality = search.ask()
    assert quality is not None and sign * (quality - 25) == pytest.approx(5.1, abs=0.051)


@pytest.mark.parametrize(("start", "end", "passing"), [(5.0, 0.0, False), (46.0, 51.0, True)])
def test_strides_stay_within_the_knob(start: float, end: float, passing: bool) -> None:
    step = -0.8 if end < start else 0.8
    search = _told(*(start + step * number for number in range(6)), passing=passing)
    assert search.ask() == end


def test_probes_side_by_side_take_fewer_rounds() -> None:
    knob = encoders.get("libx264").quality
    rounds = {1: 0, 3: 0}
    for at_once in rounds:
        for middle in np.linspace(24.0, 44.0, 9):
            prior = prior_for("libx264", "medium", knob, pixel_rate=1280 * 720 * 25.0)
            search = Search(knob, [parse_target("93")], prior=prior)
            while asked := search.ask_several(at_once):
                assert len(set(asked)) == len(asked)
                rounds[at_once] += 1
                for crf in asked:
                    search.tell(probe(crf, lambda crf, at=middle: (sigmoid(crf, at),)))
            assert search.decision().met
    assert rounds[3] <= 0.8 * rounds[1]


def test_side_by_side_keeps_the_limit_of_probes() -> None:
    search = Search(CRF, [parse_target("90")], tolerance=0.0, max_probes=5)
    while asked := search.ask_several(4):
        for crf in asked:
            search.tell(probe(crf, lambda crf: (sigmoid(crf),)))
    assert search.decision().measured <= 5
