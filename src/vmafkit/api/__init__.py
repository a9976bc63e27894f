"""One function per verb; the only place where deciding meets doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmafkit.api._corpus import corpus, export, plan_corpus, read_corpus
    from vmafkit.api._doctor import doctor
    from vmafkit.api._score import score, score_record

_WHERE = {
    "corpus": "corpus",
    "doctor": "doctor",
    "export": "corpus",
    "plan_corpus": "corpus",
    "read_corpus": "corpus",
    "score": "score",
    "score_record": "score",
}

__all__ = ["corpus", "doctor", "export", "plan_corpus", "read_corpus", "score", "score_record"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    from importlib import import_module

    value = getattr(import_module(f"vmafkit.api._{_WHERE[name]}"), name)
    globals()[name] = value
    return value
