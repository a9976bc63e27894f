"""Per-frame equality with libvmaf, called by hand through ffmpeg, for every built-in model."""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scoring_kit import (
    FFMPEG,
    LOSSLESS,
    X264,
    Floats,
    clips_folder,
    columns_of,
    ffmpeg,
    hand_log,
    picture,
)

from vmafkit.api import score

SINGLE = (
    "vmaf_v0.6.1",
    "vmaf_v0.6.1neg",
    "vmaf_4k_v0.6.1",
    "vmaf_4k_v0.6.1neg",
    "vmaf_float_v0.6.1",
    "vmaf_float_v0.6.1neg",
    "vmaf_float_4k_v0.6.1",
)
ENSEMBLES = ("vmaf_b_v0.6.3", "vmaf_float_b_v0.6.3")
V1 = tuple(
    f"vmaf_v1.0.16_{rate}{display}"
    for rate in ("", "hfr_")
    for display in ("3d0h", "5d0h", "1d5h_2160", "3d0h_2160")
)
ALL = (*SINGLE, "vmaf_v0.6.1_phone", *ENSEMBLES, *V1)
# libvmaf's log has six digits after the point.
CLOSE = 1.000001e-6


def words(model: str, geometry: str = "") -> str:
    if model == "vmaf_v0.6.1_phone":
        return f"version=vmaf_v0.6.1\\:name={model}\\:enable_transform=true"
    extra = geometry if model in V1 else ""
    return f"version={model}\\:name={model}{extra}"


def geometry(width: int, height: int, depth: int) -> str:
    return f"\\:cambi.enc_width={width}\\:cambi.enc_height={height}\\:cambi.enc_bitdepth={depth}"


def members(version: str) -> dict[str, str]:
    """The files of an ensemble's members, cut out of the ffmpeg program."""
    wanted = "VMAF_feature_adm2" if "float" in version else "VMAF_integer_feature_adm2"
    with (
        Path(FFMPEG).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        at = data.find(b'BOOTSTRAP_LIBSVMNUSVR"')
        while at >= 0:
            start, end = data.rfind(b"\0", 0, at) + 1, data.find(b"\0", at)
            text = data[start:end].decode("ascii")
            if wanted in text:
                models: dict[str, Any] = json.loads(text)
                assert len(models) == 21
                return {f"b{n}.json": json.dumps(models[str(n)]) for n in range(1, 21)}
            at = data.find(b'BOOTSTRAP_LIBSVMNUSVR"', end)
    raise AssertionError(f"{version} is not in {FFMPEG}")


def interval(scores: Floats) -> dict[str, Floats]:
    """libvmaf's statistics of an ensemble: scores of shape (members, frames)."""
    mean = scores.mean(axis=0)
    inside = np.clip(mean + 0.01, 0, 100) - np.clip(mean - 0.01, 0, 100)
    ordered = np.sort(scores, axis=0)

    def at(percent: float) -> Floats:
        place = percent / 100 * (len(scores) - 1)
        low, part = int(place), place - int(place)
        return ordered[low] * (1 - part) + ordered[min(low + 1, len(scores) - 1)] * part

    return {
        "": np.clip(mean, 0, 100),
        "_stddev": np.sqrt(((scores - mean) ** 2).mean(axis=0)) * inside / 0.02,
        "_ci_p95_lo": np.clip(at(2.5), 0, 100),
        "_ci_p95_hi": np.clip(at(97.5), 0, 100),
    }


Words = Sequence[str | Path]


def by_hand(
    model: str, distorted: Words, reference: Words, base: str, deep: str, enc: str, frames: int
) -> dict[str, Floats]:
    if model in ENSEMBLES:
        files = members(model)
        each = "|".join(
            f"path={name}\\:name=n{name[1:-5]}\\:disable_clip=true" for name in sorted(files)
        )
        log = hand_log(
            distorted, reference, f"model='{each}'", pix_fmt=base, files=files, frames=frames
        )
        found = columns_of(log)
        scores = np.stack([found[f"n{number}"] for number in range(1, 21)])
        return {model + part: values for part, values in interval(scores).items()}
    pix_fmt = deep if model in V1 else base
    log = hand_log(
        distorted, reference, f"model='{words(model, enc)}'", pix_fmt=pix_fmt, frames=frames
    )
    return {model: columns_of(log)[model]}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A reference and an encode of it; as small as the largest model allows."""
    folder = tmp_path_factory.mktemp("pair")
    reference, distorted = folder / "reference.mkv", folder / "distorted.mp4"
    ffmpeg(*picture("320x318", 5), *LOSSLESS, reference)
    ffmpeg("-i", reference, *X264, "-crf", "34", "-bf", "2", distorted)
    return reference, distorted


def test_the_list_is_the_whole_table() -> None:
    from vmafkit.scoring.vmaf_models import TABLE

    assert set(TABLE) == set(ALL)


@pytest.mark.parametrize("model", ALL)
def test_equals_libvmaf_by_hand(pair: tuple[Path, Path], tmp_path: Path, model: str) -> None:
    reference, distorted = pair
    log = tmp_path / "log.json"
    result = score(reference, distorted, models=[model], output=log, output_format="json")
    expected = by_hand(
        model, ("-i", distorted), ("-i", reference), "yuv420p", "yuv420p10le",
        geometry(320, 318, 8), 5,
    )  # fmt: skip
    written = columns_of(log.read_text())
    assert result.frame_count == 5
    assert result.model_id == model
    for name, values in expected.items():
        assert np.ptp(values) > 1e-3, "the frames are all alike: nothing is shown"
        np.testing.assert_allclose(result.columns[name], values, rtol=0, atol=CLOSE)
        in_file = name.replace(model, "vmaf")
        in_file = "vmaf_bagging" if in_file == "vmaf" and model in ENSEMBLES else in_file
        np.testing.assert_allclose(written[in_file], values, rtol=0, atol=CLOSE)


def test_many_at_once_are_the_same(pair: tuple[Path, Path]) -> None:
    together = score(*pair, models=["vmaf_v0.6.1", "neg", "phone", "v1"], features=["psnr"])
    for model in together.models:
        alone = score(*pair, models=[model.id])
        np.testing.assert_allclose(
            together.columns[model.id], alone.columns[model.id], rtol=0, atol=CLOSE
        )
    expected = columns_of(hand_log(("-i", pair[1]), ("-i", pair[0]), "feature=name=psnr"))
    for plane in ("psnr_y", "psnr_cb", "psnr_cr"):
        np.testing.assert_allclose(together.columns[plane], expected[plane], rtol=0, atol=CLOSE)


@pytest.mark.parametrize(
    ("feature", "option", "columns"),
    [
        ("psnr_hvs", "psnr_hvs", ("psnr_hvs_y", "psnr_hvs_cb", "psnr_hvs_cr", "psnr_hvs")),
        ("ssim", "float_ssim", ("float_ssim",)),
        ("ms_ssim", "float_ms_ssim", ("float_ms_ssim",)),
        ("ciede", "ciede", ("ciede2000",)),
        ("cambi", "cambi", ("cambi",)),
        ("float_vif", "float_vif", tuple(f"vif_scale{n}" for n in range(4))),
        ("float_adm", "float_adm", ("adm2", "adm_scale0", "adm_scale3", "aim", "adm3")),
        ("float_motion", "float_motion", ("motion", "motion2", "motion3")),
        ("float_moment", "float_moment", ("float_moment_ref1st", "float_moment_dis2nd")),
        ("float_ansnr", "float_ansnr", ("float_ansnr", "float_anpsnr")),
        ("float_psnr", "float_psnr", ("float_psnr",)),
        ("speed_chroma", "speed_chroma", tuple(f"speed_chroma_{p}" for p in ("u", "v", "uv"))),
        ("speed_temporal", "speed_temporal", ("speed_temporal",)),
        ("motion", "motion", ("integer_motion2", "integer_motion3")),
        ("vif", "vif", tuple(f"integer_vif_scale{n}" for n in range(4))),
        ("adm", "adm", ("integer_adm2", "integer_aim", "integer_adm3")),
    ],
)
def test_features_equal_libvmaf_by_hand(
    pair: tuple[Path, Path], feature: str, option: str, columns: tuple[str, ...]
) -> None:
    result = score(*pair, features=[feature], predict=False)
    assert result.models == ()
    expected = columns_of(hand_log(("-i", pair[1]), ("-i", pair[0]), f"feature=name={option}"))
    assert set(columns) <= set(result.feature_columns)
    for name in columns:
        np.testing.assert_allclose(result.columns[name], expected[name], rtol=0, atol=CLOSE)


# -- real clips -----------------------------------------------------------------------------------

RAW = ("-f", "rawvideo", "-pixel_format", "yuv420p10le", "-video_size", "576x324")


@pytest.mark.slow
def test_netflix_ten_bit_pair() -> None:
    folder = clips_folder()
    reference, distorted = (
        folder / f"src01_hrc0{number}_576x324.yuv420p10le.yuv" for number in (0, 1)
    )
    result = score(
        reference, distorted, models=ALL, width=576, height=324, pix_fmt="yuv420p10le", threads=2
    )
    for model in ALL:
        # Ten bits and the encoded size are what libvmaf takes by itself here.
        expected = by_hand(
            model, (*RAW, "-i", distorted), (*RAW, "-i", reference), "yuv420p10le",
            "yuv420p10le", "", 3,
        )  # fmt: skip
        for name, values in expected.items():
            assert values.shape == (3,)
            np.testing.assert_allclose(result.columns[name], values, rtol=0, atol=CLOSE)


@pytest.mark.slow
def test_encode_of_big_buck_bunny(tmp_path: Path) -> None:
    reference, distorted = clips_folder() / "bigbuckbunny.mp4", tmp_path / "encode.mp4"
    ffmpeg("-i", reference, "-an", *X264, "-crf", "30", distorted)
    whole = score(reference, distorted, models=["vmaf_v0.6.1"])
    expected = by_hand(
        "vmaf_v0.6.1", ("-i", distorted), ("-i", reference), "yuv420p", "", "", 132
    )  # fmt: skip
    assert whole.frame_count == 132
    np.testing.assert_allclose(
        whole.columns["vmaf_v0.6.1"], expected["vmaf_v0.6.1"], rtol=0, atol=CLOSE
    )
    some = score(reference, distorted, models=ALL, frame_count=4)
    plain = [model for model in ALL if model not in ENSEMBLES]
    found: dict[str, Floats] = {}
    for pix_fmt, group in (
        ("yuv420p", [m for m in plain if m not in V1]),
        ("yuv420p10le", [m for m in plain if m in V1]),
    ):
        option = "|".join(words(model, geometry(1280, 720, 8)) for model in group)
        found |= columns_of(
            hand_log(
                ("-i", distorted), ("-i", reference), f"model='{option}'", pix_fmt=pix_fmt,
                frames=4,
            )
        )  # fmt: skip
    for model in ENSEMBLES:
        found |= by_hand(model, ("-i", distorted), ("-i", reference), "yuv420p", "", "", 4)
    for name in (*plain, *ENSEMBLES):
        assert found[name].shape == (4,)
        np.testing.assert_allclose(some.columns[name], found[name], rtol=0, atol=CLOSE)
