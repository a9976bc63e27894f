"""The same commands on a cluster: connect first, then call the verb."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from vmafkit import settings


@contextmanager
def on_cluster(
    cluster: str, *, mixed_versions: bool = False, ffmpeg_bin: str | Path | None = None
) -> Generator[int]:
    """Measure on a cluster, whichever function is called meanwhile; this process alone writes.

    Args:
        cluster: a scheduler's address such as `tcp://host:8786`, or `local:WORKERS`.
        mixed_versions: take workers with another ffmpeg, encoder or vmafkit; each row names its
            own, and its key is that of the versions that made it.
        ffmpeg_bin: this machine's ffmpeg. Workers of `local:` use it too, all others their own.

    Yields: how many trials run at once.

    Raises:
        UsageError: not an address.
        CapabilityMissing: dask.distributed is not installed.
        ToolMissing, ToolFailed: no scheduler answers, it has no workers, or no ffmpeg is here.
        Refused: every worker has other versions; while one has not, the others are left out.
    """
    from vmafkit.execute.cluster.client import connect
    from vmafkit.execute.cluster.current import use
    from vmafkit.ffmpeg.locate import find_ffmpeg

    program = find_ffmpeg(ffmpeg_bin)
    with connect(cluster, program, mixed_versions=mixed_versions) as connected, use(connected):
        yield connected.slots


def local_copies(sources: Iterable[str]) -> list[str]:
    """Paths as they are, and URLs fetched once into the cache folder.

    Raises:
        UsageError, CapabilityMissing, Unreadable, StoreError: a URL cannot be fetched.
    """
    from vmafkit.media import remote

    cache = settings.cache_folder()
    return [str(remote.fetch(word, cache)) if remote.is_url(word) else word for word in sources]
