"""R32 and R33 for `vmaf`: whatever a file is called, that file is scored, or none."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.r_record import note
from tests.scoring_kit import columns_of, ffmpeg, picture

from vmafkit.api import score
from vmafkit.cli.vmaf import main
from vmafkit.errors import VmafkitError
from vmafkit.scoring import graph, libvmaf
from vmafkit.scoring.score import Score
from vmafkit.scoring.words import parse_model

SIZE = 32
_DECOY = 250
BASES = [
    b"-x.y4m", b"--help", b"-", b"-i", b"@list", b"a:b.y4m", b":x", b"x:", b"concat:ref.y4m",
    b"concat:ref.y4m|ref.y4m", b"file:ref.y4m", b"http:x.y4m", b"https:ref.y4m", b"pipe:0",
    b"pipe:", b"data:x", b"crypto:ref.y4m", b"subfile,,start,0,end,9,,:ref.y4m", b"async:ref.y4m",
    b"fd:0", b"cache:ref.y4m",
    b"tee:ref.y4m", b"md5:x", b"unix:x", b"lavfi:testsrc", b"%d.y4m", b"%03d.y4m",
    b"%s%n.y4m", b"o%%d", b"*.y4m", b"?.y4m", b"[ab].y4m", b"{a,b}", b"it's.y4m", b"'q'", b'"q"',
    b"a,b", b"a;b", b"a=b", b"[0:v]", b"a\\b", b"\\", b"a\\:b", b"a|b", b"a&b", b"$HOME", b"$(id)",
    b"`id`", b"~", b"~root", b"#x", b"!x", b" lead", b"trail ", b"  ", b"a b", b"tab\there",
    b"new\nline", b"cr\rx", b"\x01\x02", b"\x1b[31mred", b"\x7f", b"bell\x07", b"\xff\xfe", b"\x80",
    b"\xc3(", b"\xed\xa0\x80", "ünï.y4m".encode(), "\u202egnp.y4m".encode(), "\u200b".encode(),
    "日本語".encode(), "\U0001f3ac.mkv".encode(), "e\u0301".encode(), "\u00e9".encode(),
    b"x" * 255, b"y" * 250 + b".y4m", b"...", b"..x", b".hidden", b"con", b"nul", b"a.m3u8.y4m",
    b"a.png", b"a.jpg", b"a.svg.y4m", b"a.mp4", b"a.mkv", b"a.yuv", b"a.ffconcat.y4m", b"a.txt",
    b"A",
    b"name=x", b"path=x", b"model='x'", b"x:name=y", b"x\\\\:y", b"]x[", b"(x)", b"<x>", b"^x",
    b"+x",
]  # fmt: skip


def names() -> list[bytes]:
    """200 names, no two alike."""
    found = list(dict.fromkeys(BASES))
    pick = random.Random(7)
    alphabet = b"ab01.-:%'\"\\[],;=| \n\t@#$&*()?!~\xc3\xa9\xff\x02"
    while len(found) < 200:
        name = bytes(pick.choice(alphabet) for _ in range(pick.randint(1, 40)))
        if name not in (b".", b"..") and name not in found:
            found.append(name)
    return found[:200]


def coloured(luma: int) -> bytes:
    """A y4m of two grey frames."""
    plane = bytes([luma]) * SIZE * SIZE + bytes([128]) * (SIZE * SIZE // 2)
    return b"YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + plane) * 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.chdir(room)
    for decoy in ("ref.y4m", "x.y4m", "1.y4m", "001.y4m", "b.y4m", "q", "x", "b"):
        Path(decoy).write_bytes(coloured(_DECOY))
    yield room
    shutil.rmtree(room)


def luma_scored(name: bytes) -> float:
    """The mean brightness of the picture that was really scored as the distorted side."""
    reference = Path("../reference")
    if not reference.exists():
        reference.write_bytes(coloured(10))
    result: Score = score(reference, os.fsdecode(name), features=["float_moment"], predict=False)
    return float(result.columns["float_moment_dis1st"][0])


@pytest.mark.slow
def test_r32_two_hundred_names(folder: Path) -> None:
    accepted, wrong = 0, []
    for number, name in enumerate(names()):
        path = os.fsencode(folder) + b"/" + name
        before = Path(os.fsdecode(path)).read_bytes() if os.path.exists(path) else None  # noqa: PTH110
        Path(os.fsdecode(path)).write_bytes(coloured(20 + number))
        try:
            accepted += (found := luma_scored(name)) == 20 + number
            if found != 20 + number:
                wrong.append(name)
        except VmafkitError as error:
            assert error.message
        if before is None:
            Path(os.fsdecode(path)).unlink()
        else:
            Path(os.fsdecode(path)).write_bytes(before)
    assert not wrong
    assert accepted >= 195
    note("R32", len(names()), hits=accepted)


HOSTILE = (b"concat:ref.y4m", b"file:ref.y4m", b"a:b.y4m", b"-x.y4m", b"pipe:0")


def test_r32_hostile_names_as_both_sides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate((*HOSTILE, b"\xff\xfe", b"new\nline", b"%03d.y4m")):
        path = Path(os.fsdecode(name))
        path.write_bytes(coloured(30 + number))
        log = Path("../log.json")
        flags = [f"--reference={path}", f"--distorted={path}", "--feature", "float_moment", "-n"]
        assert main([*flags, "-q", f"--output={log}", "--json"]) == 0, capsys.readouterr().err
        found = columns_of(log.read_text())
        assert found["float_moment_dis1st"][0] == found["float_moment_ref1st"][0] == 30 + number


def test_r32_sabotage_without_file_protocol(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names handed over bare: another file is scored, or none. So the check can go red."""

    def bare(path: Path, *, raw: object = None) -> tuple[str, ...]:
        return ("-i", os.path.relpath(path) if path.parent == folder else str(path))

    monkeypatch.setattr(libvmaf, "input_words", bare)
    right = 0
    for number, name in enumerate(HOSTILE):
        Path(os.fsdecode(name)).write_bytes(coloured(30 + number))
        try:
            right += luma_scored(name) == 30 + number
        except VmafkitError:
            continue
    assert right < len(HOSTILE)


def random_names(count: int) -> list[str]:
    pick = random.Random(33)
    alphabet = "ab01.-:%'\"\\[],;=| \n\té日\u202e\udcff@#$&*()?!~{}"
    found: set[str] = set()
    while len(found) < count:
        name = "".join(pick.choice(alphabet) for _ in range(pick.randint(1, 50)))
        if name not in (".", ".."):
            found.add(name)
    return sorted(found)


def test_r33_five_hundred_model_paths(tmp_path: Path) -> None:
    right = 0
    for number, name in enumerate(random_names(500)):
        path, room = tmp_path / name, tmp_path.parent / f"room{number}"
        path.write_text(json.dumps({"model_dict": {"feature_names": [], "mark": number}}))
        escaped = str(path).replace("\\", "\\\\").replace(":", "\\:")
        model = parse_model(f"path={escaped}:name=m")
        room.mkdir()
        libvmaf.write_models(room, Path("unused"), [model])
        assert [entry.name for entry in room.iterdir()] == ["model0.json"]
        right += json.loads((room / "model0.json").read_text())["model_dict"]["mark"] == number
        graph_word, _ = graph.model_words([model], libvmaf.ScoreRequest(models=(model,)), {})
        assert graph_word == "path=model0.json\\:name=m0"
        path.unlink()
        shutil.rmtree(room)
    assert right == 500
    note("R33", right)


def test_r33_outputs_of_any_name(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    ffmpeg(*picture("32x32", 2), "-c:v", "libx264", clip)
    room = tmp_path / "room"
    room.mkdir()
    for name in random_names(500)[::25]:
        log = room / name
        assert main([f"-r{clip}", f"-d{clip}", "-q", f"--output={log}", "--json"]) == 0
        assert np.isfinite(columns_of(log.read_text())["vmaf"]).all()
        assert [entry.name for entry in room.iterdir()] == [name]
        log.unlink()
