"""`tune-per-shot` on real clips: what it keeps was measured as one file and is never the dearer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.errors import OutputError, Refused, UsageError
from vmafkit.execute import title
from vmafkit.media.probe import open_source
from vmafkit.schema.per_shot import PerShotResult
from vmafkit.schema.scenes import read_scenes, scenes_of

FAST: dict[str, Any] = {"encoder": "x264", "preset": "ultrafast", "probes": 3}
CUTS = [(0, 12), (12, 22), (22, 36)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    kinds = ("testsrc2", "rgbtestsrc", "mandelbrot")
    parts = ";".join(
        f"{kind}=s=160x90:r=25,trim=end_frame={b - a},format=yuv420p,setsar=1[v{i}]"
        for i, (kind, (a, b)) in enumerate(zip(kinds, CUTS, strict=True))
    )
    text = folder / "text.srt"
    text.write_text(kit.SUBTITLES, "utf-8")
    kit.ffmpeg(
        "-filter_complex", f"{parts};[v0][v1][v2]concat=n=3[v]", "-i", text,
        "-f", "lavfi", "-i", "sine=d=1.44", "-map", "[v]", "-map", "1:a", "-map", "0:s",
        "-c:v", "ffv1", "-c:a", "aac", "-c:s", "srt", "-metadata:s:a:0", "language=deu",
        folder / "film.mkv",
    )  # fmt: skip
    kit.hdr10(folder / "hdr.mkv")
    return folder


@pytest.fixture(autouse=True)
def _use_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    # One store for the module: what one test measured, the next one knows.
    base = tmp_path_factory.getbasetemp() / "per-shot-store"
    base.mkdir(exist_ok=True)
    monkeypatch.setenv("VMAFKIT_CACHE", str(base))


def tuned(source: Path, **words: Any) -> PerShotResult:
    return api.tune_per_shot(source, **{**FAST, "min_shot_s": 0.2, **words})


def test_the_file_that_is_kept_is_whole_and_meets_the_target(clips: Path, tmp_path: Path) -> None:
    output, plan = tmp_path / "out.mkv", tmp_path / "plan.json"
    scenes, keys = tmp_path / "scenes.json", tmp_path / "keys.txt"
    found = tuned(
        clips / "film.mkv", target_vmaf=90.0, output=output, plan_out=plan, scenes=scenes,
        qpfile_out=keys, segment_dir=tmp_path / "segments",
    )  # fmt: skip
    assert [(shot.start_frame, shot.end_frame) for shot in found.shots] == CUTS
    assert read_scenes(scenes.read_bytes(), "x").bounds() == CUTS
    assert keys.read_text("utf-8").splitlines() == ["0 I -1", "12 I -1", "22 I -1"]
    assert found.met and found.per_shot is not None and found.single is not None
    assert found.per_shot.mean >= 90.0 and found.single.mean >= 90.0
    cheaper = found.per_shot.video_bytes < found.single.video_bytes
    assert found.kept == ("per-shot" if cheaper else "single")
    assert json.loads(plan.read_text("utf-8")) == found.record()

    source, made = open_source(clips / "film.mkv"), open_source(output)
    assert made.frame_count == source.frame_count == 36 and not made.is_vfr
    least = min(found.per_shot.video_bytes, found.single.video_bytes)
    assert made.video_bits // 8 == least
    measured = api.score(clips / "film.mkv", output).pooled("vmaf_v0.6.1")
    titles = {"per-shot": found.per_shot, "single": found.single}
    assert measured == pytest.approx(titles[found.kept or ""].mean, abs=1e-6)
    assert found.output is not None and found.output.carried == {"audio": 1, "subtitle": 1}
    assert "(deu)" in kit.ffmpeg("-i", output, "-f", "null", "-")
    kept = found.kept == "per-shot"
    segments = [shot.segment for shot in found.shots]
    assert segments[0] == 0 and set(segments) == set(range(segments[-1] + 1))
    copies = list((tmp_path / "segments").glob("shot*"))
    assert len(copies) == (len(set(segments)) if kept else 0)
    assert len(found.segment_commands) == len(set(segments))


@pytest.mark.parametrize(
    "words",
    [
        {"target_vmaf": 86.0, "mode": "constant-quality"},
        {"encoder": "svt-av1", "preset": "12", "target_vmaf": 85.0},
    ],
)
def test_the_commands_it_prints_make_the_title(
    clips: Path, tmp_path: Path, words: dict[str, Any]
) -> None:
    folder, plan = tmp_path / "segments of it", tmp_path / "plan.json"
    tuned(clips / "film.mkv", segment_dir=folder, plan_out=plan, **words)
    record = json.loads(plan.read_text("utf-8"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for command in (*record["segment_commands"], record["concat_command"]):
        done = subprocess.run(
            command, cwd=elsewhere, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-800:]
    assert list(elsewhere.iterdir()) == []
    made, source = open_source(folder / "title.mkv"), open_source(clips / "film.mkv")
    assert made.frame_count == source.frame_count == 36 and not made.is_vfr
    assert made.duration_s == pytest.approx(source.duration_s, abs=0.002)
    segments = len(record["segment_commands"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "segments.txt", *(f"shot{n + 1:05d}.mkv" for n in range(segments)), "title.mkv",
    ]  # fmt: skip


def test_no_command_that_it_prints_writes_over_the_source(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("title.mkv", "shot00001.mkv"):
        source = tmp_path / name
        shutil.copyfile(clips / "film.mkv", source)
        found = tuned(source, target_vmaf=90.0)
        assert found.concat_command == [], "there is no list to join from"
        outputs = [command[-1] for command in found.segment_commands]
        assert outputs and f"file:{source}" not in outputs
        with pytest.raises(UsageError, match=name):
            tuned(source, target_vmaf=90.0, segment_dir=tmp_path)


def test_a_second_run_measures_no_shot_again(clips: Path, tmp_path: Path) -> None:
    first = tuned(clips / "film.mkv", target_vmaf=90.0)
    again = tuned(clips / "film.mkv", target_vmaf=90.0)
    assert first.trials_measured + first.trials_known == again.trials_known
    assert again.trials_measured == 0
    assert [shot.crf for shot in first.shots] == [shot.crf for shot in again.shots]
    # A file is made all the same, from encodes that are made again.
    made = tuned(clips / "film.mkv", target_vmaf=90.0, output=tmp_path / "out.mp4")
    assert made.met and (tmp_path / "out.mp4").is_file()


def test_in_constant_quality_every_shot_reaches_the_target(clips: Path) -> None:
    found = tuned(clips / "film.mkv", target_vmaf=86.0, mode="constant-quality")
    assert found.met and found.per_shot is not None
    assert found.per_shot.worst_shot >= 86.0
    assert all(shot.score is not None and shot.score >= 86.0 for shot in found.shots)
    assert found.single is not None and found.single.worst_shot >= 86.0
    assert len({shot.crf for shot in found.shots}) > 1


def test_a_floor_for_the_worst_shot_is_kept(clips: Path) -> None:
    found = tuned(clips / "film.mkv", target_vmaf=88.0, worst=87.0)
    assert found.met and found.per_shot is not None and found.single is not None
    assert found.per_shot.mean >= 88.0 and found.per_shot.worst_shot >= 87.0


def test_another_encoder_joins_too(clips: Path, tmp_path: Path) -> None:
    words: dict[str, Any] = {"encoder": "svt-av1", "preset": "12", "target_vmaf": 85.0}
    found = tuned(clips / "film.mkv", **words, output=tmp_path / "out.mp4", scenes=None)
    assert found.met
    assert open_source(tmp_path / "out.mp4").codec == "av1"


def test_hdr_facts_are_kept(clips: Path, tmp_path: Path) -> None:
    scenes = tmp_path / "scenes.json"
    scenes.write_text(
        '{"frames": 8, "scenes": [{"start_frame": 0, "end_frame": 4},'
        '{"start_frame": 4, "end_frame": 8}]}'
    )
    output = tmp_path / "out.mkv"
    found = tuned(
        clips / "hdr.mkv", encoder="x265", target_vmaf=80.0, allow_hdr=True, scenes=scenes,
        output=output,
    )  # fmt: skip
    assert found.met and found.per_shot is not None
    result, original = open_source(output), open_source(clips / "hdr.mkv")
    assert result.hdr == original.hdr and result.hdr.mastering_display is not None
    assert result.color == original.color and result.bit_depth == 10


def test_one_shot_keeps_the_single_encode(clips: Path, tmp_path: Path) -> None:
    one = kit.moving(tmp_path / "one.mkv", frames=10)
    page = tmp_path / "report.html"
    found = tuned(one, target_vmaf=85.0, report=page)
    text = page.read_text("utf-8")
    assert re.search(r"Frame by frame, .*?vmaf_v0\.6\.1 of 10 frames", text, re.DOTALL)
    assert found.met and len(found.shots) == 1
    assert found.per_shot is not None and found.single is not None
    assert found.kept == "per-shot" or re.search("do not pay", found.reason)


def test_what_cannot_be_reached_is_said(clips: Path) -> None:
    found = tuned(clips / "film.mkv", target_vmaf=99.9, crf_min=30.0, crf_max=40.0)
    assert not found.met and found.kept is None and found.output is None
    assert "reach" in found.reason


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"mode": "best"}, "--mode"),
        ({"target": "vmaf:p5>=90"}, "--target"),
        ({"target": "psnr:min>=30"}, "--target"),
        ({"target": "90", "target_vmaf": 90.0}, "--target-vmaf"),
        ({"target": "90", "worst": 95.0}, "--worst"),
        ({"mode": "constant-quality", "worst": 80.0}, "--worst"),
        ({"crf_min": 40.0, "crf_max": 30.0}, "--crf-min"),
        ({"crf_min": 99.0}, "--crf-min"),
        ({"probes": 1}, "--probes"),
        ({"min_shot_s": 3.0, "max_shot_s": 4.0}, "shots of 3 s"),
    ],
)
def test_wrong_words_are_refused(clips: Path, words: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        tuned(clips / "film.mkv", **words)


def test_scenes_of_another_video_are_refused(clips: Path, tmp_path: Path) -> None:
    scenes = tmp_path / "scenes.json"
    scenes.write_text('{"frames": 8, "scenes": [{"start_frame": 0, "end_frame": 8}]}')
    with pytest.raises(UsageError, match="36"):
        tuned(clips / "film.mkv", scenes=scenes)


@pytest.mark.parametrize("flag", ["plan_out", "qpfile_out", "scenes"])
def test_no_file_is_written_over_the_source(clips: Path, tmp_path: Path, flag: str) -> None:
    one = kit.moving(tmp_path / "one.mkv", frames=5)
    before = kit.sha256(one)
    with pytest.raises(UsageError):
        tuned(one, dry_run=True, **{flag: one})
    assert kit.sha256(one) == before


def test_a_dry_run_encodes_nothing(clips: Path, tmp_path: Path) -> None:
    page = tmp_path / "dry.html"
    found = tuned(clips / "film.mkv", dry_run=True, report=page)
    assert "The source has 3 shots. Nothing was encoded." in page.read_text("utf-8")
    assert len(found.shots) == 3 and found.trials_measured == found.trials_known == 0
    assert found.kept is None and not found.met


def test_a_dry_run_refuses_what_the_real_run_would(clips: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.mkv"
    kit.ffmpeg("-i", clips / "film.mkv", "-frames:v", "3", "-pix_fmt", "bgr0", "-c:v", "ffv1", odd)
    for dry_run in (True, False):
        with pytest.raises(UsageError, match="pixel format 'bgr0'"):
            tuned(odd, dry_run=dry_run)
        with pytest.raises(Refused, match="too small for model vmaf_v1"):
            tuned(clips / "film.mkv", dry_run=dry_run, model="vmaf_v1")


def test_a_cut_that_does_not_pay_is_not_made(tmp_path: Path) -> None:
    """One still picture, divided by hand: every cut costs a key frame and buys nothing."""
    film, scenes = tmp_path / "film.mkv", tmp_path / "scenes.json"
    kit.ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25,trim=end_frame=1,loop=29:1", "-c:v", "ffv1",
        film,
    )  # fmt: skip
    scenes.write_text(scenes_of([(0, 10), (10, 20), (20, 30)]).text(), "utf-8")
    found = tuned(film, target_vmaf=85.0, scenes=scenes)
    assert [shot.segment for shot in found.shots] == [0, 0, 0]
    assert len(found.segment_commands) == 1
    assert found.per_shot is not None and found.single is not None
    assert found.per_shot.mean >= 85.0
    assert all(shot.video_bits is None and shot.score is not None for shot in found.shots)


def test_a_second_run_scores_no_title_again(
    clips: Path, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tuned(clips / "film.mkv", target_vmaf=90.0)

    def refuse(*_: object) -> None:
        raise AssertionError("the title was scored again")

    monkeypatch.setattr(title, "score_cell", refuse)
    monkeypatch.setattr(title, "join_title", refuse)
    again = tuned(clips / "film.mkv", target_vmaf=90.0)
    assert again.rounds == first.rounds and again.per_shot == first.per_shot
    assert again.shots == first.shots and again.kept == first.kept


def test_a_segment_folder_that_cannot_be_made_is_found_before_any_work(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr("vmafkit.api._tune_per_shot._tuned", refuse)
    with pytest.raises(OutputError) as caught:
        api.tune_per_shot(
            clips / "film.mkv", target_vmaf=80, segment_dir=tmp_path / "file" / "shots"
        )
    assert "--segment-dir" in (caught.value.hint or "")
    assert (tmp_path / "file").read_text() == "mine"
