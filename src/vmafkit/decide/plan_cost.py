"""What work would cost before any of it is done: from rates that were measured, or stated ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# CPU seconds for a million pixels at the encoder's usual preset, measured at 1280x720 on one
# machine. They say which of two plans is the longer one, and little more.
_ENCODE_S_PER_MPX = {
    "libx264": 0.033,
    "libx265": 0.059,
    "libsvtav1": 0.037,
    "libvpx-vp9": 0.15,
    "libaom-av1": 0.20,
    "librav1e": 1.0,
    "libvvenc": 0.75,
    "libkvazaar": 0.053,
}
_SOME_ENCODER_S_PER_MPX = 0.05
_SCORE_S_PER_MPX = 0.029
# Searches over the measured curves of 69 titles and encoders took 3.3 probes on average.
SEARCH_PROBES = 4
NEWEST = 200
"""Trials that a measured rate is taken from, the newest ones."""


@dataclass(frozen=True, slots=True)
class Rates:
    """CPU seconds for a million pixels.

    Attributes:
        encode_s: of the encoder.
        score_s: of VMAF, at the size that is compared at.
        trials: measured ones that they are the median of; 0 where they are assumed.
        basis: where they come from, in words.
    """

    encode_s: float
    score_s: float
    trials: int
    basis: str


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate of work.

    Attributes:
        encodes: trials, each an encode and its score.
        encode_s, score_s: CPU seconds of all of them.
    """

    encodes: int
    encode_s: float
    score_s: float

    @property
    def cpu_s(self) -> float:
        """CPU seconds in all."""
        return self.encode_s + self.score_s


def measured_rates(facts: Sequence[Mapping[str, object]], basis: str) -> Rates | None:
    """The median rates of trials that tell what they cost; None where none does.

    Args:
        facts: rows of trials, the newest last.
        basis: what they are trials of.
    """
    encodes: list[float] = []
    scores: list[float] = []
    for each in facts[-NEWEST:]:
        coded = _mpx(each, "width", "height")
        shown = _mpx(each, "display_width", "display_height") or coded
        encode_s, score_s = _number(each, "encode_cpu_s"), _number(each, "score_cpu_s")
        if coded and encode_s and score_s:
            encodes.append(encode_s / coded)
            scores.append(score_s / shown)
    if not encodes:
        return None
    count = len(encodes)
    words = f"measured: the median of {count} trial{'s' * (count > 1)} of {basis} in the store"
    return Rates(median(encodes), median(scores), count, words)


def assumed_rates(encoder: str, preset: str) -> Rates:
    """Stated rates for an encoder that was not measured here."""
    encode_s = _ENCODE_S_PER_MPX.get(encoder, _SOME_ENCODER_S_PER_MPX)
    return Rates(
        encode_s,
        _SCORE_S_PER_MPX,
        0,
        f"assumed: {encode_s:g} s to encode and {_SCORE_S_PER_MPX:g} s to score a million pixels; "
        f"nothing of {encoder} {preset} was measured here, and presets differ by far",
    )


def cost_of(rates: Rates, sizes: Sequence[tuple[int, int]], display: tuple[int, int], *,
            frames: int, encodes: int) -> Cost:  # fmt: skip
    """The cost of so many trials, spread evenly over the sizes.

    Args:
        sizes: (width, height) of the encodes.
        display: (width, height) that each is compared at.
        frames: of one trial.
    """
    coded = sum(width * height for width, height in sizes) / len(sizes)
    whole = frames * encodes / 1e6
    return Cost(
        encodes, rates.encode_s * coded * whole, rates.score_s * display[0] * display[1] * whole
    )


def _mpx(facts: Mapping[str, object], width: str, height: str) -> float:
    frames = _number(facts, "source_frame_count")
    return _number(facts, width) * _number(facts, height) * frames / 1e6


def _number(facts: Mapping[str, object], name: str) -> float:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
