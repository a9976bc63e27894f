"""The encoders: one file per family, one line per encoder in TABLE."""

from __future__ import annotations

import difflib
import importlib

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Zone
from vmafkit.encoders.options import encoder_options, join_params
from vmafkit.errors import CapabilityMissing, UsageError

__all__ = [
    "TABLE",
    "EncodeSettings",
    "Encoder",
    "Quality",
    "Zone",
    "encoder_options",
    "get",
    "join_params",
    "names",
    "register",
    "unregister",
]

TABLE: dict[str, str] = {
    "libx264": ".x264:ENCODER",
    "libx265": ".x265:ENCODER",
    "libsvtav1": ".svtav1:ENCODER",
    "libaom-av1": ".aom:ENCODER",
    "librav1e": ".rav1e:ENCODER",
    "libvpx-vp9": ".vpx:ENCODER",
    "libvvenc": ".vvenc:ENCODER",
    "libkvazaar": ".kvazaar:ENCODER",
    "h264_nvenc": ".nvenc:H264",
    "hevc_nvenc": ".nvenc:HEVC",
    "av1_nvenc": ".nvenc:AV1",
    "h264_qsv": ".qsv:H264",
    "hevc_qsv": ".qsv:HEVC",
    "av1_qsv": ".qsv:AV1",
    "vp9_qsv": ".qsv:VP9",
    "h264_amf": ".amf:H264",
    "hevc_amf": ".amf:HEVC",
    "av1_amf": ".amf:AV1",
    "h264_videotoolbox": ".videotoolbox:H264",
    "hevc_videotoolbox": ".videotoolbox:HEVC",
}

_registered: dict[str, Encoder] = {}


def names() -> tuple[str, ...]:
    """ffmpeg's names of all encoders, software first."""
    return (*TABLE, *(name for name in _registered if name not in TABLE))


def get(name: str) -> Encoder:
    """The encoder of that name or alias, whatever the case.

    Raises:
        UsageError: there is none; the hint names near ones and lists all.
        CapabilityMissing: its module cannot be imported.
    """
    wanted = name.strip().lower()
    if wanted in _registered or wanted in TABLE:
        return _load(wanted)
    known: dict[str, str] = {}
    for each in names():
        known |= {each: each} | dict.fromkeys(_load(each).aliases, each)
    if wanted in known:
        return _load(known[wanted])
    near = difflib.get_close_matches(wanted, known, n=3)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(
        f"there is no encoder {name!r}", hint=f"{guess}there are: {', '.join(names())}"
    )


def register(encoder: Encoder) -> None:
    """Adds an encoder for this process; it hides one of the same name in TABLE."""
    _registered[encoder.name] = encoder


def unregister(name: str) -> None:
    """Takes back register; does nothing for a name that was never registered."""
    _registered.pop(name, None)


def _load(name: str) -> Encoder:
    if name in _registered:
        return _registered[name]
    module, _, attribute = TABLE[name].partition(":")
    try:
        found: object = getattr(importlib.import_module(module, __package__), attribute, None)
    except ImportError as error:
        raise CapabilityMissing(
            f"the adapter of {name} cannot be imported from {module}",
            hint="reinstall the package that brings it",
            detail=str(error),
        ) from error
    if not isinstance(found, Encoder):
        raise TypeError(f"{TABLE[name]} is not an Encoder")
    return found
