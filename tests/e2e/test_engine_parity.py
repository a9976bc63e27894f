"""The engine's features and scores are libvmaf's, on every size, depth, content and model."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.engine_kit import (
    FEATURE_BOUND,
    FFMPEG,
    SCORE_BOUND,
    Pictures,
    any_machine,
    blurred,
    library,
    moving,
    pairs,
    truth,
)
from tests.scoring_kit import clips_folder

from vmafkit.scoring import ensemble
from vmafkit.scoring.engine.engine import Engine, Features
from vmafkit.scoring.engine.models import EngineModel, gains_of, read_model
from vmafkit.scoring.engine.native import Library
from vmafkit.scoring.vmaf_models import model_by_id

__all__ = ["any_machine", "library"]

IDS = ("vmaf_v0.6.1", "neg", "4k", "4k_neg", "phone", "bootstrap")
_SINGLE = IDS[:5]
_WORDS = (
    "version=vmaf_v0.6.1:name=m0",
    "version=vmaf_v0.6.1neg:name=m1",
    "version=vmaf_4k_v0.6.1:name=m2",
    "version=vmaf_4k_v0.6.1neg:name=m3",
    "version=vmaf_v0.6.1:name=m4:enable_transform=true",
)


def features(
    library: Library,
    references: Pictures,
    distorted: Pictures,
    depth: int,
    gains: tuple[float, ...] = (100.0,),
    threads: int = 1,
) -> Features:
    height, width = references[0].shape
    with Engine(
        width, height, bit_depth=depth, gains=gains, threads=threads, library=library
    ) as engine:
        for ours, theirs in zip(references, distorted, strict=True):
            engine.push(ours, [theirs])
        return engine.finish()


@pytest.fixture(scope="module")
def models() -> list[EngineModel]:
    return [read_model(model_by_id(name), FFMPEG) for name in _SINGLE]


def check(
    library: Library,
    models: list[EngineModel],
    references: Pictures,
    distorted: Pictures,
    depth: int,
) -> None:
    log = truth(references, distorted, depth, _WORDS)
    found = features(library, references, distorted, depth, gains_of(models))
    for gain in found.gains:
        for name, values in found.columns(0, gain).items():
            error = float(np.abs(values - log[name]).max())
            assert error <= FEATURE_BOUND, f"{name} differs by {error:.1e}"
    for n, model in enumerate(models):
        scores = model.scores(found, 0)[model.model.id]
        error = float(np.abs(scores - log[f"m{n}"]).max())
        assert error <= SCORE_BOUND, f"{model.model.id} differs by {error:.1e}"


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("case", range(10))
def test_contents_agree(library: Library, models: list[EngineModel], case: int, depth: int) -> None:
    _, references, distorted = list(pairs(176, 144, 3, depth))[case]
    check(library, models, references, distorted, depth)


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(
    ("width", "height"), [(352, 288), (502, 254), (640, 272), (641, 273), (41, 43)]
)
def test_sizes_agree(
    library: Library, models: list[EngineModel], width: int, height: int, depth: int
) -> None:
    references = moving(width, height, 2, depth)
    check(library, models, references, [blurred(p) for p in references], depth)


@pytest.mark.parametrize("depth", [12, 16])
@pytest.mark.parametrize("case", [0, 2, 5, 7])
def test_deep_samples_agree(
    library: Library, models: list[EngineModel], case: int, depth: int
) -> None:
    _, references, distorted = list(pairs(90, 161, 3, depth))[case]
    check(library, models, references, distorted, depth)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(("width", "height"), [(720, 480), (1280, 720), (1920, 1080), (3840, 2160)])
def test_large_sizes_agree(
    library: Library, models: list[EngineModel], width: int, height: int, depth: int
) -> None:
    references = moving(width, height, 2, depth)
    check(library, models, references, [blurred(p) for p in references], depth)


def _lumas(words: list[str], width: int, height: int, depth: int) -> Pictures:
    layout = "gray" if depth == 8 else f"gray{depth}le"
    out = ["-frames:v", "5", "-vf", "extractplanes=y", "-pix_fmt", layout, "-f", "rawvideo", "-"]
    raw = subprocess.run(
        [str(FFMPEG), "-v", "error", *words, *out], capture_output=True, check=True
    )
    samples = np.frombuffer(raw.stdout, np.uint8 if depth == 8 else np.dtype("<u2"))
    return list(samples.reshape(-1, height, width))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "width", "height", "start"),
    [("bigbuckbunny.mp4", 1280, 720, "2"), ("car-detection.mp4", 768, 432, "5"),
     ("park_joy_420_720p50_frm0to9_480x270.y4m", 480, 270, "0")],
)  # fmt: skip
def test_real_clips_agree(
    library: Library, models: list[EngineModel], tmp_path: Path,
    clip: str, width: int, height: int, start: str,
) -> None:  # fmt: skip
    source = ["-ss", start, "-i", str(clips_folder() / clip)]
    encode = tmp_path / "encode.mkv"
    coded = ["-frames:v", "5", "-c:v", "libx264", "-crf", "36", "-an", str(encode)]
    subprocess.run([str(FFMPEG), "-v", "error", *source, *coded], check=True)
    references = _lumas(source, width, height, 8)
    check(library, models, references, _lumas(["-i", str(encode)], width, height, 8), 8)


@pytest.mark.slow
def test_real_ten_bit_clips_agree(library: Library, models: list[EngineModel]) -> None:
    sides = [
        _lumas(
            ["-f", "rawvideo", "-s", "576x324", "-pix_fmt", "yuv420p10le", "-i",
             str(clips_folder() / f"src01_{name}_576x324.yuv420p10le.yuv")], 576, 324, 10,
        )
        for name in ("hrc00", "hrc01")
    ]  # fmt: skip
    check(library, models, *sides, 10)


def test_every_kind_of_code_agrees(any_machine: Library, models: list[EngineModel]) -> None:
    for depth in (8, 10):
        references = moving(206, 117, 2, depth)
        check(any_machine, models, references, [blurred(p) for p in references], depth)


def test_the_ensemble_agrees_in_one_pass(library: Library) -> None:
    references = moving(176, 144, 3)
    distorted = [blurred(p) for p in references]
    model = read_model(model_by_id("bootstrap"), FFMPEG)
    found = features(library, references, distorted, 8)
    scores = model.scores(found, 0)
    texts = ensemble.member_models(FFMPEG, "vmaf_b_v0.6.3")
    log = truth(
        references,
        distorted,
        8,
        [f"path=e{n}.json:name=e{n}:disable_clip=true" for n in range(len(texts))],
        {f"e{n}.json": text for n, text in enumerate(texts)},
    )
    members = np.stack([log[f"e{n}"] for n in range(len(texts))])
    name = "vmaf_b_v0.6.3"
    np.testing.assert_allclose(scores[name], members.mean(axis=0), atol=SCORE_BOUND)
    np.testing.assert_allclose(scores[f"{name}_stddev"], members.std(axis=0), atol=SCORE_BOUND)
    for part, percent in (("lo", 2.5), ("hi", 97.5)):
        bound = np.clip(np.percentile(members, percent, axis=0), 0, 100)
        np.testing.assert_allclose(scores[f"{name}_ci_p95_{part}"], bound, atol=SCORE_BOUND)


def test_many_distorted_pictures_and_threads_change_nothing(library: Library) -> None:
    references = moving(176, 144, 4)
    others = [[blurred(p) for p in references], references, [255 - p for p in references]]
    with Engine(176, 144, distorted=3, threads=2, library=library) as engine:
        for i, picture in enumerate(references):
            engine.push(picture, [other[i] for other in others])
        together = engine.finish()
    for n, other in enumerate(others):
        alone = features(library, references, other, 8)
        for name, values in alone.columns(0).items():
            assert np.array_equal(values, together.columns(n)[name]), name
