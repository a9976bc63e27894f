"""The one type of a trial: one encode of one piece of a source with one setting, and its score."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property

KEY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What computes a trial; a change of any part makes another trial.

    Attributes:
        ffmpeg_version, ffmpeg_sha256: of the program.
        encoder_version: as the encoder names itself, empty where it does not.
        scorer: `ffmpeg-libvmaf`, or the engine or vmaf binary with its version or hash.
    """

    ffmpeg_version: str
    ffmpeg_sha256: str
    encoder_version: str
    scorer: str = "ffmpeg-libvmaf"


@dataclass(frozen=True)
class TrialSpec:
    """Everything that a trial's numbers depend on.

    Attributes:
        source_sha256: of the source's bytes.
        raw: width, height, pixel format and frame rate of a raw source, else None.
        window: `full`, or `start+frames`.
        encoder, preset: by their own names.
        quality: canonical text of the value on the encoder's knob.
        encode_argv: every word the encoder is given, from `-c:v`.
        scale: (width, height) of the encode, None for the source's own.
        threads: of the encoder; the result depends on it.
        display: (width, height) the score is made at.
        models: ids, or `file:<sha256>` for a model file, the first being the row's score.
        features: of libvmaf, beside what the models need.
        subsample: every n-th frame is scored.
        toolchain: what computes it.
    """

    source_sha256: str
    raw: tuple[int, int, str, str] | None
    window: str
    encoder: str
    preset: str
    quality: str
    encode_argv: tuple[str, ...]
    scale: tuple[int, int] | None
    threads: int
    display: tuple[int, int]
    models: tuple[str, ...]
    features: tuple[str, ...]
    subsample: int
    toolchain: Toolchain

    def canonical(self) -> str:
        """The spec as JSON that is the same for equal specs."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        parts |= {"key_version": KEY_VERSION, "toolchain": asdict(self.toolchain)}
        return json.dumps(parts, sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """SHA-256 over the canonical form, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical().encode("utf-8", "surrogatepass")).hexdigest()
