"""Feature tables: what is read, and what is refused within a second."""

from __future__ import annotations

import math
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.r_record import note

from vmafkit.errors import VmafkitError
from vmafkit.learn.cache import FrameCache, cache_key
from vmafkit.learn.feature_sets import CANONICAL_6, feature_set
from vmafkit.learn.tables import clip_means, read_features

from .conftest import MakeTable


def good(rows: int = 4) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {name: [0.5] * rows for name in CANONICAL_6}
    return {**columns, "vmaf": [50.0] * rows, "key": ["a_1.yuv"] * rows}


def test_a_table_is_read_in_the_order_asked_for(make_table: MakeTable) -> None:
    table = read_features(make_table(60), CANONICAL_6)
    again = read_features(make_table(60), CANONICAL_6[::-1])
    assert (table.features == again.features[:, ::-1]).all()
    assert set(table.sources) == {f"S{index}" for index in range(6)}


def test_older_names_are_read(tmp_path: Path) -> None:
    columns = good()
    columns["mos"] = columns.pop("vmaf")
    columns["dis_basename"] = columns.pop("key")
    pl.DataFrame(columns).write_parquet(tmp_path / "t.parquet")
    table = read_features(tmp_path / "t.parquet", CANONICAL_6)
    assert table.sources == ("a",) * 4


def _hostile(folder: Path) -> dict[str, Path]:
    made = {name: folder / f"{name}.parquet" for name in (
        "missing_column", "no_target", "no_key", "text_numbers", "nan", "null", "infinite",
        "huge_value", "empty", "cut_short", "not_parquet", "pickled", "nested",
    )}  # fmt: skip
    columns = good()

    def write(name: str, changed: dict[str, list[object]]) -> None:
        pl.DataFrame(changed).write_parquet(made[name])

    write("missing_column", {k: v for k, v in columns.items() if k != "adm2"})
    write("no_target", {k: v for k, v in columns.items() if k != "vmaf"})
    write("no_key", {k: v for k, v in columns.items() if k != "key"})
    write("text_numbers", {**columns, "adm2": ["0.5"] * 4})
    write("nan", {**columns, "adm2": [0.5, math.nan, 0.5, 0.5]})
    write("null", {**columns, "vmaf": [50.0, None, 50.0, 50.0]})
    write("infinite", {**columns, "motion2": [math.inf] * 4})
    write("huge_value", {**columns, "motion2": [1e12] * 4})
    pl.DataFrame(columns).clear().write_parquet(made["empty"])
    whole = pl.DataFrame(columns)
    whole.write_parquet(made["cut_short"])
    made["cut_short"].write_bytes(made["cut_short"].read_bytes()[:-40])
    made["not_parquet"].write_text("adm2,vmaf\n1,2\n")
    binary = pa.table({**columns, "thing": [b"cos\nsystem\n(S'true'\ntR."] * 4})
    pq.write_table(binary, made["pickled"])
    write("nested", {**columns, "list": [[1, 2]] * 4})
    return made


def test_tables_that_are_none_are_refused_at_once(tmp_path: Path) -> None:
    worst_s, hostile = 0.0, _hostile(tmp_path)
    for path in (*hostile.values(), tmp_path / "nowhere.parquet"):
        started = time.process_time()
        with pytest.raises(VmafkitError):
            read_features(path, CANONICAL_6)
        worst_s = max(worst_s, time.process_time() - started)
    assert worst_s < 1.0
    note("R43", len(hostile) + 1, worst_s=worst_s)


def _varint(value: int) -> bytes:
    """A 64-bit integer as Parquet's footer has it."""
    left, found = value << 1, bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes(found) + bytes([left])


def test_a_claim_of_many_rows_is_refused_before_it_is_believed(tmp_path: Path) -> None:
    path, true, claimed = tmp_path / "t.parquet", 77_773, 1_000_000_007
    columns = {name: pl.repeat(0.5, true, eager=True) for name in (*CANONICAL_6, "vmaf")}
    pl.DataFrame(columns).with_columns(key=pl.lit("a")).write_parquet(path)
    whole = path.read_bytes()
    size = int.from_bytes(whole[-8:-4], "little")
    footer = whole[-8 - size : -8]
    assert footer.count(_varint(true)) > 1
    forged = footer.replace(_varint(true), _varint(claimed))
    end = len(forged).to_bytes(4, "little") + b"PAR1"
    path.write_bytes(whole[: -8 - size] + forged + end)
    started = time.process_time()
    with pytest.raises(VmafkitError, match=f"{claimed} rows"):
        read_features(path, CANONICAL_6)
    spent_s = time.process_time() - started
    assert spent_s < 1.0
    note("R43", 1, worst_s=spent_s)


def test_clip_means_are_means(make_table: MakeTable) -> None:
    rows = read_features(make_table(60), CANONICAL_6).rows
    means = clip_means(rows)
    assert means.height == 18
    first = rows.filter(pl.col("key") == means["key"][0])
    assert means["frames"][0] == first.height
    assert means["vmaf"][0] == pytest.approx(first["vmaf"].mean())
    assert means["adm2"][0] == pytest.approx(first["adm2"].mean())


def test_the_cache_keeps_what_a_killed_run_computed(tmp_path: Path) -> None:
    table = pl.DataFrame({"frame_index": [0, 1], "adm2": [0.1, 0.2], "vmaf": [1.0, 2.0]})
    key, other = cache_key({"a": 1}), cache_key({"a": 2})
    assert key != other
    FrameCache(tmp_path, "f.parquet").put(key, table)
    # The first cache was never merged, as after a kill.
    second = FrameCache(tmp_path, "f.parquet")
    found = second.get(key)
    assert found is not None and found.equals(table)
    second.put(other, table.with_columns(adm2=pl.col("adm2") * 2))
    second.merge()
    assert not list((tmp_path / "f.parquet.parts").glob("*.parquet"))
    third = FrameCache(tmp_path, "f.parquet")
    kept = third.get(other)
    assert kept is not None and kept["adm2"].to_list() == [0.2, 0.4]
    assert third.get(cache_key({"a": 3})) is None


def test_a_damaged_cache_is_a_miss(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_bytes(b"PAR1 but not whole")
    assert FrameCache(tmp_path, "f.parquet").get(cache_key({})) is None


def test_feature_sets_name_their_columns_and_extractors() -> None:
    assert feature_set("canonical-6").columns == CANONICAL_6
    assert feature_set("full").requests()[0].name == "psnr"
    assert len(feature_set("full").columns) == 19
    with pytest.raises(VmafkitError, match="canonical-7"):
        feature_set("canonical-7")
