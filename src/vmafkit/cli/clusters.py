"""`--cluster`, which the commands of many trials have, and `--mixed-versions` of sweeps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from vmafkit.cli.added_flags import with_flags

_FLAGS: dict[str, tuple[Any, Any]] = {
    "cluster": (
        Annotated[
            str | None, typer.Option(help="Measure on a dask cluster: tcp://HOST:8786 or local:2.")
        ],
        None,
    ),
    "mixed_versions": (
        Annotated[bool, typer.Option("--mixed-versions", help="Take workers with other versions.")],
        False,
    ),
}
_SOURCES = ("sources", "source", "source_flag")


def clustered(
    verb: Callable[..., int], at_once: str = "workers", *, may_mix: bool = False
) -> Callable[..., int]:
    """The verb with `--cluster`; with a cluster its sources may be URLs.

    Args:
        at_once: the verb's flag for trials at once, which a cluster's size is the default of.
        may_mix: it has `--mixed-versions` too. Verbs that read trials back by their key cannot
            have it, since other versions make another key.
    """

    @functools.wraps(verb)
    def run(*, cluster: str | None = None, mixed_versions: bool = False, **rest: Any) -> int:
        if cluster is None:
            return verb(**rest)
        from vmafkit import api

        for name in _SOURCES:
            given = rest.get(name)
            if isinstance(given, str):
                (rest[name],) = api.local_copies([given])
            elif given:
                rest[name] = api.local_copies(given)
        connected = api.on_cluster(
            cluster, mixed_versions=mixed_versions, ffmpeg_bin=rest.get("ffmpeg_bin")
        )
        with connected as slots:
            if not rest.get(at_once):
                rest[at_once] = slots
            return verb(**rest)

    added = _FLAGS if may_mix else {"cluster": _FLAGS["cluster"]}
    return with_flags(run, verb, added)
