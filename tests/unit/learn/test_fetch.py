"""Fetching from a server on loopback, and unpacking hostile archives."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import jsonschema
import pytest

from vmafkit import api
from vmafkit.errors import Refused, ResultInvalid, TooLarge, ToolFailed, UsageError, VmafkitError
from vmafkit.learn.fetch import Wanted, fetch_all
from vmafkit.learn.unpack import unpack
from vmafkit.schema.exports import json_schema
from vmafkit.schema.fetch_manifest import FetchManifest

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; `/cut` stops half way, `/plain` knows no ranges."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        Server.asked.append(wanted)
        if self.path == "/missing":
            self.send_error(404)
            return
        start = 0
        if wanted and self.path != "/plain":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(CONTENT):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(200)
        body = CONTENT[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.path == "/cut" and start == 0
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    Server.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_comes_whole_and_is_known_the_second_time(tmp_path: Path, url: str) -> None:
    wanted = [Wanted(f"{url}/a", "sub/a.bin", SHA256)]
    (one,) = fetch_all(wanted, tmp_path)
    assert (one.sha256, one.bytes, one.known) == (SHA256, len(CONTENT), False)
    assert (tmp_path / "sub" / "a.bin").read_bytes() == CONTENT
    (again,) = fetch_all(wanted, tmp_path)
    assert again.known
    assert len(Server.asked) == 1


def test_a_fetch_goes_on_where_it_was_cut_off(tmp_path: Path, url: str) -> None:
    wanted = [Wanted(f"{url}/cut", "a.bin", SHA256)]
    with pytest.raises(VmafkitError):
        fetch_all(wanted, tmp_path)
    assert not (tmp_path / "a.bin").exists()
    (found,) = fetch_all(wanted, tmp_path)
    assert found.resumed
    assert Server.asked[-1] == f"bytes={len(CONTENT) // 2}-"
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(tmp_path: Path, url: str) -> None:
    (tmp_path / ".a.bin.part").write_bytes(b"x" * 99)
    (found,) = fetch_all([Wanted(f"{url}/plain", "a.bin", SHA256)], tmp_path)
    assert not found.resumed
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_leaves_nothing(tmp_path: Path, url: str) -> None:
    with pytest.raises(ResultInvalid):
        fetch_all([Wanted(f"{url}/a", "a.bin", "0" * 64)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_long_one_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ToolFailed, match="404"):
        fetch_all([Wanted(f"{url}/missing", "a.bin")], tmp_path)
    with pytest.raises(TooLarge):
        fetch_all([Wanted(f"{url}/a", "a.bin")], tmp_path, max_bytes=100)


@pytest.mark.parametrize("path", ["../a", "/tmp/a", "a/../../b", "", "a\\b"])
def test_names_outside_the_root_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Refused):
        fetch_all([Wanted("http://127.0.0.1/a", path)], tmp_path)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/y", "a", "http:///x"])
def test_other_protocols_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError):
        fetch_all([Wanted(address, "a")], tmp_path)


def test_the_manifest_says_what_came(tmp_path: Path, url: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("KoNViD_1k_videos/1.mp4", b"video")
    listing = tmp_path / "files.yaml"
    listing.write_text(f"files:\n- {{url: '{url}/a', path: a.bin, sha256: {SHA256}}}\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "v.zip").write_bytes(packed.getvalue())
    made = api.fetch_dataset("konvid-1k", root, file_list=listing)
    kept = json.loads((root / "fetch_manifest.json").read_text())
    assert kept == made
    manifest = FetchManifest.model_validate(kept)
    jsonschema.validate(kept, json_schema("fetch-manifest"))
    jsonschema.validate(kept["run_provenance"], json_schema("run-provenance"))
    assert manifest.files[0].sha256 == SHA256
    assert manifest.run_provenance["outputs"]["a.bin"]["sha256"] == SHA256
    other = tmp_path / "m.json"
    api.fetch_dataset("konvid-1k", root, file_list=listing, manifest_out=other)
    assert other.is_file()


def test_without_a_list_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no address of konvid-1k") as refused:
        api.fetch_dataset("konvid-1k", tmp_path)
    assert "--list" in (refused.value.hint or "")
    assert list(tmp_path.iterdir()) == []


# -- archives -------------------------------------------------------------------------------------


def _zip(path: Path, names: list[str], content: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def _tar(path: Path, member: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as archive:
        archive.addfile(member)
    return path


ZIP_SLIPS = [
    "../x", "a/../../x", "/tmp/x", "..\\x", "C:\\x", "C:x", "a\0/../x", "\\\\host\\x",
    "a/b/../../../x", "a\n/x",
]  # fmt: skip


@pytest.mark.parametrize("name", ZIP_SLIPS)
def test_names_that_leave_the_root_are_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "in" / "root"
    with pytest.raises(VmafkitError):
        unpack(_zip(tmp_path / "a.zip", ["fine", name]), root)
    assert not root.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(Refused):
        unpack(_tar(tmp_path / "a.tar", member), tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_bomb_stops_at_the_cap(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ["bomb"], b"\0" * (30 << 20))
    with pytest.raises(TooLarge):
        unpack(archive, tmp_path / "root")
    assert sum(path.stat().st_size for path in (tmp_path / "root").rglob("*")) == 0


def test_names_that_differ_by_case_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="twice"):
        unpack(_zip(tmp_path / "a.zip", ["Video.mp4", "video.mp4"]), tmp_path / "root")


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmafkit.learn.unpack.MAX_ENTRIES", 5)
    with pytest.raises(TooLarge):
        unpack(_zip(tmp_path / "a.zip", [f"{n}" for n in range(6)]), tmp_path / "root")


def test_whole_archives_are_unpacked_and_broken_ones_are_not(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ["d/one.mp4", "two.mp4"], b"video")
    assert unpack(archive, tmp_path / "root") == ["d/one.mp4", "two.mp4"]
    assert (tmp_path / "root" / "d" / "one.mp4").read_bytes() == b"video"
    member = tarfile.TarInfo("three.mp4")
    assert unpack(_tar(tmp_path / "b.tar", member), tmp_path / "root") == ["three.mp4"]
    broken = tmp_path / "c.zip"
    broken.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(VmafkitError):
        unpack(broken, tmp_path / "root")


def test_a_link_in_the_root_does_not_lead_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "d").symlink_to(outside)
    with pytest.raises(Refused):
        unpack(_zip(tmp_path / "a.zip", ["d/x"]), root)
    assert list(outside.iterdir()) == []
