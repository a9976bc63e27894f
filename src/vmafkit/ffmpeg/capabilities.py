"""What an ffmpeg can do: read once, kept by the program's hash."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio, proc, settings
from vmafkit.errors import CapabilityMissing, ToolFailed, ToolMissing, VmafkitError

_HINT = "it did not answer; name another --ffmpeg-bin"
_LIST_LIMITS = proc.Limits(wall_s=30.0, hint=_HINT)
_CACHE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The abilities of one ffmpeg program.

    Attributes:
        path: the program.
        sha256: of its bytes.
        version: as it names itself, such as `n9.0.2`.
        encoders: names of its video encoders.
        filters: names of its filters.
    """

    path: str
    sha256: str
    version: str
    encoders: tuple[str, ...]
    filters: tuple[str, ...]

    @property
    def has_libvmaf(self) -> bool:
        """Whether it can compute VMAF."""
        return "libvmaf" in self.filters

    def require_encoder(self, name: str) -> None:
        """Raise CapabilityMissing unless the encoder is compiled in."""
        if name not in self.encoders:
            raise CapabilityMissing(
                f"the ffmpeg at {self.path} has no encoder {name}",
                hint="`vmafkit doctor` lists what it has; --ffmpeg-bin names another",
            )

    def require_libvmaf(self) -> None:
        """Raise CapabilityMissing unless libvmaf is compiled in."""
        if not self.has_libvmaf:
            raise CapabilityMissing(
                f"the ffmpeg at {self.path} was built without libvmaf",
                hint="leave --ffmpeg-bin and VMAFKIT_FFMPEG out to use the one of the wheel",
            )


def read_capabilities(program: Path, *, timeout_s: float | None = None) -> Capabilities:
    """What this program can do, from the cache when its file has not changed.

    Args:
        timeout_s: bound on the program, where it has to be asked.

    Raises:
        ToolMissing: it cannot be read or run, or is no ffmpeg.
    """
    try:
        facts = program.stat()
    except OSError as error:
        raise ToolMissing(f"{program} cannot be read: {error.strerror}") from error
    stamp = f"{program.absolute()}|{facts.st_size}|{facts.st_mtime_ns}|{facts.st_ino}"
    name = hashlib.sha256(stamp.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    kept = settings.cache_folder() / "ffmpeg" / f"{name}.json"
    known = _read_kept(kept, program)
    if known is not None:
        return known
    found = _ask(program, _LIST_LIMITS.within(timeout_s))
    record = {"cache_version": _CACHE_VERSION, **asdict(found)}
    try:
        fsio.ensure_folder(kept.parent)
        fsio.write_atomic(kept, json.dumps(record))
    except VmafkitError:
        return found
    return found


def _read_kept(kept: Path, program: Path) -> Capabilities | None:
    try:
        record = cast("dict[str, Any]", json.loads(kept.read_bytes()))
        if record.pop("cache_version") != _CACHE_VERSION or record["path"] != str(program):
            return None
        record["encoders"] = tuple(record["encoders"])
        record["filters"] = tuple(record["filters"])
        return Capabilities(**record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _ask(program: Path, limits: proc.Limits) -> Capabilities:
    said = _listing(program, "-version", limits)
    version = re.search(r"^ffmpeg version (\S+)", said, re.MULTILINE)
    if version is None:
        raise ToolMissing(
            f"{program} does not answer as ffmpeg", hint="name an ffmpeg program with --ffmpeg-bin"
        )
    listed = [_listing(program, word, limits) for word in ("-encoders", "-filters")]
    encoders = re.findall(r"^ V[.A-Z]{5} (\S+)", listed[0], re.MULTILINE)
    filters = re.findall(r"^ [.A-Z]{2,3} (\S+) ", listed[1], re.MULTILINE)
    return Capabilities(
        path=str(program),
        sha256=fsio.sha256_file(program),
        version=version[1],
        encoders=tuple(sorted(set(encoders) - {"="})),
        filters=tuple(sorted(filters)),
    )


def _listing(program: Path, word: str, limits: proc.Limits) -> str:
    # Every ffmpeg says "ffmpeg version" only when -hide_banner is left out.
    hide = () if word == "-version" else ("-hide_banner",)
    with fsio.scratch_folder() as folder:
        try:
            done = proc.run([str(program), *hide, word], cwd=folder, limits=limits)
        except ToolFailed as error:
            raise ToolMissing(
                f"{program} does not answer: {error.message}", hint=error.hint or _HINT
            ) from error
    return done.stdout.decode("utf-8", "replace")
