"""The verbs `run-vmaf-training`, `run-vmaf-cross-validation` and `convert-model`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from vmafkit import fsio
from vmafkit.api._harness_lab import load_data_set, open_lab, worker_count
from vmafkit.errors import Refused, Unreadable, UsageError
from vmafkit.harness import agreement, convert, plots, testing
from vmafkit.harness.feature_names import FeatureName, features_of
from vmafkit.harness.measuring import Failure, measure_all
from vmafkit.harness.metrics import features_metric
from vmafkit.harness.opinions import DEFAULT
from vmafkit.harness.recipes import load_as
from vmafkit.harness.training import sklearn, train
from vmafkit.harness.validation import Clip, cross_validate, folds_of, means_of, predict_clips
from vmafkit.harness.workspace import open_workspace
from vmafkit.schema.model_recipe import FeatureParam, ModelParam

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Gathered:
    dataset: str
    clips: list[Clip]
    features: tuple[FeatureName, ...]
    param: ModelParam
    truth: testing.Truth
    failed: list[Failure] = field(default_factory=list[Failure])

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.features]


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
        output_model: a .json file; a copy is kept in the workspace's `model`.

    Returns: figures of the training data itself, which say nothing of other data.
    Raises: UsageError, InputError, CapabilityMissing, OutputError, StoreError, Cancelled.
    """
    target = Path(output_model)
    if target.suffix != ".json":
        raise UsageError(f"{target} does not end in .json", hint="models are written as JSON")
    space = open_workspace(workspace)
    if target.parent == Path() and not target.exists():
        target = space.folder("model") / target.name
    fsio.refuse_same_file(
        target, [Path(each) for each in (train_dataset, feature_param, model_param)]
    )
    sklearn("svm")
    gathered = _gather(
        train_dataset, feature_param, model_param, subj_model, cache_result,
        worker_count(processes, parallelize), ffmpeg_bin, timeout_s, workspace, cancel, on_progress,
    )  # fmt: skip
    clips = gathered.clips
    scores = np.asarray([clip.score for clip in clips])
    options = [dict(each.options) for each in gathered.features]
    model = train(means_of(clips), scores, gathered.names, gathered.param, options)
    predicted = predict_clips(model, clips, testing.pool_word(pool))
    fsio.write_atomic(target, model.document, user_output=True)
    kept = space.folder("model") / target.name
    if kept.absolute() != target.absolute():
        fsio.write_atomic(kept, model.document)
    result = {
        "type": "trained",
        "metric": target.stem,
        "output": str(target),
        "kept": str(kept),
        "model_type": model.kind,
        "features": gathered.names,
        **_figures(gathered, clips, predicted),
    }
    if save_plot is not None:
        result["plot"] = str(plots.scatter(result, Path(save_plot)))
    return result


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
        groups: the contents of each part, in place of `folds`.

    Returns: figures over all clips as predicted by models that never saw their content, and
        of each fold.
    Raises: as `run_vmaf_training`.
    """
    sklearn("svm")
    gathered = _gather(
        train_dataset, feature_param, model_param, subj_model, cache_result,
        worker_count(processes, parallelize), ffmpeg_bin, timeout_s, workspace, cancel, on_progress,
    )  # fmt: skip
    contents = [clip.content for clip in gathered.clips]
    parts = [tuple(group) for group in groups] or folds_of(contents, folds)
    found = cross_validate(
        gathered.clips, gathered.names, gathered.param, parts, statistic=testing.pool_word(pool)
    )
    order = {label: i for i, label in enumerate(label for fold in found for label in fold.labels)}
    clips = sorted(
        (clip for clip in gathered.clips if clip.label in order), key=lambda clip: order[clip.label]
    )
    result = {
        "type": "cross-validation",
        "metric": gathered.param.model_type,
        **_figures(gathered, clips, np.concatenate([fold.predicted for fold in found])),
        "folds": [
            {"contents": list(fold.contents), "n": len(fold.labels),
             **agreement.stats.agreement(fold.predicted, fold.truth).record()}
            for fold in found
        ],
    }  # fmt: skip
    if save_plot is not None:
        result["plot"] = str(plots.scatter(result, Path(save_plot)))
    return result


def convert_model(
    input_pkl_filepath: str | Path,
    output_json_filepath: str | Path,
    *,
    no_enhn_gain: bool = False,
) -> dict[str, Any]:
    """Write a model as libvmaf's JSON.

    Args:
        input_pkl_filepath: a pickled model of plain values with its `.model` beside it, which
            is read without running it; or a JSON model.
        no_enhn_gain: give no credit for enhancement.

    Raises: UsageError, Unreadable, ModelRefused, OutputError.
    """
    source, target = Path(input_pkl_filepath), Path(output_json_filepath)
    if target.suffix != ".json":
        raise UsageError(f"{target} does not end in .json")
    fsio.refuse_same_file(target, [source])
    is_json = source.suffix == ".json"
    document = _json_model(source) if is_json else convert.pickled_model(source)
    if no_enhn_gain:
        document = convert.without_enhancement_gain(document)
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    from vmafkit.scoring.svr import load_model

    features = load_model(text.encode()).feature_names
    fsio.write_atomic(target, text, user_output=True)
    return {"type": "converted", "output": str(target), "features": list(features)}


def _json_model(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise Unreadable(f"{path} is not JSON") from None
    if not isinstance(document, dict):
        raise Unreadable(f"{path} holds no model")
    return cast("dict[str, Any]", document)


def _gather(
    dataset: str | Path,
    feature_param: str | Path,
    model_param: str | Path,
    subj_model: str,
    cache_result: bool,
    workers: int,
    ffmpeg_bin: str | Path | None,
    timeout_s: float | None,
    workspace: str | Path | None,
    cancel: threading.Event | None,
    on_progress: OnProgress | None,
) -> _Gathered:
    """The features and the opinion scores of every clip."""
    space = open_workspace(workspace)
    recipe, assets = load_data_set(dataset, space)
    features = features_of(load_as(Path(feature_param), FeatureParam))
    param = load_as(Path(model_param), ModelParam)
    testing.truth_of(assets, subj_model, ref_score=recipe.ref_score)
    metric = features_metric([each.request() for each in features])
    with open_lab(
        space, cache_result=cache_result, ffmpeg_bin=ffmpeg_bin, timeout_s=timeout_s, cancel=cancel
    ) as lab:
        found, failed = measure_all(lab, assets, metric, processes=workers, on_asset=on_progress)
    if not found:
        raise Refused(f"no asset could be used: {failed[0].cause}")
    kept = [each.asset for each in found]
    truth = testing.truth_of(
        kept, subj_model, ref_score=recipe.ref_score, kind=recipe.score_kind or ""
    )
    columns = [each.find(found[0].frames.columns) for each in features]
    clips = [
        Clip(each.asset.content, each.asset.label, each.frames.select(columns).to_numpy(), float(s))
        for each, s in zip(found, truth.scores, strict=True)
    ]
    return _Gathered(recipe.dataset_name, clips, features, param, truth, failed)


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
        "failed": [{"asset": e.asset.label, "cause": e.cause} for e in gathered.failed],
    }
