"""What every built-in model and feature must hold to: found through the tables."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.scoring_kit import FFMPEG, LOSSLESS, ffmpeg, picture

from vmafkit.api import score
from vmafkit.errors import Refused
from vmafkit.scoring import features, vmaf_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sizes")


def clip(folder: Path, width: int, height: int) -> Path:
    path = folder / f"{width}x{height}.mkv"
    if not path.exists():
        words = ("-vf", f"crop={width}:{height}:0:0:exact=1,format=yuv444p,format=yuv420p")
        even = f"{width + width % 2 + 2}x{height + height % 2 + 2}"
        # Odd sizes are not for H.264 in 4:2:0.
        codec = ("-c:v", "ffv1") if width % 2 or height % 2 else LOSSLESS
        ffmpeg(*picture(even, 3), *words, *codec, path)
    return path


def test_every_built_in_model_is_in_the_table() -> None:
    data = Path(FFMPEG).read_bytes()
    found = {name.decode() for name in re.findall(rb"\0(vmaf_[a-z0-9_]*v\d[\w.]*?)(?=\0)", data)}
    assert len(found) >= 12
    assert found <= {model.version for model in vmaf_models.TABLE.values()}


@pytest.mark.parametrize("name", vmaf_models.TABLE)
def test_model_works_at_its_least_size_only(folder: Path, name: str) -> None:
    model = vmaf_models.TABLE[name]
    short, long = model.smallest
    path = clip(folder, long, short)
    result = score(path, path, models=[name])
    values = result.columns[name]
    assert values.shape == (3,)
    assert ((values >= model.lo) & (values <= model.hi)).all()
    assert result.models[0].display
    with pytest.raises(Refused, match=f"too small for model {name}") as caught:
        score(clip(folder, long, short - 1), clip(folder, long, short - 1), models=[name])
    assert caught.value.hint


@pytest.mark.parametrize("name", features.TABLE)
def test_feature_works_at_its_least_size_only(folder: Path, name: str) -> None:
    feature = features.TABLE[name]
    short, long = feature.smallest
    path = clip(folder, long, short)
    result = score(path, path, features=[name], predict=False)
    assert set(feature.columns) <= set(result.columns)
    for column in feature.columns:
        assert feature.unbounded or np.isfinite(result.columns[column]).all()
    with pytest.raises(Refused, match=f"too small for feature {name}"):
        small = clip(folder, long, short - 1)
        score(small, small, features=[name], predict=False)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(1080, "vmaf_v0.6.1"), (2159, "vmaf_v0.6.1"), (2160, "vmaf_4k_v0.6.1")],
)
def test_default_model_by_display(lines: int, expected: str) -> None:
    assert vmaf_models.default_model(lines).id == expected


def test_unknown_names_suggest() -> None:
    from vmafkit.errors import UsageError

    with pytest.raises(UsageError) as caught:
        vmaf_models.model_by_id("vmaf_v1.0.16_3dh")
    assert "vmaf_v1.0.16_3d0h" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        features.feature_by_name("cambii")
    assert "cambi" in caught.value.hint
