"""Trials that were measured, in an SQLite database in the user's cache folder.

A record carries a checksum; one that does not agree with it is a miss and goes to the table
`damaged`. A database that is damaged as a whole is renamed and a new one is begun: everything in
it can be measured again. A record is on the disk when `put` returns.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from vmafkit import fsio
from vmafkit.errors import Cancelled, SchemaTooNew, StoreCorrupt, StoreError, StoreFull, StoreLocked
from vmafkit.store import claims

FILE_NAME = "trials.sqlite"
USER_VERSION = 1

_log = logging.getLogger(__name__)
_LOCKED_HINT = "wait for it to end, or set VMAFKIT_CACHE to another folder"
_FOLDER_HINT = "set VMAFKIT_CACHE to a folder that can be written"
_T = TypeVar("_T")
_COLUMNS = (
    "key", "source_sha256", "encoder", "preset", "quality",
    "spec_json", "row_json", "frames", "created_s", "checksum",
)  # fmt: skip
_SELECT = f"SELECT rowid, {', '.join(_COLUMNS)} FROM trials"
_INDEXED = "SELECT count(*) FROM sqlite_master WHERE name = 'trials_by_encoder'"
_CREATE = f"""
CREATE TABLE IF NOT EXISTS trials (
  key TEXT PRIMARY KEY, source_sha256 TEXT, encoder TEXT, preset TEXT, quality REAL,
  spec_json TEXT, row_json TEXT, frames BLOB, created_s REAL, checksum TEXT);
CREATE INDEX IF NOT EXISTS trials_by_source ON trials (source_sha256, encoder, preset);
CREATE INDEX IF NOT EXISTS trials_by_encoder ON trials (encoder, preset);
CREATE TABLE IF NOT EXISTS damaged (found_s REAL, {", ".join(_COLUMNS)});
{claims.CREATE}
PRAGMA user_version = {USER_VERSION};
"""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What is remembered of a trial.

    Args:
        key: hash of everything that the result depends on.
        quality: value of the encoder's quality knob.
        spec_json: the trial's specification.
        row_json: the corpus row without what belongs to one run.
        frames: the per-frame table as compressed Parquet, or None.
        created_s: seconds since 1970; 0 lets `put` fill it in.
        checksum: SHA-256 over the other fields; `put` fills it in.
    """

    key: str
    source_sha256: str
    encoder: str
    preset: str | None
    quality: float
    spec_json: str
    row_json: str
    frames: bytes | None = None
    created_s: float = 0.0
    checksum: str = ""

    def sealed(self) -> TrialRecord:
        """The record with its time and checksum."""
        # The database gives whole numbers back as floats, and the checksum sees the difference.
        stamped = replace(
            self,
            quality=float(self.quality),
            created_s=float(self.created_s or time.time()),
        )
        return replace(stamped, checksum=_digest(stamped))


class TrialStore:
    """The database of a cache folder; many processes and threads may have it open.

    Args:
        folder: made if it is not there.
        timeout_s: how long to wait for another process that is writing.

    Raises: StoreError naming VMAFKIT_CACHE, StoreFull, StoreLocked, SchemaTooNew.
    """

    def __init__(self, folder: Path, *, timeout_s: float = 30.0) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self._timeout_s = timeout_s
        self._guard = threading.RLock()
        self._link = self._open()

    def __enter__(self) -> TrialStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database; the store cannot be used after it."""
        with self._guard:
            self._link.close()

    def get(self, key: str) -> TrialRecord | None:
        """The record of a trial, or None when there is none that is whole."""
        found = self._run(lambda link: self._whole(link, " WHERE key = ?", (key,)))
        return found[0] if found else None

    def put(self, record: TrialRecord) -> TrialRecord:
        """Keeps a record in place of an older one of its key and ends the claims on it.

        Returns: the record as it was kept, with its checksum.
        Raises: StoreFull, StoreLocked, StoreError.
        """
        sealed = record.sealed()
        marks = ", ".join("?" * len(_COLUMNS))
        values = tuple(getattr(sealed, name) for name in _COLUMNS)

        def write(link: sqlite3.Connection) -> None:
            link.execute(f"INSERT OR REPLACE INTO trials VALUES ({marks})", values)
            claims.drop(link, sealed.key)

        self._run(write, writes=True)
        return sealed

    def find(
        self,
        *,
        source_sha256: str | None = None,
        encoder: str | None = None,
        preset: str | None = None,
        quality: float | None = None,
    ) -> list[TrialRecord]:
        """The whole records that agree with all that is given, oldest first."""
        wanted = {
            "source_sha256": source_sha256,
            "encoder": encoder,
            "preset": preset,
            "quality": quality,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        where = _where(given)
        order = " ORDER BY created_s, rowid"
        return self._run(lambda link: self._whole(link, where + order, tuple(given.values())))

    def count(self, *, encoder: str, preset: str, source_sha256: str | None = None) -> int:
        """How many trials there are; told by the index alone."""
        where, values = _of_encoder(encoder, preset, source_sha256)
        query = f"SELECT count(*) FROM trials{where}"
        return self._run(lambda link: link.execute(query, values).fetchone()[0])

    def newest_rows(
        self, *, encoder: str, preset: str, source_sha256: str | None = None, most: int
    ) -> list[dict[str, Any]]:
        """The rows of the trials that were added last, the newest last.

        They are for estimates: their checksums are not looked at, and those that are no rows
        are left out. Nothing but these rows is read, and the index to find them.

        Args:
            most: how many at most.
        """
        where, values = _of_encoder(encoder, preset, source_sha256)
        query = f"SELECT row_json FROM trials{where} ORDER BY rowid DESC LIMIT ?"
        found = self._run(lambda link: link.execute(query, (*values, most)).fetchall())
        return [row for (text,) in reversed(found) if (row := _row_of(text)) is not None]

    def remove(self, keys: Iterable[str]) -> int:
        """Forgets trials; returns how many were there. Raises: StoreError, StoreLocked."""
        wanted = [(key,) for key in keys]

        def delete(link: sqlite3.Connection) -> int:
            return link.executemany("DELETE FROM trials WHERE key = ?", wanted).rowcount

        return self._run(delete, writes=True) if wanted else 0

    def claim(self, key: str, owner: str) -> bool:
        """Says that `owner` is going to measure a trial.

        Args:
            owner: a name of the worker, unique within its process.

        Returns: False while another living owner has it; a dead one's claim is taken over.
        """
        return self._run(lambda link: claims.take(link, key, owner), writes=True)

    def release(self, key: str, owner: str) -> None:
        """Gives up a claim of this process's `owner`, if it has it."""
        self._run(lambda link: claims.drop(link, key, owner), writes=True)

    def obtain(
        self,
        key: str,
        owner: str,
        *,
        poll_s: float = 0.2,
        timeout_s: float | None = None,
        cancel: threading.Event | None = None,
    ) -> TrialRecord | None:
        """The record, waiting for whoever is measuring it; or None: `owner` is to measure it now.

        After None, call `put` or `release`.

        Args:
            timeout_s: how long to wait for another owner; None for as long as it lives.
            cancel: ends the wait when it is set.

        Raises: StoreLocked when the time is up; Cancelled.
        """
        cancel = cancel or threading.Event()
        limit = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            record = self.get(key)
            if record is not None:
                return record
            if self.claim(key, owner):
                # Its last owner may have finished between the look and the claim.
                record = self.get(key)
                if record is not None:
                    self.release(key, owner)
                return record
            if limit is not None and time.monotonic() >= limit:
                raise StoreLocked(
                    f"trial {key[:16]} is still being measured by another process",
                    hint=_LOCKED_HINT,
                )
            if cancel.wait(poll_s):
                raise Cancelled(f"trial {key[:16]} was waited for until the work was stopped")

    def _whole(
        self, link: sqlite3.Connection, rest: str, values: tuple[Any, ...]
    ) -> list[TrialRecord]:
        whole: list[TrialRecord] = []
        for rowid, *fields in link.execute(_SELECT + rest, values).fetchall():
            record = _read(fields)
            if record is None:
                self._set_aside(link, rowid)
            else:
                whole.append(record)
        return whole

    def _set_aside(self, link: sqlite3.Connection, rowid: int) -> None:
        _log.warning("%s: a damaged trial was set aside; it will be measured again", self.path)
        columns = ", ".join(_COLUMNS)
        link.execute("BEGIN IMMEDIATE")
        with link:
            link.execute(
                f"INSERT INTO damaged SELECT ?, {columns} FROM trials WHERE rowid = ?",
                (time.time(), rowid),
            )
            link.execute("DELETE FROM trials WHERE rowid = ?", (rowid,))

    def _run(self, work: Callable[[sqlite3.Connection], _T], *, writes: bool = False) -> _T:
        with self._guard:
            try:
                return self._once(work, writes)
            except StoreCorrupt:
                self._link.close()
                self._link = self._open(damaged=True)
                return self._once(work, writes)

    def _once(self, work: Callable[[sqlite3.Connection], _T], writes: bool) -> _T:
        try:
            if not writes:
                return work(self._link)
            self._link.execute("BEGIN IMMEDIATE")
            with self._link:
                return work(self._link)
        except sqlite3.Error as error:
            raise self._told(error) from error

    def _open(self, *, damaged: bool = False) -> sqlite3.Connection:
        try:
            fsio.ensure_folder(self.folder)
            with fsio.FileLock(self.folder / "trials.lock", timeout_s=self._timeout_s):
                return self._open_locked(damaged)
        except (StoreFull, StoreLocked, SchemaTooNew):
            raise
        except StoreError as error:
            raise StoreError(error.message, hint=error.hint or _FOLDER_HINT) from error

    def _open_locked(self, damaged: bool) -> sqlite3.Connection:
        try:
            # Another process may have begun a new one while this one waited.
            return self._connect(check=damaged)
        except StoreCorrupt:
            aside = fsio.move_aside(self.path, "damaged")
            for tail in ("-wal", "-shm"):
                fsio.remove(self.path.with_name(FILE_NAME + tail))
            _log.warning("%s is damaged; it was moved to %s and begun anew", self.path, aside)
            return self._connect()

    def _connect(self, *, check: bool = False) -> sqlite3.Connection:
        link: sqlite3.Connection | None = None
        try:
            link = sqlite3.connect(
                self.path,
                timeout=self._timeout_s,
                isolation_level=None,
                check_same_thread=False,
            )
            # A damaged text need not be UTF-8, and has to be read to be set aside.
            link.text_factory = bytes
            self._prepare(link, check)
        except sqlite3.Error as error:
            if link is not None:
                link.close()
            raise self._told(error) from error
        except BaseException:
            if link is not None:
                link.close()
            raise
        return link

    def _prepare(self, link: sqlite3.Connection, check: bool) -> None:
        version = link.execute("PRAGMA user_version").fetchone()[0]
        if version > USER_VERSION:
            raise SchemaTooNew(
                f"{self.path} was written by a newer vmafkit (version {version})",
                hint="install a newer vmafkit, or set VMAFKIT_CACHE to another folder",
            )
        link.execute("PRAGMA journal_mode = WAL")
        link.execute("PRAGMA synchronous = FULL")
        if check and link.execute("PRAGMA quick_check(1)").fetchone()[0] != b"ok":
            raise StoreCorrupt(f"{self.path} is damaged")
        # An older store of this version lacks the index.
        if version < USER_VERSION or not link.execute(_INDEXED).fetchone()[0]:
            link.executescript(_CREATE)
        link.execute("SELECT max(rowid) FROM trials").fetchone()

    def _told(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreCorrupt(f"{self.path} is damaged: {error}")
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(f"cannot write {self.path}: the disk is full")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            files = [self.path.with_name(FILE_NAME + tail) for tail in ("", "-shm", "-wal")]
            pid = fsio.locked_by(files)
            who = "another process" if pid is None else f"process {pid}"
            return StoreLocked(f"{self.path} is busy: {who} is writing", hint=_LOCKED_HINT)
        return StoreError(f"cannot use {self.path}: {error}", hint=_FOLDER_HINT)


def _where(names: Iterable[str]) -> str:
    parts = [f"{name} = ?" for name in names]
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _of_encoder(encoder: str, preset: str, source: str | None) -> tuple[str, tuple[str, ...]]:
    given = {"encoder": encoder, "preset": preset}
    given |= {} if source is None else {"source_sha256": source}
    return _where(given), tuple(given.values())


def _row_of(text: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", row) if isinstance(row, dict) else None


def _read(fields: list[Any]) -> TrialRecord | None:
    try:
        plain: list[Any] = [
            value.decode("utf-8") if isinstance(value, bytes) and name != "frames" else value
            for name, value in zip(_COLUMNS, fields, strict=True)
        ]
    except UnicodeDecodeError:
        return None
    record = TrialRecord(*plain)
    return record if record.checksum == _digest(record) else None


def _digest(record: TrialRecord) -> str:
    digest = hashlib.sha256()
    for name in _COLUMNS[:-1]:
        value = getattr(record, name)
        data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "replace")
        digest.update(f"{name} {len(data)} ".encode() + data)
    return digest.hexdigest()
