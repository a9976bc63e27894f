"""Encode video to a quality target and prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vmafkit.version import __version__

if TYPE_CHECKING:
    from vmafkit.api import corpus, doctor, export, plan_corpus, read_corpus, score
    from vmafkit.schema.corpus import CORPUS_ROW_KEYS, SCHEMA_VERSION

__all__ = [
    "CORPUS_ROW_KEYS",
    "SCHEMA_VERSION",
    "__version__",
    "corpus",
    "doctor",
    "export",
    "plan_corpus",
    "read_corpus",
    "score",
]

_SCHEMA = ("CORPUS_ROW_KEYS", "SCHEMA_VERSION")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module

    module = "vmafkit.schema.corpus" if name in _SCHEMA else "vmafkit.api"
    return getattr(import_module(module), name)
