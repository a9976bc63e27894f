"""What the harness refuses before it measures anything, and which metric its flags ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.scoring_kit import ffmpeg

from vmafkit import api, proc
from vmafkit.errors import Refused, UsageError


class Clips:
    """A data set of four contents with three clips each, all of them the same few frames."""

    def __init__(self, folder: Path) -> None:
        made = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25", "-frames:v", "4", "-c:v", "ffv1")
        for name, sigma in (("a", 0.0), ("b0", 0.4), ("b1", 0.6), ("b2", 0.8)):
            ffmpeg(*made, "-vf", f"gblur=sigma={sigma},format=yuv420p", folder / f"{name}.mkv")
        self.folder = folder
        self.space = folder / "space"
        self.values: dict[str, Any] = {
            "dataset_name": "made", "yuv_fmt": "notyuv",
            "ref_videos": [{"content_id": c, "path": "a.mkv"} for c in range(4)],
            "dis_videos": [
                {"content_id": c, "asset_id": 3 * c + k, "path": f"b{k}.mkv",
                 "mos": 4.5 - k + c / 9}
                for c in range(4) for k in range(3)
            ],
        }  # fmt: skip
        self.set = self.write("set.yaml", self.values)
        self.features = self.write(
            "features.yaml", {"feature_dict": {"VMAF_integer_feature": ["adm2", "vif_scale0"]}}
        )
        self.params = self.write("params.yaml", {"model_type": "LIBSVMNUSVR"})
        self.list = folder / "pairs.txt"
        self.list.write_text(f"notyuv 0 0 {folder / 'a.mkv'} {folder / 'b1.mkv'}\n", "utf-8")
        self.pair = ("notyuv", 0, 0, folder / "a.mkv", folder / "b1.mkv")

    def write(self, name: str, values: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(values), "utf-8")
        return path

    def train(self, **rest: Any) -> Any:
        return api.run_vmaf_training(
            self.set, self.features, self.params, self.folder / "out.json",
            workspace=self.space, **rest,
        )  # fmt: skip

    def cross(self, **rest: Any) -> Any:
        return api.run_vmaf_cross_validation(
            self.set, self.features, self.params, workspace=self.space, **rest
        )

    def test(self, metric: str = "VMAF", path: Path | None = None, **rest: Any) -> Any:
        return api.run_testing(metric, path or self.set, workspace=self.space, **rest)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("refusals"))


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(argv: Any, **_: Any) -> Any:
        raise AssertionError(f"started {argv}")

    monkeypatch.setattr(proc, "run", started)


VERBS: dict[str, Callable[..., Any]] = {
    "run-vmaf": lambda clips, **rest: api.run_vmaf(*clips.pair, workspace=clips.space, **rest),
    "run-psnr": lambda clips, **rest: api.run_psnr(*clips.pair, workspace=clips.space, **rest),
    "run-vmaf-in-batch": lambda clips, **rest: api.run_vmaf_in_batch(
        clips.list, workspace=clips.space, **rest
    ),
    "run-testing": lambda clips, **rest: clips.test(**rest),
    "run-vmaf-training": lambda clips, **rest: clips.train(**rest),
    "run-vmaf-cross-validation": lambda clips, **rest: clips.cross(**rest),
    "run-encode": lambda clips, **rest: api.run_encode(
        [clips.folder / "a.mkv"], workspace=clips.space, **rest
    ),
}


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "run-encode"])
def test_a_pooling_word_is_looked_at_first(clips: Clips, verb: str) -> None:
    with pytest.raises(UsageError, match="--pool bogus"):
        VERBS[verb](clips, pool="bogus")


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
def test_a_bound_that_nothing_fits_in_is_refused(clips: Clips, verb: str, timeout_s: float) -> None:
    with pytest.raises(UsageError, match="--timeout"):
        VERBS[verb](clips, timeout_s=timeout_s)


@pytest.mark.usefixtures("nothing_starts")
def test_draws_below_0_are_refused(clips: Clips) -> None:
    with pytest.raises(UsageError, match="--bootstrap -5"):
        clips.test(bootstrap=-5)


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"groups": [["0", "1"], ["1", "2"]]}, "content 1 twice"),
        ({"groups": [["0"]], "folds": 2}, "--folds and --group"),
        ({"groups": [["9"]]}, "content 9"),
        ({"folds": 5}, "5 folds"),
    ],
)
def test_parts_are_looked_at_first(clips: Clips, asked: dict[str, Any], says: str) -> None:
    with pytest.raises((UsageError, Refused), match=says):
        clips.cross(**asked)


def test_contents_in_no_group_are_said(clips: Clips) -> None:
    report = clips.cross(groups=[["0", " 1"]])
    assert report["n"] == 6
    assert [fold["contents"] for fold in report["folds"]] == [["0", "1"]]
    assert any("contents 2, 3: their 6 clips" in note for note in report["notes"])
    whole = clips.cross(groups=[["0", "1"], ["2", "3"]])
    assert not any("--group" in note for note in whole["notes"])


def test_the_phone_flag_keeps_the_metric_that_was_named(clips: Clips) -> None:
    phone = {
        name: clips.test(name, vmaf_phone_model=True, bootstrap=0)
        for name in ("VMAF", "VMAFNEG", "BOOTSTRAP_VMAF")
    }
    ids = ["vmaf_v0.6.1_phone", "vmaf_v0.6.1neg_phone", "vmaf_b_v0.6.3_phone"]
    assert [each["metric"] for each in phone.values()] == ids
    named = clips.test("VMAF_Phone", bootstrap=0)
    assert [each["score"] for each in named["assets"]] == pytest.approx(
        [each["score"] for each in phone["VMAF"]["assets"]], abs=1e-9
    )
    # The transform raises scores of one model; the models differ.
    plain = clips.test("VMAFNEG", bootstrap=0)
    for mine, theirs in zip(phone["VMAFNEG"]["assets"], plain["assets"], strict=True):
        assert mine["score"] > theirs["score"]
    scores = [[each["score"] for each in found["assets"]] for found in phone.values()]
    assert np.ptp(scores, axis=0).max() > 0.01


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("metric", "asked", "says"),
    [
        ("PSNR", {"vmaf_phone_model": True}, "--vmaf-phone-model is for VMAF models, not for PSNR"),
        ("VMAF_4K", {"vmaf_phone_model": True}, "--vmaf-phone-model: VMAF_4K has no"),
        ("VMAF_V1", {"vmaf_phone_model": True}, "--vmaf-phone-model: VMAF_V1 has no"),
        ("VMAF", {"vmaf_model": "4k", "vmaf_phone_model": True}, "phone-model: vmaf_4k_v0.6.1 has"),
        ("VMAFNEG", {"vmaf_model": "vmaf_v0.6.1"}, "--vmaf-model is for VMAF, not for VMAFNEG"),
        ("vmaf_v0.6.1", {"vmaf_model": "4k"}, "--vmaf-model is for VMAF, not for vmaf_v0.6.1"),
        ("PSNR", {"vmaf_model": "vmaf_v0.6.1"}, "--vmaf-model is for VMAF, not for PSNR"),
    ],
)
def test_flags_that_do_not_fit_the_metric(
    clips: Clips, metric: str, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        clips.test(metric, **asked)
    with pytest.raises(UsageError, match=says):
        api.run_cleaning_cache(metric, clips.set, workspace=clips.space, **asked)


def test_a_duration_scores_the_frames_that_it_names(clips: Clips) -> None:
    short = clips.write("short.yaml", clips.values | {"duration_sec": 0.08, "fps": 25})
    ranged = clips.write("ranged.yaml", clips.values | {"start_frame": 0, "end_frame": 1})
    scores = [
        [each["score"] for each in clips.test("PSNR", path, bootstrap=0)["assets"]]
        for path in (short, ranged, clips.set)
    ]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]
