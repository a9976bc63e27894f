"""The features that models may be trained on are those that libvmaf finds in a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit.scoring.svr_probe import SCALE, probe, run_models

from vmafkit.errors import Refused
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.harness.feature_names import IN_MODELS, feature_by_model_name, features_of
from vmafkit.schema.model_recipe import FeatureParam


def _param(kind: str, *atoms: str) -> FeatureParam:
    return FeatureParam.model_validate({"feature_dict": {kind: list(atoms)}})


def test_libvmaf_loads_a_model_of_each_and_reads_the_same_column(tmp_path: Path) -> None:
    features = [each for kind in IN_MODELS for each in features_of(_param(kind, *IN_MODELS[kind]))]
    models = {f"m{i}": (probe(each.name, {}), list[str]()) for i, each in enumerate(features)}
    base = "testsrc2=s=96x64:r=25,noise=alls=6:allf=t:all_seed=3,trim=end_frame=3,format=yuv420p"
    log = run_models(find_ffmpeg(), tmp_path, (base, f"{base},gblur=sigma=1.1"), models)
    frames = [each["metrics"] for each in json.loads((tmp_path / "x.json").read_bytes())["frames"]]
    assert len(features) == 9 + 14
    for i, each in enumerate(features):
        column = each.find(list(frames[0]))
        own = [frame[column] for frame in frames]
        np.testing.assert_allclose(log[f"m{i}"] / SCALE, own, rtol=0, atol=2e-6, err_msg=each.name)
        assert feature_by_model_name(each.name) == each


@pytest.mark.parametrize(
    ("kind", "atom", "offered"),
    [
        ("VMAF_integer_feature", "adm_scale0", "adm2, adm3, aim, motion2, motion3, vif_scale0"),
        ("VMAF_feature", "psnr_y", "adm_scale0"),
        ("VMAF_feature", "float_ssim", "adm_scale0"),
        ("VMAF_feature", "integer_adm2", "adm_scale0"),
    ],
)
def test_another_is_refused_with_those_that_there_are(kind: str, atom: str, offered: str) -> None:
    with pytest.raises(Refused, match=atom) as caught:
        features_of(_param(kind, "adm2", atom))
    assert "libvmaf takes" in caught.value.message
    assert offered in caught.value.hint
    assert atom not in caught.value.hint.split(", ")


def test_a_feature_of_another_kind_is_found_by_its_name_in_a_model() -> None:
    found = feature_by_model_name("Cambi_feature_cambi_score")
    assert (found.column, found.extractor) == ("cambi", "cambi")
    with pytest.raises(Refused, match="'nope'"):
        feature_by_model_name("Other_feature_nope_score")
