"""Which backend scores: the words of `--score-backend`, and what they come to for a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from vmafkit import fsio
from vmafkit.errors import CapabilityMissing, UsageError
from vmafkit.scoring import vmaf_binary as vmaf_tool
from vmafkit.scoring.engine import native, proven
from vmafkit.scoring.vmaf_models import VmafModel

Name = Literal["engine", "libvmaf", "vmaf-binary"]
WORDS = ("auto", "engine", "libvmaf", "vmaf-binary")
LIBVMAF_KEY = "ffmpeg-libvmaf"
_FLAG = "--score-backend"
_WAY_OUT = "--score-backend libvmaf scores it"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What scores a trial.

    Attributes:
        name: the backend.
        key: it and its version, as a trial's key has them.
        note: why `auto` did not take the engine; empty otherwise.
        tool, tool_version: libvmaf's own tool, where it scores.
    """

    name: Name = "libvmaf"
    key: str = LIBVMAF_KEY
    note: str = ""
    tool: Path | None = None
    tool_version: str = ""


@dataclass(frozen=True, slots=True)
class Backend:
    """What was asked for, and what is here.

    Attributes:
        word: one of WORDS.
        engine: the version of the engine; empty where it is not built.
        missing: why it is not there.
        tool, tool_version, tool_sha256: libvmaf's own tool.
    """

    word: str = "libvmaf"
    engine: str = ""
    missing: str = ""
    tool: Path | None = None
    tool_version: str = ""
    tool_sha256: str = ""

    def choose(
        self,
        models: Sequence[VmafModel],
        display: tuple[int, int],
        *,
        has_features: bool = False,
        subsample: int = 1,
    ) -> Chosen:
        """What scores these models at this size; nothing is looked at.

        Args:
            models, display, has_features, subsample: as `proven.unproven` takes them.

        Raises:
            CapabilityMissing: the engine was asked for by name and does not score it.
        """
        if self.word == "vmaf-binary":
            key = f"vmaf-binary {self.tool_sha256}"
            return Chosen("vmaf-binary", key, "", self.tool, self.tool_version)
        if self.word == "libvmaf":
            return Chosen()
        why = self.missing or proven.unproven(
            models, display, has_features=has_features, subsample=subsample
        )
        if not why:
            return Chosen("engine", f"engine {self.engine}")
        if self.word == "engine":
            raise CapabilityMissing(f"the engine does not score this: {why}", hint=_WAY_OUT)
        return Chosen(note=f"not by the engine: {why}")


def find_backend(word: str | None = None, vmaf_binary: str | Path | None = None) -> Backend:
    """What a user's words stand for.

    Args:
        word: one of WORDS; None for `auto`, or for `vmaf-binary` where there is one.
        vmaf_binary: libvmaf's own tool; it says `vmaf-binary` by itself.

    Raises:
        UsageError: the word is none, or it and the tool contradict each other.
        CapabilityMissing: the engine was asked for by name and is not built.
        ToolMissing: there is no such tool.
    """
    if word is not None and word not in WORDS:
        raise UsageError(f"{_FLAG} {word!r} is none", hint=f"one of: {', '.join(WORDS)}")
    if vmaf_binary is not None:
        if word not in (None, "auto", "vmaf-binary"):
            raise UsageError(
                f"{_FLAG} {word} and --vmaf-binary contradict each other", hint="give one of them"
            )
        tool = vmaf_tool.find_vmaf(vmaf_binary)
        version = vmaf_tool.read_version(tool)
        sha256 = fsio.sha256_file(tool)
        return Backend("vmaf-binary", tool=tool, tool_version=version, tool_sha256=sha256)
    if word == "vmaf-binary":
        raise UsageError(f"{_FLAG} vmaf-binary has no program", hint="name it with --vmaf-binary")
    if word == "libvmaf":
        return Backend()
    try:
        native.load()
    except CapabilityMissing as error:
        if word == "engine":
            raise
        return Backend("auto", missing=error.message)
    return Backend(cast("str", word or "auto"), engine=native.version())
