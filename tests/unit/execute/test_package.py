"""Packages of real encodes: cut alike, played back, and described as they are."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import av
import imageio_ffmpeg
import pytest

import tuning_kit as kit
from vmafkit import encoders
from vmafkit.encoders.base import EncodeSettings
from vmafkit.encoders.gop import fixed_gop, with_gop
from vmafkit.errors import OutputError, ResultInvalid
from vmafkit.execute import package as package_module
from vmafkit.execute.package import KINDS, Parcel, RungFile, make_packages, new_folder
from vmafkit.execute.sound import left_out
from vmafkit.execute.trial import Bench
from vmafkit.media.probe import open_source
from vmafkit.store.trials import TrialStore

FRAMES, GOP = 30, 12
SIZES = ((192, 108), (96, 54))
FASTEST = {"libx264": 30.0, "libx265": 34.0, "libsvtav1": 50.0, "libvpx-vp9": 50.0}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with hard cuts off the segments' grid, and sound that is not AAC."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    graph = (
        "color=red:s=192x108:r=25:d=0.36,format=yuv420p[a];"
        "testsrc2=s=192x108:r=25:d=0.84,format=yuv420p[b];[a][b]concat=n=2:v=1[v]"
    )
    kit.ffmpeg(
        "-filter_complex", graph, "-f", "lavfi", "-i", "sine=d=1.2", "-map", "[v]", "-map", "0:a",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "6", "-c:a", "libopus", path,
    )  # fmt: skip
    return path


def _rungs(film: Path, folder: Path, name: str, *, gop: tuple[int, ...] = (GOP, GOP)) -> Parcel:
    encoder = encoders.get(name)
    files: list[RungFile] = []
    for (width, height), frames in zip(SIZES, gop, strict=True):
        settings = EncodeSettings(encoder.presets[0], FASTEST[name], "yuv420p", threads=1)
        words = with_gop(encoder.argv(settings), encoder, frames)
        path = folder / f"{height}.mp4"
        kit.ffmpeg("-i", film, "-an", "-vf", f"scale={width}:{height}", *words, path)
        files.append(RungFile(path, width, height))
    return Parcel(tuple(files), open_source(film), encoder.codec, GOP)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    program = Path(imageio_ffmpeg.get_ffmpeg_exe())
    return Bench(program=program, version="test", store=TrialStore(tmp_path / "store"))


def _played(manifest: Path, number: int) -> int:
    """Frames that a plain ffmpeg shows of a variant."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(manifest),
         "-map", f"0:v:{number}", "-fps_mode", "passthrough", "-f", "framecrc", "-"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return len([line for line in done.stdout.splitlines() if not line.startswith("#")])


def _keys(folder: Path, init: str, pattern: str) -> list[float]:
    joined = folder / "joined.mp4"
    parts = [folder / init, *sorted(folder.glob(pattern))]
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(joined)) as container:
        stream = container.streams.video[0]
        found = [
            float(p.pts * p.time_base)
            for p in container.demux(stream)
            if p.is_keyframe and p.pts is not None and p.time_base is not None
        ]
    joined.unlink()
    return found


WORDS = {
    "libx264": r"avc1\.[0-9a-f]{6}",
    "libx265": r"hvc1\.1\.6\.L\d+(\.[0-9A-F]{1,2}){1,6}",
    "libsvtav1": r"av01\.0\.\d\d[MH]\.08",
    "libvpx-vp9": r"vp09\.00\.\d\d\.08",
}


@pytest.mark.parametrize("name", list(WORDS))
def test_a_package_plays_and_says_what_it_is(
    name: str, film: Path, bench: Bench, tmp_path: Path
) -> None:
    parcel = _rungs(film, tmp_path, name)
    with new_folder(tmp_path / "out") as folder:
        made = make_packages(bench, parcel, folder, KINDS)
    out = tmp_path / "out"
    hls, dash = ([each.codecs for each in made[kind]] for kind in KINDS)
    assert hls == dash
    # The level may differ from rung to rung.
    assert all(re.fullmatch(WORDS[name], each) for each in hls)

    for manifest in (out / "hls/master.m3u8", out / "dash/manifest.mpd"):
        assert [_played(manifest, number) for number in range(2)] == [FRAMES] * 2
    wanted = pytest.approx([0.0, GOP / 25, 2 * GOP / 25], abs=1e-4)
    for number in range(2):
        keys = _keys(out / f"hls/v{number}", f"init_{number}.mp4", "segment_*.m4s")
        assert [key - keys[0] for key in keys] == wanted
        keys = _keys(out / "dash", f"init-{number}.m4s", f"segment-{number}-*.m4s")
        assert [key - keys[0] for key in keys] == wanted

    master = (out / "hls/master.m3u8").read_text()
    assert f'CODECS="{hls[0]},mp4a.40.2",RESOLUTION=192x108' in master
    assert master.count("FRAME-RATE=25.000") == 2 and 'URI="audio/index.m3u8"' in master
    peaks = [_peak(out / f"hls/v{n}") + _peak(out / "hls/audio") for n in range(2)]
    stated = [int(value) for value in re.findall(r":BANDWIDTH=(\d+)", master)]
    assert stated == pytest.approx(peaks, abs=2)

    root = ElementTree.parse(out / "dash/manifest.mpd").getroot()
    named = [each.get("codecs") for each in root.iter() if each.tag.endswith("Representation")]
    assert named == [made["dash"][0].codecs, made["dash"][1].codecs, "mp4a.40.2"]
    assert root.get("mediaPresentationDuration") == "PT1.200S"


def _heard(manifest: Path, number: int) -> int:
    """Bytes of samples that a plain ffmpeg plays of a sound track."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(manifest),
         "-map", f"0:a:{number}", "-ar", "48000", "-f", "s16le", "-"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == b""
    return len(done.stdout)


def test_every_sound_track_is_carried_and_the_rest_is_named(
    film: Path, bench: Bench, tmp_path: Path
) -> None:
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    rich = tmp_path / "rich.mkv"
    kit.ffmpeg(
        "-i", film, "-f", "lavfi", "-i", "sine=f=300:d=1.2", "-i", subtitles,
        "-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "2", "-c", "copy",
        "-c:a:0", "copy", "-c:a:1", "aac", "-ac:a:1", "2", "-metadata:s:a:0", "language=eng",
        "-metadata:s:a:1", 'language=fr"a', rich,
    )  # fmt: skip
    parcel = _rungs(rich, tmp_path, "libx264")
    assert left_out(parcel.source) == ("stream 3 (subtitle subrip) is not in the packages",)
    with new_folder(tmp_path / "out") as folder:
        make_packages(bench, parcel, folder, KINDS)
    for manifest in ("hls/master.m3u8", "dash/manifest.mpd"):
        # 16-bit samples of one channel, and of two.
        seconds = [_heard(tmp_path / "out" / manifest, n) / 2 / 48000 / (n + 1) for n in range(2)]
        assert seconds == [pytest.approx(1.2, abs=0.05)] * 2
    master = (tmp_path / "out/hls/master.m3u8").read_text()
    assert 'NAME="audio",LANGUAGE="eng",DEFAULT=YES' in master
    assert 'NAME="audio2",DEFAULT=NO' in master, "a language that is none is left out"
    root = ElementTree.parse(tmp_path / "out/dash/manifest.mpd").getroot()
    sets = [each for each in root.iter() if each.tag.endswith("AdaptationSet")]
    assert [each.get("contentType") for each in sets] == ["video", "audio", "audio"]
    assert [each.get("lang") for each in sets] == [None, "eng", None]


def _peak(folder: Path) -> float:
    """The highest bitrate of a run of 0.5 to 1.5 target durations, from the playlist alone."""
    text = (folder / "index.m3u8").read_text()
    (target,) = (int(each) for each in re.findall(r"#EXT-X-TARGETDURATION:(\d+)", text))
    found = re.findall(r"#EXTINF:([\d.]+),\n(\S+)", text)
    lengths = [float(length) for length, _ in found]
    bits = [(folder / name).stat().st_size * 8 for _, name in found]
    runs = [slice(a, b) for a, b in itertools.combinations(range(len(found) + 1), 2)]
    near = [run for run in runs if 0.5 <= sum(lengths[run]) / (target or 1) <= 1.5]
    return max(sum(bits[run]) / sum(lengths[run]) for run in near)


@pytest.mark.parametrize(
    ("bits", "lengths", "peak"),
    [
        # A short tail counts only with what is before it.
        ([4000, 8000, 4000, 900], [4.0, 4.0, 4.0, 0.1], 2000.0),
        ([4000, 4000, 8000, 3800], [4.0, 4.0, 4.0, 0.1], 11800 / 4.1),
        # One of half a target counts alone.
        ([4000, 4000, 5000], [4.0, 4.0, 2.5], 2000.0),
        # Many short ones are taken together.
        ([100, 900, 100, 100, 100], [0.2] * 5, 1100 / 0.6),
        # Nothing is long enough.
        ([300], [0.3], 1000.0),
        ([300, 0], [0.3, 0.0], 1000.0),
        # 2.6 s are stated as 3.
        ([2600, 5600], [2.6, 1.4], 2050.0),
    ],
)
def test_the_peak_is_of_runs_about_as_long_as_the_target(
    bits: list[float], lengths: list[float], peak: float
) -> None:
    assert package_module.peak_bps(bits, lengths) == pytest.approx(peak)


def test_rungs_that_are_cut_differently_are_refused_and_nothing_is_left(
    film: Path, bench: Bench, tmp_path: Path
) -> None:
    parcel = _rungs(film, tmp_path, "libx264", gop=(GOP, GOP - 2))
    before = sorted(each.name for each in tmp_path.iterdir())
    refused = pytest.raises(ResultInvalid, match="key frames of variant 1")
    with refused, new_folder(tmp_path / "out") as folder:
        make_packages(bench, parcel, folder, ["hls"])
    assert sorted(each.name for each in tmp_path.iterdir()) == before


def test_a_segment_that_went_missing_is_noticed(
    film: Path, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = _rungs(film, tmp_path, "libx264")
    run = package_module.run_ffmpeg

    def lossy(*args: object, **kwargs: object) -> object:
        done = run(*args, **kwargs)  # pyright: ignore
        for path in Path(str(kwargs["cwd"])).glob("v1/segment_00001.m4s"):
            path.write_bytes(b"")
        return done

    monkeypatch.setattr(package_module, "run_ffmpeg", lossy)
    refused = pytest.raises(ResultInvalid, match=f"variant 1 holds {FRAMES - GOP} frames")
    with refused, new_folder(tmp_path / "out") as folder:
        make_packages(bench, parcel, folder, ["hls"])
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    with new_folder(used) as folder:
        (folder / "file").write_text("made")
    assert [each.name for each in used.iterdir()] == ["file"]
    with pytest.raises(OutputError, match="is not empty"), new_folder(used):
        raise AssertionError("the folder must not be opened")
    with pytest.raises(OutputError, match="does not exist"), new_folder(tmp_path / "no" / "out"):
        raise AssertionError("the folder must not be opened")
    (tmp_path / "plain").write_text("")
    with pytest.raises(OutputError, match="a file has its name"), new_folder(tmp_path / "plain"):
        raise AssertionError("the folder must not be opened")


def test_encoders_whose_groups_cannot_be_packaged_are_known() -> None:
    for name in ("libkvazaar", "libvvenc"):
        assert fixed_gop(encoders.get(name), 50) is None
    words = with_gop(("-c:v", "libx265", "-x265-params", "keyint=7"), encoders.get("x265"), 50)
    assert words[3].endswith("keyint=50:min-keyint=50:scenecut=0:open-gop=0")
