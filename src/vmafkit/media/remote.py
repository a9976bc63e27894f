"""Videos behind a URL: fetched once into the cache folder, and known by what was fetched.

A URL may be a key to its file, as presigned ones are. The whole of it stays in memory; what is
written or shown is the address without user, password and query.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from vmafkit import fsio, settings
from vmafkit.errors import CapabilityMissing, Unreadable, UsageError
from vmafkit.media import fetched

SCHEMES = fsio.URL_SCHEMES
_CHUNK_BYTES = 4 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_NOTE = "origin.json"
_MARKS = ("ETag", "etag", "mtime", "LastModified", "last_modified")
_SHORTEST_SECRET = 4
# Of copies that this process fetched, by path.
_urls: dict[Path, str] = {}


def is_url(word: str) -> bool:
    """Whether the word names a video behind one of the schemes of `SCHEMES`."""
    scheme, found, _ = word.partition("://")
    return bool(found) and scheme in SCHEMES


def fetch(
    url: str, cache: Path, *, sha256: str | None = None, until: ExitStack | None = None
) -> Path:
    """The local copy of a URL's file, fetched when it is missing or another one there.

    Args:
        cache: the cache folder; the copy lies in `fetched` below it.
        sha256: what the bytes must be; a copy that is not is fetched again, once.
        until: so long the copy is in use, and stays; None for as long as this process lives.

    Raises:
        UsageError: another scheme, a chain of them, or a user name or password in the URL.
        CapabilityMissing: the scheme's library is not installed.
        Unreadable: it cannot be fetched, or its bytes are not those of `sha256`.
        StoreError, StoreFull: the copy cannot be written.
    """
    name = Path(_checked(url)).name
    room = cache / "fetched"
    key = hashlib.sha256(url.encode()).hexdigest()[:32]
    copy = room / key / f"video-{_UNSAFE.sub('_', name)[-100:]}"
    with fetched.fetching(room, key):
        is_new = _bring(url, copy, sha256)
        fetched.hold(room, key, until)
        _urls[copy] = url
    if is_new:
        fetched.trim(room, settings.fetched_bytes())
    return copy


def origin_of(path: Path) -> str | None:
    """The URL that a fetched copy came from; None for every other file.

    Where the URL had a query, only the process that fetched the copy knows it.
    """
    if path.parent.parent.name != "fetched":
        return None
    note = _note(path.parent)
    return _urls.get(path) or (note.get("url") if note.get("is_whole") else None)


def address_of(path: Path) -> str | None:
    """Where a fetched copy came from, as it may be written; None for every other file."""
    if path.parent.parent.name != "fetched":
        return None
    url = _urls.get(path)
    return shown(url) if url is not None else _note(path.parent).get("url")


def shown(url: str) -> str:
    """The URL as it may be written or shown: without user, password, query and fragment."""
    return fsio.without_secrets(re.split("[?#]", url, maxsplit=1)[0])


def _bring(url: str, copy: Path, sha256: str | None) -> bool:
    """Have the copy there; whether it had to be fetched."""
    folder = copy.parent
    # Bytes that were asked for by hash need no word with the server.
    if sha256 is not None and copy.is_file() and fsio.sha256_file(copy) == sha256:
        return False
    system, path = _open_system(url)
    stamp = _stamp(system, path, url)
    if sha256 is None and stamp and copy.is_file() and _note(folder).get("stamp") == stamp:
        return False
    fsio.ensure_folder(folder)
    _download(system, path, url, copy)
    if sha256 is not None and (found := fsio.sha256_file(copy)) != sha256:
        raise Unreadable(
            f"{shown(url)} holds another file than the run was planned with",
            hint="start the command again",
            detail=f"SHA-256 {found}, planned {sha256}",
        )
    note = {"url": shown(url), "is_whole": shown(url) == url, "stamp": stamp}
    fsio.write_atomic(folder / _NOTE, json.dumps(note))
    return True


def _checked(url: str) -> str:
    if not is_url(url):
        raise UsageError(f"{shown(url)} is not a URL of {', '.join(SCHEMES)}")
    # fsspec reads "::" as a chain of file systems, local ones among them.
    if "::" in url:
        raise UsageError(f"{shown(url)} holds '::'", hint="write it as %3A%3A")
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
            f"{shown(url)} cannot be fetched: fsspec is not installed",
            hint="pip install 'vmafkit[cluster]'",
        ) from None
    try:
        return core.url_to_fs(url)
    except ImportError as error:
        raise CapabilityMissing(
            f"{shown(url)} cannot be fetched: {_told(error, url)}",
            hint="install the library it names",
        ) from None


def _stamp(system: Any, path: str, url: str) -> str:
    """What tells the file from a later one at the same address; empty where nothing does."""
    try:
        facts = system.info(path)
    except Exception as error:
        raise _unreachable(url, error) from None
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
            raise _unreachable(url, error) from None

    with fsio.atomic_path(copy) as temp:
        fsio.write_chunks(temp, chunks())


def _unreachable(url: str, error: Exception) -> Unreadable:
    return Unreadable(
        f"{shown(url)} cannot be fetched: {type(error).__name__}",
        hint="check the address and the access to it",
        detail=_told(error, url),
    )


def _told(error: Exception, url: str) -> str:
    """What a library says, without what the URL keeps secret."""
    text = fsio.without_secrets(str(error).replace(url, shown(url)))
    query = urlsplit(url).query
    raw = [part.partition("=")[2] for part in query.split("&")]
    secrets = {query, *raw, *map(unquote, raw), *(value for _, value in parse_qsl(query))}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "...")
    return text


def _note(folder: Path) -> dict[str, Any]:
    try:
        note = json.loads((folder / _NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}  # pyright: ignore[reportUnknownVariableType]
