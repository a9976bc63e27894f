"""Names and words of users that must never become anything else (R32, R33, R34)."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.faketools.fake import real_ffmpeg
from tests.r_record import note

from vmafkit import api, encoders, errors
from vmafkit.encoders import EncodeSettings, encoder_options
from vmafkit.ffmpeg.words import input_words, output_word
from vmafkit.store.corpus_file import read_corpus

Rounds = Callable[[int, int], int]

FIXED = [
    b"-x.mkv", b"--help", b"-i", b"a:b.mkv", b"concat:0.mkv", b"file:0.mkv", b"http:x.mkv",
    b"data:x", b"pipe:0", b"-", b"%d.mkv", b"o%03d.mkv", b"it's.mkv", b'q"q.mkv',
    b"new\nline.mkv", b"tab\t.mkv",
    b"cr\r.mkv", b"\xe2\x80\xaertl.mkv", b"\xff\xfe.mkv", b"sp ace .mkv",
    b" lead.mkv",
    b"trail.mkv ", b"[0:v].mkv", b"a,b;c.mkv", b"a=b.mkv", b"a|b.mkv", b"$(x).mkv", b"`x`.mkv",
    b"*.mkv", b"?.mkv", b"~.mkv", b"{a,b}.mkv", b"\\.mkv", b"\\\\n.mkv", b"#.mkv", b"&.mkv",
    b"a" * 251 + b".mkv", "ü".encode() * 100 + b".mkv", "日本語.mkv".encode(), b"\x1b[31m.mkv",
    b"\x7f.mkv", b"...mkv", b"a..mkv", b"nosuffix", b"a.yuv.mkv", b"CON.mkv", b"\xc3\x28.mkv",
    b"e\xcc\x81.mkv", b"\xc3\xa9.mkv", b"movie=x.mkv", b"subfile,,start,0,end,9,,:0.mkv",
]  # fmt: skip


def odd_names(count: int) -> list[bytes]:
    dice = random.Random(32)
    alphabet = [bytes([n]) for n in range(1, 256) if n != ord("/")]
    names = list(dict.fromkeys(FIXED))
    while len(names) < count:
        name = b"".join(dice.choices(alphabet, k=dice.randint(1, 60)))
        if name not in (*names, b".", b".."):
            names.append(name)
    return names[:count]


def colour(path: Path) -> tuple[int, int, int]:
    with av.open(os.fsencode(path).decode("utf-8", "surrogateescape")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    red, green, blue = (round(float(frame[:, :, channel].mean())) for channel in range(3))
    return red, green, blue


@pytest.mark.slow
def test_r32_every_name_opens_its_own_file(tmp_path: Path, new_cache: Path, rounds: Rounds) -> None:
    names = odd_names(rounds(60, 200))
    folder = tmp_path / "in"
    folder.mkdir()
    cubes = [(r, g, b) for r in range(20, 240, 36) for g in range(20, 240, 36)
             for b in range(20, 240, 36)]  # fmt: skip
    wanted: dict[Path, tuple[int, int, int]] = {}
    made = tmp_path / "made.mkv"
    for name, (r, g, b) in zip(names, cubes, strict=False):
        with av.open(str(made), "w", format="matroska") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv444p"
            frame = av.VideoFrame(32, 32, "rgb24")
            for plane in frame.planes:
                plane.update(bytes((r, g, b)) * 32 * 32)
            for number in range(2):
                picture = frame.reformat(format="yuv444p")
                picture.pts = number
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        shutil.copyfile(made, path)
        wanted[path] = colour(path)
    assert len(set(wanted.values())) == len(names)
    refused = 0
    accepted: list[Path] = []
    for path in wanted:
        try:
            api.plan_corpus([path], crf=["0"])
            accepted.append(path)
        except errors.VmafkitError as error:
            assert len(error.sentence().splitlines()) == 1
            refused += 1
    plan = api.plan_corpus(accepted, preset=["ultrafast"], crf=["0"])
    result = api.corpus(plan, tmp_path / "c.jsonl", keep_encodes=True)
    assert result.failed == 0
    rows = read_corpus(tmp_path / "c.jsonl")
    assert len(rows) == len(accepted)
    wrong = 0
    for row in rows:
        ours, theirs = colour(Path(row.encode_path or "")), wanted[Path(row.src)]
        wrong += max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) > 6
    print(f"R32: {len(names)} names, {len(accepted)} accepted, {refused} refused, {wrong} wrong")
    assert wrong == 0
    assert len(accepted) >= len(names) * 195 / 200
    note("R32", len(names), hits=len(accepted))
    for line in (tmp_path / "c.jsonl").read_bytes().splitlines():
        json.loads(line.decode("utf-8"))


@settings(max_examples=500, deadline=None)
@given(st.binary(min_size=1, max_size=100).filter(lambda name: not {0, 47} & set(name)))
def test_r33_a_path_is_one_word_behind_its_protocol(name: bytes) -> None:
    path = Path("/in") / os.fsdecode(name)
    words = input_words(path)
    assert words[-2:] == ("-i", f"file:{path}")
    assert [word for word in words[:-1] if os.fsdecode(name) in word and len(name) > 8] == []
    assert output_word(path) == f"file:{path}"
    assert Path(output_word(path).removeprefix("file:")) == path


def test_r33_no_path_enters_a_filter_graph(
    tmp_path: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vmafkit import proc

    seen: list[list[str]] = []
    real = proc._start
    monkeypatch.setattr(
        proc, "_start", lambda argv, *more: seen.append(list(argv)) or real(argv, *more)
    )
    odd = tmp_path / "x'y:z,[w];%{e}.mkv"
    real_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-c:v", "ffv1", odd)
    plan = api.plan_corpus([odd], preset=["ultrafast"], crf=["30"], display=(128, 128))
    assert api.corpus(plan, tmp_path / "c.jsonl", keep_encodes=True).measured == 1
    graphs = [argv[i + 1] for argv in seen for i, word in enumerate(argv)
              if word in ("-filter_complex", "-lavfi", "-vf", "-af")]  # fmt: skip
    assert graphs
    for graph in graphs:
        assert "x'y" not in graph and str(tmp_path) not in graph


# -- R34 -------------------------------------------------------------------------------------------

BANNED = [
    "i",
    "f",
    "filter_script",
    "filter_complex",
    "attach",
    "init_hw_device",
    "protocol_whitelist",
    "vf",
    "af",
    "map",
    "y",
    "n",
    "report",
    "dump_attachment",
    "metadata",
    "c",
    "codec",
    "sn",
    "passlogfile",
    "stats",
    "vstats_file",
    "sdp_file",
    "progress",
    "hwaccel",
    "lavfi",
    "x265-stats",
    "tune_file",
    "qsv_device",
    "enc_time_base",
    "bsf",
]
GOOD = ["bf", "g", "refs", "tune", "profile", "x264-params", "aq-mode", "sc_threshold", "me_range"]


def odd_text(dice: random.Random, longest: int) -> str:
    letters = "abcxyz0189=:-_.,;'\"\\/[]% \n\u202e\x00ü"
    return "".join(dice.choices(letters, k=dice.randint(0, longest)))


def odd_pair(dice: random.Random) -> str:
    banned = dice.choice(BANNED)
    key = dice.choice([
        banned, banned.upper(), f"-{banned}", f"{banned}:v", f"bf:v 3 -{banned}", f"no{banned}",
        dice.choice(GOOD), dice.choice(GOOD), dice.choice(GOOD), odd_text(dice, 12),
    ])  # fmt: skip
    value = dice.choice([
        str(dice.randint(0, 99)), str(dice.randint(0, 9)), odd_text(dice, 20), f"1 -{banned} /x",
        "stats=/tmp/x", "qpfile=/tmp/x:bframes=2", "keyint=5:log=x", "keyint=5", "-i", "/etc/x",
    ])  # fmt: skip
    return dice.choice([f"{key}={value}"] * 9 + [odd_text(dice, 30)])


def escapes(pairs: list[str]) -> str:
    """What in the command line did not come from a value place; empty for nothing."""
    try:
        extra = encoder_options(pairs)
    except errors.UsageError:
        return ""
    plain = encoders.get("libx264").argv(EncodeSettings("fast", 23, "yuv420p", (), 1))
    words = encoders.get("libx264").argv(EncodeSettings("fast", 23, "yuv420p", extra, 1))
    if words[: len(plain)] != plain:
        return f"our own words changed: {words}"
    rest = words[len(plain) :]
    if len(rest) % 2:
        return f"words do not pair: {rest}"
    given_values = [pair.partition("=")[2] for pair in pairs]
    for key, value in zip(rest[::2], rest[1::2], strict=True):
        bare = re.fullmatch(r"-([a-zA-Z][a-zA-Z0-9_.-]*?)(:v)?", key)
        if bare is None or bare[1].lower() in BANNED:
            return f"{key!r} came through"
        joined = "params" in key or "opts" in key
        if value not in given_values and not joined:
            return f"{value!r} is not as it was given"
        if "params" in key and re.search(r"(stats|qpfile|log)[^:]*=", value):
            return f"{value!r} names a file"
    return ""


def test_r34_options_stay_values() -> None:
    dice = random.Random(34)
    taken = 0
    for _ in range(5000):
        pairs = [odd_pair(dice) for _ in range(dice.randint(1, 3))]
        assert escapes(pairs) == "", pairs
        try:
            encoder_options(pairs)
            taken += 1
        except errors.UsageError:
            continue
    print(f"R34: 5000 option lists, {taken} taken")
    assert 200 < taken < 4000
    note("R34", 5000, hits=5000 - taken)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=3))
def test_r34_any_text_stays_a_value(pairs: list[str]) -> None:
    assert escapes(pairs) == ""


def test_r34_some_options_were_taken_and_the_banned_were_not() -> None:
    assert encoder_options(["bf=4", "x264-params=keyint=5"])
    for word in BANNED:
        with pytest.raises(errors.UsageError):
            encoder_options([f"{word}=1"])


def test_r51_without_the_list_a_banned_word_comes_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vmafkit.encoders import options

    pairs = ["filter_script=x"]
    assert escapes(pairs) == ""
    monkeypatch.setattr(options, "_check", lambda *_: None)
    assert "came through" in escapes(pairs)
