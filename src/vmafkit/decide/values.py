"""Lists and ranges of numbers as people write them: `18,20,22.5` and `18:40:2`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from vmafkit.errors import UsageError

MOST_VALUES = 10_000


def parse_values(words: Sequence[str], flag: str) -> tuple[float, ...]:
    """The numbers of a flag, in the order given, without repeats.

    Args:
        words: each a number, a comma list, or `lo:hi[:step]` with both ends included.
        flag: its name, for messages.

    Raises:
        UsageError: a word is not a number, a range is empty, or there are too many values.
    """
    found: dict[Decimal, None] = {}
    for word in words:
        for part in word.split(","):
            for value in _part(part.strip(), flag):
                found[value] = None
                if len(found) > MOST_VALUES:
                    raise UsageError(f"{flag} {word} names more than {MOST_VALUES} values")
    return tuple(float(value) for value in found)


def _part(part: str, flag: str) -> list[Decimal]:
    numbers = [_number(text, part, flag) for text in part.split(":")]
    if len(numbers) == 1:
        return numbers
    if len(numbers) > 3:
        raise UsageError(f"{flag} {part} is not a range", hint="write lo:hi or lo:hi:step")
    lo, hi = numbers[:2]
    step = numbers[2] if len(numbers) == 3 else Decimal(1)
    if step <= 0 or hi < lo:
        raise UsageError(
            f"{flag} {part} is an empty range", hint="write lo:hi:step with lo <= hi and step > 0"
        )
    if (hi - lo) / step > MOST_VALUES:
        raise UsageError(f"{flag} {part} names more than {MOST_VALUES} values")
    return [lo + step * index for index in range(int((hi - lo) / step) + 1)]


def _number(text: str, part: str, flag: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > 9 or value.as_tuple().exponent < -6:  # pyright: ignore[reportOperatorIssue]
        raise UsageError(f"{flag} {part!r} is not a number", hint="write 23, 18,20,22 or 18:40:2")
    return value
