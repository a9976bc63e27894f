"""Training: conventions, files that libvmaf loads, bootstrap, forests, folds, Shapley."""

from __future__ import annotations

import itertools
import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.svm import NuSVR
from tests.unit.scoring.svr_probe import SCALE, probe, run_models

from vmafkit.errors import CapabilityMissing, Refused, Unreadable, UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.harness import forest, shapley, training, validation
from vmafkit.harness.checkpoints import checkpoints_of
from vmafkit.harness.feature_names import feature_by_model_name, features_of
from vmafkit.schema.model_recipe import FeatureParam, ModelParam
from vmafkit.scoring.svr import load_members, load_model

NAMES = tuple(
    each.name for each in features_of(FeatureParam(feature_dict={"VMAF_integer_feature": "all"}))
)


def _param(kind: str = "LIBSVMNUSVR", **options: object) -> ModelParam:
    return ModelParam.model_validate({"model_type": kind, "model_param_dict": options})


def _data(seed: int = 0, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    quality = rng.uniform(0, 1, n)
    x = np.column_stack([
        0.7 + 0.3 * quality, rng.uniform(0, 12, n),
        *(0.3 + 0.7 * quality ** (1 + 0.2 * k) for k in range(4)),
    ])  # fmt: skip
    x = x + rng.normal(0, 0.01, x.shape)
    return x, 100 * quality + rng.normal(0, 2, n)


def test_the_features_are_in_the_models_order() -> None:
    assert [name.split("_feature_")[1] for name in NAMES] == [
        "adm2_score", "motion2_score", *(f"vif_scale{k}_score" for k in range(4)),
    ]  # fmt: skip
    found = feature_by_model_name("VMAF_feature_adm2_score")
    assert (found.column, found.extractor) == ("adm2", "float_adm")
    with pytest.raises(Refused, match="nope"):
        features_of(FeatureParam(feature_dict={"VMAF_feature": ["nope"]}))


@pytest.mark.parametrize("norm", ["clip_0to1", "clip_minus1to1", "normalize", "none"])
def test_the_model_is_scikit_learns_between_two_rescales(norm: str) -> None:
    x, y = _data()
    model = training.train(x, y, NAMES, _param(norm_type=norm, gamma=0.04, C=4.0, nu=0.9))
    table = np.column_stack([y, x])
    low, high = table.min(axis=0), table.max(axis=0)
    scaled = {
        "clip_0to1": (table - low) / (high - low),
        "clip_minus1to1": 2 * (table - low) / (high - low) - 1,
        "normalize": (table - table.mean(axis=0)) / table.std(axis=0),
        "none": table,
    }[norm]
    theirs = NuSVR(gamma=0.04, C=4.0, nu=0.9, tol=1e-6).fit(scaled[:, 1:], scaled[:, 0])
    predicted = theirs.predict(scaled[:, 1:])
    back = {
        "clip_0to1": predicted * (high - low)[0] + low[0],
        "clip_minus1to1": (predicted + 1) / 2 * (high - low)[0] + low[0],
        "normalize": predicted * y.std() + y.mean(),
        "none": predicted,
    }[norm]
    np.testing.assert_allclose(model.predict(x), back, rtol=0, atol=1e-3)


def test_clip_and_transform_come_after(tmp_path: Path) -> None:
    x, y = _data()
    plain = training.train(x, y, NAMES, _param()).predict(x)
    shaped = training.train(
        x, y, NAMES,
        _param(score_clip=[20, 80], score_transform={"p0": 5.0, "p1": 0.9, "enabled": True}),
    ).predict(x)  # fmt: skip
    np.testing.assert_allclose(shaped, np.clip(5.0 + 0.9 * plain, 20, 80), atol=1e-9)


LIMITED = {"adm_enhn_gain_limit": 1.0, "vif_enhn_gain_limit": 1.0}


@pytest.mark.parametrize("options", [{}, LIMITED], ids=["plain", "limited"])
@pytest.mark.parametrize("kind", ["VMAF_integer_feature", "VMAF_feature"])
def test_libvmaf_loads_the_model_and_agrees(
    tmp_path: Path, kind: str, options: dict[str, float]
) -> None:
    """libvmaf's score by the model file is ours of libvmaf's own features, to its last digit."""
    param = FeatureParam.model_validate(
        {"feature_dict": {kind: "all"}, "feature_option_dict": {kind: options}}
    )
    features = features_of(param)
    names, own = [each.name for each in features], [dict(each.options) for each in features]
    assert own == [{k: v for k, v in options.items() if f"_{k[:3]}" in name} for name in names]
    x, y = _data(1)
    model = training.train(x, y, names, _param(score_clip=[0, 100], gamma=0.04), own)
    base = "testsrc2=s=160x96:r=25,noise=alls=6:allf=t:all_seed=3,trim=end_frame=6,format=yuv420p"
    wanted = {"mine": (model.document, list[str]())}
    for column, name in enumerate(names):
        wanted[f"f{column}"] = (probe(name, own[column]), [])
    log = run_models(find_ffmpeg(), tmp_path, (base, f"{base},gblur=sigma=1.1"), wanted)
    rows = np.stack([log[f"f{column}"] for column in range(len(names))], axis=-1) / SCALE
    assert np.ptp(log["mine"]) > 0.1
    assert 0.0 < log["mine"].min() < log["mine"].max() < 100.0
    np.testing.assert_allclose(model.predict(rows), log["mine"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["BOOTSTRAP_LIBSVMNUSVR", "RESIDUEBOOTSTRAP_LIBSVMNUSVR"])
def test_libvmaf_loads_every_member_of_an_ensemble_and_agrees(tmp_path: Path, kind: str) -> None:
    x, y = _data(3)
    model = training.train(x, y, NAMES, _param(kind, num_models=4, gamma=0.04))
    documents = json.loads(model.document)
    base = "testsrc2=s=160x96:r=25,noise=alls=6:allf=t:all_seed=3,trim=end_frame=4,format=yuv420p"
    wanted = {f"m{number}": (document, list[str]()) for number, document in documents.items()}
    wanted |= {f"f{column}": (probe(name, {}), []) for column, name in enumerate(NAMES)}
    log = run_models(find_ffmpeg(), tmp_path, (base, f"{base},gblur=sigma=1.1"), wanted)
    rows = np.stack([log[f"f{column}"] for column in range(len(NAMES))], axis=-1) / SCALE
    members = load_members(model.document)
    assert len(members) == len(documents) == 4
    for number, member in enumerate(members):
        np.testing.assert_allclose(member.predict(rows), log[f"m{number}"], rtol=0, atol=1e-6)
    assert len({float(log[f"m{number}"][0]) for number in range(4)}) == 4


def test_a_stopped_training_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = _data()
    param = _param("BOOTSTRAP_LIBSVMNUSVR", num_models=6)
    whole = training.train(x, y, NAMES, param)
    made: list[int] = []
    fit = training._svr  # pyright: ignore[reportPrivateUsage]

    def counted(*args: Any) -> Any:
        made.append(1)
        if len(made) == 4:
            raise KeyboardInterrupt
        return fit(*args)

    monkeypatch.setattr(training, "_svr", counted)
    kept = checkpoints_of(tmp_path, x.tobytes(), y.tobytes())
    with pytest.raises(KeyboardInterrupt):
        training.train(x, y, NAMES, param, (), kept)
    assert {path.name for path in kept.folder.iterdir()} == {"1.json", "2.json"}
    (kept.folder / "2.json").write_text('{"model_di')
    made[:] = [1] * 4
    again = training.train(x, y, NAMES, param, (), kept)
    # The plain model, the spoilt member and the three that were missing.
    assert len(made) == 4 + 5
    assert again.document == whole.document
    assert checkpoints_of(tmp_path, y.tobytes(), x.tobytes()).folder != kept.folder
    kept.clear()
    assert not kept.folder.exists()


def test_a_clip_gives_a_row_for_each_opinion() -> None:
    clips = [
        validation.Clip("a", "0", np.array([[1.0, 3.0], [3.0, 5.0]]), 9.0, (4.0, 5.0)),
        validation.Clip("a", "1", np.array([[7.0, 8.0]]), 6.0),
    ]
    rows, scores = validation.training_rows(clips)
    assert rows.tolist() == [[2.0, 4.0], [2.0, 4.0], [7.0, 8.0]]
    assert scores.tolist() == [4.0, 5.0, 6.0]


def test_bootstrap_members_differ_and_the_first_is_the_plain_one() -> None:
    x, y = _data()
    plain = training.train(x, y, NAMES, _param())
    for kind in ("BOOTSTRAP_LIBSVMNUSVR", "RESIDUEBOOTSTRAP_LIBSVMNUSVR"):
        model = training.train(x, y, NAMES, _param(kind, num_models=5))
        assert len(load_members(model.document)) == len(json.loads(model.document)) == 5
        np.testing.assert_allclose(model.predict(x), plain.predict(x), atol=1e-12)
        others = np.stack([each.predict(x) for each in model.members[1:]])
        assert (np.ptp(others, axis=0) > 0).all()
        again = training.train(x, y, NAMES, _param(kind, num_models=5))
        assert again.document == model.document


def test_a_forest_equals_scikit_learns_and_is_read_back() -> None:
    x, y = _data()
    model = training.train(x, y, NAMES, _param("RANDOMFOREST", n_estimators=7, random_state=3))
    theirs = RandomForestRegressor(n_estimators=7, random_state=3).fit(x, y)
    fresh, _ = _data(9)
    np.testing.assert_allclose(model.predict(fresh), theirs.predict(fresh), atol=1e-9)
    read = forest.load_forest(model.document)
    assert (read.predict(fresh) == model.predict(fresh)).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("trees"),
        lambda d: d.update(trees=[]),
        lambda d: d.update(format="other"),
        lambda d: d["trees"][0]["left"].__setitem__(0, 0),
        lambda d: d["trees"][0]["right"].__setitem__(0, 10**6),
        lambda d: d["trees"][0]["feature"].__setitem__(0, 6),
        lambda d: d["trees"][0]["value"].pop(),
    ],
)
def test_a_damaged_forest_is_refused(change: object) -> None:
    x, y = _data()
    model = training.train(x, y, NAMES, _param("RANDOMFOREST", n_estimators=2))
    document = json.loads(model.document)
    change(document)  # pyright: ignore
    with pytest.raises(Unreadable):
        forest.load_forest(json.dumps(document).encode())


def test_what_cannot_be_trained_is_refused() -> None:
    x, y = _data()
    with pytest.raises(Refused, match="few"):
        training.train(x[:3], y[:3], NAMES, _param())
    flat = x.copy()
    flat[:, 1] = 2.0
    with pytest.raises(Refused, match="motion2"):
        training.train(flat, y, NAMES, _param())
    with pytest.raises(Refused, match="finite"):
        training.train(np.where(x == x[0, 0], np.nan, x), y, NAMES, _param())
    with pytest.raises(Refused, match="nope"):
        options = {"norm_type": "custom_clip_0to1", "custom_clip_0to1_map": {"nope": [0, 1]}}
        training.train(x, y, NAMES, _param(**options))


def test_without_scikit_learn_there_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    x, y = _data()
    with pytest.raises(CapabilityMissing) as caught:
        training.train(x, y, NAMES, _param())
    assert "vmafkit[harness]" in caught.value.hint


def _clips(contents: int = 5, each: int = 6) -> list[validation.Clip]:
    x, y = _data(2, contents * each)
    return [
        validation.Clip(f"c{i // each}", str(i), np.stack([row, row]), float(score))
        for i, (row, score) in enumerate(zip(x, y, strict=True))
    ]


def test_no_content_is_in_both_parts_and_every_clip_is_predicted_once() -> None:
    clips = _clips()
    for count in (None, 2, 3):
        groups = validation.folds_of([clip.content for clip in clips], count)
        assert sorted(itertools.chain(*groups)) == [f"c{i}" for i in range(5)]
        folds = validation.cross_validate(clips, NAMES, _param(), groups)
        assert sorted(int(n) for fold in folds for n in fold.labels) == list(range(30))
    rest = [clip for clip in clips if clip.content not in groups[0]]
    scores = [clip.score for clip in rest]
    by_hand = training.train(validation.means_of(rest), scores, NAMES, _param())
    held = np.stack([clip.frames[0] for clip in clips if clip.content in groups[0]])
    np.testing.assert_allclose(folds[0].predicted, by_hand.predict(held), atol=1e-9)
    for count in (1, 6):
        with pytest.raises(Refused, match="folds"):
            validation.folds_of([clip.content for clip in clips], count)


def test_parts_are_named_or_dealt() -> None:
    contents = [clip.content for clip in _clips()]
    assert validation.parts_of(contents, (), 2) == validation.folds_of(contents, 2)
    parts = validation.parts_of(contents, [["c0", " c1 "], ["c3"]], None)
    assert parts == [("c0", "c1"), ("c3",)]
    (note,) = validation.left_over(parts, _clips())
    assert "c2, c4: their 12 clips" in note
    assert validation.left_over([*parts, ("c2", "c4")], _clips()) == []
    some = [clip for clip in _clips() if clip.content in ("c0", "c2")]
    assert validation.with_clips(parts, some) == [("c0",)]


@pytest.mark.parametrize(
    ("groups", "count", "says"),
    [
        ([["c0", "c1"], ["c1", "c2"]], None, "c1 twice"),
        ([["c0", "c0"]], None, "c0 twice"),
        ([["c0"]], 2, "--folds and --group"),
        ([["c0", ""]], None, "empty content"),
        ([[]], None, "empty content"),
        ([["c9"]], None, "content c9, which"),
        ([[f"c{i}" for i in range(5)]], None, "nothing to train on"),
    ],
)
def test_parts_that_are_none_are_refused(
    groups: list[list[str]], count: int | None, says: str
) -> None:
    with pytest.raises((Refused, UsageError), match=says):
        validation.parts_of([clip.content for clip in _clips()], groups, count)


def test_scores_that_cannot_be_pooled_so_are_refused() -> None:
    clips = [replace(clip, score=clip.score - 200.0) for clip in _clips()]
    model = training.train(*validation.training_rows(clips), NAMES, _param())
    assert validation.predict_clips(model, clips, "p5").max() < -1.0
    with pytest.raises(Refused, match="asset 0 cannot be pooled by harmonic_mean"):
        validation.predict_clips(model, clips, "harmonic_mean")


def test_shapley_values_equal_the_average_over_all_orders() -> None:
    def predict(rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] * rows[:, 1] + np.sin(rows[:, 2]) * rows[:, 0] + 3 * rows[:, 3]

    rng = np.random.default_rng(0)
    frames, ground = rng.normal(size=(5, 4)), rng.normal(size=4)
    found = shapley.explain(predict, frames, list("abcd"), ground)
    wanted = np.zeros((5, 4))
    for order in itertools.permutations(range(4)):
        rows = np.tile(ground, (5, 1))
        before = predict(rows)
        for feature in order:
            rows[:, feature] = frames[:, feature]
            wanted[:, feature] += (predict(rows) - before) / math.factorial(4)
            before = predict(rows)
    np.testing.assert_allclose(found.parts, wanted, atol=1e-12)
    np.testing.assert_allclose(found.base + found.parts.sum(axis=1), found.scores, atol=1e-12)
    np.testing.assert_allclose(found.scores, predict(frames), atol=1e-12)


def test_shapley_of_a_trained_model_adds_up() -> None:
    x, y = _data()
    model = load_model(training.train(x, y, NAMES, _param()).document)
    found = shapley.explain(model.predict, x, NAMES, shapley.perfect_baseline(NAMES))
    assert shapley.perfect_baseline(NAMES).tolist() == [1, 0, 1, 1, 1, 1]
    np.testing.assert_allclose(found.base + found.parts.sum(axis=1), model.predict(x), atol=1e-9)
    with pytest.raises(Refused, match="sets"):
        shapley.explain(model.predict, np.zeros((1, 13)), ["a"] * 13, np.zeros(13))
