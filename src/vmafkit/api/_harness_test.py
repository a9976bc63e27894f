"""The verbs `run-testing`, `run-cleaning-cache` and `run-encode`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmafkit import encoders, fsio, settings
from vmafkit.api._harness_lab import (
    OnProgress,
    Task,
    check_timeout,
    load_data_set,
    named_model,
    worker_count,
)
from vmafkit.decide.sweep import Grid, Known, Scoring, plan_sweep
from vmafkit.errors import UsageError, VmafkitError
from vmafkit.execute.toolchain import toolchain
from vmafkit.ffmpeg.capabilities import read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.ffmpeg.run import Job
from vmafkit.harness import plots, testing
from vmafkit.harness.encoding import encode_all, recipe_of
from vmafkit.harness.measuring import Lab, facts_of
from vmafkit.harness.metrics import Metric, metric_by_name, phone_metric
from vmafkit.harness.model_files import model_word
from vmafkit.harness.opinions import DEFAULT, model_name
from vmafkit.harness.results import EncodeResultStore, FileResultStore, result_key
from vmafkit.harness.workspace import Workspace, open_workspace
from vmafkit.media.hashing import content_hash
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry
from vmafkit.media.timing import rate_from
from vmafkit.proc import Limits
from vmafkit.store.hashes import StoredHashes


def run_testing(
    quality_type: str,
    test_dataset: str | Path,
    *,
    vmaf_model: str | None = None,
    vmaf_phone_model: bool = False,
    subj_model: str = DEFAULT,
    cache_result: bool = True,
    parallelize: bool = False,
    processes: int | None = None,
    save_plot: str | Path | None = None,
    plot_wh: str = "8x6",
    pool: str = "mean",
    compare_with: str | None = None,
    bootstrap: int = 200,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Hold a metric against the opinion scores of a data set.

    Args:
        quality_type: a metric, such as VMAF or PSNR, or path=FILE.json. A bare file name that
            is not in the working folder is looked up in the workspace's `model`.
        test_dataset: a recipe: .yaml, .toml or .py, which is not run.
        vmaf_model: a model id or JSON file in place of VMAF's own; for VMAF only.
        vmaf_phone_model: apply the transform of phone viewing that the metric's model has.
        subj_model: how raw opinion scores become one score.
        cache_result: keep per-frame results in the workspace, and use what is there.
        parallelize, processes: several assets at once.
        save_plot: a folder for a scatter plot.
        compare_with: a second metric, compared in pairs on the same assets.
        bootstrap: draws for the intervals; 0 for none.

    Raises:
        UsageError, InputError, ToolMissing, StoreError, Cancelled; the first cause when no
        asset could be scored.
    """
    statistic = testing.pool_word(pool)
    if bootstrap < 0:
        raise UsageError(f"--bootstrap {bootstrap} is below 0", hint="0 gives no intervals")
    workers = worker_count(processes, parallelize)
    task = Task(workspace, ffmpeg_bin, timeout_s, cancel, cache_result, workers, on_progress)
    size = plots.size_of(plot_wh)
    model_name(subj_model)
    recipe, assets = load_data_set(test_dataset, task.space)
    metrics = [_metric(quality_type, vmaf_model, vmaf_phone_model, task.space)]
    metrics += [_metric(compare_with, None, False, task.space)] if compare_with else []
    for each in metrics:
        if not each.column:
            raise UsageError(f"{each.id} is a set of features and has no one score")
    testing.truth_of(assets, subj_model, ref_score=recipe.ref_score)
    reports: list[dict[str, Any]] = []
    with task.lab() as lab:
        for metric in metrics:
            found, failed = task.measure(lab, assets, metric)
            if not found:
                raise VmafkitError(f"no asset could be scored: {failed[0].cause}")
            truth = testing.truth_of(
                [each.asset for each in found], subj_model, ref_score=recipe.ref_score,
                kind=recipe.score_kind or "",
            )  # fmt: skip
            made = testing.report(
                metric,
                found,
                truth,
                dataset=recipe.dataset_name,
                statistic=statistic,
                rounds=bootstrap,
            )
            made["failed"] = [{"asset": each.asset.label, "cause": each.cause} for each in failed]
            reports.append(made)
    result = reports[0]
    if compare_with:
        result["compared_with"] = reports[1]
        result["comparison"] = testing.paired(*reports)
    if save_plot is not None:
        result["plot"] = str(plots.scatter(result, Path(save_plot), size=size))
    task.keep_report(result, "test", recipe.dataset_name, metrics[0].id)
    return result


def run_cleaning_cache(
    quality_type: str,
    test_dataset: str | Path,
    *,
    vmaf_model: str | None = None,
    vmaf_phone_model: bool = False,
    ffmpeg_bin: str | Path | None = None,
    workspace: str | Path | None = None,
) -> int:
    """Remove a metric's stored results of a data set; returns how many were there.

    Results of the same files that another data set made are the same results and go too.

    Raises: UsageError, InputError, StoreError.
    """
    space = open_workspace(workspace)
    _, assets = load_data_set(test_dataset, space)
    metric = _metric(quality_type, vmaf_model, vmaf_phone_model, space)
    capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin))
    with FileResultStore(space.results) as store:
        lab = Lab(capabilities, StoredHashes(settings.cache_folder()), space.root, store)
        return store.remove([result_key(facts_of(lab, asset, metric)) for asset in assets])


def run_encode(
    sources: Sequence[str | Path],
    *,
    encoder: Sequence[str] = ("libx264",),
    preset: Sequence[str] = (),
    crf: Sequence[float] = (),
    output: str | Path | None = None,
    recipe: str | Path | None = None,
    dataset_name: str = "encoded",
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str = "yuv420p",
    framerate: str = "25",
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Encode references with every encoder, preset and quality named.

    Args:
        crf: values of the encoders' quality knobs; none for each one's default.
        output: a folder; None for the workspace's `encode`.
        recipe: a .yaml file to write, naming references and encodes, without scores.

    Returns: `encodes` with path, encoder, quality, and whether it was stored already.
    Raises: UsageError, InputError, ToolFailed, ResultInvalid, StoreError, OutputError.
    """
    if recipe is not None and Path(recipe).suffix not in (".yaml", ".yml"):
        raise UsageError(f"--recipe {recipe} does not end in .yaml")
    check_timeout(timeout_s)
    space = open_workspace(workspace)
    capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin))
    hashes = StoredHashes(settings.cache_folder())
    raw = _raw(width, height, pix_fmt, framerate)
    opened = [open_source(Path(source), raw=raw) for source in sources]
    known = [Known(source, content_hash(source.path, hashes)) for source in opened]
    grid = Grid(tuple(encoders.get(name) for name in encoder), tuple(preset), tuple(crf))
    cells = plan_sweep(
        known, grid, Scoring(allow_hdr=True), lambda each: toolchain(capabilities, each)
    )
    folder = space.folder("encode") if output is None else Path(output)
    fsio.ensure_folder(folder)
    for cell in cells:
        fsio.refuse_same_file(folder / cell.file_name, [source.path for source in opened])
    with EncodeResultStore(space.encodes) as store, space.scratch() as scratch:
        job = Job(cancel=cancel, limits=Limits(wall_s=timeout_s))
        program = Path(capabilities.path)
        made = encode_all(program, cells, store, folder, scratch, job=job, on_encode=on_progress)
    if recipe is not None:
        import yaml

        text = yaml.safe_dump(recipe_of(made, dataset_name), sort_keys=False, allow_unicode=True)
        fsio.write_atomic(Path(recipe), text, user_output=True)
    return {
        "type": "encodes",
        "folder": str(folder),
        "recipe": None if recipe is None else str(recipe),
        "encodes": [
            {"path": str(each.path), "encoder": each.cell.encoder.name,
             "quality": each.cell.quality, "known": each.known}
            for each in made
        ],
    }  # fmt: skip


def _metric(word: str, vmaf_model: str | None, is_phone: bool, space: Workspace) -> Metric:
    flag = "--vmaf-phone-model" if is_phone else None
    if vmaf_model is not None:
        if word != "VMAF":
            raise UsageError(
                f"--vmaf-model is for VMAF, not for {word}",
                hint="name a model in place of the metric: an id, or path=FILE.json",
            )
        return named_model(vmaf_model, space, phone_flag=flag)
    metric = metric_by_name(model_word(word, space))
    return phone_metric(metric, flag) if flag else metric


def _raw(width: int | None, height: int | None, pix_fmt: str, framerate: str) -> RawGeometry | None:
    if width is None and height is None:
        return None
    if width is None or height is None:
        raise UsageError("raw video needs --width and --height", hint="give both")
    try:
        rate = rate_from(framerate)
    except ValueError:
        raise UsageError(
            f"--framerate {framerate} is not a rate", hint="25 or 30000/1001"
        ) from None
    return RawGeometry(width, height, pix_fmt, rate)
