"""The verbs `eval`, `validate`, `register`, `profile` and `compare` of `vmaf-train`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from vmafkit import fsio, stats
from vmafkit.errors import UsageError, VmafkitError
from vmafkit.learn.evaluate import Gate, figures, rows_of_part
from vmafkit.learn.provenance import describe_run
from vmafkit.learn.splits import SplitBy, SplitRule
from vmafkit.learn.tables import read_features
from vmafkit.learn.timing import profile
from vmafkit.models import registry
from vmafkit.models.loader import open_model

_NOT_ARGS = ("argv",)


def evaluate(
    model: str | Path,
    features: str | Path,
    *,
    split: str = "test",
    split_by: SplitBy = "source",
    test_frac: float = 0.1,
    val_frac: float = 0.1,
    device: str = "cpu",
    bootstrap: int = 200,
    out_json: str | Path | None = None,
    argv: Sequence[str] = (),
) -> dict[str, Any]:
    """Hold a model against its teacher on one part of a table.

    Args:
        model: an ONNX file or a model id.
        split: train, val, test or all.
        split_by: `source` keeps each source on one side; `clip` goes by each clip's name.
        bootstrap: draws for the intervals; 0 leaves them out.
        out_json: a file for the report.

    Returns:
        `n`, `plcc`, `srocc`, `krocc`, `rmse`, `max_abs_error`, `bias`, `bias_above_90`, and the
        same per clip and per source, with 95 % intervals.

    Raises:
        UsageError, InputError, ModelRefused: something named is wrong.
        OutputError: the report cannot be written.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    if bootstrap < 0:
        raise UsageError(f"--bootstrap {bootstrap} is below 0")
    opened = open_model(model, device=device)
    table = read_features(Path(features), opened.features)
    mask = rows_of_part(table, split, SplitRule(split_by, test_frac, val_frac))
    found = figures(opened.run(table.features[mask]), table, mask, rounds=bootstrap)
    report = {
        "type": "evaluation",
        "model": opened.id,
        "model_sha256": opened.sha256,
        "device": opened.device,
        "features": str(table.path),
        "split": split,
        "split_by": split_by,
        **found.record(),
        "run_provenance": describe_run(
            "vmaf-train eval", Path(__file__), args,
            inputs={"features": table.path, **_model_input(model)}, outputs={}, argv=argv,
        ),
    }  # fmt: skip
    _write(report, out_json)
    return report


def validate(
    model: str | Path,
    features: str | Path,
    *,
    rows: int | None = None,
    min_plcc: float | None = 0.97,
    max_rmse: float | None = None,
    max_abs_error: float | None = None,
    max_bias: float | None = None,
    split: str = "all",
    split_by: SplitBy = "source",
    device: str = "cpu",
    out_json: str | Path | None = None,
    entrypoint: str = "vmaf-train validate",
    argv: Sequence[str] = (),
) -> dict[str, Any]:
    """Judge a model by limits; the report's `passed` says whether it may ship.

    Args:
        rows: only the first so many of the part; None for all.
        min_plcc, max_rmse, max_abs_error, max_bias: the limits; None asks nothing.
        split: train, val, test or all.

    Raises:
        UsageError, InputError, ModelRefused: something named is wrong.
        OutputError: the report cannot be written.
    """
    args = {name: value for name, value in locals().items() if name not in _NOT_ARGS}
    if rows is not None and rows < 2:
        raise UsageError(f"--rows {rows} is below 2")
    gate = Gate(min_plcc, max_rmse, max_abs_error, max_bias)
    opened = open_model(model, device=device)
    table = read_features(Path(features), opened.features)
    index = np.flatnonzero(rows_of_part(table, split, SplitRule(split_by)))[:rows]
    found = stats.agreement(opened.run(table.features[index]), table.target[index])
    failures = gate.failures(found)
    report = {
        "type": "validation",
        "model": opened.id,
        "model_sha256": opened.sha256,
        "rows": len(index),
        **found.record(),
        "gate": {"min_plcc": min_plcc, "max_rmse": max_rmse, "max_abs_error": max_abs_error,
                 "max_bias": max_bias},
        "passed": not failures,
        "failures": list(failures),
        "run_provenance": describe_run(
            entrypoint, Path(__file__), args,
            inputs={"features": table.path, **_model_input(model)},
            outputs={} if out_json is None else {"report": Path(out_json)}, argv=argv,
        ),
    }  # fmt: skip
    _write(report, out_json)
    return report


def register_model(
    model: str | Path,
    *,
    registry_file: str | Path | None = None,
    model_id: str | None = None,
    kind: str = "fr",
    license: str | None = None,
    license_url: str | None = None,
    description: str | None = None,
    notes: str | None = None,
) -> dict[str, Any]:
    """Add a model to the registry beside it, by the hash of its bytes.

    Returns:
        The entry, JSON-ready.

    Raises:
        UsageError, ModelRefused, Unreadable, StoreError: as `models.registry.register`.
    """
    file = Path(model)
    listing = Path(registry_file) if registry_file else file.parent / registry.FILE_NAME
    entry = registry.register(
        file, registry=listing, model_id=model_id, kind=kind, license=license,
        license_url=license_url, description=description, notes=notes, quant_mode="fp32",
    )  # fmt: skip
    return entry.model_dump(exclude_none=True)


def profile_model(
    model: str | Path,
    *,
    rows: Sequence[int] = (1, 240, 10_000),
    device: str = "auto",
    warmup: int = 5,
    iterations: int = 100,
) -> dict[str, Any]:
    """How long a model takes on so many frames at once, in milliseconds.

    Raises:
        UsageError, ModelRefused, CapabilityMissing: it cannot be opened, or a number is wrong.
    """
    opened = open_model(model, device=device)
    results = profile(opened, tuple(rows), warmup=warmup, iterations=iterations)
    return {
        "type": "profile", "model": opened.id, "device": opened.device,
        "notes": list(opened.notes), "results": results,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Compared:
    record: dict[str, Any]
    rmse: float


def compare_models(
    models: Sequence[str | Path],
    features: str | Path,
    *,
    split: str = "test",
    split_by: SplitBy = "source",
    bootstrap: int = 0,
    device: str = "cpu",
) -> dict[str, Any]:
    """Hold several models against the same rows; the lowest RMSE is first.

    A model that cannot be used is named under `errors`.

    Raises:
        UsageError: there is no model, or none that can be used.
    """
    if not models:
        raise UsageError("there is no model to compare", hint="name two or more")
    found: list[_Compared] = []
    errors: list[dict[str, str]] = []
    for model in models:
        try:
            report = evaluate(
                model, features, split=split, split_by=split_by, bootstrap=bootstrap, device=device
            )
        except VmafkitError as error:
            errors.append({"model": str(model), "error": error.sentence()})
            continue
        report.pop("run_provenance")
        report["path"] = str(model)
        found.append(_Compared(report, cast("float", report["rmse"])))
    if not found:
        raise UsageError(f"no model can be used: {errors[0]['error']}")
    ranked = [each.record for each in sorted(found, key=lambda one: one.rmse)]
    return {"type": "comparison", "ranked": ranked, "errors": errors}


def _model_input(model: str | Path) -> dict[str, Path]:
    path = Path(model)
    return {"model": path} if path.suffix else {}


def _write(report: dict[str, Any], path: str | Path | None) -> None:
    if path is None:
        return
    fsio.ensure_folder(Path(path).absolute().parent)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    fsio.write_atomic(Path(path), text, user_output=True)
