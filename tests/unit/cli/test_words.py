"""Words of the command line as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.cli.words import parse_size
from vmafkit.errors import UsageError


@given(st.integers(1, 99999), st.integers(1, 99999), st.sampled_from("xX"))
def test_a_size_is_read(width: int, height: int, between: str) -> None:
    assert parse_size(f" {width}{between}{height} ", "--display") == (width, height)


def test_no_word_is_no_size() -> None:
    assert parse_size(None, "--display") is None


@pytest.mark.parametrize(
    "word", ["", "x", "1920", "1920x", "0x10", "10x0", "00x10", "-1x5", "1.5x2", "1e3x2", "1x2x3"]
)
def test_what_is_no_size_is_refused_with_its_flag(word: str) -> None:
    with pytest.raises(UsageError, match="--display"):
        parse_size(word, "--display")
