"""Which rows are for training, validation and test: pure functions of names.

Two rules. By clip: the hash of a clip's key alone decides, so a clip stays where it is whatever
else is there. By source (the default for reported figures): whole contents are dealt out, so a
source never stands on two sides; which ones depends on all the sources' hashes, never on the
order of files. The hash is SHA-256 over "vmaf-train-splits-v1:" and the name, its first 8 bytes
as a fraction of 2**64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vmafkit.errors import UsageError

Part = Literal["train", "val", "test"]
SplitBy = Literal["source", "clip"]
PARTS: tuple[Part, ...] = get_args(Part)
WAYS: tuple[SplitBy, ...] = get_args(SplitBy)
_SALT = "vmaf-train-splits-v1:"
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How rows are dealt out.

    Attributes:
        by: `source` or `clip`.
        test, val: shares, each at least 0, together below 1.

    Raises:
        UsageError: a share is out of range, or the rule is not known.
    """

    by: SplitBy = "source"
    test: float = 0.1
    val: float = 0.1

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise UsageError(f"a split by {self.by!r} is not known", hint="by source or by clip")
        if not (0.0 <= self.test < 1.0 and 0.0 <= self.val < 1.0 and self.test + self.val < 1.0):
            raise UsageError(
                f"shares of {self.test} for test and {self.val} for validation leave no training"
            )


def fraction(name: str) -> float:
    """Where a name falls between 0 and 1, the same on every machine."""
    digest = hashlib.sha256((_SALT + name).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def part_of_clip(key: str, rule: SplitRule) -> Part:
    """The part of a clip, from its key alone."""
    place = fraction(key)
    if place < rule.test:
        return "test"
    return "val" if place < rule.test + rule.val else "train"


def parts_of_sources(sources: Sequence[str], rule: SplitRule) -> dict[str, Part]:
    """The part of every source.

    With three sources or more, each part that has a share gets at least one; with two there is
    no validation, and with one no test either.
    """
    order = sorted(set(sources), key=lambda name: (fraction(name), name))
    n = len(order)
    test = 0 if n < 2 or not rule.test else max(1, round(n * rule.test))
    val = 0 if n < 3 or not rule.val else max(1, round(n * rule.val))
    test = min(test, n - 1)
    val = min(val, n - 1 - test)
    return {
        name: "test" if place < test else "val" if place < test + val else "train"
        for place, name in enumerate(order)
    }


def split(keys: Sequence[str], sources: Sequence[str], rule: SplitRule) -> dict[Part, BoolArray]:
    """Masks of the rows of each part; every row is in exactly one.

    Args:
        keys, sources: of each row.
    """
    by_name: dict[str, Part]
    if rule.by == "clip":
        names = keys
        by_name = {key: part_of_clip(key, rule) for key in set(keys)}
    else:
        names, by_name = sources, parts_of_sources(sources, rule)
    parts = np.array([by_name[name] for name in names], dtype="U5")
    return {part: parts == part for part in PARTS}


def leave_one_out(sources: Sequence[str]) -> Iterator[tuple[str, BoolArray]]:
    """Each source in turn, with the mask of its rows (LOSO)."""
    array = np.array(sources)
    for name in sorted(set(sources)):
        yield name, array == name


def folds(sources: Sequence[str], k: int) -> tuple[BoolArray, ...]:
    """k masks of held-out rows; whole sources, dealt out evenly by their hash.

    Raises:
        UsageError: k is below 2 or above the number of sources.
    """
    order = sorted(set(sources), key=lambda name: (fraction(name), name))
    if not 2 <= k <= len(order):
        raise UsageError(
            f"{k} folds of {len(order)} sources cannot be made", hint="2 to the number of sources"
        )
    fold_of = {name: place % k for place, name in enumerate(order)}
    numbers = np.array([fold_of[name] for name in sources])
    return tuple(numbers == fold for fold in range(k))
