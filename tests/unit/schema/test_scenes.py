"""scenes.json is read, checked and written without losing what others put in."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.errors import SchemaTooNew, Unreadable
from vmafkit.schema import exports
from vmafkit.schema.scenes import qpfile, read_scenes, scenes_of


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=50))
def test_what_is_written_is_read_again(lengths: list[int]) -> None:
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length)
    bounds = list(pairwise(edges))
    found = read_scenes(scenes_of(bounds).text().encode(), "x")
    assert found.bounds() == bounds and found.frames == edges[-1]


def test_foreign_keys_are_kept() -> None:
    foreign = {
        "scenes": [
            {"start_frame": 0, "end_frame": 24, "zone_overrides": {"passes": 1}},
            {"start_frame": 24, "end_frame": 30, "zone_overrides": None},
        ],
        "frames": 30,
        "split_scenes": [1, 2],
    }
    found = read_scenes(json.dumps(foreign).encode(), "x")
    again = json.loads(found.text())
    assert again == {**foreign, "schema_version": 1}


def test_a_list_that_includes_the_last_frame_is_understood() -> None:
    data = b'{"target_vmaf": 92, "shots": [{"shot_id": 0, "start_frame": 0, "end_frame": 9},'
    data += b'{"shot_id": 1, "start_frame": 10, "end_frame": 11}]}'
    found = read_scenes(data, "x")
    assert found.bounds() == [(0, 10), (10, 12)] and found.frames == 12
    assert json.loads(found.text())["target_vmaf"] == 92


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"scenes": 3, "frames": 3}',
        b'{"shots": []}',
        b'{"shots": 3}',
        b'{"frames": 10, "scenes": []}',
        b'{"frames": 10, "scenes": [{"start_frame": 0, "end_frame": 9}]}',
        b'{"frames": 10, "scenes": [{"start_frame": 1, "end_frame": 10}]}',
        b'{"frames": 4, "scenes": [{"start_frame": 0, "end_frame": 5},'
        b' {"start_frame": 5, "end_frame": 4}]}',
        b'{"frames": 4.0, "scenes": [{"start_frame": 0, "end_frame": 4}]}',
        b'{"frames": NaN, "scenes": []}',
    ],
)
def test_what_is_no_list_of_shots_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"scenes\.json"):
        read_scenes(data, "scenes.json")


def test_a_newer_version_is_refused() -> None:
    data = b'{"frames": 1, "scenes": [{"start_frame": 0, "end_frame": 1}], "schema_version": 99}'
    with pytest.raises(SchemaTooNew, match="99"):
        read_scenes(data, "x")


def test_a_qpfile_has_a_key_frame_for_each_shot() -> None:
    assert qpfile([(0, 5), (5, 9)]) == "0 I -1\n5 I -1\n"


def test_the_schema_names_its_draft() -> None:
    assert "2020-12" in exports.json_schema("scenes")["$schema"]
