"""One function per verb; the only place where deciding meets doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmafkit.api._auto import AutoRun, auto
    from vmafkit.api._benchmark import benchmark, comparison_text
    from vmafkit.api._cluster import local_copies, on_cluster
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
    from vmafkit.api._limits import limit_work
    from vmafkit.api._listings import describe_model, list_encoders, list_models
    from vmafkit.api._plan import plan
    from vmafkit.api._probe import probe
    from vmafkit.api._query_corpus import query_corpus
    from vmafkit.api._recommend import recommend
    from vmafkit.api._result_text import corpus_text, result_text
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
    from vmafkit.api._verify import Verification, verify
    from vmafkit.api._worst_frames import worst_frames, worst_of
    from vmafkit.api._zones import zones

_WHERE = {
    "Verification": "verify",
    "auto": "auto",
    "benchmark": "benchmark",
    "build_engine": "engine",
    "compare": "compare",
    "compare_models": "train_judge",
    "comparison_text": "benchmark",
    "convert_model": "harness_train",
    "corpus": "corpus",
    "corpus_text": "result_text",
    "cross_validate": "train_fit",
    "describe_model": "listings",
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
    "list_encoders": "listings",
    "list_models": "listings",
    "plan": "plan",
    "limit_work": "limits",
    "local_copies": "cluster",
    "on_cluster": "cluster",
    "plan_corpus": "corpus",
    "probe": "probe",
    "profile_model": "train_judge",
    "query_corpus": "query_corpus",
    "read_corpus": "corpus",
    "recommend": "recommend",
    "register_model": "train_judge",
    "result_text": "result_text",
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
    "verify": "verify",
    "workspace_clean": "harness_space",
    "workspace_levels": "harness_space",
    "workspace_show": "harness_space",
    "workspace_sizes": "harness_space",
    "worst_frames": "worst_frames",
    "worst_of": "worst_frames",
    "zones": "zones",
    "AutoRun": "auto",
}

__all__ = [
    "AutoRun",
    "Verification",
    "auto",
    "benchmark",
    "build_engine",
    "compare",
    "compare_models",
    "comparison_text",
    "convert_model",
    "corpus",
    "corpus_text",
    "cross_validate",
    "describe_model",
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
    "limit_work",
    "list_encoders",
    "list_models",
    "local_copies",
    "on_cluster",
    "plan",
    "plan_corpus",
    "probe",
    "profile_model",
    "query_corpus",
    "read_corpus",
    "recommend",
    "register_model",
    "result_text",
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
    "verify",
    "workspace_clean",
    "workspace_levels",
    "workspace_show",
    "workspace_sizes",
    "worst_frames",
    "worst_of",
    "zones",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    from importlib import import_module

    value = getattr(import_module(f"vmafkit.api._{_WHERE[name]}"), name)
    globals()[name] = value
    return value
