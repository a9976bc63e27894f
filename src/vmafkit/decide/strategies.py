"""Plain ways to choose the next setting, kept beside the default one.

Settings are numbered; those up to some number pass. `good` is the last known to pass (-1 for
none) and `bad` the first known to fail (the count of settings for none); both choose a number
strictly between the two.
"""

from __future__ import annotations


def bisect(good: int, bad: int) -> int:
    """The middle."""
    return (good + bad) // 2 if good + bad >= 0 else 0


def coarse_to_fine(good: int, bad: int, count: int) -> int:
    """Walks from passing to failing in strides of a fifth of the range, then of a fifth of that.

    Args:
        count: of settings.
    """
    stride = max(1, count // 5)
    while stride > 1 and bad - good <= stride:
        stride = max(1, stride // 5)
    return min(good + stride, bad - 1)
