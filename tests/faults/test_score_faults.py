"""Faults of the scorer: never a number from a log that is not whole, never a silent mismatch."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.r_record import note
from tests.scoring_kit import FFMPEG, LOSSLESS, X264, columns_of, ffmpeg, hand_log, picture

from vmafkit.api import score
from vmafkit.errors import (
    PairMismatch,
    Refused,
    ResultInvalid,
    ScoreFailed,
    VmafkitError,
)
from vmafkit.scoring import libvmaf, libvmaf_log
from vmafkit.scoring.score import Score


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    ffmpeg(*picture("192x128", 31), *LOSSLESS, folder / "reference.mkv")
    ffmpeg("-i", folder / "reference.mkv", *X264, "-crf", "32", folder / "distorted.mkv")
    return folder


# -- R18: the scorer's log ------------------------------------------------------------------------

# A false ffmpeg: it runs the real one, then does something to the log beside it.
_FALSE = """\
#!{python} -IS
import os, subprocess, sys
done = subprocess.run([{real!r}, *sys.argv[1:]])
log = "vmaf.json"
if os.path.exists(log):
    data = open(log, "rb").read()
    {deed}
    open({hits!r}, "a").write("x")
sys.exit(0)
"""


def false_ffmpeg(folder: Path, deed: str) -> tuple[Path, Path]:
    """(program, file that grows by one byte each time the deed was done)."""
    program, hits = folder / "ffmpeg", folder / "hits"
    text = _FALSE.format(python=sys.executable, real=FFMPEG, deed=deed, hits=str(hits))
    program.write_text(text)
    program.chmod(0o755)
    hits.write_text("")
    return program, hits


DEEDS = {
    "gone": 'os.remove(log)',
    "empty": 'open(log, "wb").close()',
    "a folder": 'os.remove(log); os.mkdir(log)',
    "to a full disk": 'os.remove(log); os.symlink("/dev/full", log)',
    "nothing but zeros": 'open(log, "wb").write(bytes(len(data)))',
    "another model": 'open(log, "wb").write(data.replace(b"m0", b"mx"))',
    "an extra frame": 'import json; d = json.loads(data); f = dict(d["frames"][-1]); '
    'f["frameNum"] += 1; d["frames"].append(f); open(log, "w").write(json.dumps(d))',
    "a frame less": 'import json; d = json.loads(data); d["frames"].pop(); '
    'open(log, "w").write(json.dumps(d))',
    "a frame twice": 'import json; d = json.loads(data); d["frames"][3] = d["frames"][2]; '
    'open(log, "w").write(json.dumps(d))',
    "a value less": 'import json; d = json.loads(data); d["frames"][3]["metrics"].popitem(); '
    'open(log, "w").write(json.dumps(d))',
    "null": 'open(log, "wb").write(data.replace(b\'"m0": 9\', b\'"m0": null, "x": 9\', 1))',
    "NaN": 'import json; d = json.loads(data); d["frames"][3]["metrics"]["m0"] = float("nan"); '
    'open(log, "w").write(json.dumps(d))',
    "infinity": 'import json; d = json.loads(data); d["frames"][3]["metrics"]["m0"] = 1e999; '
    'open(log, "w").write(json.dumps(d))',
    "text": 'import json; d = json.loads(data); d["frames"][3]["metrics"]["m0"] = "93.0"; '
    'open(log, "w").write(json.dumps(d))',
    "a list": 'open(log, "wb").write(b"[" + data + b"]")',
}  # fmt: skip


@pytest.mark.parametrize("name", DEEDS)
def test_r18_a_log_that_is_not_whole(clips: Path, tmp_path: Path, name: str) -> None:
    program, hits = false_ffmpeg(tmp_path, DEEDS[name])
    out = tmp_path / "out.json"
    with pytest.raises((ResultInvalid, ScoreFailed)) as caught:
        score(
            clips / "reference.mkv", clips / "distorted.mkv", models=["vmaf_v0.6.1"],
            ffmpeg_bin=program, output=out,
        )  # fmt: skip
    assert hits.read_text(), "the fault was not injected"
    assert caught.value.message
    assert not out.exists()


def test_r18_log_cut_at_every_kilobyte(clips: Path) -> None:
    sides = ("-i", clips / "distorted.mkv"), ("-i", clips / "reference.mkv")
    text = hand_log(*sides, "feature=name=psnr")
    cuts = [*range(0, len(text), 1024), *range(len(text) - 300, len(text) - 2)]
    refused = 0
    for cut in cuts:
        with pytest.raises(ResultInvalid):
            libvmaf_log.parse_log(text[:cut], expected_frames=31)
        refused += 1
    assert refused == len(cuts) > 300
    note("R18", refused)
    assert libvmaf_log.parse_log(text, expected_frames=31).columns["vmaf"].shape == (31,)


def test_r18_sabotage_trusting_the_exit_code(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the count of frames a log that lost one gives a number: the guard is real."""
    program, hits = false_ffmpeg(tmp_path, DEEDS["a frame less"])
    real = libvmaf.parse_log

    def trusting(text: str, *, expected_frames: int | None, unbounded: object = ()) -> object:
        return real(text)

    monkeypatch.setattr(libvmaf, "parse_log", trusting)
    with pytest.raises(pytest.fail.Exception), pytest.raises((ResultInvalid, ScoreFailed)):
        score(clips / "reference.mkv", clips / "distorted.mkv", ffmpeg_bin=program)
    assert hits.read_text()


DEATHS = {
    "killed": "os.kill(os.getpid(), 9)",
    "crash": "os.kill(os.getpid(), 11)",
    "abort": "os.kill(os.getpid(), 6)",
    "status": "sys.exit(3)",
    "status 255 and a whole log": "sys.exit(255)",
}


@pytest.mark.parametrize("name", DEATHS)
def test_scorer_that_dies(clips: Path, tmp_path: Path, name: str) -> None:
    program, _ = false_ffmpeg(tmp_path, DEATHS[name])
    with pytest.raises(ScoreFailed, match=r"SIGKILL|SIGSEGV|SIGABRT|exit status"):
        score(clips / "reference.mkv", clips / "distorted.mkv", ffmpeg_bin=program)


# -- R26: standard input --------------------------------------------------------------------------


def test_r26_takes_nothing_from_standard_input(clips: Path, tmp_path: Path) -> None:
    waiting = b'q{"jsonrpc": "2.0"}\nq\n' * 50
    reader, writer = os.pipe()
    os.write(writer, waiting)
    log = tmp_path / "log.json"
    done = subprocess.run(
        [sys.executable, "-m", "vmafkit.cli.vmaf", "-r", clips / "reference.mkv",
         "-d", clips / "distorted.mkv", "-o", log],
        stdin=reader, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    os.close(writer)
    left = b"".join(iter(lambda: os.read(reader, 65536), b""))
    os.close(reader)
    assert done.returncode == 0
    assert left == waiting
    assert columns_of(log.read_text())["vmaf"].shape == (31,)


# -- R29: pairs that do not belong together -------------------------------------------------------

Make = Callable[[Path, Path], None]


def remade(*words: str, before: tuple[str, ...] = (), codec: tuple[str, ...] = LOSSLESS) -> Make:
    return lambda source, out: ffmpeg(*before, "-i", source, *words, *codec, out) and None


COPY = ("-c", "copy")
PC = (*LOSSLESS, "-color_range", "pc")
REFUSED: dict[str, tuple[Make, str]] = {
    "one frame less": (remade("-frames:v", "30"), "31 frames .* 30"),
    "thirty frames less": (remade("-frames:v", "1"), "31 frames .* 1"),
    "one frame more": (remade("-vf", "tpad=stop=1:stop_mode=clone"), "31 frames .* 32"),
    "first frame lost": (remade("-vf", "trim=start_frame=1"), "31 frames .* 30"),
    "other size": (remade("-vf", "scale=96:64"), "192x128 and .* is 96x64"),
    "other range": (remade("-vf", "setparams=range=pc", codec=PC), "colour range tv .* pc"),
    "other matrix": (remade("-vf", "setparams=colorspace=bt470bg"), "colour matrix"),
    "HDR against SDR": (
        remade("-vf", "setparams=color_trc=smpte2084"), "colour transfer|HDR|PQ"),
    "cut short": (
        lambda source, out: out.write_bytes(source.read_bytes()[:-30000]) and None, "cut short"),
    "turned by a quarter": (
        remade(*COPY, before=("-display_rotation", "90"), codec=()), "128x192"),
}  # fmt: skip
NORMALISED: dict[str, tuple[Make, str]] = {
    "23.976 against 25": (
        remade(before=("-r", "24000/1001")),
        "matched by number: 25 against 24000/1001 fps",
    ),
    "variable rate": (
        remade("-vf", "setpts='(N+mod(N*N,3))/25/TB'", "-fps_mode", "passthrough"),
        "matched by number"),
    "later start": (remade(*COPY, "-output_ts_offset", "0.04", codec=()), "matched by number"),
    "ten bits": (remade("-pix_fmt", "yuv420p10le", codec=(
        "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")), "yuv420p10le"),
    "other chroma": (remade("-pix_fmt", "yuv444p", codec=(
        "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")), "yuv444p to yuv420p"),
}  # fmt: skip


def tagged(clips: Path, out: Path) -> Path:
    """The reference with its colour stated, so that another can contradict it."""
    words = "setparams=range=tv:colorspace=bt709:color_trc=bt709:color_primaries=bt709"
    ffmpeg("-i", clips / "reference.mkv", "-vf", words, *LOSSLESS, out)
    return out


@pytest.mark.parametrize("name", REFUSED)
def test_r29_refused(clips: Path, tmp_path: Path, name: str) -> None:
    make, words = REFUSED[name]
    reference = tagged(clips, tmp_path / "reference.mkv")
    out = tmp_path / ("distorted.mp4" if name.startswith("turned") else "distorted.mkv")
    make(reference, out)
    with pytest.raises(VmafkitError, match=words) as caught:
        score(reference, out)
    assert isinstance(caught.value, PairMismatch | Refused) or name == "cut short"
    assert caught.value.hint


@pytest.mark.parametrize("name", NORMALISED)
def test_r29_normalised_and_named(clips: Path, tmp_path: Path, name: str) -> None:
    make, words = NORMALISED[name]
    reference, out = clips / "reference.mkv", tmp_path / "distorted.mkv"
    make(clips / "reference.mkv", out)
    result = score(reference, out, features=["psnr"])
    assert any(words in step for step in result.steps), result.steps
    assert result.frame_count == 31
    limit = 60.0 if name != "other chroma" else 40.0
    assert result.columns["psnr_y"].min() >= limit


def test_r29_rotation_in_the_header_is_undone(clips: Path, tmp_path: Path) -> None:
    flipped, turned = tmp_path / "flipped.mp4", tmp_path / "turned.mp4"
    ffmpeg("-i", clips / "reference.mkv", "-vf", "hflip,vflip", *LOSSLESS, flipped)
    ffmpeg("-display_rotation", "180", "-i", flipped, "-c", "copy", turned)
    result = score(clips / "reference.mkv", turned, features=["psnr"])
    assert any("turned by 180 degrees" in step for step in result.steps)
    assert result.columns["psnr_y"].min() == 60.0


# -- R30: known answers ---------------------------------------------------------------------------


def test_r30_identical_pair(clips: Path, tmp_path: Path) -> None:
    features = ["psnr", "float_ssim", "psnr_hvs", "ciede", "float_ms_ssim"]
    big = tmp_path / "big.mkv"
    ffmpeg("-i", clips / "reference.mkv", "-vf", "scale=256:192", "-frames:v", "5", *LOSSLESS, big)
    result = score(big, big, features=features)
    for name in ("float_ssim", "float_ms_ssim"):
        np.testing.assert_allclose(result.columns[name], 1.0, rtol=0, atol=1e-6)
    assert np.isposinf(result.columns["ciede2000"]).all()
    assert np.isposinf(result.columns["psnr_hvs"]).all()
    assert any("ciede2000 is infinite on 5 of 5 frames" in note for note in result.notes)
    assert any("psnr_y is at its ceiling of 60 dB on 5 of 5" in note for note in result.notes)
    assert result.pooled("ciede2000") == np.inf
    assert "mean" not in result.summary["ciede2000"]
    assert result.value is not None
    assert result.value > 97


def test_r30_order_is_strict(clips: Path, tmp_path: Path) -> None:
    found: list[Score] = []
    for crf in (18, 25, 32, 39, 46):
        out = tmp_path / f"{crf}.mkv"
        ffmpeg("-i", clips / "reference.mkv", *X264, "-crf", str(crf), out)
        found.append(score(clips / "reference.mkv", out, features=["psnr", "float_ssim"]))
    for column in ("vmaf_v0.6.1", "psnr_y", "float_ssim"):
        values = [result.pooled(column) for result in found]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == 5


def test_r30_log_of_another_libvmaf_build() -> None:
    """libvmaf 1.5 to 2.3 wrote the same members with other names beside them."""
    text = textwrap.dedent(
        """\
        {"version": "2.3.1", "fps": 12.34,
         "frames": [
          {"frameNum": 0, "metrics": {"integer_adm2": 0.962086, "vmaf": 76.668905}},
          {"frameNum": 1, "metrics": {"integer_adm2": 0.960586, "vmaf": 80.123456}}],
         "pooled_metrics": {"vmaf": {"min": 76.668905, "max": 80.123456, "mean": 78.396181,
                                     "harmonic_mean": 78.358}},
         "aggregate_metrics": {}}
        """
    )
    log = libvmaf_log.parse_log(text, expected_frames=2)
    assert log.version == "2.3.1"
    assert list(log.columns["vmaf"]) == [76.668905, 80.123456]
    assert json.loads(text)["frames"][1]["metrics"]["vmaf"] == log.columns["vmaf"][1]


# -- the vmaf tool as the backend -----------------------------------------------------------------

_TOOL = """\
#!{python} -IS
import json, os, subprocess, sys
argv = sys.argv[1:]
if argv == ["--version"]:
    print("3.2.0", file=sys.stderr)
    sys.exit(0)
json.dump(argv, open({said!r}, "w"))
get = lambda flag: argv[argv.index(flag) + 1] if flag in argv else None
every = lambda flag: [argv[i + 1] for i, word in enumerate(argv) if word == flag]
raw = []
if get("--width"):
    depth = get("--bitdepth")
    name = "yuv" + get("--pixel_format") + "p" + ("" if depth == "8" else depth + "le")
    raw = ["-f", "rawvideo", "-pixel_format", name,
           "-video_size", get("--width") + "x" + get("--height")]
models = "|".join(word.replace(":", "\\\\:") for word in every("--model"))
features = "|".join("name=" + word.replace("=", ":", 1).replace(":", "\\\\:")
                    for word in every("--feature"))
options = "log_fmt=json:log_path=" + get("--output") + ":n_subsample=" + (get("--subsample") or "1")
if models:
    options += ":model='" + models + "'"
if features:
    options += ":feature='" + features + "'"
subprocess.run([{real!r}, "-v", "error", "-nostdin", *raw, "-i", get("--distorted"), *raw,
                "-i", get("--reference"), "-lavfi", "[0:v][1:v]libvmaf=" + options,
                "-f", "null", "-"], check=True)
{deed}
"""


def tool(folder: Path, deed: str = "") -> tuple[Path, Path]:
    """(a program with the vmaf tool's interface that really computes, where it puts its argv)."""
    program, said = folder / "vmaf", folder / "argv.json"
    program.write_text(_TOOL.format(python=sys.executable, said=str(said), real=FFMPEG, deed=deed))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, said


def test_tool_gives_the_same_scores(clips: Path, tmp_path: Path) -> None:
    program, said = tool(tmp_path)
    sides = (clips / "reference.mkv", clips / "distorted.mkv")
    options = {"models": ["vmaf_v0.6.1", "neg", "phone"], "features": ["psnr"]}
    result = score(*sides, vmaf_binary=program, **options, threads=3)  # pyright: ignore
    plain = score(*sides, **options)  # pyright: ignore
    assert (result.backend, result.tool_version) == ("vmaf-binary", "3.2.0")
    for name in ("vmaf_v0.6.1", "vmaf_v0.6.1neg", "vmaf_v0.6.1_phone", "psnr_y"):
        np.testing.assert_allclose(result.columns[name], plain.columns[name], rtol=0, atol=1.1e-6)
    argv = json.loads(said.read_text())
    assert "--json" in argv
    assert "--quiet" in argv
    assert argv[argv.index("--threads") + 1] == "3"
    assert [argv[i + 1] for i, word in enumerate(argv) if word == "--model"] == [
        "version=vmaf_v0.6.1:name=m0",
        "version=vmaf_v0.6.1neg:name=m1",
        "version=vmaf_v0.6.1:name=m2:enable_transform=true",
    ]
    assert argv[argv.index("--feature") + 1] == "psnr"
    assert any("decoded to y4m for the vmaf tool" in step for step in result.steps)


def test_tool_is_given_raw_and_y4m_files_themselves(clips: Path, tmp_path: Path) -> None:
    program, said = tool(tmp_path)
    plain = score(clips / "reference.mkv", clips / "distorted.mkv")
    for suffix, words in (("y4m", ()), ("yuv", ("-f", "rawvideo"))):
        paths = [tmp_path / f"{side}.{suffix}" for side in ("reference", "distorted")]
        for path in paths:
            ffmpeg("-i", clips / f"{path.stem}.mkv", *words, path)
        flags = {"width": 192, "height": 128, "pix_fmt": "yuv420p"} if words else {}
        result = score(*paths, vmaf_binary=program, **flags)  # pyright: ignore
        argv = json.loads(said.read_text())
        assert argv[argv.index("--reference") + 1] == str(paths[0])
        assert argv[argv.index("--distorted") + 1] == str(paths[1])
        assert ("--width" in argv) == bool(words)
        assert not any("decoded" in step for step in result.steps)
        np.testing.assert_allclose(
            result.columns["vmaf_v0.6.1"], plain.columns["vmaf_v0.6.1"], rtol=0, atol=1.1e-6
        )


def test_tool_frames_and_subsample(clips: Path, tmp_path: Path) -> None:
    program, said = tool(tmp_path)
    sides = (clips / "reference.mkv", clips / "distorted.mkv")
    part = {"skip_reference": 4, "skip_distorted": 4, "frame_count": 9, "subsample": 2}
    result = score(*sides, vmaf_binary=program, **part)  # pyright: ignore
    plain = score(*sides, **part)  # pyright: ignore
    assert list(result.frame_numbers) == list(plain.frame_numbers) == [0, 2, 4, 6, 8]
    np.testing.assert_allclose(
        result.columns["vmaf_v0.6.1"], plain.columns["vmaf_v0.6.1"], rtol=0, atol=1.1e-6
    )
    assert "--subsample" in json.loads(said.read_text())


FAULTS = {
    "no log": 'os.remove("vmaf.json")',
    "empty log": 'open("vmaf.json", "w").close()',
    "cut log": 'data = open("vmaf.json").read(); open("vmaf.json", "w").write(data[:900])',
    "lost frame": 'd = json.load(open("vmaf.json")); d["frames"].pop(); '
    'json.dump(d, open("vmaf.json", "w"))',
    "no model": 'data = open("vmaf.json").read(); '
    'open("vmaf.json", "w").write(data.replace("m0", "mx"))',
    "status": "sys.exit(4)",
    "crash": "os.kill(os.getpid(), 11)",
}


@pytest.mark.parametrize("name", FAULTS)
def test_tool_faults(clips: Path, tmp_path: Path, name: str) -> None:
    program, said = tool(tmp_path, FAULTS[name])
    with pytest.raises((ResultInvalid, ScoreFailed)) as caught:
        score(clips / "reference.mkv", clips / "distorted.mkv", vmaf_binary=program)
    assert said.exists()
    assert caught.value.message
