"""What `vmaf-tune corpus` refuses: one sentence, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.corpus_kit import make_clips, tune
from tests.faketools.fake import real_ffmpeg

from vmafkit import api, errors


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def bad(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty.mkv").write_bytes(b"")
    (folder / "text.mkv").write_text("this is no video\n" * 99)
    whole = clips["one"].read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (folder / "frames.yuv").write_bytes(bytes(1000))
    (folder / "folder.mkv").mkdir()
    os.mkfifo(folder / "pipe.mkv")
    made = {
        "sound.mka": ("-f", "lavfi", "-i", "sine=d=0.2"),
        "still.png": ("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1"),
        "dot.mkv": ("-f", "lavfi", "-i", "color=s=1x1:r=25:d=0.2", "-c:v", "ffv1"),
        "odd.mkv": ("-f", "lavfi", "-i", "rgbtestsrc=s=65x49:r=25:d=0.2", "-c:v", "ffv1",
                    "-pix_fmt", "yuv444p"),
        "tiny.mkv": ("-f", "lavfi", "-i", "color=s=8x8:r=25:d=0.2", "-c:v", "ffv1"),
    }  # fmt: skip
    for name, words in made.items():
        real_ffmpeg(*words, folder / name)
    real_ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-c:v", "ffv1",
        "-vf", "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:"
        "colorspace=bt2020nc", folder / "hdr.mkv",
    )  # fmt: skip
    return folder


ONE = "{one}"
CASES: dict[str, tuple[int, list[str]]] = {
    "missing": (1, ["{bad}/none.mkv"]),
    "empty": (1, ["{bad}/empty.mkv"]),
    "text": (1, ["{bad}/text.mkv"]),
    "cut": (1, ["{bad}/cut.mkv"]),
    "sound": (1, ["{bad}/sound.mka"]),
    "still": (1, ["{bad}/still.png"]),
    "folder": (1, ["{bad}/folder.mkv"]),
    "pipe": (1, ["{bad}/pipe.mkv"]),
    "1x1": (2, ["{bad}/dot.mkv"]),
    "odd size": (2, ["{bad}/odd.mkv"]),
    "too small to score": (1, ["{bad}/tiny.mkv"]),
    "hdr": (1, ["{bad}/hdr.mkv"]),
    "raw without geometry": (2, ["{bad}/frames.yuv"]),
    "raw of another size": (1, ["{bad}/frames.yuv", "--width", "64", "--height", "64"]),
    "half a geometry": (2, ["{bad}/frames.yuv", "--width", "64"]),
    "geometry of a container": (2, [ONE, "--width", "64", "--height", "64"]),
    "no rate": (2, ["{bad}/frames.yuv", "--width", "8", "--height", "8", "--framerate", "x"]),
    "no source": (2, []),
    "encoder": (2, [ONE, "--encoder", "libx265x"]),
    "no encoder": (2, [ONE, "--encoder", ","]),
    "preset": (2, [ONE, "--preset", "quickly"]),
    "one bad preset of two": (2, [ONE, "--preset", "fast,quickly"]),
    "preset of no encoder": (2, [ONE, "--encoder", "libx264,libsvtav1", "--preset", "fast"]),
    "value": (2, [ONE, "--crf", "99"]),
    "no number": (2, [ONE, "--crf", "abc"]),
    "empty range": (2, [ONE, "--crf", "40:18:2"]),
    "no step": (2, [ONE, "--crf", "18:40:0"]),
    "too many": (2, [ONE, "--crf", "0:51:0.000001"]),
    "between steps": (2, [ONE, "--encoder", "libsvtav1", "--crf", "20.3"]),
    "model": (2, [ONE, "--model", "vmaf_v9"]),
    "model file": (2, [ONE, "--model", "path={bad}/none.json"]),
    "feature": (2, [ONE, "--feature", "psnrr"]),
    "option": (2, [ONE, "--enc", "nonsense"]),
    "banned option": (2, [ONE, "--enc", "filter_complex=x"]),
    "display": (2, [ONE, "--display", "big"]),
    "threads": (2, [ONE, "--threads", "0"]),
    "workers": (2, [ONE, "--workers", "0"]),
    "many workers": (2, [ONE, "--workers", "-3"]),
    "timeout": (2, [ONE, "--timeout", "0"]),
    "no time": (2, [ONE, "--timeout", "nan"]),
    "subsample": (2, [ONE, "--subsample", "0"]),
    "flag": (2, [ONE, "--no-such-flag"]),
    "output folder": (1, [ONE, "-o", "{bad}/none/c.jsonl"]),
    "output is a folder": (1, [ONE, "-o", "{bad}"]),
    "encode folder": (1, [ONE, "--encode-dir", "{bad}/empty.mkv/x"]),
    "ffmpeg": (4, [ONE, "--ffmpeg-bin", "/no/such/ffmpeg"]),
    "not ffmpeg": (4, [ONE, "--ffmpeg-bin", "/bin/true"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_sentence(
    clips: dict[str, Path],
    bad: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: str,
) -> None:
    code, more = CASES[case]
    filled = [word.format(one=clips["one"], bad=bad) for word in more]
    output = tmp_path / "c.jsonl"
    if "-o" not in filled:
        filled += ["-o", str(output)]
    assert tune(monkeypatch, "corpus", *filled) == code
    told = capfd.readouterr()
    assert told.err.startswith("vmaf-tune: error: ") and told.err.count("\n") == 1, told.err
    assert "Traceback" not in told.err and "internal" not in told.err
    assert told.out == ""
    assert not output.exists() and not list(tmp_path.iterdir())


def test_an_hdr_source_is_scored_when_asked(bad: Path, tmp_path: Path, new_cache: Path) -> None:
    plan = api.plan_corpus([bad / "hdr.mkv"], preset=["ultrafast"], crf=["30"], allow_hdr=True)
    assert api.corpus(plan, tmp_path / "c.jsonl").measured == 1
    with pytest.raises(errors.Refused, match="PQ"):
        api.plan_corpus([bad / "hdr.mkv"], preset=["ultrafast"], crf=["30"])
