"""Flags that a wrapper adds to a verb, so that typer shows and reads them as the verb's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints


def with_flags(
    run: Callable[..., int], verb: Callable[..., int], added: Mapping[str, tuple[Any, Any]]
) -> Callable[..., int]:
    """`run`, which wraps `verb`, with the verb's signature and more flags.

    Args:
        added: name -> (annotation, default).
    """
    own = inspect.signature(verb, eval_str=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in added.items()
    ]
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), *more])  # pyright: ignore[reportFunctionMemberAccess]
    kinds = get_type_hints(verb, include_extras=True)
    run.__annotations__ = kinds | {name: kind for name, (kind, _) in added.items()}
    return run
