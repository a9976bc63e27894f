"""Encodes of shots become one stream: every picture, every time, nothing coded again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

import tuning_kit as kit
from vmafkit import encoders
from vmafkit.encoders import EncodeSettings, encoder_options
from vmafkit.errors import FrameCount, ResultInvalid, UsageError, VmafkitError
from vmafkit.execute.join import join
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.probe import open_source
from vmafkit.media.shots import Shot, frame_times_s
from vmafkit.store.trials import TrialStore

SHOTS = (Shot(0, 11), Shot(11, 13), Shot(13, 30))
ENCODERS = {
    "libx264": ("medium", (20.0, 35.5, 28.0), ("x264-params=stitchable=1",)),
    "libx265": ("ultrafast", (20.0, 38.0, 30.0), ()),
    "libsvtav1": ("12", (25.0, 55.0, 40.25), ()),
    "libvpx-vp9": ("5", (25.0, 55.0, 40.0), ()),
    "libaom-av1": ("8", (25.0, 55.0, 40.0), ()),
    "libvvenc": ("faster", (25.0, 45.0, 32.0), ()),
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with TrialStore(tmp_path / "cache") as store:
        yield Bench(program=find_ffmpeg(None), version="", store=store)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    graph = "testsrc2=s=128x72:r=30000/1001"
    kit.ffmpeg("-f", "lavfi", "-i", graph, "-frames:v", "30", "-c:v", "ffv1", path)
    return path


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("uneven") / "film.mkv"
    graph = "testsrc2=s=128x72:r=25,setpts='if(lt(N,12),N/25,N/10-0.72)/TB'"
    kit.ffmpeg(
        "-f", "lavfi", "-i", graph, "-frames:v", "30", "-fps_mode", "passthrough",
        "-c:v", "ffv1", path,
    )  # fmt: skip
    return path


def segments(film: Path, folder: Path, name: str) -> list[Path]:
    encoder = encoders.get(name)
    preset, values, extra = ENCODERS[name]
    made: list[Path] = []
    for number, (shot, value) in enumerate(zip(SHOTS, values, strict=True)):
        words = encoder.argv(
            EncodeSettings(preset, value, "yuv420p", encoder_options(extra), threads=1)
        )
        path = folder / f"part{number}.{encoder.container}"
        chain = f"trim=start_frame={shot.start_frame}:end_frame={shot.end_frame}"
        kit.ffmpeg(
            "-i", film, "-vf", f"{chain},setpts=PTS-STARTPTS", "-fps_mode", "passthrough",
            *words, path,
        )  # fmt: skip
        made.append(path)
    return made


def times_ms(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        return sorted(float(p.pts * p.time_base) * 1000 for p in packets if p.pts is not None)


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", list(ENCODERS))
def test_every_picture_is_kept_at_its_time(
    film: Path, tmp_path: Path, bench: Bench, name: str
) -> None:
    parts = segments(film, tmp_path, name)
    output = tmp_path / f"joined.{encoders.get(name).container}"
    joined = join(bench, parts, SHOTS, frame_times_s(open_source(film)), output)
    assert joined.source.frame_count == 30 and not joined.source.is_vfr
    apart = [picture for part in parts for picture in pictures(part)]
    assert pictures(output) == apart
    for ours, theirs in zip(times_ms(output), times_ms(film), strict=True):
        assert ours == pytest.approx(theirs, abs=2.0)
    bits = sum(open_source(part).video_bits for part in parts)
    banners = 2 * 8 * 800 if name == "libx264" else 0
    assert bits - banners <= joined.source.video_bits <= bits
    assert joined.source.video_bits < bits or name != "libx264"


def test_a_variable_frame_rate_keeps_its_times(uneven: Path, tmp_path: Path, bench: Bench) -> None:
    source = open_source(uneven)
    assert source.is_vfr
    output = tmp_path / "joined.mkv"
    join(bench, segments(uneven, tmp_path, "libx264"), SHOTS, frame_times_s(source), output)
    for ours, theirs in zip(times_ms(output), times_ms(uneven), strict=True):
        assert ours == pytest.approx(theirs, abs=2.0)


def test_what_is_not_the_shots_is_refused(film: Path, tmp_path: Path, bench: Bench) -> None:
    parts = segments(film, tmp_path, "libx264")
    times = frame_times_s(open_source(film))
    with pytest.raises(UsageError, match="3 segments do not make 2 shots"):
        join(bench, parts, SHOTS[:2], times, tmp_path / "a.mkv")
    with pytest.raises(FrameCount):
        join(bench, [parts[0], parts[0], parts[2]], SHOTS, times, tmp_path / "b.mkv")
    late = [time * (1.01 if number > 20 else 1.0) for number, time in enumerate(times)]
    with pytest.raises(ResultInvalid, match="off its time"):
        join(bench, parts, SHOTS, late, tmp_path / "c.mkv")
    # A part that does not fit behind the first one: another picture size.
    other = kit.moving(tmp_path / "other.mkv", frames=2, size="160x96")
    with pytest.raises(VmafkitError):
        join(bench, [parts[0], other, parts[2]], SHOTS, times, tmp_path / "d.mkv")


def test_a_break_inside_the_stream_is_seen(film: Path, tmp_path: Path, bench: Bench) -> None:
    parts = segments(film, tmp_path, "libx264")
    # Without `stitchable` the parameters follow the quality, so the joined stream breaks.
    broken = tmp_path / "broken"
    broken.mkdir()
    name, (preset, values, _) = "libx264", ENCODERS["libx264"]
    words = encoders.get(name).argv(EncodeSettings(preset, values[1] + 8, "yuv420p", threads=1))
    kit.ffmpeg("-i", parts[1], *words, "-fps_mode", "passthrough", broken / "part1.mkv")
    shutil.copy(broken / "part1.mkv", parts[1])
    with pytest.raises(VmafkitError):
        join(bench, parts, SHOTS, frame_times_s(open_source(film)), tmp_path / "joined.mkv")
