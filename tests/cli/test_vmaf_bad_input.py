"""Bad input to `vmaf`: one sentence, the way out, the right exit code, nothing half-written."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.scoring_kit import LOSSLESS, X264, ffmpeg, picture

from vmafkit.cli.vmaf import main
from vmafkit.fsio import disk


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    ffmpeg(*picture("192x128", 25), *LOSSLESS, folder / "good.mkv")
    ffmpeg("-i", folder / "good.mkv", *X264, "-crf", "30", folder / "other.mp4")
    ffmpeg("-i", folder / "good.mkv", "-frames:v", "24", *LOSSLESS, folder / "short.mkv")
    ffmpeg(*picture("96x64", 25), *LOSSLESS, folder / "small.mkv")
    ffmpeg(*picture("16x16", 3), *LOSSLESS, folder / "tiny.mkv")
    ffmpeg("-f", "lavfi", "-i", "rgbtestsrc=s=1x1", "-frames:v", "3", "-pix_fmt", "yuv420p",
           folder / "dot.y4m")  # fmt: skip
    ffmpeg("-f", "lavfi", "-i", "rgbtestsrc=s=191x127", "-frames:v", "3", "-pix_fmt", "yuv420p",
           folder / "odd.y4m")  # fmt: skip
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", folder / "sound.mp4")
    ffmpeg(*picture("192x128", 1), folder / "still.png")
    ffmpeg("-i", folder / "good.mkv", "-f", "rawvideo", folder / "good.yuv")
    whole = (folder / "other.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    whole = (folder / "good.mkv").read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "cut.yuv").write_bytes((folder / "good.yuv").read_bytes()[:-7])
    (folder / "empty.mp4").touch()
    (folder / "empty.yuv").touch()
    (folder / "header.y4m").write_bytes(b"YUV4MPEG2 W192 H128 F25:1 C420jpeg\n")
    (folder / "noise.mp4").write_bytes(os.urandom(5000))
    (folder / "notamodel.json").write_text("[1, 2")
    (folder / "otherjson.json").write_text('{"a": 1}')
    return folder


RAW = ("-w", "192", "-h", "128", "-p", "420", "-b", "8")
GOOD = ("-r", "good.mkv", "-d", "other.mp4")
CASES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "missing": (("-r", "nowhere.mkv", "-d", "other.mp4"), 1, "nowhere.mkv does not exist"),
    "missing distorted": (("-r", "good.mkv", "-d", "nowhere.mp4"), 1, "nowhere.mp4 does not exist"),
    "empty": (("-r", "good.mkv", "-d", "empty.mp4"), 1, "empty.mp4 is empty"),
    "truncated mp4": (("-r", "good.mkv", "-d", "cut.mp4"), 1, "cut.mp4"),
    "truncated mkv": (("-r", "cut.mkv", "-d", "other.mp4"), 1, "cut.mkv"),
    "zero frames": (("-r", "header.y4m", "-d", "header.y4m"), 1, "header.y4m holds no video frame"),
    "zero frames raw": (("-r", "empty.yuv", "-d", "empty.yuv", *RAW), 1, "empty.yuv is empty"),
    "audio only": (("-r", "good.mkv", "-d", "sound.mp4"), 1, "sound.mp4 holds only sound"),
    "still": (("-r", "still.png", "-d", "still.png"), 1, "still.png is a still picture"),
    "noise": (("-r", "good.mkv", "-d", "noise.mp4"), 1, "noise.mp4"),
    "folder": (("-r", "good.mkv", "-d", "."), 1, "is a folder"),
    "1x1": (("-r", "dot.y4m", "-d", "dot.y4m"), 1, "1x1 is too small for model vmaf_v0.6.1"),
    "16x16": (("-r", "tiny.mkv", "-d", "tiny.mkv"), 1, "too small"),
    "small for v1": (
        ("-r", "small.mkv", "-d", "small.mkv", "-m", "v1"), 1, "too small for model vmaf_v1"),
    "small for speed": (
        ("-r", "small.mkv", "-d", "small.mkv", "--feature", "speed_chroma"), 1,
        "too small for feature speed_chroma"),
    "other size": (("-r", "good.mkv", "-d", "small.mkv"), 1, "--display 192x128"),
    "other length": (("-r", "good.mkv", "-d", "short.mkv"), 1, "25 frames and"),
    "wrong geometry": (
        ("-r", "good.yuv", "-d", "good.yuv", "-w", "194", "-h", "128", "-p", "420", "-b", "8"), 1,
        "check --width"),
    "torn raw": (("-r", "good.yuv", "-d", "cut.yuv", *RAW), 1, "cut.yuv has"),
    "no geometry": (("-r", "good.yuv", "-d", "good.yuv"), 2, "give --width"),
    "half geometry": (("-r", "good.yuv", "-d", "good.yuv", "-w", "192"), 2, "lacks --height"),
    "no bit depth": (
        ("-r", "good.yuv", "-d", "good.yuv", "-w", "192", "-h", "128", "-p", "420"), 2,
        "--bitdepth is missing"),
    "geometry of a container": ((*GOOD, "-w", "64", "-h", "64", "-p", "420", "-b", "8"), 2,
                                "--width 64 (it has 192)"),
    "zero width": (("-r", "good.yuv", "-d", "good.yuv", "-w", "0", *RAW[2:]), 2, "0x128"),
    "bad depth": (("-r", "a", "-d", "b", "-b", "9"), 2, "bitdepth"),
    "no reference": (("-d", "other.mp4"), 2, "--reference"),
    "unknown flag": ((*GOOD, "--nonsense"), 2, "--nonsense"),
    "unknown model": ((*GOOD, "-m", "vmaf_v0.6.2"), 2, "vmaf_v0.6.1"),
    "unknown version": ((*GOOD, "-m", "version=nope"), 2, "'nope' is not known"),
    "no model file": ((*GOOD, "-m", "path=none.json"), 2, "none.json is not there"),
    "bad model file": ((*GOOD, "-m", "path=notamodel.json"), 1, "notamodel.json is not JSON"),
    "other json": ((*GOOD, "-m", "path=otherjson.json"), 1, "otherjson.json holds no model"),
    "bad model option": ((*GOOD, "-m", "version=vmaf_v0.6.1:zoom=1"), 2, "zoom=1"),
    "model twice": ((*GOOD, "-m", "vmaf_v0.6.1", "-m", "vmaf"), 2, "there twice"),
    "name twice": (
        (*GOOD, "-m", "version=neg:name=a", "-m", "version=vmaf:name=a"), 2, "a is there twice"),
    "unknown feature": ((*GOOD, "--feature", "psnrr"), 2, "psnr"),
    "bad feature option": ((*GOOD, "--feature", "psnr=a'b=1"), 2, "psnr"),
    "output folder": ((*GOOD, "-o", "."), 1, "it is a folder"),
    "no output folder": ((*GOOD, "-o", "none/log.json"), 1, "its folder does not exist"),
    "output device": ((*GOOD, "-o", "/dev/full"), 1, "not a plain file"),
    "output is source": ((*GOOD, "-o", "good.mkv"), 2, "is the source"),
    "output is linked source": ((*GOOD, "-o", "./../{here}/other.mp4"), 2, "is the source"),
    "form without output": ((*GOOD, "--xml"), 2, "--output"),
    "two forms": ((*GOOD, "--xml", "--csv", "-o", "a"), 2, "--csv"),
    "skip all": ((*GOOD, "--frame_skip_ref", "25"), 2, "--frame_skip_ref 25"),
    "negative skip": ((*GOOD, "--frame_skip_dist", "-1"), 2, "--frame_skip_dist -1"),
    "negative count": ((*GOOD, "--frame_cnt", "-3"), 2, "--frame_cnt -3"),
    "negative step": ((*GOOD, "--subsample", "-2"), 2, "--subsample -2"),
    "negative threads": ((*GOOD, "--threads", "-1"), 2, "--threads -1"),
    "bad pool": ((*GOOD, "--pool", "best"), 2, "'best'"),
    "bad precision": ((*GOOD, "--precision", "18"), 2, "--precision"),
    "bad display": ((*GOOD, "--display", "0x10"), 2, "--display"),
    "huge display": ((*GOOD, "--display", "99999x99999"), 2, "--display"),
    "no ffmpeg": ((*GOOD, "--ffmpeg-bin", "/nowhere/ffmpeg"), 4, "--ffmpeg-bin"),
    "not ffmpeg": ((*GOOD, "--ffmpeg-bin", "/bin/true"), 4, "--ffmpeg-bin"),
    "no tool": ((*GOOD, "--vmaf-binary", "/nowhere/vmaf"), 4, "--vmaf-binary"),
    "time": ((*GOOD, "--timeout", "0.001"), 5, "--timeout"),
    "bad time": ((*GOOD, "--timeout", "0"), 2, "--timeout 0"),
    "ctc": ((*GOOD, "--aom_ctc", "v1.0"), 2, "--aom_ctc"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_sentence(
    clips: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, code, words = CASES[name]
    monkeypatch.chdir(clips)
    before = {path: path.stat().st_mtime_ns for path in clips.rglob("*")}
    assert main([flag.replace("{here}", clips.name) for flag in flags]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    lines = said.err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("vmaf: error: ")
    assert lines[0].endswith(")"), "no way out is named"
    assert {path: path.stat().st_mtime_ns for path in clips.rglob("*")} == before


def test_odd_sizes_work(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = str(clips / "odd.y4m")
    assert main(["-r", odd, "-d", odd]) == 0
    assert float(capsys.readouterr().out.split(": ")[1]) > 90


def test_a_failure_leaves_the_old_output(clips: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.xml"
    log.write_text("old")
    for flags in (("-d", "cut.mp4"), ("-d", "other.mp4", "--timeout", "0.001")):
        sides = ["-r", str(clips / "good.mkv"), "-d", str(clips / flags[1]), *flags[2:]]
        assert main([*sides, "-o", str(log)]) != 0
    assert log.read_text() == "old"
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_full_disk(
    clips: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    log = tmp_path / "log.json"
    real, hits = disk.write, 0

    def write(handle: int, data: bytes) -> int:
        nonlocal hits
        if Path(f"/proc/self/fd/{handle}").readlink().is_relative_to(tmp_path):
            hits += 1
            raise OSError(number, os.strerror(number))
        return real(handle, data)

    monkeypatch.setattr(disk, "write", write)
    sides = ["-r", str(clips / "good.mkv"), "-d", str(clips / "other.mp4")]
    assert main([*sides, "-q", "-o", str(log)]) == 1
    assert hits
    said = capsys.readouterr().err
    assert str(log) in said
    assert ("the disk is full" in said) == (number != errno.EIO)
    assert list(tmp_path.iterdir()) == []


def start(
    clips: Path, *flags: str, limit: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    sides = ("-r", str(clips / "good.mkv"), "-d", str(clips / "other.mp4"))
    return subprocess.Popen(
        [sys.executable, "-m", "vmafkit.cli.vmaf", *sides, *flags],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit,
    )  # fmt: skip


def test_file_size_limit(clips: Path, tmp_path: Path) -> None:
    """Every file is cut at 8 KiB, the log of libvmaf and our own output among them."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    process = start(clips, "-o", str(tmp_path / "log.json"), limit=limit)
    out, said = process.communicate(timeout=60)
    assert process.returncode in (1, 5, 6, 8)
    assert out == ""
    assert said.startswith("vmaf: error: ")
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def ended(pids: Iterable[int]) -> bool:
    """Whether all are gone; one that was killed stays in /proc until it is reaped."""
    deadline = time.monotonic() + 2
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_stopping_leaves_no_ffmpeg(clips: Path, tmp_path: Path, number: int, code: int) -> None:
    long = tmp_path / "long.mkv"
    ffmpeg("-stream_loop", "60", "-i", clips / "good.mkv", "-c", "copy", long)
    log = tmp_path / "log.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "vmafkit.cli.vmaf", "-r", str(long), "-d", str(long),
         "-m", "neg", "-m", "vmaf", "-o", str(log)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        group = wait_for_ffmpeg(process.pid, long)
        process.send_signal(number)
        out, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == code
    assert out == ""
    assert "stopped" in said
    assert "Traceback" not in said
    assert ended(group)
    assert sorted(tmp_path.iterdir()) == [long]


def wait_for_ffmpeg(parent: int, clip: Path) -> list[int]:
    """The processes other than `parent` whose command line names the clip."""
    for _ in range(600):
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != parent:
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if os.fsencode(f"file:{clip}") in words and b"ffmpeg" in words[0]:
                    found.append(int(entry.name))
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("no ffmpeg was started")
