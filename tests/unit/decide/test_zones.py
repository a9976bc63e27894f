"""Zones and regions as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vmafkit.decide.zones import (
    Region,
    RegionEffect,
    ZoneEffect,
    parse_region,
    parse_zones,
    zone_effects,
    zone_lines,
)
from vmafkit.encoders import Zone
from vmafkit.errors import UsageError


def test_zones_are_read_in_the_order_of_time() -> None:
    zones = parse_zones(["60,69,b=1.5", "0-50:q=40"], 100)
    assert zones == (Zone(0, 50, qp=40), Zone(60, 69, 1.5))
    assert [zone.word() for zone in zones] == ["0,50,q=40", "60,69,b=1.5000"]
    assert zone_lines("# all\n0-50:q=40 # start\n\n 60-69:b=2\n") == ["0-50:q=40", "60-69:b=2"]


@pytest.mark.parametrize(
    "words",
    [
        ["0-100:q=40"], ["5-4:q=40"], ["0-5:q=52"], ["0-5:q=1.5"], ["0-5:b=1"], ["0-5:b=0"],
        ["0-5"], [""], ["0-5:crf=3"], ["0-5:q=40/6,9,q=1"], ["0-5:q=40:bframes=3"],
        ["0-5:q=40", "5-9:q=30"], ["-1-5:q=40"],
    ],
)  # fmt: skip
def test_what_is_no_zone_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--zone"):
        parse_zones(words, 100)


def test_a_region_is_a_rectangle_inside_of_the_picture() -> None:
    region = parse_region("16,8,32,24,-0.3", 64, 48)
    assert region == Region(16, 8, 32, 24, Fraction(-3, 10))
    assert region.filter() == "addroi=x=16:y=8:w=32:h=24:qoffset=-3/10"
    for word in (
        "", "1,2,3,4", "0,0,0,8,-0.3", "40,0,32,8,-0.3", "0,40,8,16,0.5", "0,0,8,8,0",
        "0,0,8,8,1.5", "0,0,8,8,x", "0,0,8,8,.", "0,0,8,8,-0.3,drawbox", "-1,0,8,8,0.3",
    ):  # fmt: skip
        with pytest.raises(UsageError, match="--roi"):
            parse_region(word, 64, 48)


def test_a_zone_must_move_its_own_bits_the_right_way() -> None:
    plain, made = [10, 10, 10, 10], [10, 20, 20, 4]
    more, less = zone_effects([Zone(1, 2, 2.0), Zone(3, 3, qp=40)], plain, made)
    assert (more.bits_plain, more.bits, more.fault()) == (20, 40, "")
    assert (less.bits, less.fault()) == (4, "")
    assert "wrong way" in ZoneEffect(Zone(0, 1, 0.5), 100, 150).fault()
    assert "+0.50%" in ZoneEffect(Zone(0, 1, 2.0), 1000, 1005).fault()


def test_a_region_must_gain_over_the_rest() -> None:
    better, worse = (Region(0, 0, 8, 8, Fraction(sign, 2)) for sign in (-1, 1))
    assert RegionEffect(better, 30.0, 33.0, 35.0, 35.0).fault() == ""
    assert RegionEffect(worse, 30.0, 28.0, 35.0, 35.0).fault() == ""
    assert "gains" in RegionEffect(better, 30.0, 31.0, 35.0, 36.0).fault()
    assert "gains" in RegionEffect(worse, 30.0, 31.0, 35.0, 35.0).fault()
