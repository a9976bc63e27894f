"""`--nice` and `--max-memory`, which every long command has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from vmafkit.cli.added_flags import with_flags

_MEMORY: dict[str, tuple[Any, Any]] = {
    "max_memory": (
        Annotated[
            str | None, typer.Option(help="4G: fewer at once, and no program takes more alone.")
        ],
        None,
    ),
}
_NICE: dict[str, tuple[Any, Any]] = {
    "nice": (Annotated[int, typer.Option(help="Give way to other work, 0 to 19.")], 0),
}


def limited(verb: Callable[..., int], *, starts_programs: bool = True) -> Callable[..., int]:
    """The verb with the two flags; they hold for the whole process.

    Args:
        starts_programs: False gives it `--nice` alone, since no program is there to be bounded.
    """

    @functools.wraps(verb)
    def run(*, max_memory: str | None = None, nice: int = 0, **rest: Any) -> int:
        if nice or max_memory is not None:
            from vmafkit import api

            api.limit_work(nice=nice, max_memory=max_memory)
        return verb(**rest)

    return with_flags(run, verb, _MEMORY | _NICE if starts_programs else _NICE)
