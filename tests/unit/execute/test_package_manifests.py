"""Codec words from configuration boxes written by hand, and manifests as ffmpeg writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vmafkit.errors import ResultInvalid
from vmafkit.media.codec_string import codec_string
from vmafkit.media.manifests import (
    Sound,
    Variant,
    completed_mpd,
    master_playlist,
    read_mpd,
    read_playlist,
)


def _box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _init(entry: bytes, config: bytes, data: bytes, colr: bytes = b"") -> bytes:
    sample = _box(entry, bytes(78) + _box(config, data) + (_box(b"colr", colr) if colr else b""))
    body = _box(b"stsd", bytes(8) + sample)
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        body = _box(kind, body)
    return _box(b"ftyp", b"iso5") + body


# The words are those of the examples in the standards and of vendors' authoring guides.
@pytest.mark.parametrize(
    ("entry", "config", "data", "word"),
    [
        (b"avc1", b"avcC", "01640028ff", "avc1.640028"),
        (b"avc1", b"avcC", "0142c01eff", "avc1.42c01e"),
        # Main profile, compatible with Main and Main 10: bits 1 and 2, read from the other end.
        (b"hvc1", b"hvcC", "01 01 60000000 b00000000000 5d", "hvc1.1.6.L93.B0"),
        (b"hvc1", b"hvcC", "01 22 20000000 b00000000000 99", "hvc1.2.4.H153.B0"),
        (b"hvc1", b"hvcC", "01 01 60000000 900000000000 78", "hvc1.1.6.L120.90"),
        (b"av01", b"av1C", "81 04 0c 00", "av01.0.04M.08"),
        (b"av01", b"av1C", "81 0d cc 00", "av01.0.13H.10"),
        (b"vp09", b"vpcC", "01000000 00 0a 80 01 01 01 0000", "vp09.00.10.08"),
        (b"vp09", b"vpcC", "01000000 02 33 a2 09 10 09 0000", "vp09.02.51.10.01.09.16.09.00"),
        (b"vp09", b"vpcC", "01000000 00 0a 82 02 02 02 0000", "vp09.00.10.08"),
        (b"vp09", b"vpcC", "01000000 01 0a 87 01 01 01 0000", "vp09.01.10.08.03.01.01.01.01"),
    ],
)
def test_codec_words(entry: bytes, config: bytes, data: str, word: str) -> None:
    assert codec_string(_init(entry, config, bytes.fromhex(data))) == word


# The long words are those of the AV1 binding: monochrome, chroma, primaries, transfer, matrix
# and range; left out they would say BT.709.
@pytest.mark.parametrize(
    ("data", "colr", "word"),
    [
        ("81 00 4c 00", "nclx 0009 0010 0009 00", "av01.0.00M.10.0.110.09.16.09.0"),
        ("81 00 4d 00", "nclx 0009 0012 0009 00", "av01.0.00M.10.0.111.09.18.09.0"),
        ("81 04 0c 00", "nclx 0001 0001 0001 80", "av01.0.04M.08.0.110.01.01.01.1"),
        ("81 04 1c 00", "", "av01.0.04M.08.1.110.01.01.01.0"),
        ("81 24 00 00", "", "av01.1.04M.08.0.000.01.01.01.0"),
        ("81 04 0d 00", "nclx 0001 0002 0001 00", "av01.0.04M.08"),
        ("81 04 0c 00", "nclx 0009", "av01.0.04M.08"),
        ("81 04 0c 00", "prof 0009 0010 0009 00", "av01.0.04M.08"),
    ],
)
def test_av1_words_name_colours_that_are_not_the_usual(data: str, colr: str, word: str) -> None:
    kind, _, numbers = colr.partition(" ")
    box = kind.encode() + bytes.fromhex(numbers)
    assert codec_string(_init(b"av01", b"av1C", bytes.fromhex(data), box)) == word


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x08moov", _init(b"mp4v", b"esds", bytes(20))])
def test_no_known_codec_is_said(data: bytes) -> None:
    with pytest.raises(ResultInvalid):
        codec_string(data)


PLAYLIST = """#EXTM3U
#EXT-X-TARGETDURATION:1
#EXT-X-MAP:URI="init_0.mp4"
#EXTINF:0.640000,
segment_00000.m4s
#EXTINF:0.120000,
segment_00001.m4s
#EXT-X-ENDLIST
"""


def test_a_playlist_is_read() -> None:
    found = read_playlist(PLAYLIST)
    assert found.init == "init_0.mp4"
    assert found.names == ("segment_00000.m4s", "segment_00001.m4s")
    assert found.durations_s == (0.64, 0.12)
    with pytest.raises(ResultInvalid):
        read_playlist(PLAYLIST.replace("#EXT-X-ENDLIST", ""))


MPD = """<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1.5S">
<Period id="0"><AdaptationSet id="0">
<Representation id="0" mimeType="video/mp4" codecs="" bandwidth="1000" width="64" height="48">
<SegmentTemplate timescale="100" initialization="init-$RepresentationID$.m4s"
 media="segment-$RepresentationID$-$Number%05d$.m4s" startNumber="1">
<SegmentTimeline><S t="0" d="64" r="1" /><S d="28" /></SegmentTimeline>
</SegmentTemplate></Representation></AdaptationSet></Period></MPD>
"""


def test_a_manifest_is_read_and_completed() -> None:
    found = read_mpd(MPD)["0"]
    assert found.names == tuple(f"segment-0-0000{n}.m4s" for n in (1, 2, 3))
    assert found.init == "init-0.m4s" and found.durations_s == (0.64, 0.64, 0.28)
    text = completed_mpd(MPD, {"0": "hvc1.1.6.L93.B0"}, {"0": 2345})
    assert 'codecs="hvc1.1.6.L93.B0" bandwidth="2345"' in text
    assert (
        'mediaPresentationDuration="PT1.560S"' in text and 'maxSegmentDuration="PT0.640S"' in text
    )
    assert read_mpd(text) == read_mpd(MPD)
    for broken in ("<MPD", MPD.replace("Representation", "Other")):
        with pytest.raises(ResultInvalid):
            read_mpd(broken)


def test_the_master_playlist_names_everything() -> None:
    video = Variant("v0/index.m3u8", 1280, 720, Fraction(30000, 1001), "av01.0.05M.10", 3000, 2000,
                    "PQ")  # fmt: skip
    sound = Sound("audio/index.m3u8", "mp4a.40.2", 2, 130, 128, "en")
    assert master_playlist([video], [sound]).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",LANGUAGE="en",DEFAULT=YES,'
        'AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=3130,AVERAGE-BANDWIDTH=2128,CODECS="av01.0.05M.10,mp4a.40.2",'
        'RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=PQ,AUDIO="audio"',
        "v0/index.m3u8",
    ]


def test_a_second_sound_is_named_and_the_dearest_bounds_the_bandwidth() -> None:
    video = Variant("v0/index.m3u8", 1280, 720, Fraction(25), "avc1.64001f", 3000, 2000)
    sounds = [
        Sound("audio/index.m3u8", "mp4a.40.2", 2, 130, 128, "eng"),
        Sound("audio2/index.m3u8", "mp4a.40.2", 6, 400, 384, "", "audio2"),
    ]
    lines = master_playlist([video], sounds).splitlines()
    assert 'NAME="audio",LANGUAGE="eng",DEFAULT=YES' in lines[3]
    assert 'NAME="audio2",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="6",URI="audio2/' in lines[4]
    assert 'BANDWIDTH=3400,AVERAGE-BANDWIDTH=2384,CODECS="avc1.64001f,mp4a.40.2"' in lines[5]
