"""The corpus row: every version is read, nothing unknown is lost, nothing damaged is believed."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from vmafkit.errors import SchemaTooNew, StoreCorrupt
from vmafkit.schema import exports
from vmafkit.schema.corpus import (
    CORPUS_ROW_KEYS,
    SCHEMA_VERSION,
    V1_KEYS,
    CorpusRow,
    from_line,
    to_line,
)

SEED_KEYS = [
    "schema_version", "run_id", "timestamp", "src", "src_sha256",
    "width", "height", "pix_fmt", "framerate", "duration_s",
    "encoder", "encoder_version", "preset", "crf", "extra_params",
    "encode_path", "encode_size_bytes", "bitrate_kbps", "encode_time_ms",
    "vmaf_score", "vmaf_model", "score_time_ms",
    "ffmpeg_version", "vmaf_binary_version", "exit_status",
]  # fmt: skip

V1_LINE = (
    b'{"schema_version":1,"run_id":"0f3c","timestamp":"2026-05-03T17:38:00+00:00",'
    b'"src":"ref.yuv","src_sha256":"","width":576,"height":324,"pix_fmt":"yuv420p",'
    b'"framerate":24.0,"duration_s":2.0,"encoder":"libx264","encoder_version":"164",'
    b'"preset":"medium","crf":23,"extra_params":[],"encode_path":"","encode_size_bytes":51200,'
    b'"bitrate_kbps":204.8,"encode_time_ms":310.5,"vmaf_score":91.25,"vmaf_model":"vmaf_v0.6.1",'
    b'"score_time_ms":120.0,"ffmpeg_version":"6.1","vmaf_binary_version":"3.0.0",'
    b'"exit_status":0}\n'
)


def values_of_v1() -> dict[str, Any]:
    return json.loads(V1_LINE)


def full_row(**changes: Any) -> CorpusRow:
    values = values_of_v1() | {
        "schema_version": SCHEMA_VERSION,
        "trial_key": "k1",
        "scores": {"vmaf_v0.6.1": {"mean": 91.25, "p5": 80.0}},
        "argv": ["ffmpeg", "-i", "{src}"],
        "tool_version": "0.1.0",
    }
    return CorpusRow.model_validate(values | changes)


def test_the_25_keys_of_version_1_come_first_and_in_order() -> None:
    assert list(V1_KEYS) == SEED_KEYS
    assert list(json.loads(to_line(full_row()))) == list(CORPUS_ROW_KEYS)
    assert CORPUS_ROW_KEYS[:25] == V1_KEYS
    assert len(set(CORPUS_ROW_KEYS)) == len(CORPUS_ROW_KEYS)


def test_all_columns_after_version_1_may_be_left_out() -> None:
    row = CorpusRow.model_validate(values_of_v1() | {"schema_version": SCHEMA_VERSION})
    again = from_line(to_line(row))
    assert all(getattr(again, key) is None for key in CORPUS_ROW_KEYS[25:-1])
    assert again.checksum


@pytest.mark.parametrize("version", [1, 2, 3])
def test_older_versions_are_read_and_written_as_this_one(version: int) -> None:
    extra: dict[str, Any] = {
        1: {},
        2: {"clip_mode": "sample_10s"},
        3: {"clip_mode": "full", "hdr_transfer": "", "shot_count": 0, "adm2_mean": float("nan")},
    }[version]
    line = json.dumps(
        values_of_v1() | {"schema_version": version, "vmaf_score": float("nan")} | extra,
        sort_keys=version == 3,
    ).encode()
    assert b"NaN" in line
    row = from_line(line)
    assert row.schema_version == version
    assert row.vmaf_score is None
    assert (row.crf, row.src) == (23.0, "ref.yuv")
    rewritten = json.loads(to_line(row))
    assert rewritten["schema_version"] == SCHEMA_VERSION
    for key, value in extra.items():
        assert rewritten[key] == (None if value != value else value)
    assert list(rewritten)[:25] == SEED_KEYS


def test_unknown_keys_are_kept_on_rewrite_and_sealed_by_the_checksum() -> None:
    row = full_row(new_column={"deep": [1, "\udcff"]}, other=None)
    line = to_line(row)
    again = from_line(line)
    assert again.model_extra == {"new_column": {"deep": [1, "\udcff"]}, "other": None}
    with pytest.raises(StoreCorrupt, match="checksum"):
        from_line(line.replace(b'"other":null', b'"other":1'))


def test_a_newer_version_is_refused() -> None:
    line = json.dumps(values_of_v1() | {"schema_version": SCHEMA_VERSION + 1}).encode()
    with pytest.raises(SchemaTooNew, match=r"corpus\.jsonl:7") as caught:
        from_line(line, where="corpus.jsonl:7")
    assert caught.value.exit_code == 8


def test_whole_quality_values_are_written_without_a_point() -> None:
    assert b'"crf":23,' in to_line(full_row(crf=23.0))
    assert b'"crf":23.5,' in to_line(full_row(crf=23.5))
    assert b'"crf":-2,' in to_line(full_row(crf=-2))
    assert b'"framerate":24.0,' in to_line(full_row())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[1]",
        b"null",
        b"\xff",
        V1_LINE[:-20],
        V1_LINE.replace(b'"width":576', b'"width":576,"width":577'),
        V1_LINE.replace(b'"width":576', b'"width":"576"'),
        V1_LINE.replace(b'"width":576', b'"width":true'),
        V1_LINE.replace(b"91.25", b"1e999"),
        V1_LINE.replace(b'"width":576,', b""),
        V1_LINE.replace(b'"schema_version":1', b'"schema_version":0'),
        V1_LINE.replace(b'"schema_version":1', b'"schema_version":true'),
        V1_LINE.replace(b'"schema_version":1', b'"schema_version":4'),
        V1_LINE.replace(b'"crf":23', b'"crf":' + b"[" * 5000 + b"]" * 5000),
        V1_LINE.replace(b'"crf":23', b'"crf":23,"x":' + b"9" * 5000),
        to_line(full_row()).replace(b"91.25", b"NaN"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(text: bytes) -> None:
    with pytest.raises(StoreCorrupt, match=r"c\.jsonl:3"):
        from_line(text, where="c.jsonl:3")


def test_numbers_that_are_not_finite_cannot_be_put_in_a_row() -> None:
    with pytest.raises(ValueError, match="finite"):
        full_row(vmaf_score=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        to_line(full_row(new_column=float("inf")))


def test_1000_flipped_bits_never_give_another_value() -> None:
    line = to_line(full_row(src="Straße\udcff.mkv", encode_cpu_s=1.5e-07, note="\x01"))
    whole = from_line(line)
    dice = random.Random(7)
    unseen = 0
    for _ in range(1000):
        damaged = bytearray(line[:-1])
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        try:
            read = from_line(bytes(damaged))
        except (StoreCorrupt, SchemaTooNew):
            continue
        unseen += 1
        assert read == whole
    # `e` for `E` in a number is the same number.
    assert unseen <= 5


def test_the_json_schema_names_every_column_and_allows_more() -> None:
    schema = exports.json_schema("corpus-row")
    assert list(schema["properties"]) == list(CORPUS_ROW_KEYS)
    assert set(schema["required"]) == set(V1_KEYS) - {"schema_version"}
    assert schema["additionalProperties"] is True
    json.dumps(schema, allow_nan=False)
