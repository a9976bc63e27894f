"""What runs on a worker of the cluster; it writes nothing but its own scratch and fetched files."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from vmafkit import fsio, settings
from vmafkit.errors import (
    CapabilityMissing,
    Changed,
    Refused,
    Unreadable,
)
from vmafkit.ffmpeg.capabilities import Capabilities, read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media import remote
from vmafkit.media.hashing import content_hash, fingerprint, show
from vmafkit.media.source import Source
from vmafkit.scoring.engine import native
from vmafkit.scoring.vmaf_models import VmafModel, model_key
from vmafkit.store.hashes import StoredHashes
from vmafkit.version import __version__

SAME_VERSIONS = (
    "install the same versions on every machine, and name the same ffmpeg in VMAFKIT_FFMPEG where "
    "its worker starts; for `vmaf-tune corpus` there is --mixed-versions"
)


@dataclass(frozen=True, slots=True)
class Versions:
    """What computes on one machine.

    Attributes:
        engine: of the VMAF engine; empty where it is not built.
        tool, ffmpeg, ffmpeg_sha256: of vmafkit and of its ffmpeg.
        machine: the processor's family.
    """

    tool: str
    ffmpeg: str
    ffmpeg_sha256: str
    machine: str
    engine: str = ""

    def differences(self, other: Versions) -> list[str]:
        """What makes numbers of the two not comparable, in words."""
        pairs = [
            ("vmafkit", self.tool, other.tool),
            ("ffmpeg", self.ffmpeg, other.ffmpeg),
            ("ffmpeg's bytes", self.ffmpeg_sha256[:12], other.ffmpeg_sha256[:12]),
            ("processor", self.machine, other.machine),
        ]
        return [f"{name} {theirs}, here {ours}" for name, ours, theirs in pairs if ours != theirs]

    def require(self, other: Versions, where: str) -> None:
        """Refuse another machine whose numbers would not be comparable.

        Raises: Refused.
        """
        differences = self.differences(other)
        if differences:
            raise Refused(
                f"worker {where} has {'; '.join(differences)}",
                hint=SAME_VERSIONS,
            )


@dataclass(frozen=True, slots=True)
class Located:
    """A source as the coordinator saw it, and how a worker comes to it.

    Attributes:
        source: as probed there.
        sha256: of its bytes.
        url: where it can be fetched, which may be a secret; None for a path that every
            machine sees.
        is_private: a scratch file of the coordinator, whose bytes travel with the task.
    """

    source: Source
    sha256: str
    # dask logs the arguments of a task that fails.
    url: str | None = field(repr=False)
    is_private: bool = False


def versions(program: Path | None = None) -> Versions:
    """The versions on this machine.

    Raises: ToolMissing, ToolFailed.
    """
    capabilities = worker_capabilities() if program is None else read_capabilities(program)
    try:
        native.load()
        engine = native.version()
    except CapabilityMissing:
        engine = ""
    return Versions(
        __version__, capabilities.version, capabilities.sha256, platform.machine(), engine
    )


@lru_cache(maxsize=1)
def worker_capabilities() -> Capabilities:
    """This machine's own ffmpeg."""
    return read_capabilities(find_ffmpeg())


def locate(source: Source, sha256: str) -> Located:
    """How a worker is to come to a source of this machine."""
    return Located(source, sha256, remote.origin_of(source.path), fsio.is_scratch(source.path))


def place(
    located: Located,
    folder: Path,
    data: bytes | None = None,
    *,
    until: contextlib.ExitStack | None = None,
) -> Source:
    """The source on this machine: the same path with the same bytes, or fetched once.

    Args:
        folder: a private one of this task.
        data: the bytes of a private file, which is then written there.
        until: so long a fetched copy stays; None for as long as this process lives.

    Raises:
        Unreadable: this machine does not see it, or cannot fetch it.
        Changed: the file here holds other bytes.
        StoreError: what came cannot be written.
    """
    cache = settings.cache_folder()
    path = located.source.path
    if data is not None:
        path = folder / f"{located.sha256}{path.suffix}"
        fsio.write_scratch(path, data)
    if located.url is not None:
        path = remote.fetch(located.url, cache, sha256=located.sha256, until=until)
    try:
        found = content_hash(path, StoredHashes(cache))
    except Unreadable as error:
        raise Unreadable(
            f"worker {platform.node()} does not see {show(path)}",
            hint="put it on a disk that every worker has at that path, or name it by URL",
            detail=error.sentence(),
        ) from error
    if found != located.sha256:
        raise Changed(
            f"{show(path)} on worker {platform.node()} is another file than on this machine",
            hint="copy it again",
        )
    seen = fingerprint(path)
    return replace(
        located.source, path=path, size_bytes=seen.size_bytes,
        mtime_ns=seen.mtime_ns, inode=seen.inode,
    )  # fmt: skip


def require_models(models: Sequence[VmafModel], planned: Sequence[str]) -> None:
    """Refuse model files that are not those of the coordinator.

    Args:
        planned: what stands for each model there, in any order.

    Raises:
        Unreadable: this machine does not see one.
        Changed: one holds other bytes here.
    """
    try:
        found = sorted(model_key(model) for model in models)
    except OSError as error:
        raise Unreadable(
            f"worker {platform.node()} does not see the model file {error.filename}",
            hint="put it on a disk that every worker has at that path",
        ) from error
    if found != sorted(planned):
        raise Changed(
            f"a model file on worker {platform.node()} is another one than on this machine",
            hint="copy it again",
        )
