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
    "AutoRun": "auto",
    "auto": "auto",
    "benchmark": "benchmark",
    "build_engine": "engine",
    "compare": "compare",
    "compare_models": "train_judge",
    "comparison_text": "benchmark",
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
    "score": "score",
    "score_record": "score",
    "tune_per_shot": "tune_per_shot",
    "validate": "train_judge",
    "zones": "zones",
}

__all__ = [
    "AutoRun",
    "auto",
    "benchmark",
    "build_engine",
    "compare",
    "compare_models",
    "comparison_text",
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
    "score",
    "score_record",
    "tune_per_shot",
    "validate",
    "zones",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    from importlib import import_module

    value = getattr(import_module(f"vmafkit.api._{_WHERE[name]}"), name)
    globals()[name] = value
    return value
