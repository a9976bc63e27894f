"""What is fuzzed: each parser of ours as a function of bytes, with inputs to begin from.

A parser may raise an error of `vmafkit.errors`, or take the input. Anything else is a find.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnx_kit as kit
from vmafkit import encoders
from vmafkit.api import _ladder_words, _words
from vmafkit.cli.words import parse_size
from vmafkit.decide import amounts, values, zones
from vmafkit.decide.target import parse_target
from vmafkit.errors import VmafkitError
from vmafkit.ffmpeg.decoded import decoded_streams
from vmafkit.ffmpeg.progress import ProgressParser
from vmafkit.ffmpeg.run import last_words
from vmafkit.harness import recipes
from vmafkit.harness.recipe_py import values_of
from vmafkit.media import codec_string, manifests, pixfmt, y4m
from vmafkit.models import onnx_file
from vmafkit.schema import registry, scenes, sidecar
from vmafkit.schema.corpus import CorpusRow, from_line, to_line
from vmafkit.schema.sidecar import render_sidecar
from vmafkit.scoring import libvmaf_log, svr, words, xpsnr

Parser = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser.

    Attributes:
        parse: takes any bytes.
        seeds: good inputs.
        tokens: what a change may put in, beside what the seeds hold.
    """

    parse: Parser
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...] = ()


def _text(parse: Callable[[str], object]) -> Parser:
    return lambda data: parse(data.decode("utf-8", "replace"))


def _each(*parsers: Callable[[str], object]) -> Parser:
    """Every one of them has to stand it."""

    def parse(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        for parser in parsers:
            try:
                parser(text)
            except VmafkitError:
                continue

    return parse


def _raw_flags(text: str) -> object:
    fields = [*text.split(" "), "", "", ""][:4]
    width, height = (int(f) if re.fullmatch("-?[0-9]{1,19}", f) else None for f in fields[:2])
    raw = _words.raw_geometry(width, height, fields[2] or None, fields[3] or None)
    return raw and pixfmt.frame_bytes(raw.pix_fmt, raw.width, raw.height)


@cache
def _room() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _file(name: str, parse: Callable[[Path], object]) -> Parser:
    def call(data: bytes) -> object:
        path = _room() / name
        path.write_bytes(data)
        return parse(path)

    return call


def _progress(text: str) -> object:
    parser = ProgressParser(lambda _: None)
    for line in text.split("\n"):
        parser.feed(line)
    return None


def _banners(text: str) -> object:
    last_words(text)
    for name in encoders.names():
        encoders.get(name).version_from_log(text)
    return decoded_streams(text)


def _mpd(text: str) -> object:
    manifests.read_mpd(text)
    return manifests.completed_mpd(text, defaultdict(str), defaultdict(int))


def _row() -> bytes:
    row = {
        "run_id": "r", "timestamp": "2026-01-01T00:00:00Z", "src": "a.mkv", "src_sha256": "00",
        "width": 64, "height": 64, "pix_fmt": "yuv420p", "framerate": 24.0, "duration_s": 1.0,
        "encoder": "libx264", "encoder_version": None, "preset": "fast", "crf": 23.0,
        "extra_params": ["a=b"], "encode_path": None, "encode_size_bytes": 1,
        "bitrate_kbps": 1.0, "encode_time_ms": 1.0, "vmaf_score": 90.0, "vmaf_model": "m",
        "score_time_ms": 1.0, "ffmpeg_version": "9", "vmaf_binary_version": "9",
        "exit_status": 0, "scores": {"m": {"mean": 1.5}},
    }  # fmt: skip
    return to_line(CorpusRow.model_validate(row))


_SVM = (
    "svm_type nu_svr\nkernel_type rbf\ngamma 0.05\nnr_class 2\ntotal_sv 2\nrho -0.3\nSV\n"
    "0.5 1:0.1 2:0.2 \n-0.5 1:0.3 2:0.4 \n"
)
_MODEL = json.dumps({
    "param_dict": {"C": 4.0}, "model_dict": {
        "model": _SVM, "model_type": "LIBSVMNUSVR", "norm_type": "linear_rescale",
        "slopes": [0.01, 0.5, 0.6], "intercepts": [-0.1, -0.2, 0.3], "score_clip": [0.0, 100.0],
        "feature_names": ["VMAF_integer_feature_adm2_score", "VMAF_integer_feature_motion2_score"],
        "score_transform": {"p0": 1.7, "p1": 1.0, "p2": -0.007, "out_gte_in": "true"}}},
).encode()  # fmt: skip
_LOG = json.dumps({"version": "3.0.0", "frames": [
    {"frameNum": n, "metrics": {"vmaf": 90.5 + n, "integer_motion2": 1.0}} for n in range(3)],
    "pooled_metrics": {}}).encode()  # fmt: skip
_SCENES = json.dumps(
    {
        "schema_version": 1,
        "frames": 20,
        "framerate": "25",
        "scenes": [{"start_frame": 0, "end_frame": 10}, {"start_frame": 10, "end_frame": 20}],
    }
).encode()
_SHOTS = b'{"shots": [{"start_frame": 0, "end_frame": 9}, {"start_frame": 10, "end_frame": 19}]}'
_YAML = (
    b"dataset_name: made\nyuv_fmt: yuv420p\nwidth: 64\nheight: 48\nref_videos:\n"
    b"  - {content_id: 0, path: a.yuv}\ndis_videos:\n"
    b"  - {content_id: 0, asset_id: 0, dmos: 3.0, path: b.yuv}\n"
)
_TOML = (
    b'dataset_name="made"\n[[ref_videos]]\ncontent_id=0\npath="a.mkv"\n'
    b'[[dis_videos]]\ncontent_id=0\nasset_id=0\npath="b.mkv"\nmos=3.0\n'
)
_PY = (
    b"import os\ndataset_name = 'made'\nwidth = 64\nheight = 48\nbase = '/d/' + dataset_name\n"
    b"ref_videos = [{'content_id': 0, 'path': os.path.join(base, 'a.yuv')}]\n"
    b"dis_videos = [{'content_id': 0, 'asset_id': 0, 'mos': -3.5, 'path': base + '/b'}]\n"
)
_MPD = (
    b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation id="0" '
    b'bandwidth="5"><SegmentTemplate timescale="10" startNumber="1" media="m$RepresentationID$-'
    b'$Number%05d$.m4s" initialization="i$RepresentationID$.mp4"><SegmentTimeline>'
    b'<S t="0" d="20" r="1"/></SegmentTimeline></SegmentTemplate></Representation>'
    b"</AdaptationSet></Period></MPD>"
)
_HLS = b'#EXTM3U\n#EXT-X-MAP:URI="i.mp4"\n#EXTINF:2.0,\ns1.m4s\n#EXT-X-ENDLIST\n'
_XPSNR = b"n:    1  XPSNR y: 40.1  XPSNR u: 41.2  XPSNR v: inf\n" * 1 + (
    b"n:    2  XPSNR y: 40.1  XPSNR u: 41.2  XPSNR v: 42.0\n"
)
_DECODED = (
    b"[libx264 @ 0x1] 264 - core 164 r3108 31e19f9\nffmpeg version 9.0.2 Copyright\n"
    b"  Input stream #0:0 (video): 5 packets read (1 bytes); 5 frames decoded; 0 decode errors "
    b"(1234 samples);\nSvt[info]: SVT-AV1 Encoder Lib v3.1.0\nConversion failed!\n"
)
_ONNX = kit.model(*kit.mlp_parts()).SerializeToString()
_AVC1 = bytes.fromhex("0164001fffe1000467640001")
_BOX_JSON = (b"null", b"NaN", b"1e999", b"-1", b"[" * 30, b'{"a":' * 30, b'"', b"\\ud800", b"0")
_DIGITS = (b"9" * 40, b"9" * 5000, b"-", b"+", b"e", b".", b"inf", b"nan", b"0x", b"_",
           "٣".encode(), b"1/0", b"0", b":", b",", b" ")  # fmt: skip


def _init_segment() -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + kind + body

    entry = box(b"avc1", bytes(78) + box(b"avcC", _AVC1))
    table = box(b"stsd", bytes(4) + (1).to_bytes(4, "big") + entry)
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        table = box(kind, table)
    return box(b"ftyp", b"isom\0\0\2\0") + table


TARGETS: dict[str, Target] = {
    "y4m header": Target(
        lambda data: y4m.parse_header(data, "x"),
        (b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420p10\nFRAME\n", b"YUV4MPEG2 W2 H2 F30000:1001\n"),
        (b"C444alpha", b"Cmono12", b" ", b"\n", *_DIGITS),
    ),
    "raw flags": Target(
        _text(_raw_flags), (b"64 48 yuv420p 25", b"1920 1080 yuv422p10le 30000/1001"), _DIGITS
    ),
    "quality lists": Target(
        _text(lambda text: values.parse_values(text.split("\n"), "--crf")),
        (b"23", b"18,20,22.5", b"18:40:2", b"0.25:1:0.125\n7"), _DIGITS,
    ),
    "target": Target(
        _text(parse_target),
        (b"93", b"vmaf:p5>=90", b"xpsnr>=42", b"cambi<=5", b"vmaf_v0.6.1neg:min>=80.5"), _DIGITS,
    ),
    "sizes and amounts": Target(
        _each(
            lambda text: parse_size(text, "--display"),
            lambda text: amounts.parse_kbps(text, "--x"),
            lambda text: amounts.parse_bytes(text, "--x"),
            lambda text: amounts.parse_percent(text, "--x"),
        ),
        (b"1920x1080", b"2.5M", b"700MiB", b"80%"), _DIGITS,
    ),
    "ladder words": Target(
        _each(
            lambda text: _ladder_words.numbers(text.split("\n"), "--rungs-kbps"),
            lambda text: _ladder_words.kinds_of(text.split("\n"), Path("x")),
            lambda text: _ladder_words.rule_of(
                "vmaf", float(len(text)), (), None, (), (None, None, 0.0, 100.0)
            ),
        ),
        (b"hls,dash", b"300,700\n2000", b"200:4000:100"), _DIGITS,
    ),
    "zones and regions": Target(
        _each(
            lambda text: zones.parse_zones(zones.zone_lines(text), 1000),
            lambda text: zones.parse_region(text, 640, 480),
        ),
        (b"0-50:q=40\n60-90:b=0.5 # x", b"0,50,q=40", b"8,8,64,48,-0.5"), _DIGITS,
    ),
    "model and feature words": Target(
        _each(words.parse_model, words.parse_feature),
        (b"version=vmaf_v0.6.1:name=m", b"path=a\\:b.json:enable_transform", b"psnr",
         b"name=psnr:enable_chroma=false"), (b"\\", b":", b"=", b"adm.enhn_gain_limit=1"),
    ),
    "encoder options": Target(
        _text(lambda text: encoders.encoder_options(text.split("\n"))),
        (b"bf=4", b"x264-params=keyint=5:bframes=2", b"svtav1-params=tune=0"),
        (b"stats=", b"-i", b":", b"=", b" "),
    ),
    "scenes": Target(
        lambda data: scenes.read_scenes(data, "scenes.json"), (_SCENES, _SHOTS), _BOX_JSON
    ),
    "model JSON": Target(svr.load_members, (_MODEL,), (*_BOX_JSON, b"SV\\n", b"1:", b"\\n")),
    "corpus rows": Target(from_line, (_row(),), _BOX_JSON),
    "recipe .py": Target(
        _text(lambda text: values_of(text, "r.py")), (_PY,),
        (b"(" * 50, b"-" * 50, b"__import__('os')", b"\0", b"\\N{x}", b"f'{x!r}'", b"10**9"),
    ),
    "recipe .yaml": Target(
        _file("r.yaml", recipes.load_recipe), (_YAML,),
        (b"&a", b"*a", b"!!python/object", b"? ", b"- ", b"[" * 40, b"2001-13-45", b"<<: ",
         b"!!binary x", b"0o8", b"1:60", b".inf"),
    ),
    "recipe .toml": Target(
        _file("r.toml", recipes.load_recipe), (_TOML,), (b"[" * 40, b"2001-13-45", b"inf", b"0x")
    ),
    "libvmaf log": Target(
        _text(lambda text: libvmaf_log.parse_log(text, expected_frames=3)), (_LOG,), _BOX_JSON
    ),
    "XPSNR log": Target(_text(lambda text: xpsnr.parse_log(text, 2, 8)), (_XPSNR,), _DIGITS),
    "progress": Target(
        _text(_progress), (b"frame=12\nfps=24.5\nprogress=continue\n", b"progress=end\n"), _DIGITS
    ),
    "ffmpeg's and encoders' words": Target(_text(_banners), (_DECODED,), _DIGITS),
    "HLS playlist": Target(_text(manifests.read_playlist), (_HLS,), (b"#EXTINF:", *_DIGITS)),
    "DASH manifest": Target(
        _text(_mpd), (_MPD,), (b"&#0;", b"]]>", b"<!ENTITY", b"%09999d", *_DIGITS)
    ),
    "initialisation segment": Target(
        codec_string.codec_string, (_init_segment(),),
        (b"\0\0\0\0", b"\0\0\0\1", b"\xff" * 4, b"hvc1", b"hvcC", b"av01", b"av1C", b"vpcC"),
    ),
    "ONNX file": Target(
        onnx_file.inspect, (_ONNX,),
        (b"\xff" * 10, b"\x80" * 10, b"\x0a", b"Loop", b"\x7f"),
    ),
    "model card": Target(
        lambda data: sidecar.read_sidecar(data, "m.json"),
        (render_sidecar(kit.card(_ONNX, "m")).encode(),), _BOX_JSON,
    ),
    "model registry": Target(
        registry.read_registry,
        ((Path(__file__).parents[2] / "model/tiny/registry.json").read_bytes(),), _BOX_JSON,
    ),
}  # fmt: skip
