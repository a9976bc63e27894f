"""Videos behind a URL: fetched once, checked by hash, never read through another scheme."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmafkit.errors import Unreadable, UsageError
from vmafkit.media import remote

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")


class _Handler(http.server.SimpleHTTPRequestHandler):
    gets: list[str]

    def do_GET(self) -> None:
        self.gets.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    folder = tmp_path / "site"
    folder.mkdir()
    gets: list[str] = []
    handler = type("Handler", (_Handler,), {"gets": gets})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder, gets
    server.shutdown()
    server.server_close()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_fetched_once_and_its_origin_is_known(
    site: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    address, folder, gets = site
    (folder / "a b.mkv").write_bytes(b"video" * 1000)
    url = f"{address}/a%20b.mkv"
    copy = remote.fetch(url, tmp_path / "cache")
    assert copy.read_bytes() == b"video" * 1000
    assert remote.origin_of(copy) == url
    before = len(gets)
    assert remote.fetch(url, tmp_path / "cache", sha256=_sha256(b"video" * 1000)) == copy
    assert len(gets) == before


def test_other_bytes_than_planned_are_refused(
    site: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    address, folder, _ = site
    (folder / "a.mkv").write_bytes(b"new")
    with pytest.raises(Unreadable, match="another file than"):
        remote.fetch(f"{address}/a.mkv", tmp_path, sha256=_sha256(b"old"))


def test_a_copy_that_was_damaged_is_fetched_again(
    site: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    address, folder, _ = site
    (folder / "a.mkv").write_bytes(b"right")
    copy = remote.fetch(f"{address}/a.mkv", tmp_path)
    copy.write_bytes(b"wrong")
    remote.fetch(f"{address}/a.mkv", tmp_path, sha256=_sha256(b"right"))
    assert copy.read_bytes() == b"right"


def test_a_changed_file_is_fetched_again(site: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    address, folder, _ = site
    (folder / "a.mkv").write_bytes(b"one")
    remote.fetch(f"{address}/a.mkv", tmp_path)
    (folder / "a.mkv").write_bytes(b"two")
    assert remote.fetch(f"{address}/a.mkv", tmp_path).read_bytes() == b"two"


@pytest.mark.parametrize("name", ["origin.json", "lock"])
def test_no_name_is_one_of_ours(
    site: tuple[str, Path, list[str]], tmp_path: Path, name: str
) -> None:
    (site[1] / name).write_bytes(b"video")
    assert remote.fetch(f"{site[0]}/{name}", tmp_path).read_bytes() == b"video"


def test_what_is_not_there_leaves_nothing_behind(
    site: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    with pytest.raises(Unreadable, match="cannot be fetched"):
        remote.fetch(f"{site[0]}/none.mkv", tmp_path / "cache")
    left = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [Path(name).suffix for name in left] == [".lock"]


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "local://x", "http://a::file:///etc/passwd", "concat:a|b",
     "http://user:secret@host/a.mkv"],
)  # fmt: skip
def test_other_ways_to_a_file_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        remote.fetch(url, tmp_path)


def test_a_file_of_the_user_has_no_origin(tmp_path: Path) -> None:
    path = tmp_path / "fetched" / "x" / "a.mkv"
    assert remote.origin_of(path) is None
