"""One function per verb; the only place where deciding meets doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmafkit.api._auto import AutoRun, auto
    from vmafkit.api._benchmark import benchmark, comparison_text
    from vmafkit.api._compare import compare
    from vmafkit.api._corpus import corpus, export, plan_corpus, read_corpus
    from vmafkit.api._doctor import doctor
    from vmafkit.api._engine import build_engine, engine_state
    from vmafkit.api._harness_score import (
        run_psnr,
        run_result_assembly,
        run_vmaf,
        run_vmaf_in_batch,
    )
    from vmafkit.api._harness_space import (
        store_export,
        store_list,
        store_prune,
        store_show,
        workspace_clean,
        workspace_levels,
        workspace_show,
        workspace_sizes,
    )
    from vmafkit.api._harness_test import run_cleaning_cache, run_encode, run_testing
    from vmafkit.api._harness_train import (
        convert_model,
        run_vmaf_cross_validation,
        run_vmaf_training,
    )
    from vmafkit.api._ladder import ladder, ladder_text
    from vmafkit.api._recommend import recommend
    from vmafkit.api._score import score, score_record
    from vmafkit.api._train_features import extract_features
    from vmafkit.api._train_fetch import fetch_dataset
    from vmafkit.api._train_fit import cross_validate, export_model, fit
    from vmafkit.api._train_judge import (
        compare_models,
        evaluate,
        profile_model,
        register_model,
        validate,
    )
    from vmafkit.api._tune_per_shot import tune_per_shot
    from vmafkit.api._zones import zones

_WHERE = {
    "auto": "auto",
    "benchmark": "benchmark",
    "build_engine": "engine",
    "compare": "compare",
    "compare_models": "train_judge",
    "comparison_text": "benchmark",
    "convert_model": "harness_train",
    "corpus": "corpus",
    "cross_validate": "train_fit",
    "doctor": "doctor",
    "engine_state": "engine",
    "evaluate": "train_judge",
    "export": "corpus",
    "export_model": "train_fit",
    "extract_features": "train_features",
    "fetch_dataset": "train_fetch",
    "fit": "train_fit",
    "ladder": "ladder",
    "ladder_text": "ladder",
    "plan_corpus": "corpus",
    "profile_model": "train_judge",
    "read_corpus": "corpus",
    "recommend": "recommend",
    "register_model": "train_judge",
    "run_cleaning_cache": "harness_test",
    "run_encode": "harness_test",
    "run_psnr": "harness_score",
    "run_result_assembly": "harness_score",
    "run_testing": "harness_test",
    "run_vmaf": "harness_score",
    "run_vmaf_cross_validation": "harness_train",
    "run_vmaf_in_batch": "harness_score",
    "run_vmaf_training": "harness_train",
    "score": "score",
    "score_record": "score",
    "store_export": "harness_space",
    "store_list": "harness_space",
    "store_prune": "harness_space",
    "store_show": "harness_space",
    "tune_per_shot": "tune_per_shot",
    "validate": "train_judge",
    "workspace_clean": "harness_space",
    "workspace_levels": "harness_space",
    "workspace_show": "harness_space",
    "workspace_sizes": "harness_space",
    "zones": "zones",
    "AutoRun": "auto",
}

__all__ = [
    "AutoRun",
    "auto",
    "benchmark",
    "build_engine",
    "compare",
    "compare_models",
    "comparison_text",
    "convert_model",
    "corpus",
    "cross_validate",
    "doctor",
    "engine_state",
    "evaluate",
    "export",
    "export_model",
    "extract_features",
    "fetch_dataset",
    "fit",
    "ladder",
    "ladder_text",
    "plan_corpus",
    "profile_model",
    "read_corpus",
    "recommend",
    "register_model",
    "run_cleaning_cache",
    "run_encode",
    "run_psnr",
    "run_result_assembly",
    "run_testing",
    "run_vmaf",
    "run_vmaf_cross_validation",
    "run_vmaf_in_batch",
    "run_vmaf_training",
    "score",
    "score_record",
    "store_export",
    "store_list",
    "store_prune",
    "store_show",
    "tune_per_shot",
    "validate",
    "workspace_clean",
    "workspace_levels",
    "workspace_show",
    "workspace_sizes",
    "zones",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    from importlib import import_module

    value = getattr(import_module(f"vmafkit.api._{_WHERE[name]}"), name)
    globals()[name] = value
    return value
