"""R36: files that point at other files are refused, and what they point at is never touched."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import av
import pytest
from tests.scoring_kit import X264, ffmpeg, picture

from vmafkit.cli.vmaf import main
from vmafkit.media import layout
from vmafkit.media.probe import open_source

_IN_OPEN = 0x20


class Canary:
    """A file and a server on this machine that count who comes."""

    def __init__(self, folder: Path) -> None:
        self.hits = 0
        self.file = folder / "canary.ts"
        ffmpeg(*picture("64x64", 5), *X264, "-f", "mpegts", self.file)
        libc = ctypes.CDLL(None, use_errno=True)
        self._watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self._watch, os.fsencode(self.file), _IN_OPEN) > 0
        canary = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canary.hits += 1
                self.send_response(404)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/canary.ts"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def touched(self) -> int:
        """Requests and openings of the file since the last call."""
        try:
            opened = len(os.read(self._watch, 65536)) // 16
        except BlockingIOError:
            opened = 0
        hits, self.hits = self.hits, 0
        return hits + opened

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        os.close(self._watch)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    made = Canary(tmp_path_factory.mktemp("canary"))
    made.touched()
    yield made
    made.close()


def playlist(target: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"


def text(name: str, form: Callable[[Canary], str]) -> Callable[[Path, Canary], Path]:
    def write(folder: Path, canary: Canary) -> Path:
        (folder / name).write_text(form(canary))
        return folder / name

    return write


def mov_with_outside_data(folder: Path, canary: Canary) -> Path:
    """An MP4 whose samples lie in another file: a `url ` entry in dref, without the flag."""
    path = folder / "outside.mp4"
    ffmpeg(*picture("64x64", 5), *X264, path)
    data = bytearray(path.read_bytes())
    at = data.index(b"url \0\0\0\1") - 4
    entry = b"url \0\0\0\0" + os.fsencode(canary.file) + b"\0"
    new = struct.pack(">I", len(entry) + 4) + entry
    grown = len(new) - 12
    data[at : at + 12] = new
    for kind in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        where = data.rindex(kind, 0, at) - 4
        size = struct.unpack_from(">I", data, where)[0]
        struct.pack_into(">I", data, where, size + grown)
    path.write_bytes(data)
    return path


def pattern(folder: Path, canary: Canary) -> Path:
    ffmpeg(*picture("64x64", 1), folder / "still.png")
    (folder / "still.png").rename(folder / "img%03d.png")
    (folder / "img001.png").symlink_to(canary.file)
    return folder / "img%03d.png"


def attachment(folder: Path, canary: Canary) -> Path:
    (folder / "list.m3u8").write_text(playlist(f"file:{canary.file}"))
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", "-attach", folder / "list.m3u8",
           "-metadata:s:t", "mimetype=application/x-mpegurl", folder / "attached.mkv")  # fmt: skip
    return folder / "attached.mkv"


def zipped(folder: Path, canary: Canary) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as file:
        file.writestr("list.m3u8", playlist(canary.url))
    return folder / "a.zip"


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><image href="{}"/></svg>'
MPD = (
    '<?xml version="1.0"?><MPD type="static" mediaPresentationDuration="PT1S"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
KINDS: dict[str, Callable[[Path, Canary], Path]] = {
    "m3u8 to a file": text("a.m3u8", lambda c: playlist(f"file:{c.file}")),
    "m3u8 to a server": text("s.m3u8", lambda c: playlist(c.url)),
    "ffconcat named mp4": text("b.mp4", lambda c: f"ffconcat version 1.0\nfile '{c.file}'\n"),
    "svg named mkv": text("c.mkv", lambda c: SVG.format(c.url)),
    "avs": text("d.avs", lambda c: f'FFVideoSource("{c.file}")\n'),
    "vpy": text("e.vpy", lambda c: f'open("{c.file}").read()\n'),
    "sdp": text("f.sdp", lambda _: "v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
    "mpd": text("g.mpd", lambda c: MPD.format(c.url)),
    "mov dref": mov_with_outside_data,
    "image pattern": pattern,
    "ass fonts": text("h.ass", lambda c: f"[Script Info]\n[Fonts]\nfontname: {c.file}\n"),
    "rtsp text": text("i.mov", lambda c: f"RTSPtext{c.url.replace('http', 'rtsp')}\n"),
    "mkv attachment": attachment,
    "zip": zipped,
    "lavfi": text("j.lavfi", lambda c: f"movie={c.file}\n"),
}


@pytest.mark.parametrize("name", KINDS)
def test_r36_refused_and_untouched(
    canary: Canary, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = KINDS[name](tmp_path, canary)
    canary.touched()
    assert main(["-r", str(path), "-d", str(path)]) == 1
    said = capsys.readouterr()
    assert canary.touched() == 0
    assert said.out == ""
    assert path.name in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["m3u8 to a file", "m3u8 to a server", "ffconcat named mp4"])
def test_r36_sabotage_without_whitelists(
    canary: Canary, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lists of formats and protocols the canary sees a visitor."""
    real = av.open

    def trusting(file: str, mode: str, **options: Any) -> Any:
        wide = {"safe": "0", "use_absolute_path": "1", "allowed_extensions": "ALL"}
        options["options"] = wide | {"protocol_whitelist": "file,http,tcp"}
        return real(file, mode, **options)

    monkeypatch.setattr(av, "open", trusting)
    monkeypatch.setattr(layout, "refuse_other_kinds", lambda *_: None)
    path = KINDS[name](tmp_path, canary)
    canary.touched()
    try:
        open_source(path)
    except Exception as error:
        assert str(error)
    assert canary.touched() > 0
