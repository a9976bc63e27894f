"""Whole videos: decoded, scored against one reference, and told as libvmaf's scores are."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.engine_kit import library
from tests.scoring_kit import FFMPEG, ffmpeg

from vmafkit.errors import (
    Cancelled,
    CapabilityMissing,
    FrameCount,
    ResultInvalid,
    ScoreFailed,
    ToolTimeout,
    UsageError,
)
from vmafkit.ffmpeg.progress import Progress
from vmafkit.ffmpeg.run import Job
from vmafkit.media.probe import open_source
from vmafkit.media.window import Window
from vmafkit.proc import Limits
from vmafkit.scoring.engine import many, native
from vmafkit.scoring.engine.native import Library
from vmafkit.scoring.features import feature_by_name
from vmafkit.scoring.pair import Pair, Scorer, prepare, score_pair
from vmafkit.scoring.score import Score, ScoreRequest
from vmafkit.scoring.vmaf_models import model_by_id

__all__ = ["library"]

SCORER = Scorer(Path(FFMPEG), "ffmpeg of the wheel")
MODELS = ScoreRequest(models=(model_by_id("vmaf"), model_by_id("neg"), model_by_id("bootstrap")))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    for depth, pix_fmt in ((8, "yuv420p"), (10, "yuv422p10le")):
        source = f"testsrc2=s=206x118:r=25,noise=alls=12:allf=t:all_seed=7,format={pix_fmt}"
        ffmpeg(
            "-f", "lavfi", "-i", source, "-frames:v", "8", "-c:v", "ffv1", folder / f"r{depth}.mkv"
        )
        for crf in (24, 36):
            made = folder / f"d{depth}_{crf}.mkv"
            ffmpeg("-i", folder / f"r{depth}.mkv", "-c:v", "libx264", "-crf", str(crf), made)
    return folder


@pytest.fixture(autouse=True)
def _engine_is_there(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "find_library", lambda: library.path)
    monkeypatch.setattr(many, "find_library", lambda: library.path)


def pair(clips: Path, reference: str, distorted: str) -> Pair:
    return Pair(open_source(clips / reference), open_source(clips / distorted))


def agree(ours: Score, theirs: Score) -> None:
    assert ours.models == theirs.models
    assert ours.display == theirs.display
    assert ours.pix_fmt == theirs.pix_fmt
    assert ours.steps == theirs.steps
    assert np.array_equal(ours.frame_numbers, theirs.frame_numbers)
    unused = ("aim", "adm3", "motion3")  # libvmaf makes them, no model here takes them
    left_out = {name for name in theirs.columns if any(part in name for part in unused)}
    assert set(ours.columns) == set(theirs.columns) - left_out
    for name, values in ours.columns.items():
        bound = 2e-6 if name.startswith("integer_") else 1e-3
        np.testing.assert_allclose(values, theirs.columns[name], atol=bound, err_msg=name)


@pytest.mark.parametrize("depth", [8, 10])
def test_encodes_of_one_reference_score_as_libvmaf_scores_them(clips: Path, depth: int) -> None:
    pairs = [pair(clips, f"r{depth}.mkv", f"d{depth}_{crf}.mkv") for crf in (24, 36)]
    found = many.score_many(SCORER, [prepare(each, MODELS) for each in pairs])
    for ours, each in zip(found, pairs, strict=True):
        assert ours.backend == "engine"
        agree(ours, score_pair(SCORER, each, MODELS))


def test_a_window_scores_its_own_frames(clips: Path) -> None:
    window = Window(3, 4)
    whole = pair(clips, "r8.mkv", "d8_36.mkv")
    part = replace(whole, reference_window=window, distorted_window=window)
    agree(
        score_pair(replace(SCORER, backend="engine"), part, MODELS),
        score_pair(SCORER, part, MODELS),
    )


def test_auto_leaves_to_libvmaf_what_is_not_proven(clips: Path) -> None:
    auto = replace(SCORER, backend="auto")
    plain = pair(clips, "r8.mkv", "d8_36.mkv")
    ours = score_pair(auto, plain, ScoreRequest())
    assert (ours.backend, ours.backend_note) == ("engine", "")
    v1 = ScoreRequest(models=(model_by_id("v1"),), display=(232, 176))
    assert "not proven" in many.why_not(prepare(plain, v1))
    others = {
        "features": ScoreRequest(features=(feature_by_name("psnr"),), with_default=True),
        "every n-th": ScoreRequest(subsample=2),
        "below 40": ScoreRequest(display=(60, 34)),
    }
    for reason, request in others.items():
        assert reason in many.why_not(prepare(plain, request))
        found = score_pair(auto, plain, request)
        assert found.backend == "ffmpeg-libvmaf" and reason in found.backend_note
        with pytest.raises(CapabilityMissing, match=reason):
            score_pair(replace(SCORER, backend="engine"), plain, request)


CONVERTED = {
    "scaled": ("r8.mkv", "d8_36.mkv", (160, 90)),
    "enlarged": ("r8.mkv", "d8_36.mkv", (331, 190)),
    "deeper": ("r8.mkv", "d10_36.mkv", None),
    "shallower": ("r10.mkv", "d8_36.mkv", None),
    "full range": ("full.mkv", "full_d.mkv", None),
    "red green blue": ("rgb.mkv", "d8_36.mkv", None),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_sides_are_scaled_and_converted_as_for_libvmaf(clips: Path, name: str) -> None:
    reference, distorted, display = CONVERTED[name]
    if not (clips / reference).exists():
        words = ("-pix_fmt", "gbrp") if name == "red green blue" else ("-pix_fmt", "yuvj420p")
        ffmpeg("-i", clips / "r8.mkv", *words, "-c:v", "ffv1", clips / reference)
    if not (clips / distorted).exists():
        ffmpeg("-i", clips / reference, "-c:v", "libx264", "-crf", "36", clips / distorted)
    sides = pair(clips, reference, distorted)
    request = replace(MODELS, display=display)
    agree(
        score_pair(replace(SCORER, backend="engine"), sides, request),
        score_pair(SCORER, sides, request),
    )


def test_pairs_that_do_not_belong_together_are_refused(clips: Path) -> None:
    ready = [
        prepare(pair(clips, "r8.mkv", "d8_36.mkv"), ScoreRequest()),
        prepare(pair(clips, "d8_24.mkv", "d8_36.mkv"), ScoreRequest()),
    ]
    with pytest.raises(UsageError, match="share"):
        many.score_many(SCORER, ready)
    with pytest.raises(UsageError, match="nothing"):
        many.score_many(SCORER, [])


def test_a_video_that_gives_other_frames_is_told(clips: Path) -> None:
    whole = pair(clips, "r8.mkv", "d8_36.mkv")
    longer = replace(whole.distorted, frame_count=9)
    ready = prepare(
        replace(whole, reference=replace(whole.reference, frame_count=9), distorted=longer),
        ScoreRequest(),
    )
    with pytest.raises(FrameCount, match="8 frames where 9"):
        many.score_many(SCORER, [ready])
    fewer = replace(whole.distorted, frame_count=7)
    ready = prepare(
        replace(whole, reference=replace(whole.reference, frame_count=7), distorted=fewer),
        ScoreRequest(),
    )
    with pytest.raises(FrameCount, match="8 frames where 7"):
        many.score_many(SCORER, [ready])


def test_a_video_that_cannot_be_decoded_is_told(clips: Path, tmp_path: Path) -> None:
    whole = (clips / "d8_36.mkv").read_bytes()
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(whole)
    ready = prepare(pair(clips, "r8.mkv", str(damaged)), ScoreRequest())
    damaged.write_bytes(b"\x00" * len(whole))
    with pytest.raises(ScoreFailed, match="decoding for the score failed"):
        many.score_many(SCORER, [ready])
    damaged.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises((ResultInvalid, FrameCount)):
        many.score_many(SCORER, [ready])


def test_scoring_can_be_stopped_and_tells_how_far_it_is(clips: Path) -> None:
    ready = prepare(pair(clips, "r8.mkv", "d8_36.mkv"), ScoreRequest())
    told: list[Progress] = []
    score = many.score_many(SCORER, [ready], job=Job(on_progress=told.append))[0]
    assert (told[-1].frame, told[-1].is_last) == (8, True)
    assert score.cpu_s > 0
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        many.score_many(SCORER, [ready], job=Job(cancel=cancel))
    with pytest.raises(ToolTimeout):
        many.score_many(SCORER, [ready], job=Job(limits=Limits(wall_s=0.0)))
