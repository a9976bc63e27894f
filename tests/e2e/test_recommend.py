"""`recommend` on real clips: what it finds is measured, and the file it writes is whole."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

import tuning_kit as kit
from vmafkit import api
from vmafkit.api._from_corpus import _encoder_words  # pyright: ignore[reportPrivateUsage]
from vmafkit.errors import (
    Cancelled,
    CapabilityMissing,
    OutputError,
    Refused,
    ToolMissing,
    Unreadable,
    UsageError,
)
from vmafkit.execute import final as final_module
from vmafkit.fsio import whole
from vmafkit.media.probe import open_source
from vmafkit.schema.recommendation import Recommendation

pytestmark = pytest.mark.usefixtures("use_cache")
FAST: dict[str, Any] = {"encoder": "x264", "preset": "ultrafast"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    kit.moving(folder / "short.mkv")
    kit.film(folder / "film.mkv")
    kit.film(folder / "film.mp4")
    kit.scenes(folder / "scenes.mkv")
    kit.hdr10(folder / "hdr.mkv")
    return folder


def found(source: Path, *target: str, **words: Any) -> Recommendation:
    return api.recommend(source, target=target, **{**FAST, **words})


def test_the_setting_found_meets_the_target_and_the_store_remembers(
    clips: Path, new_cache: Path
) -> None:
    first = found(clips / "short.mkv", "93")
    assert first.met and first.score is not None and first.score >= 93.0
    assert first.quality is not None and first.quality.knob == "crf"
    passing = [probe for probe in first.probes if (probe.score or 0) >= 93.0]
    assert first.quality.value == max(probe.quality for probe in passing)
    assert first.bracket.failing is None or (first.bracket.failing_score or 0) < 93.0
    assert first.cost is not None and first.cost.probes_measured == len(first.probes)

    second = found(clips / "short.mkv", "93")
    assert second.quality == first.quality and second.score == first.score
    assert second.cost is not None and second.cost.probes_measured == 0
    assert all(probe.known for probe in second.probes)


def test_rows_of_a_sweep_are_known_probes_and_decide_alone(
    clips: Path, new_cache: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    plan = api.plan_corpus(
        [clips / "short.mkv"], encoder=["libx264"], preset=["ultrafast"], crf=["20:40:2"]
    )
    api.corpus(plan, corpus)
    rows = {row.crf: row.vmaf_score or 0.0 for row in api.read_corpus(corpus)}
    alone = api.recommend(from_corpus=corpus, target=["90"], **FAST)
    assert alone.met and alone.quality is not None
    assert alone.quality.value == max(crf for crf, score in rows.items() if score >= 90.0)
    after = found(clips / "short.mkv", "90", tolerance=5.0)
    assert after.cost is not None and after.cost.probes_measured == 0
    assert after.cost.probes_known == len(rows)


def test_from_corpus_says_what_it_lacks(clips: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    plan = api.plan_corpus([clips / "short.mkv"], preset=["ultrafast"], crf=["30"])
    api.corpus(plan, corpus)
    with pytest.raises(UsageError, match="holds no row"):
        api.recommend(from_corpus=corpus, target=["90"], encoder="libx265")
    with pytest.raises(UsageError, match="no score for xpsnr"):
        api.recommend(from_corpus=corpus, target=["xpsnr>=30"], **FAST)
    with pytest.raises(UsageError, match="contradicts --output"):
        api.recommend(from_corpus=corpus, target=["90"], output=tmp_path / "o.mkv", **FAST)


def test_from_corpus_tells_the_command_of_the_row_it_decided_by(
    clips: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    for options in ((), ("g=5",)):
        plan = api.plan_corpus(
            [clips / "short.mkv"], preset=["ultrafast"], crf=["30"], enc=list(options)
        )
        api.corpus(plan, corpus)
    plain, other = api.read_corpus(corpus)
    with pytest.raises(UsageError, match="extra_params"):
        api.recommend(from_corpus=corpus, target=["30"], **FAST)
    rows = [plain, other]
    words = _encoder_words(rows, 30.0, other.trial_key or "")
    assert words == shlex.join(other.argv or []) and "-g" in words
    assert _encoder_words(rows, 30.0, plain.trial_key or "") == shlex.join(plain.argv or [])
    assert _encoder_words(rows, 30.0, "another") == ""


def test_the_file_keeps_all_that_the_film_carries(
    clips: Path, tmp_path: Path, new_cache: Path
) -> None:
    source, output = clips / "film.mkv", tmp_path / "made" / "out.mkv"
    output.parent.mkdir()
    before = kit.sha256(source)
    made = found(source, "93", output=output)
    assert made.met and made.output is not None and not made.output.encoded_again
    assert made.output.carried == {"audio": 2, "subtitle": 1, "attachment": 1}
    told = kit.ffmpeg("-i", output, "-f", "null", "-")
    assert len(set(re.findall(r"Chapter #0:\d", told))) == 2
    assert "(deu)" in told and "(fra)" in told and "font/ttf" in told and "A film" in told
    result, original = open_source(output), open_source(source)
    assert result.frame_count == original.frame_count
    assert result.color == original.color
    assert api.score(source, output).pooled("vmaf_v0.6.1") == pytest.approx(made.score, abs=1e-6)
    assert kit.sha256(source) == before
    assert [each.name for each in output.parent.iterdir()] == ["out.mkv"]


def test_an_mp4_stays_an_mp4(clips: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    made = found(clips / "film.mp4", "90", encoder="x265", output=output)
    assert made.met and made.output is not None
    assert made.output.carried == {"audio": 2, "subtitle": 1}
    told = kit.ffmpeg("-i", output, "-f", "null", "-")
    assert "hvc1" in told and "mov_text" in told


@pytest.mark.parametrize("encoder", ["x264", "svt-av1"])
def test_an_mp4_of_constant_rate_shows_each_frame_at_its_time(encoder: str, tmp_path: Path) -> None:
    source, output = tmp_path / "ntsc.mkv", tmp_path / "out.mp4"
    kit.ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=128x72:r=30000/1001", "-frames:v", "24",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-pix_fmt", "yuv420p", source,
    )  # fmt: skip
    preset = {"x264": "veryfast", "svt-av1": "12"}[encoder]
    made = found(source, "80", encoder=encoder, preset=preset, tolerance=10.0, output=output)
    assert made.met
    with av.open(str(output)) as container:
        packets = [each for each in container.demux(video=0) if each.size]
        assert packets[0].time_base == Fraction(1, 30000)
    first = min(each.pts or 0 for each in packets)
    assert sorted((each.pts or 0) - first for each in packets) == [1001 * n for n in range(24)]
    decoding = [each.dts or 0 for each in packets]
    assert {later - sooner for sooner, later in pairwise(decoding)} == {1001}
    if encoder == "x264":
        assert any(each.pts != each.dts for each in packets)


def test_what_an_mp4_cannot_carry_is_refused_before_any_work(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no place in an \.mp4"):
        found(clips / "film.mkv", "93", output=tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="does not end in"):
        found(clips / "film.mkv", "93", output=tmp_path / "out.avi")


def test_hdr10_facts_are_kept(clips: Path, tmp_path: Path) -> None:
    source, output = clips / "hdr.mkv", tmp_path / "out.mkv"
    with pytest.raises(Refused, match="HDR10"):
        found(source, "80", encoder="x265", output=output)
    assert not output.exists()
    made = found(source, "80", encoder="x265", output=output, allow_hdr=True, tolerance=10.0)
    assert made.met and any("HDR10" in note for note in made.notes)
    result, original = open_source(output), open_source(source)
    assert result.hdr == original.hdr and result.hdr.mastering_display is not None
    assert result.color == original.color and result.bit_depth == 10


def test_several_targets_must_all_hold(clips: Path) -> None:
    made = found(clips / "short.mkv", "vmaf:p5>=88", "xpsnr>=33", "psnr>=34", "ssim>=0.95")
    assert made.met and len(made.scores) == 4
    for score, least in zip(made.scores, (88.0, 33.0, 34.0, 0.95), strict=True):
        assert score >= least
    for probe in made.probes:
        assert len(probe.scores) == 4


def test_caps_alone_give_the_best_quality_within_them(clips: Path) -> None:
    made = api.recommend(clips / "short.mkv", max_bitrate="150k", **FAST)
    assert made.met and made.bitrate_kbps is not None and made.bitrate_kbps <= 150.0
    assert made.bitrate_kbps >= 0.94 * 150.0 or made.exact
    assert all(
        probe.bitrate_kbps <= made.bitrate_kbps or probe.bitrate_kbps > 150.0
        for probe in made.probes
    )


def test_windows_stand_for_the_whole_and_the_file_is_verified(clips: Path, tmp_path: Path) -> None:
    words: dict[str, Any] = {"samples": 4, "sample_duration_s": 1.0}
    part = found(clips / "scenes.mkv", "90", **words)
    assert part.sampling is not None and part.sampling.windows == 4
    assert part.sampling.share == pytest.approx(1 / 3, abs=0.01)
    assert part.sampling.half_width is not None and part.sampling.half_width > 0.0
    assert part.window.count("+25") == 4
    whole = found(clips / "scenes.mkv", "90", output=tmp_path / "out.mkv", **words)
    assert whole.met and whole.window == "full"
    again = api.score(clips / "scenes.mkv", tmp_path / "out.mkv").pooled("vmaf_v0.6.1")
    assert again == pytest.approx(whole.score, abs=1e-6) and again >= 90.0
    assert any(probe.window for probe in whole.probes)


def test_a_stand_in_preset_is_named_and_the_answer_measured(clips: Path) -> None:
    made = found(clips / "short.mkv", "91", preset="veryfast", proxy_preset="ultrafast")
    assert made.proxy_preset == "ultrafast" and made.preset == "veryfast" and made.met
    presets = {probe.preset for probe in made.probes}
    assert presets == {None, "ultrafast"}


def test_a_prediction_is_called_one(clips: Path, new_cache: Path) -> None:
    made = found(clips / "short.mkv", "93", predict_only=True)
    assert made.predicted is not None and not made.met and made.score is None
    assert "predicted" in made.reason and not (new_cache / "trials.sqlite").exists()


@pytest.mark.parametrize("strategy", ["bisect", "coarse-to-fine"])
def test_plain_strategies_find_a_setting_too(clips: Path, strategy: str) -> None:
    made = found(clips / "short.mkv", "93", strategy=strategy, tolerance=1.0)
    assert made.met and made.strategy == strategy


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"target": ["101"]}, UsageError),
        ({"target": ["vmaf>=-1"]}, UsageError),
        ({"target": ["blurriness>=3"]}, UsageError),
        ({"target": ["93"], "model": "vmaf_v9"}, UsageError),
        ({}, UsageError),
        ({"target": ["93"], "max_bitrate": "0"}, UsageError),
        ({"target": ["93"], "sample_duration_s": 5.0}, UsageError),
        ({"target": ["93"], "samples": 0}, UsageError),
        ({"target": ["93"], "full": True, "samples": 3}, UsageError),
        ({"target": ["93"], "tolerance": -1.0}, UsageError),
        ({"target": ["93"], "strategy": "guess"}, UsageError),
        ({"target": ["93"], "preset": "quick"}, UsageError),
        ({"target": ["93"], "encoder": "nope"}, UsageError),
        ({"target": ["93"], "encoder": "h264_videotoolbox", "preset": None}, CapabilityMissing),
        ({"target": ["93"], "ffmpeg_bin": "/nowhere/ffmpeg"}, ToolMissing),
        ({"target": ["ms_ssim>=0.9"]}, Refused),
        ({"target": ["93"], "width": 64, "height": 48}, UsageError),
    ],
)
def test_wrong_words_are_refused_before_any_work(
    clips: Path, new_cache: Path, words: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        api.recommend(clips / "short.mkv", **{**FAST, **words})
    assert not (new_cache / "trials.sqlite").exists() or not _trials(new_cache)


def _trials(cache: Path) -> list[Any]:
    from vmafkit.store.trials import TrialStore

    with TrialStore(cache) as store:
        return list(store.find())


def test_a_missing_source_is_told() -> None:
    with pytest.raises(Unreadable, match="does not exist"):
        api.recommend("nowhere.mkv", target=["93"])
    with pytest.raises(UsageError, match="no source"):
        api.recommend(target=["93"])


def test_an_unreachable_target_gives_the_best_attempt(clips: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    made = found(clips / "short.mkv", "xpsnr>=59.5", encoder="x265", output=output)
    assert not made.met and not output.exists() and made.output is None
    assert "misses" in made.reason and made.quality is not None and made.quality.value == 0.0
    assert made.score == max(probe.score or 0.0 for probe in made.probes)


def test_a_setting_that_the_encoder_breaks_on_does_not_end_the_search(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vmafkit.errors import EncodeFailed
    from vmafkit.execute import batch

    real, broken = batch.run_trial, list[float]()

    def fragile(bench: Any, cell: Any, **words: Any) -> Any:
        if cell.quality < 12.0 or (not broken and cell.quality < 40.0):
            broken.append(cell.quality)
            raise EncodeFailed("the encoder broke")
        return real(bench, cell, **words)

    monkeypatch.setattr(batch, "run_trial", fragile)
    made = found(clips / "short.mkv", "91.5", threads=2)
    assert made.met and broken
    assert [note for note in made.notes if "could not be measured" in note]
    # What was measured before on a part of the knob that is now left out is still told.
    probed = {probe.quality for probe in made.probes}
    assert made.quality is not None and made.quality.value in probed

    def never(*_: Any, **__: Any) -> Any:
        raise EncodeFailed("the encoder broke")

    monkeypatch.setattr(batch, "run_trial", never)
    with pytest.raises(EncodeFailed):
        found(clips / "short.mkv", "91.5", threads=3)


def test_a_cap_and_a_target_that_contradict(clips: Path) -> None:
    made = found(clips / "short.mkv", "95", max_bitrate="20")
    assert not made.met and "20 kbps" in made.reason and made.probes


def test_one_frame_black_and_varying_rates(tmp_path: Path) -> None:
    one = kit.moving(tmp_path / "one.mkv", frames=1)
    assert found(one, "90", output=tmp_path / "one_out.mkv").met
    black = tmp_path / "black.mkv"
    kit.ffmpeg("-f", "lavfi", "-i", "color=black:s=96x64:r=25:d=0.4", "-c:v", "libx264", black)
    assert found(black, "90").score is not None
    vfr = tmp_path / "vfr.mkv"
    kit.ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=96x64:r=50:d=1", "-vf", r"select='lt(mod(n\,7)\,3)'",
        "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", vfr,
    )  # fmt: skip
    made = found(vfr, "90", output=tmp_path / "vfr_out.mkv")
    source, result = open_source(vfr), open_source(tmp_path / "vfr_out.mkv")
    assert source.is_vfr and result.is_vfr and result.frame_count == source.frame_count
    assert result.duration_s == pytest.approx(source.duration_s, abs=0.002)
    assert any("frame rate varies" in note for note in made.notes)


def test_the_source_is_never_the_output(clips: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    shutil.copyfile(clips / "short.mkv", source)
    before = kit.sha256(source)
    link, hard = tmp_path / "link.mkv", tmp_path / "hard.mkv"
    link.symlink_to(source)
    hard.hardlink_to(source)
    (tmp_path / "d").mkdir()
    for output in (source, link, hard, tmp_path / "d" / ".." / "source.mkv"):
        with pytest.raises(UsageError, match="is the source"):
            found(source, "93", output=output)
    assert kit.sha256(source) == before
    with pytest.raises(OutputError, match="folder does not exist"):
        found(source, "93", output=tmp_path / "no" / "out.mkv")


def test_a_full_disk_leaves_nothing(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.mkv"
    output.write_bytes(b"an older file")

    def full(temp: Path, final: Path) -> None:
        del temp, final
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole, "publish", full)
    with pytest.raises(OutputError, match="the disk is full"):
        found(clips / "film.mkv", "93", output=output)
    assert output.read_bytes() == b"an older file"
    assert [each.name for each in tmp_path.iterdir()] == ["out.mkv"]


def test_a_stop_in_the_final_step_leaves_nothing(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Cancelled("stopped")

    monkeypatch.setattr(final_module, "_decode", stop)
    with pytest.raises(Cancelled):
        found(clips / "film.mkv", "93", output=tmp_path / "out.mkv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["packets", "frames"])
def test_a_final_file_that_is_not_the_scored_one_is_not_published(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    from vmafkit.errors import ResultInvalid

    other = kit.moving(tmp_path / "other.mkv", frames=20 if damage == "packets" else 7)
    real = final_module.join_words

    def joined(cell: Any, video: Path, *rest: Any) -> tuple[str, ...]:
        del video
        return real(cell, other, *rest)

    monkeypatch.setattr(final_module, "join_words", joined)
    with pytest.raises(ResultInvalid):
        found(clips / "film.mkv", "93", output=tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def command(*words: str | Path) -> list[str]:
    return [str(Path(sys.executable).with_name("vmaf-tune")), "recommend", *map(str, words)]


def test_json_is_one_object_and_events_go_beside_it(clips: Path) -> None:
    words = (clips / "short.mkv", "--target-vmaf", "93", "--preset", "ultrafast", "--json")
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    wanted = [
        "type", "source", "encoder", "preset", "quality", "target", "score", "met", "exact",
        "bracket", "bitrate_kbps", "probes", "window", "model", "versions", "command",
    ]  # fmt: skip
    assert list(record)[: len(wanted)] == wanted and record["type"] == "recommendation"
    assert all(json.loads(line)["type"] for line in done.stderr.splitlines())


def test_a_missed_target_has_its_own_exit_code(clips: Path) -> None:
    words = (clips / "short.mkv", "--target", "95", "--max-bitrate", "20", "--preset", "ultrafast")
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=60)
    assert done.returncode == 7 and "NOT met" in done.stdout and "Traceback" not in done.stderr


def test_killed_at_the_end_the_output_is_whole_or_not_there(clips: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    shutil.copyfile(clips / "film.mkv", source)
    before, output = kit.sha256(source), tmp_path / "out.mkv"
    words = command(source, "--target", "93", "--preset", "ultrafast", "-o", output)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith(": join"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=60)
    process.stderr.close()
    if output.exists():
        assert open_source(output).frame_count == open_source(source).frame_count
    assert kit.sha256(source) == before
    assert found(source, "93", output=output).met
