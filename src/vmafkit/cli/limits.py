"""`--nice` and `--max-memory`, which every long command has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

_FLAGS: dict[str, tuple[Any, Any]] = {
    "max_memory": (
        Annotated[
            str | None, typer.Option(help="4G: fewer at once, and no program takes more alone.")
        ],
        None,
    ),
    "nice": (Annotated[int, typer.Option(help="Give way to other work, 0 to 19.")], 0),
}


def limited(verb: Callable[..., int]) -> Callable[..., int]:
    """The verb with the two flags; they hold for the whole process."""

    @functools.wraps(verb)
    def run(*, max_memory: str | None = None, nice: int = 0, **rest: Any) -> int:
        if nice or max_memory is not None:
            from vmafkit import api

            api.limit_work(nice=nice, max_memory=max_memory)
        return verb(**rest)

    own = inspect.signature(verb, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _FLAGS.items()
    ]
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])  # pyright: ignore[reportAttributeAccessIssue]
    kinds = get_type_hints(verb, include_extras=True)
    run.__annotations__ = kinds | {name: kind for name, (kind, _) in _FLAGS.items()}
    return run
