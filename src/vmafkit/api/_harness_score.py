"""The verbs `run-vmaf`, `run-psnr`, `run-vmaf-in-batch` and `run-result-assembly`."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vmafkit import fsio
from vmafkit.api._harness_lab import Task, named_model, worker_count
from vmafkit.errors import InputError, UsageError
from vmafkit.harness import assembly, plots, shapley
from vmafkit.harness.assets import Asset
from vmafkit.harness.batch import pair_asset, read_list
from vmafkit.harness.feature_names import features_of_model
from vmafkit.harness.measuring import Lab, Measured, measure
from vmafkit.harness.metrics import Metric, features_metric, metric_by_name
from vmafkit.harness.testing import pool_word, pooled
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import load_model


def run_vmaf(
    fmt: str,
    width: int,
    height: int,
    ref_path: str | Path,
    dis_path: str | Path,
    *,
    model: str | None = None,
    pool: str = "mean",
    phone_model: bool = False,
    ci: bool = False,
    local_explain: bool = False,
    save_plot: str | Path | None = None,
    cache_result: bool = False,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """VMAF of one pair.

    Args:
        fmt: a pixel format such as yuv420p, or `notyuv` for files that describe themselves,
            whose width and height are then not looked at.
        model: an id or a JSON file; None for vmaf_v0.6.1. A bare file name that is not in the
            working folder is looked up in the workspace's `model`.
        ci: the bootstrap model, with its interval.
        local_explain: the points that each feature adds, by exact Shapley values against a
            still picture compared with itself.
        save_plot: a folder for plots.

    Returns:
        `aggregate` (pooled scores), `frames`, and `explanation` when asked for.

    Raises:
        UsageError, InputError, ToolFailed, ResultInvalid, StoreError, Cancelled.
    """
    if ci and local_explain:
        raise UsageError("--ci and --local-explain do not go together", hint="leave one out")
    if ci and model is not None:
        raise UsageError("--ci names its own model", hint="leave out --model")
    word = "vmaf_b_v0.6.3" if ci else model
    statistic = pool_word(pool)
    task = Task(workspace, ffmpeg_bin, timeout_s, cancel, cache_result)
    metric = named_model(word, task.space, phone_flag="--phone-model" if phone_model else None)
    asset = pair_asset(fmt, (width, height), Path(ref_path), Path(dis_path))
    folder = None if save_plot is None else Path(save_plot)
    with task.lab() as lab:
        found = measure(lab, asset, metric)
        result = _pair_result(found, metric, statistic)
        if local_explain:
            shown = _explained(lab, asset, metric)
            result["explanation"] = shown.record()
            if folder is not None:
                plots.parts(shown, folder / "local_explain.html")
                fsio.write_atomic(folder / "local_explain.csv", shown.csv(), user_output=True)
    if folder is not None:
        plots.lines({metric.id: result["frames"][metric.column]}, metric.id, folder / "run.html")
    return result


def run_psnr(
    fmt: str,
    width: int,
    height: int,
    ref_path: str | Path,
    dis_path: str | Path,
    *,
    pool: str = "mean",
    cache_result: bool = False,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """PSNR of one pair; arguments, result and errors as `run_vmaf`."""
    statistic = pool_word(pool)
    metric = metric_by_name("PSNR")
    asset = pair_asset(fmt, (width, height), Path(ref_path), Path(dis_path))
    with Task(workspace, ffmpeg_bin, timeout_s, cancel, cache_result).lab() as lab:
        return _pair_result(measure(lab, asset, metric), metric, statistic)


def run_vmaf_in_batch(
    list_path: str | Path,
    *,
    model: str | None = None,
    pool: str = "mean",
    phone_model: bool = False,
    parallelize: bool = False,
    processes: int | None = None,
    cache_result: bool = True,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    workspace: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """VMAF of many pairs, `fmt width height reference distorted` on each line of a file.

    Returns:
        `pairs` in the order of the list, and `failed` with a cause for each.

    Raises:
        UsageError, InputError, StoreError, Cancelled.
    """
    statistic = pool_word(pool)
    assets = read_list(Path(list_path))
    workers = worker_count(processes, parallelize)
    task = Task(workspace, ffmpeg_bin, timeout_s, cancel, cache_result, workers, on_progress)
    metric = named_model(model, task.space, phone_flag="--phone-model" if phone_model else None)
    with task.lab() as lab:
        found, failed = task.measure(lab, assets, metric)
    return {
        "type": "batch",
        "metric": metric.id,
        "statistic": statistic,
        "pairs": [
            {**_names(each.asset), "score": _plain(pooled(each, metric.column, statistic)),
             "known": each.known}
            for each in found
        ],
        "failed": [{**_names(each.asset), "cause": each.cause} for each in failed],
    }  # fmt: skip


def run_result_assembly(list_path: str | Path, output: str | Path | None = None) -> dict[str, Any]:
    """Join the logs that a list names, one path on each line, in time.

    Args:
        output: a `.json` file to write the joined log to.

    Returns: the joined log in libvmaf's JSON layout.
    Raises: UsageError, InputError, OutputError.
    """
    path = Path(list_path)
    if output is not None and Path(output).suffix != ".json":
        raise UsageError(f"--output {output} does not end in .json", hint="the log is JSON")
    try:
        lines = [line.strip() for line in fsio.read_text(path).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    logs = [path.parent / line for line in lines if line and not line.startswith("#")]
    joined = assembly.as_record(assembly.assemble(logs))
    if output is not None:
        fsio.refuse_same_file(Path(output), [path, *logs])
        text = json.dumps(joined, indent=1, allow_nan=False) + "\n"
        fsio.write_atomic(Path(output), text, user_output=True)
    return joined


def _pair_result(found: Measured, metric: Metric, statistic: str) -> dict[str, Any]:
    columns = [name for name in found.frames.columns if name != "frame"]
    aggregate = {name: pooled(found, name, statistic) for name in columns}
    return {
        "type": "pair",
        "metric": metric.id,
        "column": metric.column,
        "statistic": statistic,
        "score": _plain(aggregate[metric.column]),
        "aggregate": {name: _plain(value) for name, value in aggregate.items()},
        "frames": {name: [_plain(v) for v in found.values(name)] for name in columns},
        "known": found.known,
    }


def _explained(lab: Lab, asset: Asset, metric: Metric) -> shapley.Explanation:
    if not metric.models:
        raise UsageError(f"{metric.id} is a forest", hint="--local-explain takes one of libvmaf's")
    model = metric.models[0]
    if model.ensemble:
        raise UsageError(f"{model.id} is a collection", hint="--local-explain takes one model")
    if model.options:
        raise UsageError(
            f"{model.id} is asked for with {model.options[0][0]}",
            hint="--local-explain takes a model as its file has it",
        )
    data = _model_bytes(metric, lab.program)
    svr = load_model(data, transform=True if model.phone else None)
    parts = features_of_model(svr.feature_names, svr.feature_options)
    frames = measure(lab, asset, features_metric([each.request() for each in parts])).frames
    rows = frames.select([each.find(frames.columns) for each in parts]).to_numpy()
    names = svr.feature_names
    return shapley.explain(svr.predict, rows, names, shapley.perfect_baseline(names))


def _model_bytes(metric: Metric, program: Path) -> bytes:
    model = metric.models[0]
    if model.path is not None:
        return model.path.read_bytes()
    return model_json(replace(model, phone=False).version, program)


def _names(asset: Asset) -> dict[str, str]:
    return {"reference": str(asset.reference.path), "distorted": str(asset.distorted.path)}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
