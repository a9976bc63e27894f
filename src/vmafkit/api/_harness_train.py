"""The verbs `run-vmaf-training`, `run-vmaf-cross-validation` and `convert-model`."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from vmafkit import fsio
from vmafkit.api._harness_lab import OnProgress, Task, load_data_set, worker_count
from vmafkit.errors import Refused, Unreadable, UsageError
from vmafkit.harness import agreement, convert, forest, plots, testing
from vmafkit.harness.assets import Asset
from vmafkit.harness.checkpoints import checkpoints_of
from vmafkit.harness.feature_names import FeatureName, features_of
from vmafkit.harness.measuring import Failure
from vmafkit.harness.metrics import features_metric
from vmafkit.harness.model_files import find_model, is_bare
from vmafkit.harness.opinions import DEFAULT, PER_SUBJECT
from vmafkit.harness.recipes import load_as
from vmafkit.harness.training import sklearn, train
from vmafkit.harness.validation import (
    Clip,
    cross_validate,
    left_over,
    parts_of,
    predict_clips,
    training_rows,
    with_clips,
)
from vmafkit.harness.workspace import open_workspace
from vmafkit.media.hashing import show
from vmafkit.schema.model_recipe import FeatureParam, ModelParam
from vmafkit.schema.recipe import Recipe


@dataclass(frozen=True, slots=True)
class _Asked:
    feature_param: str | Path
    model_param: str | Path
    subj_model: str
    pool: str
    save_plot: str | Path | None


@dataclass(frozen=True, slots=True)
class _Gathered:
    dataset: str
    clips: list[Clip]
    features: tuple[FeatureName, ...]
    param: ModelParam
    truth: testing.Truth
    failed: list[Failure]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.features]

    @property
    def options(self) -> list[dict[str, float | bool]]:
        return [dict(each.options) for each in self.features]


def run_vmaf_training(
    train_dataset: str | Path,
    feature_param: str | Path,
    model_param: str | Path,
    output_model: str | Path,
    *,
    subj_model: str = DEFAULT,
    cache_result: bool = True,
    parallelize: bool = False,
    processes: int | None = None,
    save_plot: str | Path | None = None,
    pool: str = "mean",
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Train a model on a data set and write it as JSON.

    A support vector regression is written in libvmaf's form, which libvmaf loads; a forest in
    vmafkit's own.

    Args:
        train_dataset, feature_param, model_param: recipes: .yaml, .toml or .py.
        output_model: a .json file; a copy is kept in the workspace's `model`. A bare name that
            is not in the working folder is written there alone.
        subj_model: how raw opinion scores become one score; with PERSUBJECT each subject's
            score is a row of its own, and the figures are against the mean score.

    Returns: figures of the training data itself, which say nothing of other data.
    Raises: UsageError, InputError, CapabilityMissing, OutputError, StoreError, Cancelled.
    """
    target = Path(output_model)
    if target.suffix != ".json":
        raise UsageError(f"{target} does not end in .json", hint="models are written as JSON")
    workers = worker_count(processes, parallelize)
    task = Task(workspace, ffmpeg_bin, timeout_s, cancel, cache_result, workers, on_progress)
    if is_bare(target) and not target.exists():
        target = task.space.folder("model") / target.name
    fsio.refuse_same_file(
        target, [Path(each) for each in (train_dataset, feature_param, model_param)]
    )
    asked = _Asked(feature_param, model_param, subj_model, pool, save_plot)
    statistic = testing.pool_word(pool)
    gathered = _gather(task, asked, *load_data_set(train_dataset, task.space))
    x, y = training_rows(gathered.clips)
    facts = [gathered.param.model_dump_json(), repr(gathered.names), repr(gathered.options)]
    room = task.space.folder("checkpoints_dir")
    kept = checkpoints_of(room, x.tobytes(), y.tobytes(), *(each.encode() for each in facts))
    model = train(x, y, gathered.names, gathered.param, gathered.options, kept)
    predicted = predict_clips(model, gathered.clips, statistic)
    fsio.write_atomic(target, model.document, user_output=True)
    copy = task.space.folder("model") / target.name
    if copy.absolute() != target.absolute():
        fsio.write_atomic(copy, model.document)
    kept.clear()
    facts_of_model = {
        "type": "trained",
        "metric": target.stem,
        "output": str(target.absolute()),
        "kept": str(copy.absolute()),
        "model_type": model.kind,
        "features": gathered.names,
    }
    return _reported(task, asked, facts_of_model | _figures(gathered, gathered.clips, predicted))


def run_vmaf_cross_validation(
    train_dataset: str | Path,
    feature_param: str | Path,
    model_param: str | Path,
    *,
    folds: int | None = None,
    groups: Sequence[Sequence[str]] = (),
    subj_model: str = DEFAULT,
    cache_result: bool = True,
    parallelize: bool = False,
    processes: int | None = None,
    save_plot: str | Path | None = None,
    pool: str = "mean",
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Train without a part of the contents and predict that part, until each was predicted.

    Args:
        folds: how many parts; None for one content at a time.
        groups: the contents of each part, in place of `folds`; clips of a content that is in
            none are trained on and not predicted, and a note says so.

    Returns: figures over all clips as predicted by models that never saw their content, and
        of each fold.
    Raises: as `run_vmaf_training`.
    """
    workers = worker_count(processes, parallelize)
    task = Task(workspace, ffmpeg_bin, timeout_s, cancel, cache_result, workers, on_progress)
    asked = _Asked(feature_param, model_param, subj_model, pool, save_plot)
    statistic = testing.pool_word(pool)
    recipe, assets = load_data_set(train_dataset, task.space)
    parts = parts_of([asset.content for asset in assets], groups, folds)
    gathered = _gather(task, asked, recipe, assets)
    parts = with_clips(parts, gathered.clips)
    found = cross_validate(
        gathered.clips, gathered.names, gathered.param, parts, statistic=statistic
    )
    order = {label: i for i, label in enumerate(label for fold in found for label in fold.labels)}
    clips = sorted(
        (clip for clip in gathered.clips if clip.label in order), key=lambda clip: order[clip.label]
    )
    result: dict[str, Any] = {
        "type": "cross-validation",
        "metric": gathered.param.model_type,
        **_figures(gathered, clips, np.concatenate([fold.predicted for fold in found])),
        "folds": [
            {"contents": list(fold.contents), "n": len(fold.labels),
             **agreement.stats.agreement(fold.predicted, fold.truth).record()}
            for fold in found
        ],
    }  # fmt: skip
    result["notes"] += left_over(parts, gathered.clips)
    return _reported(task, asked, result)


def convert_model(
    input_pkl_filepath: str | Path,
    output_json_filepath: str | Path,
    *,
    no_enhn_gain: bool = False,
    workspace: str | Path | None = None,
) -> dict[str, Any]:
    """Write a model as libvmaf's JSON.

    Args:
        input_pkl_filepath: a pickled model of plain values with its `.model` beside it, which
            is read without running it; or a JSON model. A bare name that is not in the working
            folder is looked up in the workspace's `model`.
            A collection stays one.
        no_enhn_gain: give no credit for enhancement.

    Raises: UsageError, Unreadable, Refused, ModelRefused, OutputError.
    """
    source = find_model(Path(input_pkl_filepath), open_workspace(workspace))
    target = Path(output_json_filepath)
    if target.suffix != ".json":
        raise UsageError(f"{target} does not end in .json")
    fsio.refuse_same_file(target, [source])
    if forest.is_forest(source):
        raise Refused(
            f"{show(source)} is a forest, which libvmaf's form cannot hold",
            hint="vmaf-harness scores with it as it is: path=FILE.json",
        )
    is_json = source.suffix == ".json"
    document = _json_model(source) if is_json else convert.pickled_model(source)
    if no_enhn_gain:
        document = convert.without_enhancement_gain(document)
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    from vmafkit.scoring.svr import load_members

    features = load_members(text.encode())[0].feature_names
    fsio.write_atomic(target, text, user_output=True)
    return {"type": "converted", "output": str(target), "features": list(features)}


def _json_model(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(fsio.read_bytes(path))
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise Unreadable(f"{path} is not JSON") from None
    if not isinstance(document, dict):
        raise Unreadable(f"{path} holds no model")
    return cast("dict[str, Any]", document)


def _gather(task: Task, asked: _Asked, recipe: Recipe, assets: list[Asset]) -> _Gathered:
    """The features and the opinion scores of every clip."""
    sklearn("svm")
    features = features_of(load_as(Path(asked.feature_param), FeatureParam, task.space))
    param = load_as(Path(asked.model_param), ModelParam, task.space)
    one_by_one = asked.subj_model == PER_SUBJECT
    if one_by_one and any(asset.opinions is None for asset in assets):
        raise Refused(f"{PER_SUBJECT} needs raw opinion scores", hint="give os for each asset")
    subj_model = "MOS" if one_by_one else asked.subj_model
    testing.truth_of(assets, subj_model, ref_score=recipe.ref_score)
    metric = features_metric([each.request() for each in features])
    with task.lab() as lab:
        found, failed = task.measure(lab, assets, metric)
    if not found:
        raise Refused(f"no asset could be used: {failed[0].cause}")
    kept = [each.asset for each in found]
    truth = testing.truth_of(
        kept, subj_model, ref_score=recipe.ref_score, kind=recipe.score_kind or ""
    )
    columns = [each.find(found[0].frames.columns) for each in features]
    clips = [
        Clip(
            each.asset.content,
            each.asset.label,
            each.frames.select(columns).to_numpy(),
            float(score),
            testing.votes_of(each.asset) if one_by_one else (),
        )
        for each, score in zip(found, truth.scores, strict=True)
    ]
    return _Gathered(recipe.dataset_name, clips, features, param, truth, failed)


def _reported(task: Task, asked: _Asked, result: dict[str, Any]) -> dict[str, Any]:
    """The result with its plot, kept in the workspace's `output`."""
    if asked.save_plot is not None:
        result["plot"] = str(plots.scatter(result, Path(asked.save_plot)))
    task.keep_report(result, result["type"], result["dataset"], result["metric"])
    return result


def _figures(gathered: _Gathered, clips: Sequence[Clip], predicted: Any) -> dict[str, Any]:
    known = {clip.label: i for i, clip in enumerate(gathered.clips)}
    errors = gathered.truth.errors
    found = agreement.figures(
        predicted,
        [clip.score for clip in clips],
        errors=None if errors is None else errors[[known[clip.label] for clip in clips]],
        groups=[clip.content for clip in clips],
    )
    return {
        "dataset": gathered.dataset,
        "subjective_model": gathered.truth.model,
        **found,
        "assets": [
            {"asset": clip.label, "content": clip.content, "truth": clip.score, "score": float(s)}
            for clip, s in zip(clips, predicted, strict=True)
        ],
        "notes": [*gathered.truth.notes, *found["notes"]],
        "failed": [{"asset": e.asset.label, "cause": e.cause} for e in gathered.failed],
    }
