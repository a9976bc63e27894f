"""What work would cost: rates from trials, and sums that can be done by hand."""

from __future__ import annotations

import pytest

from vmafkit.decide.plan_cost import assumed_rates, cost_of, measured_rates


def trial(encode_s: float, score_s: float) -> dict[str, object]:
    """A trial of a million pixels that is compared at four million."""
    return {
        "width": 1000, "height": 100, "source_frame_count": 10, "display_width": 2000,
        "display_height": 200, "encode_cpu_s": encode_s, "score_cpu_s": score_s,
    }  # fmt: skip


def test_measured_rates_are_medians_for_a_million_pixels() -> None:
    rates = measured_rates([trial(1.0, 4.0), trial(9.0, 40.0), trial(2.0, 8.0)], "x264 fast")
    assert rates is not None
    assert (rates.encode_s, rates.score_s, rates.trials) == (2.0, 2.0, 3)
    assert rates.basis == "measured: the median of 3 trials of x264 fast in the store"


@pytest.mark.parametrize("facts", [[], [{"width": 1000}], [trial(0.0, 0.0)]])
def test_trials_that_do_not_tell_their_cost_give_no_rates(facts: list[dict[str, object]]) -> None:
    assert measured_rates(facts, "x") is None


def test_a_cost_is_spread_over_the_sizes_and_scored_at_the_display() -> None:
    rates = measured_rates([trial(1.0, 4.0)], "x264 fast")
    assert rates is not None
    cost = cost_of(rates, [(1000, 100), (3000, 100)], (2000, 500), frames=10, encodes=3)
    assert cost.encode_s == pytest.approx(1.0 * 2 * 3)
    assert cost.score_s == pytest.approx(1.0 * 10 * 3)
    assert cost.cpu_s == pytest.approx(36.0)


def test_an_assumed_rate_says_that_it_is() -> None:
    for encoder in ("libx264", "h264_nvenc"):
        rates = assumed_rates(encoder, "p4")
        assert rates.trials == 0
        assert rates.basis.startswith("assumed: ")
        assert f"{encoder} p4" in rates.basis
    assert assumed_rates("libaom-av1", "6").encode_s > assumed_rates("libx264", "medium").encode_s
