"""The verbs `fit`, `cross-validate` and `export` of `vmaf-train`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.learn import checkpoint as checkpoints
from vmafkit.learn import export as exports
from vmafkit.learn.checkpoint import Checkpoint
from vmafkit.learn.config import FitConfig, load_config
from vmafkit.learn.evaluate import figures
from vmafkit.learn.feature_sets import feature_set
from vmafkit.learn.fit import Fitted
from vmafkit.learn.fit import fit as train
from vmafkit.learn.provenance import describe_run
from vmafkit.learn.splits import folds, leave_one_out
from vmafkit.learn.tables import FeatureTable, read_features
from vmafkit.models import registry
from vmafkit.schema import strictjson
from vmafkit.schema.sidecar import render_sidecar

OnProgress = Callable[[int, int], None]
_PROBE_ROWS = 64
_THREADS = 1
_NOT_ARGS = ("argv", "on_progress", "extra")


@dataclass(frozen=True, slots=True)
class FitResult:
    """What `fit` made.

    Attributes:
        checkpoint: the file `last.ckpt`.
        stats: the JSON file beside it.
        record: what that file holds.
    """

    checkpoint: Path
    stats: Path
    record: dict[str, Any]


def fit(
    features: str | Path | None = None,
    output: str | Path | None = None,
    *,
    config: str | Path | FitConfig,
    epochs: int | None = None,
    seed: int | None = None,
    seeds: Sequence[int] = (),
    threads: int | None = None,
    out_ckpt: str | Path | None = None,
    out_stats: str | Path | None = None,
    entrypoint: str = "vmaf-train fit",
    argv: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> FitResult:
    """Train a tiny model on a feature table.

    Args:
        features: the table; None for the recipe's `cache`.
        output: the folder of `last.ckpt` and `stats.json`; None for the recipe's `output`.
        config: a recipe, or its YAML file.
        epochs, seed, seeds: override the recipe; several seeds are a sweep, whose best on
            validation is kept.
        threads: of torch; None for one, since so small a network gains nothing from more.
        out_ckpt, out_stats: other names for the two files.

    Raises:
        UsageError, InputError: the recipe or the table is wrong.
        CapabilityMissing: torch is not installed.
        OutputError, StoreError: the files cannot be written.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    recipe = _recipe(config, epochs, seed, seeds)
    args["config"] = recipe.record()
    table = _table(features, recipe)
    ckpt, stats_file = _fit_outputs(output or recipe.output, out_ckpt, out_stats)
    fitted = train(table, recipe, threads=threads or _THREADS, on_progress=on_progress)
    inputs = {"features": table.path}
    if isinstance(config, str | Path):
        inputs["config"] = Path(config)
    block = describe_run(
        entrypoint, Path(__file__), args, inputs=inputs, outputs={}, argv=argv, seed=fitted.seed
    )
    checkpoints.save(ckpt, _checkpoint(fitted, recipe, table, block))
    block = describe_run(
        entrypoint, Path(__file__), args, inputs=inputs, outputs={"checkpoint": ckpt},
        argv=argv, seed=fitted.seed,
    )  # fmt: skip
    record = {**fitted.record, "config": recipe.record(), "run_provenance": block}
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    fsio.write_atomic(stats_file, text, user_output=True)
    return FitResult(ckpt, stats_file, record)


def _recipe(
    config: str | Path | FitConfig, epochs: int | None, seed: int | None, seeds: Sequence[int]
) -> FitConfig:
    recipe = config if isinstance(config, FitConfig) else load_config(Path(config))
    changes: dict[str, Any] = {}
    if epochs is not None:
        changes["epochs"] = epochs
    if seed is not None:
        changes |= {"seed": seed, "seeds": []}
    if seeds:
        changes["seeds"] = list(seeds)
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs {epochs} is below 1")
    if any(each < 0 for each in (*seeds, seed or 0)):
        raise UsageError("a seed is below 0")
    return recipe.model_copy(update=changes)


def _table(features: str | Path | None, recipe: FitConfig) -> FeatureTable:
    named = features or recipe.cache
    if named is None:
        raise UsageError("no feature table was named", hint="give --features FILE.parquet")
    return read_features(Path(named), feature_set(recipe.features).columns)


def _fit_outputs(
    output: str | Path | None, ckpt: str | Path | None, stats: str | Path | None
) -> tuple[Path, Path]:
    if output is None and (ckpt is None or stats is None):
        raise UsageError("no output was named", hint="give --output FOLDER")
    folder = Path(output or ".")
    found = Path(ckpt or folder / "last.ckpt"), Path(stats or folder / "stats.json")
    for path in found:
        fsio.ensure_folder(path.absolute().parent)
    return found


def _checkpoint(
    fitted: Fitted, recipe: FitConfig, table: FeatureTable, block: dict[str, Any]
) -> Checkpoint:
    rows = np.flatnonzero(fitted.masks["train"])
    step = max(1, len(rows) // _PROBE_ROWS)
    training = {key: value for key, value in fitted.record.items() if key != "history"}
    training["config"] = recipe.record()
    facts = {
        "config": recipe.record(),
        "training": training,
        "probe_rows": table.features[rows[::step]].tolist(),
        "run_provenance": block,
    }
    return Checkpoint(fitted.network, table.columns, facts)


def cross_validate(
    features: str | Path,
    output: str | Path,
    *,
    config: str | Path | FitConfig,
    folds_count: int | None = None,
    sources: Sequence[str] = (),
    epochs: int | None = None,
    seeds: Sequence[int] = (),
    threads: int | None = None,
    argv: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Train without each source in turn (LOSO), or in folds of sources, and judge on the rest.

    Args:
        output: the JSON report.
        folds_count: so many folds; None for one for each source.
        sources: only these are left out, each in turn; none for all.
        seeds: of each fold, as in `fit`.

    Raises:
        UsageError, InputError, CapabilityMissing, OutputError: as `fit`.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    recipe = _recipe(config, epochs, None, seeds)
    args["config"] = recipe.record()
    table = _table(features, recipe)
    if len(set(table.sources)) < 2:
        raise UsageError("cross-validation needs two sources at least")
    unknown = sorted(set(sources) - set(table.sources))
    if unknown:
        raise UsageError(f"there is no source {unknown[0]} in {table.path.name}")
    if folds_count is None:
        parts = [(n, m) for n, m in leave_one_out(table.sources) if not sources or n in sources]
    else:
        made = folds(table.sources, folds_count)
        parts = [(f"fold{number}", mask) for number, mask in enumerate(made)]
    found: dict[str, Any] = {}
    for number, (name, mask) in enumerate(parts):
        fitted = train(table, recipe, threads=threads or _THREADS, held_out=mask)
        scores = fitted.network.predict(table.features[mask])
        found[name] = figures(scores, table, mask, rounds=0).record()
        if on_progress is not None:
            on_progress(number + 1, len(parts))
    report = {
        "schema": "vmafkit.cross_validation.v1",
        "corpus": str(table.path),
        "loso_per_fold": found,
        "loso_aggregate": _aggregate(found),
        "run_provenance": describe_run(
            "vmaf-train cross-validate", Path(__file__), args,
            inputs={"features": table.path}, outputs={}, argv=argv,
        ),
    }  # fmt: skip
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    fsio.write_atomic(Path(output), text, user_output=True)
    return report


def _aggregate(per_fold: dict[str, Any]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1) over the folds where a figure is defined."""
    result: dict[str, float | None] = {}
    for name in ("plcc", "srocc", "krocc", "rmse", "max_abs_error", "bias"):
        values = [fold[name] for fold in per_fold.values() if fold[name] is not None]
        result[f"mean_{name}"] = float(np.mean(values)) if values else None
        result[f"std_{name}"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return result


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export_model` made.

    Attributes:
        onnx, sidecar: the files.
        sha256: of the ONNX file.
        difference: the largest one between the file and the checkpoint, in score units.
        torch_difference: the same against torch; None where torch is not installed.
    """

    onnx: Path
    sidecar: Path
    sha256: str
    difference: float
    torch_difference: float | None


def export_model(
    checkpoint: str | Path,
    output: str | Path,
    *,
    sidecar: str | Path | None = None,
    opset: int = exports.OPSET,
    atol: float = 1e-3,
    model_id: str | None = None,
    features: str | Path | None = None,
    evaluation: str | Path | None = None,
    license: str | None = None,
    notes: str | None = None,
    entrypoint: str = "vmaf-train export",
    argv: Sequence[str] = (),
) -> Exported:
    """Write a checkpoint as ONNX with its card, checked on real rows; a registry beside it that
    names the file gets the new hash.

    Args:
        checkpoint: the file, or the folder of a fit.
        output: the `.onnx` file.
        sidecar: the card; None for the same name with `.json`.
        atol: the largest difference accepted, in score units.
        model_id: None for the output's name.
        features: a feature table to check on; None for rows that the checkpoint carries.
        evaluation: a report of `evaluate` on these very weights, whose figures go into the card.

    Raises:
        UsageError, Unreadable: an argument or the checkpoint is wrong.
        ResultInvalid: the file does not give the checkpoint's scores.
        OutputError: the files cannot be written.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    source = checkpoints.find(Path(checkpoint))
    target = Path(output)
    if target.suffix != ".onnx":
        raise UsageError(f"--output {target} does not end in .onnx")
    card_file = Path(sidecar) if sidecar else target.with_suffix(".json")
    loaded = checkpoints.load(source)
    data = exports.to_onnx(loaded, opset=opset)
    figures = None if evaluation is None else _figures(Path(evaluation), data)
    rows = _check_rows(loaded, features)
    difference = exports.check_export(loaded, data, rows, atol)
    reference = exports.torch_scores(loaded, rows)
    inputs = {"checkpoint": source}
    if features is not None:
        inputs["features"] = Path(features)
    for path in (target, card_file):
        fsio.ensure_folder(path.absolute().parent)
    fsio.write_atomic(target, data, user_output=True)
    block = describe_run(
        entrypoint, Path(__file__), args, inputs=inputs,
        outputs={"onnx": target, "sidecar": card_file}, argv=argv,
    )  # fmt: skip
    # A file cannot state its own hash.
    block["outputs"]["sidecar"] |= {"sha256": None, "bytes": None}
    card = exports.card(
        loaded, data, model_id=model_id or exports.default_id(target), onnx_name=target.name,
        opset=opset, provenance=block,
        extra={"license": license, "notes": notes, "evaluation": figures},
    )  # fmt: skip
    fsio.write_atomic(card_file, render_sidecar(card), user_output=True)
    _refresh_registry(target)
    torch_difference = None
    if reference is not None:
        from vmafkit.models.loader import open_bytes

        torch_difference = float(np.abs(open_bytes(data, device="cpu").run(rows) - reference).max())
    return Exported(target, card_file, card.sha256, difference, torch_difference)


def _figures(report: Path, data: bytes) -> dict[str, Any]:
    """The figures of an evaluation of the same bytes, without how they were made.

    Raises:
        UsageError: it is no such report, or of other weights.
    """
    try:
        found = cast("dict[str, Any]", strictjson.loads(fsio.read_bytes(report)))
        same = found["model_sha256"] == hashlib.sha256(data).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{report} is no report of `vmaf-train eval`") from None
    if not same:
        raise UsageError(f"{report} is of other weights", hint="evaluate this checkpoint's export")
    left_out = ("type", "model", "model_sha256", "device", "run_provenance")
    return {key: value for key, value in found.items() if key not in left_out}


def _check_rows(loaded: Checkpoint, features: str | Path | None) -> Any:
    if features is not None:
        return read_features(Path(features), loaded.features).features
    rows = np.asarray(loaded.facts.get("probe_rows", []), dtype=np.float64)
    if rows.ndim == 2 and rows.shape[1] == len(loaded.features) and len(rows):
        return rows
    return exports.probe_rows(loaded)


def _refresh_registry(model: Path) -> None:
    listing = model.parent / registry.FILE_NAME
    if not listing.is_file():
        return
    for entry in registry.load(listing).models:
        if entry.onnx == model.name:
            facts = entry.model_dump(exclude={"id", "kind", "onnx", "sha256", "opset"})
            registry.register(model, registry=listing, model_id=entry.id, kind=entry.kind, **facts)
