"""Videos behind a URL: fetched once into the cache folder, and known by what was fetched."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vmafkit import fsio
from vmafkit.errors import CapabilityMissing, Unreadable, UsageError

SCHEMES = ("http", "https", "s3", "gs", "abfs", "az")
_CHUNK_BYTES = 4 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_NOTE = "origin.json"
_MARKS = ("ETag", "etag", "mtime", "LastModified", "last_modified")
_LOCK_S = 3600.0


def is_url(word: str) -> bool:
    """Whether the word names a video behind one of the schemes of `SCHEMES`."""
    scheme, found, _ = word.partition("://")
    return bool(found) and scheme in SCHEMES


def fetch(url: str, cache: Path, *, sha256: str | None = None) -> Path:
    """The local copy of a URL's file, fetched when it is missing or another one there.

    Args:
        cache: the cache folder; the copy lies in `fetched` below it.
        sha256: what the bytes must be; a copy that is not is fetched again, once.

    Raises:
        UsageError: another scheme, a chain of them, or a user name or password in the URL.
        CapabilityMissing: the scheme's library is not installed.
        Unreadable: it cannot be fetched, or its bytes are not those of `sha256`.
        StoreError, StoreFull: the copy cannot be written.
    """
    parts = _checked(url)
    folder = cache / "fetched" / hashlib.sha256(url.encode()).hexdigest()[:32]
    fsio.ensure_folder(folder)
    copy = folder / f"video-{_UNSAFE.sub('_', Path(parts).name)[-100:]}"
    with fsio.FileLock(folder / "lock", timeout_s=_LOCK_S):
        # Bytes that were asked for by hash need no word with the server.
        if sha256 is not None and copy.is_file() and fsio.sha256_file(copy) == sha256:
            return copy
        system, path = _open_system(url)
        stamp = _stamp(system, path, url)
        if sha256 is None and stamp and copy.is_file() and _note(folder).get("stamp") == stamp:
            return copy
        _download(system, path, url, copy)
        if sha256 is not None and (found := fsio.sha256_file(copy)) != sha256:
            raise Unreadable(
                f"{url} holds another file than the run was planned with",
                hint="start the command again",
                detail=f"SHA-256 {found}, planned {sha256}",
            )
        note = {"url": url, "stamp": stamp}
        fsio.write_atomic(folder / _NOTE, json.dumps(note))
    return copy


def origin_of(path: Path) -> str | None:
    """The URL that a fetched copy came from; None for every other file."""
    if path.parent.parent.name != "fetched":
        return None
    return _note(path.parent).get("url")


def _checked(url: str) -> str:
    if not is_url(url):
        raise UsageError(f"{url} is not a URL of {', '.join(SCHEMES)}")
    # fsspec reads "::" as a chain of file systems, local ones among them.
    if "::" in url:
        raise UsageError(f"{url} holds '::'", hint="write it as %3A%3A")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UsageError(
            "a source's URL holds a user name or a password",
            hint="leave them to the environment of the library that fetches it",
        )
    return parts.path


def _open_system(url: str) -> tuple[Any, str]:
    try:
        core: Any = importlib.import_module("fsspec.core")
    except ImportError:
        raise CapabilityMissing(
            f"{url} cannot be fetched: fsspec is not installed",
            hint="pip install 'vmafkit[cluster]'",
        ) from None
    try:
        return core.url_to_fs(url)
    except ImportError as error:
        raise CapabilityMissing(
            f"{url} cannot be fetched: {error}", hint="install the library it names"
        ) from None


def _stamp(system: Any, path: str, url: str) -> str:
    """What tells the file from a later one at the same address; empty where nothing does."""
    try:
        facts = system.info(path)
    except Exception as error:
        raise _unreachable(url, error) from error
    marks = {name: str(facts[name]) for name in _MARKS if facts.get(name)}
    # A size alone does not tell one file from another.
    return json.dumps({"size": str(facts.get("size")), **marks}) if marks else ""


def _download(system: Any, path: str, url: str, copy: Path) -> None:
    def chunks() -> Iterator[bytes]:
        # The libraries behind the schemes raise what they like.
        try:
            with system.open(path, mode="rb") as remote:
                while chunk := remote.read(_CHUNK_BYTES):
                    yield chunk
        except Exception as error:
            raise _unreachable(url, error) from error

    with fsio.atomic_path(copy) as temp:
        fsio.write_chunks(temp, chunks())


def _unreachable(url: str, error: Exception) -> Unreadable:
    return Unreadable(
        f"{url} cannot be fetched: {type(error).__name__}",
        hint="check the address and the access to it",
        detail=str(error),
    )


def _note(folder: Path) -> dict[str, str]:
    try:
        note = json.loads((folder / _NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}  # pyright: ignore[reportUnknownVariableType]
