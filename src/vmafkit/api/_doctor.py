"""The verb `doctor`: what was found, what works, what is missing and how to get it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from vmafkit import encoders, settings
from vmafkit.api._engine import engine_state
from vmafkit.errors import StoreError, ToolFailed, VmafkitError
from vmafkit.execute.toolchain import hardware_hint, try_encoder
from vmafkit.ffmpeg.capabilities import Capabilities, read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.scoring import vmaf_models
from vmafkit.scoring.trial_run import try_model
from vmafkit.store.trials import TrialStore
from vmafkit.version import __version__

State = Literal["works", "missing", "fails"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        kind: `program`, `encoder`, `model`, `engine`, `store` or `machine`.
        name: what it is.
        state: `works` only when it was really tried.
        detail: version or cause.
        hint: how to get it, empty when it works.
    """

    kind: str
    name: str
    state: State
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings.

    Attributes:
        findings: in the order they were made.
    """

    findings: tuple[Finding, ...]

    @property
    def can_work(self) -> bool:
        """Whether scoring and at least one encoder work."""
        kinds = {finding.kind for finding in self.findings if finding.state == "works"}
        return {"program", "encoder", "model", "store"} <= kinds


def doctor(
    *,
    ffmpeg_bin: str | Path | None = None,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Diagnosis:
    """Look at the machine and try everything on a few made frames.

    Args:
        ffmpeg_bin: the ffmpeg to look at; the usual one when None.
        on_finding: called with each finding as it is made.

    Returns:
        Every finding; a missing ffmpeg is a finding, not an error.
    """
    found: list[Finding] = []

    def add(finding: Finding) -> None:
        found.append(finding)
        on_finding(finding)

    add(Finding("machine", platform.platform(), "works", _machine()))
    capabilities = _program(ffmpeg_bin, add)
    if capabilities is not None:
        with ThreadPoolExecutor(settings.core_count()) as pool:
            for finding in pool.map(partial(_encoder, capabilities), encoders.names()):
                add(finding)
            for finding in pool.map(partial(_model, capabilities), vmaf_models.TABLE):
                add(finding)
    add(_engine())
    add(_store())
    return Diagnosis(tuple(found))


def _machine() -> str:
    cores = settings.core_count()
    return f"vmafkit {__version__}, Python {platform.python_version()}, {cores} cores"


def _program(ffmpeg_bin: str | Path | None, add: Callable[[Finding], None]) -> Capabilities | None:
    try:
        capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin))
    except VmafkitError as error:
        add(Finding("program", "ffmpeg", "missing", error.message, error.hint))
        return None
    add(Finding("program", "ffmpeg", "works", f"{capabilities.version} at {capabilities.path}"))
    if not capabilities.has_libvmaf:
        add(
            Finding(
                "program", "libvmaf", "missing", "this ffmpeg was built without it",
                "leave --ffmpeg-bin and VMAFKIT_FFMPEG out to use the one of the wheel",
            )
        )  # fmt: skip
    return capabilities


def _encoder(capabilities: Capabilities, name: str) -> Finding:
    encoder = encoders.get(name)
    if name not in capabilities.encoders:
        hint = encoder.install_hint or "--ffmpeg-bin names an ffmpeg that has it"
        return Finding("encoder", name, "missing", "not in this ffmpeg", hint)
    try:
        version = try_encoder(Path(capabilities.path), encoder)
    except ToolFailed as error:
        if encoder.hardware:
            return Finding("encoder", name, "fails", error.message, hardware_hint(encoder))
        return Finding("encoder", name, "fails", error.message, encoder.install_hint)
    except VmafkitError as error:
        return Finding("encoder", name, "fails", error.message, error.hint)
    knob = encoder.quality
    span = f"{knob.knob} {knob.lo:g}..{knob.hi:g} in steps of {knob.step:g}"
    return Finding("encoder", name, "works", f"{version or 'version not told'}; {span}")


def _model(capabilities: Capabilities, name: str) -> Finding:
    model = vmaf_models.TABLE[name]
    if not capabilities.has_libvmaf:
        return Finding("model", name, "missing", "this ffmpeg has no libvmaf")
    try:
        version = try_model(Path(capabilities.path), model)
    except VmafkitError as error:
        return Finding("model", name, "fails", error.message, "choose another --model")
    return Finding("model", name, "works", f"libvmaf {version}; {model.display}")


def _engine() -> Finding:
    state = engine_state()
    name = "in-process VMAF"
    if state.path is None:
        return Finding("engine", name, "missing", f"{state.detail}; libvmaf scores", state.hint)
    return Finding("engine", name, "works", state.detail)


def _store() -> Finding:
    folder = settings.cache_folder()
    try:
        with TrialStore(folder):
            return Finding("store", str(folder), "works", "trials are remembered here")
    except StoreError as error:
        return Finding("store", str(folder), "fails", error.message, error.hint)
