"""Frame times: whether frame durations really differ."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

# Matroska and FLV keep times in whole milliseconds: two roundings move a duration by 1 ms.
_ROUNDING_S = Fraction(3, 2000)


def is_variable(times: Sequence[int], time_base: Fraction) -> bool:
    """Whether frame durations differ by more than 1.5 ms.

    Args:
        times: presentation times in ticks, any order.
        time_base: seconds per tick.
    """
    ordered = sorted(times)
    steps = [b - a for a, b in pairwise(ordered)]
    if len(steps) < 2:
        return False
    nominal = median_low(steps)
    limit = _ROUNDING_S / time_base
    return any(abs(step - nominal) > limit for step in steps)
