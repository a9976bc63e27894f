"""Windows, pixel formats, y4m headers, hashes, colours, times: from values in memory."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmafkit.errors import Changed, InputError, UsageError
from vmafkit.media import color, hashing, layout, pixfmt, timing, y4m
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry, Source
from vmafkit.media.window import Window, spread, whole

from .conftest import Make


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("raw") / "a.yuv"
    path.write_bytes(bytes(96))
    return open_source(path, raw=RawGeometry(8, 8))


@given(total=st.integers(1, 10**7), count=st.integers(1, 60), frames=st.integers(1, 10**5))
def test_spread(plain: Source, total: int, count: int, frames: int) -> None:
    source = replace(plain, frame_count=total)
    windows = spread(source, count, frames)
    if count * frames * 100 >= 85 * total:
        assert windows == (whole(source),)
        assert windows[0].word() == "full"
        return
    assert len(windows) == count
    assert all(w.frames == frames and not w.is_full for w in windows)
    edges = [0, *(e for w in windows for e in (w.start_frame, w.end_frame)), total]
    assert edges == sorted(edges)
    gaps = [b.start_frame - a.start_frame for a, b in pairwise(windows)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert abs(edges[1] - (edges[-1] - edges[-2])) <= 1


def test_window_words_and_nonsense(plain: Source) -> None:
    assert Window(12, 30).word() == "12+30"
    for start, frames in ((-1, 5), (0, 0)):
        with pytest.raises(UsageError):
            Window(start, frames)
    for count, frames in ((0, 1), (1, 0)):
        with pytest.raises(UsageError):
            spread(plain, count, frames)


RAW_FORMATS = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv440p",
    "yuv411p",
    "yuv410p",
    "yuv420p10le",
    "yuv422p12le",
    "yuv444p16le",
    "gray",
    "gray10le",
    "gbrp",
    "gbrp10le",
    "yuva420p",
    "nv12",
    "nv16",
    "nv21",
    "p010le",
    "p016le",
    "p210le",
    "rgb24",
    "bgra",
    "yuyv422",
    "uyvy422",
    "rgb48le",
    "gbrpf32le",
    "ya8",
]


@pytest.mark.parametrize("pix_fmt", RAW_FORMATS)
@pytest.mark.parametrize("size", ["641x273", "1x1", "16x16"])
def test_frame_bytes_as_ffmpeg_writes_them(make: Make, pix_fmt: str, size: str) -> None:
    path = make("a.yuv", "-f", "rawvideo", "-pix_fmt", pix_fmt, size=size, frames=2)
    width, height = map(int, size.split("x"))
    assert path.stat().st_size == 2 * pixfmt.frame_bytes(pix_fmt, width, height)


@pytest.mark.parametrize(
    "pix_fmt", ["nope", "", "vaapi", "pal8", "monob", "bayer_bggr8", "rgb565le", "0rgb"]
)
def test_formats_that_are_no_plain_files(pix_fmt: str) -> None:
    with pytest.raises(UsageError):
        pixfmt.frame_bytes(pix_fmt, 16, 16)


@pytest.mark.parametrize("sampling", ["420", "422", "444"])
@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_tool_words_there_and_back(sampling: str, depth: int) -> None:
    pix_fmt = pixfmt.tool_pix_fmt(sampling, depth)
    assert pixfmt.tool_format(pix_fmt) == (sampling, depth)
    assert pixfmt.bit_depth(pix_fmt) == depth
    assert pixfmt.chroma(pix_fmt) == sampling


def test_tool_words_refused() -> None:
    for pix_fmt in ("nv12", "yuvj420p", "yuv420p10be", "yuv420p9le", "yuva420p", "gray", "gbrp"):
        with pytest.raises(UsageError):
            pixfmt.tool_format(pix_fmt)
    for sampling, depth in (("411", 8), ("420", 9)):
        with pytest.raises(UsageError):
            pixfmt.tool_pix_fmt(sampling, depth)
    assert pixfmt.chroma("gray10le") == "400"
    assert pixfmt.chroma("yuv411p") == "411"
    assert pixfmt.chroma("rgb24") == "444"


@given(
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
    rate=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)),
    layout_name=st.sampled_from(["420jpeg", "420mpeg2", "422", "444p10", "mono", "420p12"]),
    extra=st.lists(st.sampled_from([b"Ip", b"A0:0", b"XYSCSS=420JPEG", b"XCOLORRANGE=FULL"])),
    data=st.data(),
)
def test_y4m_header_round_trip(
    width: int,
    height: int,
    rate: tuple[int, int],
    layout_name: str,
    extra: list[bytes],
    data: st.DataObject,
) -> None:
    tags = [
        f"W{width}".encode(),
        f"H{height}".encode(),
        f"F{rate[0]}:{rate[1]}".encode(),
        f"C{layout_name}".encode(),
        *extra,
    ]
    line = b" ".join([y4m.MAGIC, *data.draw(st.permutations(tags))]) + b"\n"
    header = y4m.parse_header(line + b"FRAME\n", "x")
    assert (header.width, header.height) == (width, height)
    assert header.framerate == Fraction(*rate)
    assert header.header_bytes == len(line)
    assert header.frame_bytes == pixfmt.frame_bytes(header.pix_fmt, width, height)


@given(st.binary(max_size=200))
def test_y4m_header_never_fails_otherwise(tail: bytes) -> None:
    for head in (tail, y4m.MAGIC + b" " + tail, y4m.MAGIC + b" W8 H8 F1:1 " + tail + b"\n"):
        try:
            header = y4m.parse_header(head, "x")
        except InputError:
            continue
        assert header.frame_bytes > 0
        assert header.framerate > 0


def test_y4m_walk(tmp_path: Path) -> None:
    path = tmp_path / "a.y4m"
    head = b"YUV4MPEG2 W8 H8 F25:1\n"
    frames = b"FRAME\n" + bytes(96) + b"FRAME Ip XNOTE\n" + bytes(96) + b"FRAME\n" + bytes(96)
    path.write_bytes(head + frames)
    header = y4m.parse_header(head, "x")
    assert y4m.count_frames(path, header) == 3
    whole_after = {0, 102, 102 + 111}
    for length in range(len(frames)):
        path.write_bytes(head + frames[:length])
        if length in whole_after:
            y4m.count_frames(path, header)
        else:
            with pytest.raises(InputError):
                y4m.count_frames(path, header)
    path.write_bytes(head + frames[:102] + b"GARBAGE" + frames[102:])
    with pytest.raises(InputError, match="no FRAME line after frame 1"):
        y4m.count_frames(path, header)


def test_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    os.utime(path, ns=(10**18, 10**18))
    cache = hashing.MemoryHashCache()
    want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hashing.content_hash(path, cache) == want
    found = path.stat()
    key = (str(path), 3, 10**18, found.st_ino)
    assert cache.get(key) == want
    path.write_bytes(b"abd")
    assert hashing.content_hash(path, cache) != want


def test_hash_asks_the_cache_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "b.bin"
    path.write_bytes(b"abc")
    found = path.stat()
    cache = hashing.MemoryHashCache()
    cache.put((str(path), 3, found.st_mtime_ns, found.st_ino), "known")
    assert hashing.content_hash(path, cache) == "known"


def test_fresh_files_are_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    first, found = hashing.content_hash(path), path.stat()
    path.write_bytes(b"abd")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert hashing.content_hash(path) != first


def test_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(96))
    source = open_source(path, raw=RawGeometry(8, 8))
    hashing.ensure_unchanged(source)
    path.write_bytes(bytes(192))
    with pytest.raises(Changed, match=r"a\.yuv"):
        hashing.ensure_unchanged(source)
    path.unlink()
    with pytest.raises(Changed, match="removed"):
        hashing.ensure_unchanged(source)


def test_show() -> None:
    assert hashing.show(Path(os.fsdecode(b"/a\xff\nb"))) == "/a\\xff\\nb"
    assert hashing.show(Path("/ü☃")) == "/ü☃"


@given(st.lists(st.integers(-1, 1), min_size=3, max_size=200), st.integers(4, 50), st.randoms())
def test_rounding_is_not_variable(noise: list[int], step: int, random: object) -> None:
    # Times rounded to whole ms: each within half a ms of the grid.
    times = [round(i * (step + 1 / 3)) for i in range(len(noise))]
    getattr(random, "shuffle")(times)  # noqa: B009
    assert not timing.is_variable(times, Fraction(1, 1000))
    assert timing.is_variable([*times, max(times) + 2 * step], Fraction(1, 1000))


def test_dolby_vision() -> None:
    assert color.hdr_facts("smpte2084", "dvh1", {}).kind == "dolby_vision"
    assert color.hdr_facts("unknown", "hvc1", {"DOVI_METADATA": b""}).kind == "dolby_vision"
    facts = color.hdr_facts("smpte2084", "hvc1", {}, 8)
    assert (facts.kind, facts.dolby_vision_profile) == ("dolby_vision", 8)


def test_dolby_profile_box(tmp_path: Path) -> None:
    record = struct.pack(">4B20x", 1, 0, (8 << 1) | 0, 0)
    box = struct.pack(">I4s", 32, b"dvvC") + record
    path = tmp_path / "a.mp4"
    moov = struct.pack(">I4s", 8 + len(box), b"moov") + box
    path.write_bytes(struct.pack(">I4s8x", 16, b"ftyp") + moov)
    assert layout.dolby_profile(path, "mov,mp4") == 8
    path.write_bytes(struct.pack(">I4s8x", 16, b"ftyp"))
    assert layout.dolby_profile(path, "mov,mp4") is None


def test_side_data_that_is_too_short_or_empty() -> None:
    short = {"MASTERING_DISPLAY_METADATA": b"1", "CONTENT_LIGHT_LEVEL": b"1"}
    assert color.hdr_facts("smpte2084", "", short).kind == "pq"
    empty = {"MASTERING_DISPLAY_METADATA": bytes(88), "CONTENT_LIGHT_LEVEL": bytes(8)}
    assert color.hdr_facts("smpte2084", "", empty).kind == "pq"


def test_rates_as_people_write_them() -> None:
    written = {"25": 25, "30000/1001": Fraction(30000, 1001), " 23.976 ": Fraction("23.976")}
    assert {text: timing.rate_from(text) for text in written} == written
    for text in (
        "0",
        "-25",
        "25/0",
        "1e99999999",
        "nan",
        "25/1/1",
        "",
        "9" * 5000,
        "100001",
        "2_5",
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            timing.rate_from(text)
