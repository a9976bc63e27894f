"""Any row survives the way to the disk and back (R08), whatever its names are made of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmafkit.schema import strictjson
from vmafkit.schema.corpus import CORPUS_ROW_KEYS, CorpusRow, from_line, to_line

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(min_value=0, max_value=2**60)
# Names that look like escapes, and names with lone surrogates, are what an escape goes wrong on.
PIECES = st.sampled_from(["\\", "\\x80", "x80", "ud800", "\\ud800", "\udcff", "\ud800", "\udfff"])
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.lists(PIECES, max_size=8).map("".join),
    st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
TEXT = st.text(max_size=8)
OPTIONAL = st.none() | NUMBERS
STATISTICS = st.none() | st.dictionaries(
    TEXT, st.dictionaries(TEXT, NUMBERS, max_size=2), max_size=2
)
UNKNOWN = st.dictionaries(
    TEXT.filter(lambda key: key not in CORPUS_ROW_KEYS).map("new_{}".format),
    st.none() | COUNTS | NUMBERS | NAMES | st.lists(NAMES, max_size=2),
    max_size=2,
)


PLAIN: dict[str, Any] = {
    "schema_version": 4, "run_id": "r", "timestamp": "2026-01-01T00:00:00Z", "src_sha256": None,
    "width": 64, "height": 64, "pix_fmt": "yuv420p", "framerate": 24.0, "duration_s": 1.0,
    "encoder": "libx264", "encoder_version": None, "preset": None, "encode_size_bytes": 1,
    "encode_time_ms": None, "vmaf_model": "vmaf_v0.6.1", "score_time_ms": 1.0,
    "ffmpeg_version": "9", "vmaf_binary_version": "9", "exit_status": 0,
}  # fmt: skip
DRAWN = st.fixed_dictionaries(
    {
        "src": NAMES,
        "crf": NUMBERS | st.integers(-60, 60).map(float),
        "extra_params": st.lists(NAMES, max_size=2),
        "encode_path": st.none() | NAMES,
        "bitrate_kbps": OPTIONAL,
        "vmaf_score": OPTIONAL,
        "width": COUNTS,
    },
    optional={"scores": STATISTICS, "error": NAMES, "trial_key": TEXT},
)


def row_of(drawn: dict[str, Any], unknown: dict[str, Any]) -> CorpusRow:
    return CorpusRow.model_validate(PLAIN | drawn | unknown)


@settings(max_examples=5000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.builds(row_of, DRAWN, UNKNOWN))
def test_every_row_comes_back_from_strict_json(row: CorpusRow) -> None:
    line = to_line(row)
    assert line.count(b"\n") == 1
    plain = strictjson.loads(line)
    json.dumps(plain, ensure_ascii=False).encode("utf-8")
    again = from_line(line)
    assert again.model_copy(update={"checksum": row.checksum}) == row
    assert to_line(again) == line


@settings(max_examples=2000, deadline=None, database=None)
@given(NAMES)
def test_every_name_comes_back_and_is_utf8(name: str) -> None:
    written = strictjson.escape(name)
    written.encode("utf-8")
    assert strictjson.unescape(written) == name


@pytest.mark.parametrize("name", ["C:\\users\\x8.mkv", "a\\b", "x80 ud800", "Straße.mkv", "影.mkv"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert strictjson.escape(name) == name
