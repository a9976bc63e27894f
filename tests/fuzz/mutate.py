"""Changes good inputs into odd ones, the same ones every time."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence


def mutants(
    seeds: Sequence[bytes], tokens: Sequence[bytes], count: int, *, seed: int = 0
) -> Generator[bytes]:
    """So many inputs: the seeds first, then seeds with one to six changes each."""
    dice = random.Random(seed)
    yield from seeds[:count]
    for _ in range(count - len(seeds)):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
            _change(data, seeds, tokens, dice)
        yield bytes(data[:20_000])


def _change(
    data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random
) -> None:
    at = dice.randrange(len(data) + 1)
    end = min(len(data), at + dice.choice((1, 1, 2, 4, 16, 64)))
    kind = dice.randrange(8)
    if kind == 0 and data:
        data[min(at, len(data) - 1)] ^= 1 << dice.randrange(8)
    elif kind == 1:
        data[at:end] = b""
    elif kind == 2:
        data[at:at] = dice.randbytes(dice.choice((1, 2, 8)))
    elif kind == 3 and tokens:
        data[at : dice.choice((at, end))] = dice.choice(tokens)
    elif kind == 4:
        data[at:at] = data[at:end] * dice.choice((1, 2, 50))
    elif kind == 5:
        other = dice.choice(seeds)
        cut = dice.randrange(len(other) + 1)
        data[at:end] = other[cut : cut + dice.choice((1, 4, 32))]
    elif kind == 6:
        del data[at:]
    else:
        digits = [index for index, byte in enumerate(data) if 48 <= byte < 58]
        if digits:
            data[dice.choice(digits)] = dice.choice(b"0123456789-.e")
