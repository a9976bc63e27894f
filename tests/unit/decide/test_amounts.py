"""Bitrates, sizes and shares as people write them."""

from __future__ import annotations

import pytest

from vmafkit.decide.amounts import parse_bytes, parse_kbps, parse_percent
from vmafkit.errors import UsageError


@pytest.mark.parametrize(
    ("word", "kbps"),
    [("2500", 2500), ("2500k", 2500), ("2.5M", 2500), (".5m", 500), ("3Mbps", 3000)],
)
def test_bitrates(word: str, kbps: float) -> None:
    assert parse_kbps(word, "--max-bitrate") == pytest.approx(kbps)


@pytest.mark.parametrize(
    ("word", "size"),
    [
        ("700", 700),
        ("700B", 700),
        ("1k", 1000),
        ("1KiB", 1024),
        ("1.5GiB", 1.5 * 2**30),
        ("2g", 2e9),
    ],
)
def test_sizes(word: str, size: float) -> None:
    assert parse_bytes(word, "--max-size") == pytest.approx(size)


def test_shares() -> None:
    assert parse_percent("80", "--max-encoded-percent") == parse_percent("80 %", "x") == 80.0


@pytest.mark.parametrize("word", ["", "0", "-1", "much", "1e9", "nan", "5 furlongs", "0.0M"])
def test_what_is_no_amount_names_the_flag(word: str) -> None:
    for parse in (parse_kbps, parse_bytes, parse_percent):
        with pytest.raises(UsageError, match="--flag"):
            parse(word, "--flag")
