"""Frame rates as people write them, and whether frame durations really differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

# Matroska and FLV keep times in whole milliseconds: two roundings move a duration by 1 ms.
_ROUNDING_S = Fraction(3, 2000)

_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?(/[0-9]{1,9})?")
_FASTEST = 100_000


def rate_from(text: str) -> Fraction:
    """Frames per second from `25`, `23.976` or `30000/1001`; above 0 and at most 100 000.

    Fraction itself also reads `1e99999999`, and takes for ever.

    Raises:
        ValueError: it is not such a rate.
    """
    if _RATE.fullmatch(text.strip()) is None:
        raise ValueError(text)
    top, _, bottom = text.strip().partition("/")
    if bottom and not int(bottom):
        raise ValueError(text)
    rate = Fraction(top) / int(bottom or 1)
    if not 0 < rate <= _FASTEST:
        raise ValueError(text)
    return rate


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
