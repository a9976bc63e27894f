"""The result stores: per-frame scores by content, and encodes by content.

A result is kept under a hash of everything its numbers depend on: the bytes of both videos,
their geometry and steps, the metric with its options, and the program that computed it. Names
and times are not part of it. Records lie in one SQLite database, each with its per-frame table
as Parquet and a checksum; any number of processes may use it at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vmafkit import fsio
from vmafkit.errors import StoreCorrupt, UsageError
from vmafkit.store.objects import ObjectStore
from vmafkit.store.trials import TrialRecord, TrialStore

if TYPE_CHECKING:
    import polars as pl

KEY_VERSION = 1
ENCODE_LIMIT_BYTES = 50 << 30
_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Result:
    """One stored result.

    Attributes:
        key: 64 hexadecimal digits.
        metric: its id.
        facts: everything the numbers depend on.
        note: what it was computed for: data set, asset, file names, cost.
        frames: `frame`, and one column per score.
        created: when, in UTC.
    """

    key: str
    metric: str
    facts: dict[str, Any]
    note: dict[str, Any]
    frames: pl.DataFrame
    created: str


def result_key(facts: dict[str, Any]) -> str:
    """The key of a result: SHA-256 over its facts."""
    text = json.dumps({"key_version": KEY_VERSION, **facts}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class FileResultStore:
    """Results in a folder, made if it is not there.

    Raises: StoreError, StoreFull, StoreLocked, SchemaTooNew.
    """

    def __init__(self, folder: Path) -> None:
        self._trials = TrialStore(folder)

    def __enter__(self) -> FileResultStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._trials.close()

    def get(self, key: str) -> Result | None:
        """A whole result, or None."""
        record = self._trials.get(key)
        return None if record is None else _result(record)

    @contextmanager
    def measuring(
        self, key: str, owner: str, cancel: threading.Event | None = None
    ) -> Generator[Result | None]:
        """The result, waiting for whoever computes it now; or None: the caller is to.

        The caller's claim ends with the block, or with its process.
        """
        record = self._trials.obtain(key, owner, cancel=cancel)
        try:
            yield None if record is None else _result(record)
        finally:
            if record is None:
                self._trials.release(key, owner)

    def put(
        self,
        key: str,
        metric: str,
        facts: dict[str, Any],
        note: dict[str, Any],
        frames: pl.DataFrame,
    ) -> None:
        """Keep a result; it is on the disk on return. Raises: StoreFull, StoreError."""
        buffer = io.BytesIO()
        frames.write_parquet(buffer, compression="zstd")
        self._trials.put(
            TrialRecord(
                key=key,
                source_sha256=str(facts["distorted"]),
                encoder=metric,
                preset=None,
                quality=0.0,
                spec_json=json.dumps(facts, sort_keys=True, allow_nan=False),
                row_json=json.dumps(note, allow_nan=False),
                frames=buffer.getvalue(),
            )
        )

    def results(self, *, metric: str | None = None, dataset: str | None = None) -> list[Result]:
        """The whole results that agree with what is given, oldest first."""
        found = [_result(record) for record in self._trials.find(encoder=metric)]
        return [each for each in found if dataset in (None, each.note.get("dataset"))]

    def one(self, prefix: str) -> Result:
        """The result whose key begins so. Raises: UsageError for none or several."""
        found = [each for each in self.results() if each.key.startswith(prefix)] if prefix else []
        if len(found) != 1:
            count = "no result has" if not found else f"{len(found)} results have"
            raise UsageError(f"{count} a key that begins with {prefix!r}", hint="see `store ls`")
        return found[0]

    def remove(self, keys: list[str]) -> int:
        """Forget results; returns how many were there."""
        return self._trials.remove(keys)

    def prune(
        self,
        *,
        metric: str | None = None,
        dataset: str | None = None,
        older_than_s: float | None = None,
        stale: Callable[[Result], bool] | None = None,
    ) -> int:
        """Remove results that agree with all that is given; returns how many.

        Args:
            stale: asked of each that agrees.
        """
        now = datetime.now(UTC)
        gone = [
            each.key
            for each in self.results(metric=metric, dataset=dataset)
            if (
                older_than_s is None
                or (now - datetime.fromisoformat(each.created)).total_seconds() > older_than_s
            )
            and (stale is None or stale(each))
        ]
        return self.remove(gone)

    def export(self, output: Path) -> int:
        """Write every per-frame row as `.parquet` or `.csv`; returns the rows.

        Raises: UsageError for another suffix or an empty store; OutputError.
        """
        import polars as pl

        if output.suffix not in (".parquet", ".csv"):
            raise UsageError(f"{output} has no known suffix", hint="name a .parquet or .csv file")
        parts = [_long(each) for each in self.results()]
        if not parts:
            raise UsageError("the store holds nothing to export")
        table = pl.concat(parts)
        with fsio.atomic_path(output, user_output=True) as temp:
            try:
                if output.suffix == ".parquet":
                    table.write_parquet(temp, compression="zstd")
                else:
                    table.write_csv(temp)
            except OSError as error:
                raise fsio.write_error(error, output, user_output=True) from error
        return table.height


def _long(result: Result) -> pl.DataFrame:
    import polars as pl

    note = result.note
    table = result.frames.unpivot(index="frame", variable_name="column", value_name="value")
    return table.select(
        pl.lit(result.key).alias("key"),
        pl.lit(result.metric).alias("metric"),
        pl.lit(str(note.get("dataset", ""))).alias("dataset"),
        pl.lit(str(note.get("asset", ""))).alias("asset"),
        pl.col("frame").cast(pl.Int64),
        pl.col("column"),
        pl.col("value").cast(pl.Float64),
    )


def _result(record: TrialRecord) -> Result:
    import polars as pl

    if record.frames is None:
        raise StoreCorrupt(f"result {record.key[:_SHOWN_DIGITS]} has no frames")
    return Result(
        key=record.key,
        metric=record.encoder,
        facts=cast("dict[str, Any]", json.loads(record.spec_json)),
        note=cast("dict[str, Any]", json.loads(record.row_json)),
        frames=pl.read_parquet(io.BytesIO(record.frames)),
        created=datetime.fromtimestamp(record.created_s, UTC).isoformat(timespec="seconds"),
    )


class EncodeResultStore:
    """Encodes in a folder: rows in a database, files under the hash of their bytes.

    Args:
        limit_bytes: what the files may take together; the longest unused go first.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = ENCODE_LIMIT_BYTES) -> None:
        self._trials = TrialStore(folder)
        self._objects = ObjectStore(folder, limit_bytes)

    def __enter__(self) -> EncodeResultStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._trials.close()

    def get(self, key: str) -> Path | None:
        """The whole encode of a trial, or None; a damaged file is a miss."""
        record = self._trials.get(key)
        if record is None:
            return None
        row = cast("dict[str, str]", json.loads(record.row_json))
        return self._objects.get(row["sha256"], row["suffix"])

    def put(self, record: TrialRecord, encode: Path) -> Path:
        """Keep an encode, then its row; returns where it lies. `encode` is moved."""
        sha256 = fsio.sha256_file(encode)
        kept = self._objects.put(encode, sha256)
        row = json.dumps({"sha256": sha256, "suffix": encode.suffix})
        fields = {name: getattr(record, name) for name in ("key", "source_sha256", "encoder")}
        self._trials.put(
            TrialRecord(
                **fields,
                preset=record.preset,
                quality=record.quality,
                spec_json=record.spec_json,
                row_json=row,
            )
        )
        return kept
