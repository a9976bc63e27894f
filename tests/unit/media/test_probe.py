"""open_source on whole clips of many kinds."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from vmafkit.errors import UsageError
from vmafkit.media.probe import open_source
from vmafkit.media.source import ColorFacts, RawGeometry

from .conftest import HDR10, HLG, PQ, Make, ffmpeg

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")

KINDS = {
    "a.mp4": (X264, "mp4", "h264"),
    "a.mov": (X264, "mov", "h264"),
    "a.mkv": (X264, "matroska", "h264"),
    "a.ts": (X264, "mpegts", "h264"),
    "a.flv": (X264, "flv", "h264"),
    "a.h264": (X264, "h264", "h264"),
    "a.hevc": (X265, "hevc", "hevc"),
    "a.avi": (("-c:v", "mpeg4"), "avi", "mpeg4"),
    "a.webm": (("-c:v", "libvpx-vp9", "-cpu-used", "8"), "webm", "vp9"),
    "a.ivf": (("-c:v", "libvpx-vp9", "-cpu-used", "8"), "ivf", "vp9"),
    "a.obu": (("-c:v", "libsvtav1", "-preset", "12"), "obu", "av1"),
    "a.y4m": (("-pix_fmt", "yuv420p"), "yuv4mpegpipe", "rawvideo"),
}


@pytest.mark.parametrize("name", KINDS)
def test_container(make: Make, name: str) -> None:
    words, container, codec = KINDS[name]
    path = make(name, *words)
    source = open_source(path)
    assert container in source.container.split(",")
    assert (source.codec, source.width, source.height) == (codec, 64, 48)
    assert source.frame_count == 25
    assert source.framerate == 25
    assert source.duration_s == pytest.approx(1.0, abs=0.002)
    assert not source.is_vfr
    assert not source.has_audio
    assert source.rotation == 0
    assert source.sar == 1
    assert 0 < source.video_bits <= 8 * source.size_bytes
    assert source.bitrate_kbps == pytest.approx(source.video_bits / 1000, rel=0.01)
    assert source.path == path
    assert source.hdr.kind == "sdr"


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60000/1001", "50", "120"])
@pytest.mark.parametrize("name", ["a.mkv", "a.flv", "a.mp4", "a.ts"])
def test_constant_rates_stay_constant(make: Make, name: str, rate: str) -> None:
    source = open_source(make(name, *X264, rate=rate, frames=60))
    assert not source.is_vfr
    assert float(source.framerate) == pytest.approx(float(Fraction(rate)), rel=1e-4)
    assert source.duration_s == pytest.approx(60 / Fraction(rate), abs=0.002)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_variable_rate(make: Make, name: str) -> None:
    drop = ("-vf", "select='not(mod(n,3)*mod(n,5))'", "-fps_mode", "vfr")
    source = open_source(make(name, *drop, *X264, frames=20))
    assert source.is_vfr
    assert source.frame_count == 20
    assert float(source.framerate) == pytest.approx(20 / source.duration_s, rel=1e-4)


@pytest.mark.parametrize(("turn", "size"), [(90, (48, 64)), (180, (64, 48)), (270, (48, 64))])
def test_rotation(make: Make, tmp_path: Path, turn: int, size: tuple[int, int]) -> None:
    out = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(turn), "-i", make("a.mp4", *X264), "-c", "copy", out)
    source = open_source(out)
    assert source.rotation == turn
    assert (source.width, source.height) == (64, 48)
    assert source.display_size == size


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.y4m"])
def test_sample_aspect_ratio(make: Make, name: str) -> None:
    source = open_source(make(name, "-vf", "setsar=4/3", "-pix_fmt", "yuv420p"))
    assert source.sar == Fraction(4, 3)


def test_ten_bit(make: Make) -> None:
    source = open_source(make("a.mkv", *X265))
    assert (source.pix_fmt, source.bit_depth) == ("yuv420p10le", 10)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_hdr10(make: Make, name: str) -> None:
    source = open_source(make(name, *X265, "-x265-params", HDR10))
    assert source.hdr.kind == "hdr10"
    assert source.hdr.mastering_display == HDR10.partition("master-display=")[2]
    assert (source.hdr.max_cll, source.hdr.max_fall) == (1000, 400)
    assert source.color == ColorFacts("tv", "bt2020", "smpte2084", "bt2020nc")


@pytest.mark.parametrize(("words", "kind"), [(PQ, "pq"), (HLG, "hlg")])
def test_hdr_without_mastering(make: Make, words: str, kind: str) -> None:
    source = open_source(make("a.mp4", *X265, "-x265-params", words))
    assert source.hdr.kind == kind
    assert source.hdr.mastering_display is None
    assert source.hdr.max_cll is None


def test_color_names(make: Make) -> None:
    tags = ("-color_range", "pc", "-color_primaries", "bt709", "-color_trc", "bt709")
    params = "fullrange=on:colorprim=bt709:transfer=iec61966-2-1:colormatrix=smpte170m"
    source = open_source(make("a.mp4", *X264, *tags, "-x264-params", params))
    assert source.color == ColorFacts("pc", "bt709", "iec61966-2-1", "smpte170m")


@pytest.mark.parametrize("size", ["1x1", "641x273"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p"])
def test_odd_sizes(make: Make, size: str, pix_fmt: str) -> None:
    path = make("a.y4m", "-pix_fmt", pix_fmt, size=size, frames=3)
    source = open_source(path)
    assert f"{source.width}x{source.height}" == size
    assert (source.frame_count, source.pix_fmt) == (3, pix_fmt)


def test_sound_is_seen_and_not_counted(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "sound.mkv"
    silent = make("a.mkv", *X264)
    sound = ("-f", "lavfi", "-i", "sine=d=3", "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-i", silent, *sound, out)
    source = open_source(out)
    assert source.has_audio
    assert source.video_bits == open_source(silent).video_bits
    assert source.duration_s == 1.0


def test_edit_list_hides_lead_in_frames(make: Make, tmp_path: Path) -> None:
    long = make("long.mp4", *X264, "-g", "50", frames=100)
    out = tmp_path / "cut.mp4"
    ffmpeg("-ss", "1", "-i", long, "-c", "copy", out)
    assert open_source(out).frame_count == 75


def test_hidden_vp8_frames_are_not_counted(make: Make, tmp_path: Path) -> None:
    words = ("-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "200k")
    log = ("-passlogfile", str(tmp_path / "log"))
    make("a.webm", *words, "-pass", "1", *log, frames=60)
    path = make("b.webm", *words, "-pass", "2", *log, frames=60)
    assert open_source(path).frame_count == 60


def test_ivf_without_frame_count(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "piped.ivf"
    whole = bytearray(make("a.ivf", "-c:v", "libvpx").read_bytes())
    whole[24:28] = b"\xff\xff\xff\xff"
    path.write_bytes(whole)
    assert open_source(path).frame_count == 25


NAMES = [
    b"-x.mp4",
    b"a:b.mp4",
    b"concat:ref.mp4",
    b"file:ref.mp4",
    b"http:x.mp4",
    b"pipe:0",
    b"-",
    b"it's.mp4",
    b"a,b[c]'.mp4",
    b"%03d.mp4",
    b"new\nline.mp4",
    "ünï\N{SNOWMAN}.mp4".encode(),
    b"\xff\xfe.mp4",
    b"*?.mp4",
    b" lead and trail ",
    b"back\\slash.mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names(
    make: Make, tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / os.fsdecode(name)
    shutil.copy(make("a.mp4", *X264), path)
    assert open_source(path).frame_count == 25
    monkeypatch.chdir(tmp_path)
    assert open_source(Path(os.fsdecode(name))).path == path


def test_raw(tmp_path: Path) -> None:
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(4 * (641 * 273 + 2 * 321 * 137) * 2))
    geometry = RawGeometry(641, 273, "yuv420p10le", Fraction(30000, 1001))
    source = open_source(path, raw=geometry)
    assert (source.frame_count, source.bit_depth, source.container) == (4, 10, "rawvideo")
    assert source.duration_s == pytest.approx(4 * 1001 / 30000)
    assert source.raw == geometry
    assert source.video_bits == 8 * source.size_bytes


def test_raw_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "frames.bin"
    path.write_bytes(bytes(range(256)) * 6)
    assert open_source(path, raw=RawGeometry(32, 16)).frame_count == 2


def test_geometry_beside_a_container(make: Make) -> None:
    path = make("a.mp4", *X264)
    assert open_source(path, raw=RawGeometry(64, 48)).raw is None
    with pytest.raises(UsageError, match=r"says otherwise than --width 65 .it has 64."):
        open_source(path, raw=RawGeometry(65, 48))
    with pytest.raises(UsageError, match="--pix-fmt yuv422p"):
        open_source(path, raw=RawGeometry(64, 48, "yuv422p"))
    with pytest.raises(UsageError, match="--framerate 30"):
        open_source(path, raw=RawGeometry(64, 48, framerate=Fraction(30)))


def test_y4m_named_yuv(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.yuv"
    shutil.copy(make("a.y4m", "-pix_fmt", "yuv420p"), path)
    assert open_source(path).container == "yuv4mpegpipe"


def test_real_clips() -> None:
    clips = Path(__file__).resolve().parents[4] / "shared" / "clips"
    path = clips / "bigbuckbunny.mp4"
    if not path.is_file():
        pytest.skip("the real clips are not here")
    source = open_source(path)
    assert (source.frame_count, source.display_size) == (132, (1280, 720))
    assert source.has_audio
