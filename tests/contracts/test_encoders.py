"""Every encoder of the table keeps the contract; the software ones do so on the real ffmpeg."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from vmafkit import encoders
from vmafkit.encoders import Encoder, EncodeSettings, Zone
from vmafkit.errors import UsageError

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")

ALL = encoders.names()
SOFTWARE = [name for name in ALL if encoders.get(name).hardware is None]
ZONED = [name for name in SOFTWARE if encoders.get(name).zones is not None]
TELLS_VERSION = {"libx264", "libx265", "libsvtav1", "libaom-av1", "libvpx-vp9", "libvvenc"}
FRAMES = 10


def setting(encoder: Encoder, quality: float | None = None, preset: str | None = None):
    return EncodeSettings(
        preset=preset or encoder.presets[0],
        quality=encoder.quality.default if quality is None else quality,
        pix_fmt=encoder.check_pix_fmt("yuv420p"),
    )


def run(*words: str) -> subprocess.CompletedProcess[str]:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    return subprocess.run(
        [program, "-hide_banner", "-nostdin", "-y", "-v", "info", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def ffmpeg(*words: str, frames: int = FRAMES) -> subprocess.CompletedProcess[str]:
    """Encodes a test picture of 128x64 pixels."""
    return run("-f", "lavfi", "-i", "testsrc2=s=128x64:r=25", "-frames:v", str(frames), *words)


def packets(argv: tuple[str, ...], *, frames: int = FRAMES) -> list[int]:
    """Sizes of the video packets in bytes."""
    done = ffmpeg(*argv, "-f", "framecrc", "-", frames=frames)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return [int(line.split(",")[4]) for line in lines]


@cache
def available() -> str:
    return run("-encoders").stdout


def middle(encoder: Encoder, share: float) -> float:
    knob = encoder.quality
    steps = round((knob.lo + (knob.hi - knob.lo) * share) / knob.step)
    return steps * knob.step


@pytest.mark.parametrize("name", ALL)
def test_data_is_whole(name: str):
    e = encoders.get(name)
    knob = e.quality
    assert e.name == name and e.codec in {"h264", "hevc", "av1", "vp9", "vvc"}
    assert knob.lo < knob.default < knob.hi and knob.step > 0
    assert knob.check(knob.lo) == knob.lo and knob.check(knob.hi) == knob.hi
    assert knob.check(knob.default) == knob.default
    assert len(set(e.presets)) == len(e.presets) > 1 and e.default_preset in e.presets
    assert e.pix_fmts and len(set(e.pix_fmts)) == len(e.pix_fmts)
    assert e.install_hint and e.container in {"mkv", "mp4"}
    assert name in available() or e.hardware == "apple"


@pytest.mark.parametrize("name", ALL)
def test_args_are_pairs_of_words_and_carry_every_part(name: str):
    e = encoders.get(name)
    full = replace(setting(e), extra=encoders.encoder_options(["bf=2"]), threads=3, keyint=48)
    for words in (e.args(setting(e)), e.args(full), e.argv(full)):
        assert isinstance(words, tuple) and all(isinstance(w, str) and w for w in words)
        assert len(words) % 2 == 0
        assert all(option.startswith("-") for option in words[::2])
        assert len(set(words[::2])) == len(words[::2])
    assert e.args(full)[:2] == ("-c:v", name)
    assert e.args(full)[-2:] == ("-bf:v", "2")
    assert e.args(full) == e.args(full)
    assert "48" in " ".join(e.args(full))


@pytest.mark.parametrize("name", ALL)
def test_every_preset_and_every_end_of_the_range_makes_other_words(name: str):
    e = encoders.get(name)
    assert len({e.args(setting(e, preset=p)) for p in e.presets}) == len(e.presets)
    knob = e.quality
    assert len({e.args(setting(e, q)) for q in (knob.lo, knob.default, knob.hi)}) == 3


@pytest.mark.parametrize("name", ALL)
def test_refusals_name_the_way_out(name: str):
    e = encoders.get(name)
    knob = e.quality
    bad = (knob.lo - 1, knob.hi + 1, knob.lo + knob.step / 2, float("nan"), float("inf"))
    for value in bad:
        with pytest.raises(UsageError) as caught:
            e.check_quality(value)
        assert name in caught.value.sentence() and knob.knob in caught.value.sentence()
        assert f"{knob.hi:g}" in caught.value.hint
        with pytest.raises(UsageError):
            e.args(setting(e, value))
    with pytest.raises(UsageError) as caught:
        e.check_preset("no-such-preset")
    assert all(preset in caught.value.hint for preset in e.presets)
    with pytest.raises(UsageError) as caught:
        e.check_pix_fmt("rgba")
    assert e.pix_fmts[0] in caught.value.hint
    with pytest.raises(UsageError):
        e.argv(replace(setting(e), preset="no-such-preset"))
    for broken in (replace(setting(e), threads=-1), replace(setting(e), keyint=0)):
        with pytest.raises(UsageError):
            e.args(broken)
    with pytest.raises(UsageError):
        e.args(replace(setting(e), extra=("-i", "/etc/passwd")))


@pytest.mark.parametrize("name", ALL)
def test_aliases_find_it(name: str):
    for alias in (name, name.upper(), *encoders.get(name).aliases):
        assert encoders.get(alias).name == name


def test_no_alias_means_two_encoders():
    every = [word for name in ALL for word in (name, *encoders.get(name).aliases)]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("name", SOFTWARE)
def test_bits_follow_the_knob(name: str):
    e = encoders.get(name)
    good, poor = middle(e, 0.3), middle(e, 0.7)
    if e.quality.higher_is_better:
        good, poor = poor, good
    large = packets(e.argv(setting(e, good)))
    small = packets(e.argv(setting(e, poor)))
    assert len(large) == len(small) == FRAMES
    assert sum(large) > sum(small)


@pytest.mark.parametrize("name", SOFTWARE)
def test_the_log_tells_the_version(name: str, tmp_path: Path):
    e = encoders.get(name)
    # Into the container: libx264 says what it is only where headers are asked for.
    done = ffmpeg(*e.argv(setting(e)), str(tmp_path / f"out.{e.container}"))
    assert done.returncode == 0, done.stderr[-2000:]
    version = e.version_from_log(done.stderr)
    assert (version is not None) == (name in TELLS_VERSION)
    assert version is None or re.search(r"\d", version)
    assert e.version_from_log("nothing here") is None


@pytest.mark.parametrize("name", SOFTWARE)
def test_one_step_of_the_knob_is_acted_on(name: str):
    e = encoders.get(name)
    here = middle(e, 0.5)
    a = packets(e.argv(setting(e, here)))
    # x264 and x265 act on every step, but ten frames of a test picture do not always show it.
    b = packets(e.argv(setting(e, here + e.quality.step * (5 if e.quality.step < 0.2 else 1))))
    assert a != b


@pytest.mark.parametrize("name", SOFTWARE)
def test_threads_and_keyint_are_accepted(name: str):
    e = encoders.get(name)
    words = e.argv(replace(setting(e), threads=1, keyint=16))
    done = ffmpeg(*words, "-f", "null", "-", frames=34)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not re.search(
        r"invalid option|unknown option|unrecognized|has not been used", done.stderr, re.I
    )


@pytest.mark.parametrize("name", SOFTWARE)
def test_the_file_holds_every_frame_from_time_zero(name: str, tmp_path: Path):
    e = encoders.get(name)
    out = str(tmp_path / f"out.{e.container}")
    assert ffmpeg(*e.argv(setting(e)), out, frames=34).returncode == 0
    done = run("-i", out, "-fps_mode", "passthrough", "-f", "framecrc", "-")
    lines = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert len(lines) == 34 and int(lines[0][2]) == 0, done.stdout[:400]


def key_frames(argv: tuple[str, ...]) -> int:
    # framecrc writes flags only for packets that are no key frames.
    done = ffmpeg(*argv, "-f", "framecrc", "-", frames=34)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return sum(1 for line in lines if "F=0x0" not in line)


@pytest.mark.parametrize("name", SOFTWARE)
def test_keyint_bounds_the_distance_of_key_frames(name: str):
    e = encoders.get(name)
    assert key_frames(e.argv(replace(setting(e), keyint=16))) >= 3


@pytest.mark.parametrize("name", SOFTWARE)
def test_user_params_do_not_wipe_ours(name: str):
    e = encoders.get(name)
    option = {
        "libx264": "x264-params=aq-mode=0",
        "libx265": "x265-params=aq-mode=0",
        "libsvtav1": "svtav1-params=tune=1",
        "libaom-av1": "aom-params=deltaq-mode=0",
        "librav1e": "rav1e-params=tile_cols=1",
        "libvvenc": "vvenc-params=tiles=1x1",
        "libkvazaar": "kvazaar-params=sao=off",
    }.get(name, "lag-in-frames=5")
    extra = encoders.encoder_options([option])
    good = packets(e.argv(replace(setting(e, middle(e, 0.3)), extra=extra, threads=1)))
    poor = packets(e.argv(replace(setting(e, middle(e, 0.7)), extra=extra, threads=1)))
    assert sum(good) > sum(poor)


@pytest.mark.parametrize("name", SOFTWARE)
def test_every_listed_pixel_format_is_really_taken(name: str):
    help_text = run("-h", f"encoder={name}").stdout
    line = re.search(r"pixel formats: (.*)", help_text)
    assert line is not None
    assert set(encoders.get(name).pix_fmts) <= set(line[1].split())


@pytest.mark.parametrize("name", ZONED)
def test_zones_move_bits(name: str):
    e = encoders.get(name)
    few = Zone(first_frame=0, last_frame=FRAMES - 1, bitrate_factor=0.3)
    plain = packets(e.argv(setting(e)))
    zoned = packets(e.argv(setting(e), zones=[few]))
    assert sum(zoned) < sum(plain)


def test_zones_are_refused_where_there_are_none():
    e = encoders.get("libaom-av1")
    with pytest.raises(UsageError, match="no zones"):
        e.argv(setting(e), zones=[Zone(0, 1, 0.5)])


NEW_ENCODER = """
from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command
from vmafkit.encoders.parts import no_version

Q = Quality("qscale", 1, 31, 1, 5, higher_is_better=False)

def args(settings: EncodeSettings) -> tuple[str, ...]:
    return command("mpeg4", settings, ("-mbd", settings.preset, "-q:v", Q.word(settings.quality)))

ENCODER = Encoder("mpeg4", "mpeg4", Q, ("simple", "bits", "rd"), "rd", ("yuv420p",), args,
                  no_version, aliases=("mp4v",))
"""


def test_a_new_encoder_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_new_encoder.py").write_text(NEW_ENCODER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(encoders.TABLE, "mpeg4", "my_new_encoder:ENCODER")
    e = encoders.get("MP4V")
    assert e.name == "mpeg4" and "mpeg4" in encoders.names()
    sizes = [sum(packets(e.argv(setting(e, q)))) for q in (2, 20)]
    assert sizes[0] > sizes[1]
