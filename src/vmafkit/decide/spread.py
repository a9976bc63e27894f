"""The values of an encoder's knob that are worth measuring when none are named."""

from __future__ import annotations

from vmafkit.encoders import Encoder
from vmafkit.errors import UsageError

# Shares of the knob's range between which quality goes from too good to see to poor.
_SHARES = {"h264": (0.35, 0.82), "hevc": (0.35, 0.82), "vvc": (0.32, 0.72)}
_OTHERS = (0.32, 0.92)


def spread_values(encoder: Encoder, count: int) -> tuple[float, ...]:
    """So many values, evenly spaced over the useful part of the knob, best quality first.

    Raises:
        UsageError: the knob has fewer steps than that.
    """
    knob = encoder.quality
    low, high = _SHARES.get(encoder.codec, _OTHERS)
    if knob.higher_is_better:
        low, high = 1 - high, 1 - low
    span = knob.hi - knob.lo
    step = max(knob.step, 1.0)
    first, last = (round((knob.lo + share * span) / step) * step for share in (low, high))
    found: dict[float, None] = {}
    for number in range(count):
        value = first + (last - first) * number / max(1, count - 1)
        found[min(knob.hi, max(knob.lo, round(value / step) * step))] = None
    if len(found) < count:
        raise UsageError(f"{encoder.name} {knob.knob} has no {count} useful values")
    return tuple(sorted(found, reverse=knob.higher_is_better))
