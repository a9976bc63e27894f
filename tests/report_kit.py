"""What the tests of reports share: rows, pictures, hostile texts, and a judge of pages."""

from __future__ import annotations

import math
import re
import struct
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np

from vmafkit.decide.hull import RatePoint, upper_hull
from vmafkit.report.data import (
    FramePair,
    FrameQuality,
    RateCurve,
    RateQuality,
    ReportData,
    SearchProbe,
    SearchTrace,
    ShotQuality,
    Table,
)
from vmafkit.schema.corpus import CorpusRow
from vmafkit.scoring.score import Score

PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</SCRIPT ><img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "<a href=javascript:alert(1)>x</a>",
    "<a href='https://evil.example/'>x</a>",
    "<iframe src=https://evil.example></iframe>",
    "<object data=https://evil.example></object>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><button>x</button></form>",
    "<style>@import '//evil.example/a.css'</style>",
    "</style><b>x</b>",
    "</title><script>alert(1)</script>",
    "<!--<script>-->",
    "]]><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "${7*7}`x`",
    "=HYPERLINK(\"https://evil.example\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\x1b[31mred\x1b]0;title\x07",
    "![x](https://evil.example/a.png)",
    "[x](javascript:alert(1))",
    "x | y\n| --- |",
    "\u202egnp.exe",
    "\ud800lone",
)  # fmt: skip

_V1 = {
    "schema_version": 4, "run_id": "r", "timestamp": "2026-05-03T17:38:00+00:00",
    "src": "film.mkv", "src_sha256": "aa" * 32, "width": 320, "height": 180,
    "pix_fmt": "yuv420p", "framerate": 25.0, "duration_s": 4.0, "encoder": "libx264",
    "encoder_version": "164", "preset": "medium", "crf": 23.0, "extra_params": [],
    "encode_path": None, "encode_size_bytes": 51200, "bitrate_kbps": 200.0,
    "encode_time_ms": 500.0, "vmaf_score": 91.0, "vmaf_model": "vmaf_v0.6.1",
    "score_time_ms": 100.0, "ffmpeg_version": "9.0", "vmaf_binary_version": None,
    "exit_status": 0, "source_frame_count": 100, "quality_knob": "crf", "vmaf_p5": 88.0,
    "libvmaf_version": "3.1.0",
}  # fmt: skip


def row(**changes: Any) -> CorpusRow:
    """A whole row of 100 frames, encoded in half a second."""
    return CorpusRow.model_validate(_V1 | changes)


def sweep(
    encoder: str, share: float, *, source: str = "film.mkv", count: int = 6, **changes: Any
) -> list[CorpusRow]:
    """The rows of one curve; `share` scales its bitrates at equal quality."""
    return [
        row(
            encoder=encoder, src=source, src_sha256=source.encode().hex().ljust(64, "0")[:64],
            crf=20.0 + 4 * step, bitrate_kbps=share * 3200.0 / 2**step,
            vmaf_score=97.0 - 3.0 * step - 0.8 * step**2, trial_key=f"{source} {encoder} {step}",
            **changes,
        )
        for step in range(count)
    ]  # fmt: skip


RECORD: dict[str, Any] = {
    "source": "film.mkv", "encoder": "libx264", "preset": "fast", "score": 93.4, "met": True,
    "exact": True, "quality": {"knob": "crf", "value": 24.0}, "target": "vmaf>=93",
    "bracket": {"passing": 24.0, "passing_score": 93.4, "failing": 25.0, "failing_score": 92.3},
    "bitrate_kbps": 2200.0, "window": "full", "model": "vmaf_v0.6.1", "command": "ffmpeg -i x",
    "probes": [
        {"quality": q, "score": s, "scores": [s], "bitrate_kbps": b, "known": k}
        for q, s, b, k in ((28.0, 88.2, 1200.0, False), (24.0, 93.4, 2200.0, False),
                           (25.0, 92.3, 1900.0, True))
    ],
    "versions": {"ffmpeg": "9.0", "vmaf": None},
}  # fmt: skip


def _shot(number: int, crf: float | None) -> dict[str, Any]:
    probes = [
        {"crf": 20.0 + 5 * i, "score": 97.0 - 4 * i - number, "video_bits": 80_000 >> i}
        for i in range(4)
    ]
    return {
        "shot_id": number, "start_frame": 50 * number, "end_frame": 50 * number + 50, "frames": 50,
        "crf": crf, "score": 93.0, "score_single": 92.0, "video_bits": 40_000, "probes": probes,
    }  # fmt: skip


PER_SHOT: dict[str, Any] = {
    "source": "film.mkv", "encoder": "libx264", "preset": "medium", "quality_knob": "crf",
    "mode": "slope", "target": "vmaf>=93", "target_vmaf": 93.0, "worst": None,
    "model": "vmaf_v0.6.1", "framerate": 25.0, "frames": 100,
    "shots": [_shot(0, 25.0), _shot(1, 20.0)],
    "per_shot": {"score": 93.1, "mean": 93.1, "worst_shot": 92.0, "bitrate_kbps": 20.0,
                 "video_bytes": 10_000, "crf": None},
    "single": {"score": 93.2, "mean": 93.2, "worst_shot": 91.0, "bitrate_kbps": 24.0,
               "video_bytes": 12_000, "crf": 22.0},
    "change_percent": -16.7, "change_at_equal_score_percent": -15.0, "kept": "per-shot",
    "met": True, "reason": "", "rounds": [], "segment_commands": [["ffmpeg", "-i", "a b.mkv"]],
    "concat_command": ["ffmpeg", "-f", "concat"], "trials_measured": 8, "trials_known": 0,
    "output": None, "versions": {"ffmpeg": "9.0"}, "notes": [],
}  # fmt: skip


def _cell(number: int, codec: str, kbps: float) -> dict[str, Any]:
    return {
        "cell_index": number, "rung": 180, "width": 320, "height": 180, "codec": codec,
        "preset": "medium", "quality_knob": "crf", "crf": 24.0, "estimated_vmaf": 93.5,
        "estimated_vmaf_interval": [91.0, 96.0], "estimated_bitrate_kbps": kbps,
        "estimated_bitrate_interval": [kbps / 2, kbps * 2], "estimated_scores": [93.5],
        "prediction_source": "fitted curves", "expected_to_reach": True, "why": "",
        "selected": number == 1,
    }  # fmt: skip


PLAN: dict[str, Any] = {
    "cells": [_cell(0, "libx264", 2200.0), _cell(1, "libx265", 1500.0)],
    "metadata": {
        "src": "film.mkv", "src_sha256": "aa" * 32, "targets": ["vmaf>=93"], "caps": "",
        "model": "vmaf_v0.6.1", "allow_codecs": ["libx264", "libx265"],
        "skipped": [{"codec": "libsvtav1", "why": "it is not in this ffmpeg"}],
        "source_meta": {}, "versions": {"ffmpeg": "9.0"}, "notes": [],
        "winner": {
            "status": "expected", "cell_index": 1, "codec": "libx265", "preset": "medium",
            "crf": 24.0, "rung": 180, "estimated_vmaf": 93.5, "estimated_bitrate_kbps": 1500.0,
            "quality_margin": 0.5, "budget_margin_kbps": None, "reason": "libx265 is cheapest.",
        },
    },
}  # fmt: skip
EXECUTED: dict[str, Any] = {
    "cell_index": 1, "codec": "libx265", "preset": "medium", "crf": 25.0, "selected": True,
    "estimated_vmaf": 93.5, "estimated_bitrate_kbps": 1500.0, "prediction_source": "fitted curves",
    "encode_size_bytes": 90_000, "encode_time_ms": 400.0, "encode_exit_status": 0,
    "ffmpeg_version": "9.0", "encoder_version": "4.1", "encode_path": "runs/film.mkv",
    "vmaf_score": 93.2, "score_time_ms": 90.0, "score_exit_status": 0,
    "vmaf_binary_version": None, "cell_key": "bb", "src": "film.mkv",
    "timestamp": "2026-05-03T17:38:00+00:00", "planned_crf": 24.0, "rung": 180,
    "targets": ["vmaf>=93"], "scores": [93.2], "met": True, "reason": "the next misses it",
    "vmaf_model": "vmaf_v0.6.1", "bitrate_kbps": 1400.0, "video_bytes": 80_000,
    "encode_sha256": "cc" * 32, "libvmaf_version": "3.1.0", "cpu_s": 1.0,
    "probes": [
        {"quality": q, "scores": [s], "bitrate_kbps": b, "known": False, "window": "full"}
        for q, s, b in ((24.0, 94.0, 1600.0), (25.0, 93.2, 1400.0), (26.0, 92.1, 1250.0))
    ],
}  # fmt: skip
ZONES: dict[str, Any] = {
    "source": "film.mkv", "encoder": "libx264", "preset": "medium", "crf": 24.0,
    "zones": [{"zone": "0-49:b=0.5", "first_frame": 0, "last_frame": 49, "bits_plain": 90_000,
               "bits": 50_000, "change_percent": -44.4}],
    "rois": [{"roi": "0,0,64,64,-0.3", "inside_plain_db": 38.0, "inside_db": 40.5,
              "outside_plain_db": 39.0, "outside_db": 38.5, "gain_db": 3.0}],
    "video_bytes_plain": 30_000, "video_bytes": 25_000, "change_percent": -16.7, "output": None,
    "command": ["ffmpeg", "-i", "a b.mkv"], "versions": {"ffmpeg": "9.0"},
}  # fmt: skip


def score() -> Score:
    """A score of 40 frames, one of which is infinite."""
    values = 40 + 3 * np.sin(np.arange(40) / 3)
    values[7] = np.inf
    return Score(
        frame_numbers=np.arange(40), columns={"psnr_y": values}, models=(), model_note="",
        backend="ffmpeg-libvmaf", libvmaf_version="3.1.0", tool_version="9.0",
        display=(320, 180), pix_fmt="yuv420p", steps=(), wall_s=1.0, cpu_s=1.0,
    )  # fmt: skip


def png(width: int = 96, height: int = 54, shade: int = 0) -> bytes:
    """A picture of colour ramps."""
    lines = b"".join(
        b"\0" + bytes(
            value % 256
            for x in range(width)
            for value in (x * 255 // width, y * 255 // height, shade)
        )
        for y in range(height)
    )  # fmt: skip

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    )


def every_part(text: str = "film.mkv", *, curves: int = 3) -> ReportData:
    """A report with every part, and a text of the caller's wherever a text can be."""
    made = tuple(
        RateCurve(
            f"{text} {k}",
            tuple(
                RatePoint(300 * (k + 1) * 1.7**i, 99 - 30 * math.exp(-0.4 * i) - k, f"{text} {i}")
                for i in range(6)
            ),
        )
        for k in range(curves)
    )
    hull = tuple(upper_hull([point for curve in made for point in curve.points]))
    scores = tuple(85 + 10 * math.sin(i / 9) for i in range(200))
    probes = (
        SearchProbe(28, 88.2, 1200, note=text),
        SearchProbe(22, 95.1, 2900),
        SearchProbe(24, 93.4, 2200),
        SearchProbe(25, 92.3, 1900, known=True),
    )
    return ReportData(
        title=text,
        lead=text,
        highlights=((text, text),),
        facts=((text, text),),
        rate_quality=(RateQuality(text, text, made, hull, hull[1:3], 93.0),),
        searches=(SearchTrace(text, text, text, probes, 93.0, 24, 25, 24),),
        frame_quality=(
            FrameQuality(text, text, tuple(range(200)), scores, (0, 60, 130), (42, 155)),
        ),
        shot_quality=(
            ShotQuality(
                text, text, (0, 60, 130), ((text, (90.0, 92.5)), (f"{text} 2", (91.0, 89.0))), 93.0
            ),
        ),
        worst_frames=(FramePair(42, 75.5, png(), png(shade=200)),),
        tables=(Table(text, (text, "kbps"), ((text, 1234.5), (None, -7.25)), text),),
        versions=((text, text),),
        commands=(text,),
        notes=(text,),
        made=text,
    )


class _Judge(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag if tag in ("script", "style") else ""
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[-1] += data


_KNOWN_TAGS = frozenset(
    (
        *("html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "p"),
        *("dl", "div", "dt", "dd", "section", "table", "thead", "tbody", "tr", "th", "td"),
        *("figure", "noscript", "script", "figcaption", "details", "summary", "img", "span"),
        *("input", "pre", "footer"),
    )
)


def dangers(page: str) -> list[str]:
    """What in a page could run, load or lead anywhere."""
    judge = _Judge()
    judge.feed(page)
    found: list[str] = []
    for tag, attributes in judge.tags:
        if tag not in _KNOWN_TAGS:
            found.append(f"a <{tag}>")
        for name, value in attributes.items():
            if name.startswith("on") or name in ("style", "srcdoc", "srcset", "formaction"):
                found.append(f"<{tag} {name}={value[:40]!r}>")
            if name in ("src", "href", "action", "data") and not value.startswith("data:image/"):
                found.append(f"<{tag} {name}={value[:40]!r}>")
        if tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            found.append("a refresh")
    kinds = [attributes.get("type", "") for tag, attributes in judge.tags if tag == "script"]
    if kinds.count("") > 2:
        found.append(f"{kinds.count('')} scripts")
    if [tag for tag, _ in judge.tags].count("style") > 1:
        found.append("a second <style>")
    visible = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    found += [f"the character {c!r}" for c in "\x1b\x07\u202e" if c in visible]
    return found
