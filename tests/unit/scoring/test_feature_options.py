"""The table of libvmaf's feature options, held against the real one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

import tuning_kit as kit
from vmafkit.errors import UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.scoring.feature_options import OPTIONS
from vmafkit.scoring.features import TABLE
from vmafkit.scoring.vmaf_models import TABLE as MODELS
from vmafkit.scoring.vmaf_models import model_from_file
from vmafkit.scoring.words import parse_feature, parse_model

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
    return scores(picture, f"libvmaf=model=version=vmaf_v0.6.1:feature='{words}'")


def model_takes(picture: Path, model: str, options: Iterable[str]) -> bool:
    """The same for options of a model's features."""
    words = r"\:".join([f"version={model}", *(f"{key}=zzz" for key in options)])
    return scores(picture, f"libvmaf=model='{words}'")


def scores(picture: Path, graph: str) -> bool:
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


@pytest.mark.parametrize("model", ["vmaf_v0.6.1neg", "vmaf_float_v0.6.1", "vmaf_v1.0.16_3d0h"])
# Collections take no options at all; their members are asked for one by one.
def test_libvmaf_sets_options_of_a_models_own_features_only(picture: Path, model: str) -> None:
    own = MODELS[model].extractors
    assert [
        each for each in own if model_takes(picture, model, [f"{each}.{OPTIONS[each][0]}"])
    ] == []
    others = [f"{each}.{keys[0]}" for each, keys in OPTIONS.items() if each not in own]
    assert model_takes(picture, model, others)


@pytest.mark.parametrize(
    ("word", "told", "way_out"),
    [
        ("adm.nosuch=1", "adm has no option 'nosuch'", "it has adm_csf_diag_scale"),
        ("adm.adm_enhn_gain_limits=1", "no option", "did you mean 'adm_enhn_gain_limit'?"),
        (
            "float_vif.vif_enhn_gain_limit=1",
            "vmaf_v0.6.1 has no feature 'float_vif'",
            "motion, vif",
        ),
        ("cambi.topk=1", "has no feature 'cambi', so cambi.topk would do nothing", "it has adm"),
        ("viff.vif_enhn_gain_limit=1", "no feature 'viff'", "did you mean 'vif'?"),
    ],
)
def test_an_option_of_a_model_that_libvmaf_would_pass_over_is_refused(
    word: str, told: str, way_out: str
) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        parse_model(f"version=vmaf_v0.6.1:{word}")
    assert way_out in str(refused.value.hint)
    assert parse_model("version=vmaf_v0.6.1:adm.adm_enhn_gain_limit=1.0").options


@pytest.mark.parametrize(
    ("features", "extractors"),
    [
        (["VMAF_integer_feature_adm2_score", "VMAF_integer_feature_vif_scale3_score"],
         ("adm", "vif")),
        (["VMAF_feature_adm2_score", "VMAF_feature_vif_scale0_score"], ("float_adm", "float_vif")),
        (["Cambi_feature_cambi_score", "My_feature_own_score"], ("cambi",)),
        (None, ()),
    ],
)  # fmt: skip
def test_a_model_file_says_which_features_it_has(
    tmp_path: Path, features: list[str] | None, extractors: tuple[str, ...]
) -> None:
    facts = {} if features is None else {"feature_names": features}
    (tmp_path / "m.json").write_text(json.dumps({"model_dict": facts}), "utf-8")
    assert model_from_file(tmp_path / "m.json").extractors == extractors


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
