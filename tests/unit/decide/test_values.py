"""Lists and ranges of numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.decide.values import MOST_VALUES, parse_values
from vmafkit.errors import UsageError, VmafkitError

numbers = st.decimals(-999, 999, places=2)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ([], ()),
        (["23"], (23.0,)),
        (["18:40:2"], tuple(float(v) for v in range(18, 41, 2))),
        (["18:41:2"], tuple(float(v) for v in range(18, 41, 2))),
        (["18:20"], (18.0, 19.0, 20.0)),
        (["5:5"], (5.0,)),
        (["18, 20 ,22.5"], (18.0, 20.0, 22.5)),
        (["30", "20:30:5", "20"], (30.0, 20.0, 25.0)),
        (["0:0.3:0.1"], (0.0, 0.1, 0.2, 0.3)),
        (["-1:1"], (-1.0, 0.0, 1.0)),
        (["1e1"], (10.0,)),
        (["23,23.0"], (23.0,)),
    ],
)
def test_words_become_values(words: list[str], values: tuple[float, ...]) -> None:
    assert parse_values(words, "--crf") == values


@pytest.mark.parametrize(
    "word",
    ["", ",", "a", "1:2:3:4", "3:1", "1:3:0", "1:3:-1", "nan", "inf", "1:inf", ":", "1:", "0x10",
     "1e99", "0:51:0.000001", "1;2", "२a", "1e-9"],
)  # fmt: skip
def test_what_is_no_value_is_refused_by_its_flag(word: str) -> None:
    with pytest.raises(UsageError, match="--crf"):
        parse_values([word], "--crf")


@given(st.lists(numbers, min_size=1, max_size=20))
def test_a_list_gives_its_numbers_once_and_in_order(values: list[Decimal]) -> None:
    found = parse_values([",".join(map(str, values))], "--crf")
    assert found == tuple(float(v) for v in dict.fromkeys(values))


@given(
    numbers, st.decimals("0.01", 50, places=2), st.integers(0, 50), st.decimals(0, "0.99", places=2)
)
def test_a_range_holds_both_ends_and_equal_steps(
    lo: Decimal, step: Decimal, count: int, rest: Decimal
) -> None:
    hi = lo + count * step + rest * step
    found = parse_values([f"{lo}:{hi}:{step}"], "--crf")
    assert found == tuple(float(lo + index * step) for index in range(count + 1))


@given(st.text(max_size=20))
def test_any_text_is_values_or_a_refusal(text: str) -> None:
    try:
        found = parse_values([text], "--crf")
    except VmafkitError as error:
        assert "--crf" in error.message
    else:
        assert 0 < len(found) <= MOST_VALUES
