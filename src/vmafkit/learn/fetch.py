"""Fetches the files of a data set: checked by hash, continued where a fetch was cut off.

Certificates are always verified. A file appears under its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from vmafkit import fsio
from vmafkit.errors import Refused, ResultInvalid, TooLarge, ToolFailed, UsageError
from vmafkit.media.hashing import show
from vmafkit.schema.fetch_manifest import FetchedFile

_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 60.0
MAX_BYTES = 512 << 30
OnBytes = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to fetch.

    Attributes:
        url: http or https.
        path: below the root, with forward slashes.
        sha256: what it must have; empty where the publisher states none.
    """

    url: str
    path: str
    sha256: str = ""


def fetch_all(
    wanted: Sequence[Wanted],
    root: Path,
    *,
    max_bytes: int = MAX_BYTES,
    on_bytes: OnBytes | None = None,
) -> list[FetchedFile]:
    """Fetch every file that is not there yet.

    Args:
        root: made if it is not there.
        max_bytes: of one file.
        on_bytes: told (path, bytes so far, bytes in all or None).

    Raises:
        UsageError, Refused: a URL or a name is not accepted.
        ToolFailed: a server does not give the file.
        ResultInvalid: a file has another hash, or ended early.
        StoreError, StoreFull: it cannot be written.
    """
    for each in wanted:
        _check(each)
    fsio.ensure_folder(root)
    return [_fetch(each, root, max_bytes, on_bytes) for each in wanted]


def _check(wanted: Wanted) -> None:
    parts = urllib.parse.urlsplit(wanted.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{wanted.url} is not an http or https address")
    path = PurePosixPath(wanted.path)
    if not wanted.path or path.is_absolute() or ".." in path.parts or "\\" in wanted.path:
        raise Refused(f"{wanted.path} is not a name below the root")
    if wanted.sha256 and (len(wanted.sha256) != 64 or set(wanted.sha256) - set("0123456789abcdef")):
        raise UsageError(f"the SHA-256 of {wanted.path} is not 64 lower-case hexadecimal digits")


def _fetch(wanted: Wanted, root: Path, max_bytes: int, on_bytes: OnBytes | None) -> FetchedFile:
    final = root / wanted.path
    fsio.ensure_folder(final.parent)
    if not final.parent.resolve().is_relative_to(root.resolve()):
        raise Refused(f"{wanted.path} leads out of {show(root)}")
    if final.is_file():
        found = fsio.sha256_file(final)
        if not wanted.sha256 or found == wanted.sha256:
            return _fact(wanted, final, found, resumed=False, known=True)
    part = final.with_name(f".{final.name}.part")
    resumed = _download(wanted, part, max_bytes, on_bytes)
    found = fsio.sha256_file(part)
    if wanted.sha256 and found != wanted.sha256:
        fsio.remove(part)
        raise ResultInvalid(
            f"{wanted.path} has SHA-256 {found[:16]}.., it must have {wanted.sha256[:16]}..",
            hint="fetch it again; if it happens twice, the publisher changed the file",
        )
    try:
        fsio.publish(part, final)
    except OSError as error:
        raise fsio.write_error(error, final) from error
    return _fact(wanted, final, found, resumed=resumed, known=False)


def _fact(wanted: Wanted, final: Path, sha256: str, *, resumed: bool, known: bool) -> FetchedFile:
    return FetchedFile(
        url=wanted.url,
        path=wanted.path,
        bytes=final.stat().st_size,
        sha256=sha256,
        resumed=resumed,
        known=known,
    )


def _download(wanted: Wanted, part: Path, max_bytes: int, on_bytes: OnBytes | None) -> bool:
    """Bring the rest of a file; returns whether a part was there and was used."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "vmafkit"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with _opened(request) as answer:
            continued = have > 0 and answer.status == 206 and _starts_at(answer, have)
            done = have if continued else 0
            total = _total(answer, done)
            if (total or 0) > max_bytes:
                raise TooLarge(f"{wanted.url} has {total} bytes; {max_bytes} are accepted")
            done = _stream(answer, part, done, (wanted, total, max_bytes), on_bytes)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            fsio.remove(part)
            return _download(wanted, part, max_bytes, on_bytes)
        raise ToolFailed(f"{wanted.url}: the server answers {error.code}") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        raise ToolFailed(
            f"{wanted.url} cannot be fetched: {error}", hint="run the same command to go on"
        ) from error
    if total is not None and done != total:
        raise ResultInvalid(
            f"{wanted.url} ended after {done} of {total} bytes",
            hint="run the same command to go on",
        )
    return continued


@contextlib.contextmanager
def _opened(request: urllib.request.Request) -> Generator[Any]:
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        yield answer


def _starts_at(answer: Any, position: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {position}-")


def _total(answer: Any, done: int) -> int | None:
    length = answer.headers.get("Content-Length")
    return done + int(length) if length and str(length).isdigit() else None


def _stream(
    answer: Any,
    part: Path,
    have: int,
    about: tuple[Wanted, int | None, int],
    on_bytes: OnBytes | None,
) -> int:
    wanted, total, max_bytes = about

    def chunks() -> Iterator[bytes]:
        done = have
        while chunk := answer.read(_CHUNK_BYTES):
            done += len(chunk)
            if done > max_bytes:
                raise TooLarge(f"{wanted.url} is longer than {max_bytes} bytes")
            if on_bytes is not None:
                on_bytes(wanted.path, done, total)
            yield chunk

    return have + fsio.write_chunks(part, chunks(), append=have > 0)
