"""Splits: nothing on two sides, nothing that depends on order."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.errors import UsageError
from vmafkit.learn.splits import (
    PARTS,
    SplitRule,
    folds,
    leave_one_out,
    part_of_clip,
    split,
)

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
CLIPS = st.lists(st.tuples(NAMES, st.integers(0, 9)), min_size=1, max_size=60)
SHARES = st.sampled_from([(0.1, 0.1), (0.0, 0.2), (0.3, 0.0), (0.4, 0.4)])


@settings(max_examples=80, deadline=None)
@given(CLIPS, SHARES, st.randoms(use_true_random=False))
def test_a_source_never_stands_on_two_sides(
    clips: list[tuple[str, int]], shares: tuple[float, float], random: object
) -> None:
    rule = SplitRule("source", *shares)
    sources = [source for source, _ in clips]
    keys = [f"{source}_{number}" for source, number in clips]
    masks = split(keys, sources, rule)
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    where = {part: {sources[i] for i in np.flatnonzero(masks[part])} for part in PARTS}
    assert not where["train"] & where["test"]
    assert not where["train"] & where["val"]
    assert not where["val"] & where["test"]
    assert where["train"]
    shuffled = list(range(len(clips)))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = split([keys[i] for i in shuffled], [sources[i] for i in shuffled], rule)
    for part in PARTS:
        assert {sources[shuffled[i]] for i in np.flatnonzero(again[part])} == where[part]


@settings(max_examples=60, deadline=None)
@given(CLIPS)
def test_a_clip_stays_where_its_name_puts_it(clips: list[tuple[str, int]]) -> None:
    rule = SplitRule("clip", 0.2, 0.2)
    keys = [f"{source}_{number}.yuv" for source, number in clips]
    masks = split(keys, ["one"] * len(keys), rule)
    for part in PARTS:
        assert all(part_of_clip(keys[i], rule) == part for i in np.flatnonzero(masks[part]))


def test_the_rule_of_a_clip_is_the_stated_hash() -> None:
    for key in ("BigBuck_1_576_2000.yuv", "Tennis_3_288_500.yuv", "x"):
        digest = hashlib.sha256(b"vmaf-train-splits-v1:" + key.encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        expected = "test" if place < 0.1 else "val" if place < 0.2 else "train"
        assert part_of_clip(key, SplitRule("clip")) == expected


def test_three_sources_give_all_three_parts() -> None:
    masks = split(["a", "b", "c"], ["a", "b", "c"], SplitRule())
    assert [int(masks[part].sum()) for part in PARTS] == [1, 1, 1]


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=40))
def test_folds_and_loso_hold_out_every_row_once(sources: list[str]) -> None:
    held = [mask for _, mask in leave_one_out(sources)]
    assert (sum(mask.astype(int) for mask in held) == 1).all()
    count = len(set(sources))
    if count >= 2:
        made = folds(sources, min(3, count))
        assert (sum(mask.astype(int) for mask in made) == 1).all()
        array = np.array(sources)
        for one in made:
            assert not set(array[one]) & set(array[~one])


@pytest.mark.parametrize("shares", [(0.6, 0.5), (-0.1, 0.1), (1.0, 0.0)])
def test_shares_that_leave_no_training_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(UsageError):
        SplitRule("source", *shares)
