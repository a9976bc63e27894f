"""open_source on what is not a whole video: one sentence, and no other file opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from vmafkit.errors import InputError, Refused, TooLarge, Unreadable, UsageError
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry

from .conftest import Make, ffmpeg

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-pix_fmt", "yuv420p")


def told(path: Path, kind: type[InputError], *words: str) -> None:
    """The error is of this kind, names the file, is one line and holds the words."""
    with pytest.raises(kind) as caught:
        open_source(path)
    text = caught.value.sentence()
    assert path.name in text
    assert "\n" not in text
    assert caught.value.hint
    for word in words:
        assert word in text


def test_missing_empty_and_folder(tmp_path: Path) -> None:
    told(tmp_path / "none.mp4", Unreadable, "does not exist")
    (tmp_path / "empty.mp4").touch()
    told(tmp_path / "empty.mp4", Unreadable, "is empty")
    (tmp_path / "folder.mp4").mkdir()
    told(tmp_path / "folder.mp4", Refused, "is a folder")
    (tmp_path / "dangling.mp4").symlink_to("nowhere")
    told(tmp_path / "dangling.mp4", Unreadable, "does not exist")


def test_odd_paths(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        open_source(Path("nul\0.mp4"))
    with pytest.raises(Unreadable):
        open_source(tmp_path / ("x" * 300))
    (tmp_path / "loop").symlink_to("loop")
    told(tmp_path / "loop", Unreadable)


def test_unreadable_by_permission(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    path.write_bytes(make("a.mp4", *X264).read_bytes())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    told(path, Unreadable)


def test_pipe_device_socket(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    told(tmp_path / "pipe.mp4", Refused, "is a pipe")
    told(Path("/dev/zero"), Refused, "a device")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            server.bind("s.mp4")
        finally:
            os.chdir(here)
        told(tmp_path / "s.mp4", Refused, "a socket")


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", path)
    told(path, Unreadable, "only sound")


def test_cover_art_is_not_video(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    cover = make("cover.png", frames=1)
    sound = ("-f", "lavfi", "-i", "sine=d=1", "-i")
    art = ("-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg(*sound, cover, "-map", "0", "-map", "1", *art, path)
    told(path, Unreadable, "only sound")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tiff", "a.gif", "a.webp", "a.avif"])
def test_still_pictures(make: Make, name: str, tmp_path: Path) -> None:
    path = make(name, frames=1)
    told(path, Refused, "is a still picture")
    hidden = tmp_path / "hidden.mp4"
    hidden.write_bytes(path.read_bytes())
    told(hidden, Refused, "is a still picture")


@pytest.mark.parametrize("name", ["a.ppm", "a.exr", "a.dpx", "a.tga"])
def test_rarer_pictures(make: Make, name: str) -> None:
    told(make(name, frames=1), InputError)


NESTED: dict[str, str] = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile '{0}'\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "a.mpd": "<?xml version='1.0'?><MPD><Period><BaseURL>{0}</BaseURL></Period></MPD>",
    "a.svg": "<svg xmlns='http://www.w3.org/2000/svg'><image href='{0}'/></svg>",
    "a.avs": 'AviSource("{0}")\n',
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("suffix", ["", ".mp4", ".mkv"])
@pytest.mark.parametrize("before", ["", "\n ", "# x\n"])
def test_lists_of_other_files(
    make: Make, tmp_path: Path, name: str, suffix: str, before: str
) -> None:
    canary = tmp_path / "canary.ts"
    canary.write_bytes(make("a.ts", *X264).read_bytes())
    os.utime(canary, ns=(1, 1))
    path = tmp_path / f"{name}{suffix}"
    path.write_text(before + NESTED[name].format("canary.ts"))
    told(path, InputError)
    # The file system may not keep access times; a pipe in the canary's place would block.
    assert canary.stat().st_atime_ns == 1
    canary.unlink()
    os.mkfifo(canary)
    told(path, InputError)


def test_garbage(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(bytes(range(7, 250)) * 400)
    told(path, InputError)
    path.write_bytes(b"\0" * 100_000)
    told(path, InputError)


def cut(make: Make, tmp_path: Path, name: str, share: float, *words: str) -> Path:
    data = make(name, *(words or X264), frames=50).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8, 0.97])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov", "a.y4m"])
def test_cut_short(make: Make, tmp_path: Path, name: str, share: float) -> None:
    words = X264 if name != "a.y4m" else ("-pix_fmt", "yuv420p")
    told(cut(make, tmp_path, name, share, *words), Unreadable, "cut short")


def test_cut_webm_and_fast_start(make: Make, tmp_path: Path) -> None:
    path = cut(make, tmp_path, "a.webm", 0.6, "-c:v", "libvpx-vp9", "-cpu-used", "8")
    told(path, Unreadable, "is cut short")
    path = cut(make, tmp_path, "b.mp4", 0.7, *X264, "-movflags", "+faststart")
    told(path, Unreadable, "is cut short", "announces")
    path = cut(make, tmp_path, "c.mp4", 0.7, *X264, "-movflags", "+frag_keyframe+empty_moov")
    told(path, Unreadable, "is cut short")


def test_junk_after_the_end_is_no_loss(make: Make, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        for junk in (b"\0" * 100, b"JUNK" * 99):
            path = tmp_path / name
            path.write_bytes(make(name, *X264).read_bytes() + junk)
            assert open_source(path).frame_count == 25


@pytest.mark.parametrize("share", [0.4, 0.7])
def test_cut_ivf_and_avi(make: Make, tmp_path: Path, share: float) -> None:
    told(cut(make, tmp_path, "a.ivf", share, "-c:v", "libvpx"), Unreadable, "is cut short")
    told(cut(make, tmp_path, "a.avi", share, "-c:v", "mpeg4"), Unreadable, "is cut short")


def test_matroska_with_less_than_its_duration(make: Make, tmp_path: Path) -> None:
    data = make("a.mkv", *X264, frames=50).read_bytes()
    at = data.index(b"\x44\x89\x88")
    path = tmp_path / "long.mkv"
    path.write_bytes(data[: at + 3] + b"\x40\xb3\x88\0\0\0\0\0" + data[at + 11 :])
    told(path, Unreadable, "it holds 2.000 s and announces 5.000 s")


def test_any_byte_lost_ends_in_our_errors(make: Make, tmp_path: Path) -> None:
    data = make("a.mkv", *X264, frames=5).read_bytes()
    path = tmp_path / "a.mkv"
    for length in range(1, len(data), 37):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            open_source(path)


def test_raw_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(96 * 3 + 5))
    with pytest.raises(UsageError) as caught:
        open_source(path)
    assert "--width, --height and --pix-fmt" in caught.value.sentence()
    with pytest.raises(Unreadable, match=r"293 bytes, which are 3 frames of 96 .* 5 bytes more"):
        open_source(path, raw=RawGeometry(8, 8))
    for bad in (RawGeometry(0, 8), RawGeometry(8, -8), RawGeometry(8, 8, "nope")):
        with pytest.raises(UsageError):
            open_source(path, raw=bad)
    with pytest.raises(TooLarge):
        open_source(path, raw=RawGeometry(100_000, 100_000))


HEADERS: dict[str, tuple[str, type[InputError]]] = {
    "no rate": ("W8 H8", Unreadable),
    "rate 0:0": ("W8 H8 F0:0", Unreadable),
    "rate 25:0": ("W8 H8 F25:0", Unreadable),
    "rate -25:1": ("W8 H8 F-25:1", Unreadable),
    "no size": ("F25:1", Unreadable),
    "negative": ("W-8 H8 F25:1", Unreadable),
    "huge": ("W1000000 H1000000 F25:1", TooLarge),
    "gigantic": ("W2147483647 H2147483647 F25:1", TooLarge),
    "layout": ("W8 H8 F25:1 C420nope", Refused),
    "long": ("W8 H8 F25:1 X" + "x" * 5_000_000, Unreadable),
}


@pytest.mark.parametrize("case", HEADERS)
def test_y4m_headers(tmp_path: Path, case: str) -> None:
    words, kind = HEADERS[case]
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 " + words.encode() + b"\nFRAME\n" + bytes(96))
    with pytest.raises(kind):
        open_source(path)


def test_y4m_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 W8 H8 F25:1\n")
    told(path, Unreadable, "no video frame")


def test_too_large(make: Make) -> None:
    words: Callable[[str], tuple[str, ...]] = lambda size: ("-s", size, "-c:v", "mpeg4")  # noqa: E731
    assert open_source(make("ok.mkv", *words("4096x2304"), frames=1)).width == 4096
    big = make("big.mkv", "-s", "8200x8200", "-c:v", "libx264", "-preset", "ultrafast", frames=1)
    told(big, TooLarge, "8200x8200")
