"""The trial store at a million rows: how long it takes to open, look up, filter and add.

    python benchmarks/store.py [--rows 1000000] [--folder FOLDER] [--json FILE]

Rows are made up, with columns as long as real ones. In the same run the same rows are scanned as
JSON Lines. A million rows need about 7 GB of disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

from vmafkit.store.trials import TrialRecord, TrialStore

ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9")
PRESETS = ("veryfast", "fast", "medium", "slow")
SOURCES = 500
GOALS = {
    "open_s": 0.1,
    "lookup_s": 0.001,
    "filter_s": 1.0,
}


def records(count: int) -> Iterator[TrialRecord]:
    """Made-up trials: 500 sources, four encoders and presets, as many values as it takes."""
    dice = random.Random(9)
    for number in range(count):
        source = hashlib.sha256(b"%d" % (number % SOURCES)).hexdigest()
        encoder = ENCODERS[number // SOURCES % 4]
        preset = PRESETS[number // (SOURCES * 4) % 4]
        quality = float(number // (SOURCES * 16))
        facts = {
            "src_sha256": source, "width": 1920, "height": 1080, "pix_fmt": "yuv420p",
            "framerate": 25.0, "duration_s": 10.0, "encoder": encoder, "preset": preset,
            "crf": quality, "extra_params": [], "encode_size_bytes": dice.randrange(10**7),
            "bitrate_kbps": round(dice.uniform(100, 9000), 3),
            "vmaf_score": round(dice.uniform(20, 99), 6), "vmaf_model": "vmaf_v0.6.1",
            "argv": ["-c:v", encoder, "-preset", preset, "-crf", f"{quality:g}"] * 3,
            "scores": {"vmaf_v0.6.1": {name: round(dice.uniform(20, 99), 6)
                       for name in ("mean", "min", "p1", "p5", "p10", "median", "stddev")}},
            "features": {f"integer_{name}": {s: round(dice.random(), 6)
                         for s in ("mean", "std", "min", "max")}
                         for name in ("adm2", "vif_scale0", "vif_scale1", "motion2")},
        }  # fmt: skip
        spec = {"source_sha256": source, "encoder": encoder, "preset": preset, "crf": quality}
        text = json.dumps(spec, sort_keys=True)
        yield TrialRecord(
            key=hashlib.sha256(text.encode()).hexdigest(),
            source_sha256=source,
            encoder=encoder,
            preset=preset,
            quality=quality,
            spec_json=text * 4,
            row_json=json.dumps(facts),
            frames=dice.randbytes(1500),
            created_s=1.0 + number,
        )


def fill(folder: Path, lines: Path, count: int) -> float:
    """Put the rows in, 10 000 at a time, and the same rows as lines; seconds it took."""
    began = time.perf_counter()
    names = [field.name for field in fields(TrialRecord)]
    insert = f"INSERT INTO trials ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    # A put syncs every row, which a million of made-up ones do not need.
    with TrialStore(folder) as store:
        path = store.path
    with closing(sqlite3.connect(path)) as link, lines.open("w", encoding="utf-8") as stream:
        source = records(count)
        while some := [each.sealed() for each in islice(source, 10_000)]:
            with link:
                link.executemany(insert, [[getattr(each, n) for n in names] for each in some])
            stream.writelines(f'{{"trial_key":"{each.key}",{each.row_json[1:]}\n' for each in some)
    return time.perf_counter() - began


def timed(work: Callable[[], Any], times: int) -> dict[str, float]:
    """Median and worst seconds of so many calls."""
    spent: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return {"median_s": statistics.median(spent), "worst_s": max(spent)}


def forget_files(folder: Path) -> None:
    """Have the system forget what it keeps of the files, as after a restart."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def opened(folder: Path) -> None:
    """Open and close."""
    TrialStore(folder).close()


def scan(lines: Path, wanted: Callable[[dict[str, Any]], bool]) -> int:
    """How many lines are wanted, read one by one as JSON."""
    with lines.open("rb") as stream:
        return sum(wanted(json.loads(line)) for line in stream)


def measure(folder: Path, lines: Path, count: int) -> dict[str, Any]:
    """Every figure but the filling."""
    found: dict[str, Any] = {}
    forget_files(folder)
    found["open_cold"] = timed(lambda: opened(folder), 1)
    found["open"] = timed(lambda: opened(folder), 20)
    dice = random.Random(1)
    some = [each for each in records(min(count, 20_000)) if dice.random() < 0.05]
    with TrialStore(folder) as store:
        keys = iter([each.key for each in some] * 9)
        found["lookup"] = timed(lambda: store.get(next(keys)), 5000)
        found["miss"] = timed(lambda: store.get("0" * 64), 1000)
        source = some[0].source_sha256
        found["filter_source_encoder_preset"] = timed(
            lambda: store.find(source_sha256=source, encoder="libx264", preset="fast"), 20
        )
        found["filter_source"] = timed(lambda: store.find(source_sha256=source), 5)
        found["rows_of_a_source"] = len(store.find(source_sha256=source))
        new = iter([TrialRecord(f"{n:064}", "a", "b", "c", 1.0, "{}", "{}", b"x" * 1500, 1.0)
                    for n in range(2000)])  # fmt: skip
        found["append"] = timed(lambda: store.put(next(new)), 2000)
        store.remove([f"{n:064}" for n in range(2000)])
    began = time.perf_counter()
    matched = scan(lines, lambda row: row["src_sha256"] == source)
    found["jsonl_scan_s"] = time.perf_counter() - began
    assert matched == found["rows_of_a_source"]
    found["store_bytes"] = sum(path.stat().st_size for path in folder.glob("trials.sqlite*"))
    found["jsonl_bytes"] = lines.stat().st_size
    return found


def main() -> None:
    """Fill a store, measure it, say what was reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder, lines = Path(name) / "store", Path(name) / "rows.jsonl"
        fill_s = fill(folder, lines, arguments.rows)
        found = measure(folder, lines, arguments.rows)
    found |= {"rows": arguments.rows, "fill_s": fill_s}
    reached = {
        "open_s": found["open"]["median_s"],
        "lookup_s": found["lookup"]["median_s"],
        "filter_s": found["filter_source"]["median_s"],
    }
    for name, goal in GOALS.items():
        verdict = "reached" if reached[name] <= goal else "MISSED"
        print(f"{name:10} {reached[name]:.6f} (goal {goal:g}): {verdict}")
    print(f"a put, synced: {1 / found['append']['median_s']:.0f} rows/s")
    print(f"scanning JSON Lines: {found['jsonl_scan_s']:.2f} s")
    print(f"store {found['store_bytes'] / 1e9:.2f} GB, lines {found['jsonl_bytes'] / 1e9:.2f} GB")
    print(json.dumps(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
