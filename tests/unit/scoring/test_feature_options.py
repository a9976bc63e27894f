"""The table of libvmaf's feature options, held against the real one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

import tuning_kit as kit
from vmafkit.errors import UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.scoring.feature_options import OPTIONS
from vmafkit.scoring.features import TABLE
from vmafkit.scoring.words import parse_feature

EVERY = sorted({key for keys in OPTIONS.values() for key in keys})


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "one.y4m"
    kit.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=216x216:r=25", "-frames:v", "1",
               "-pix_fmt", "yuv420p", path)  # fmt: skip
    return path


def takes(picture: Path, feature: str, options: Iterable[str]) -> bool:
    """Whether libvmaf scores with these options set to what no option can be."""
    words = r"\:".join([f"name={feature}", *(f"{key}=zzz" for key in options)])
    graph = f"libvmaf=model=version=vmaf_v0.6.1:feature='{words}'"
    command = [find_ffmpeg(), "-v", "error", "-i", picture, "-i", picture, "-lavfi", graph]
    done = subprocess.run([*command, "-f", "null", "-"], capture_output=True, check=False)
    return done.returncode == 0


def test_every_option_is_of_a_known_feature() -> None:
    assert set(OPTIONS) <= set(TABLE)
    assert all(len(set(keys)) == len(keys) for keys in OPTIONS.values())


@pytest.mark.parametrize("feature", TABLE)
def test_libvmaf_reads_these_options_and_passes_over_the_rest(picture: Path, feature: str) -> None:
    own = OPTIONS.get(feature, ())
    assert [key for key in own if takes(picture, feature, [key])] == []
    assert takes(picture, feature, [key for key in EVERY if key not in own])


def test_an_option_that_libvmaf_would_pass_over_is_refused() -> None:
    with pytest.raises(UsageError, match="psnr has no option 'enable_croma'") as told:
        parse_feature("name=psnr:enable_croma=false")
    assert "did you mean 'enable_chroma'? it has enable_apsnr, enable_chroma" in str(
        told.value.hint
    )
    with pytest.raises(UsageError, match="ciede has no option") as told:
        parse_feature("ciede=topk=1")
    assert told.value.hint == "it has no options"
    with pytest.raises(UsageError, match="has no option 'heatmaps_path'"):
        parse_feature("name=cambi:heatmaps_path=here")
    assert parse_feature("name=ssim:enable_db=true").options == (("enable_db", "true"),)
