"""The corpus row: one encode with one setting, and its scores, as one line of JSON.

Version 1 is the 25 keys of `V1_KEYS`, in that order and with their old meaning. Versions 2 and 3
were used by another tool and are read. Version 4 adds columns, all of which may be null, and a
checksum. Whatever version a row was read from, it is written as `SCHEMA_VERSION`; keys that this
version does not know are kept.

The checksum is the first 16 hex digits of the SHA-256 of the line's JSON without it, keys sorted,
no spaces, UTF-8. This rule does not change in later versions.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vmafkit.errors import SchemaTooNew, StoreCorrupt
from vmafkit.schema import strictjson

SCHEMA_VERSION = 4
_LAST_WITH_NAN = 3


class CorpusRow(BaseModel):
    """One trial: what was encoded, how, and how it scored.

    A failed trial has a non-zero `exit_status`, an `error`, and null where nothing was measured.
    Numbers are finite. `src` and `encode_path` may hold lone surrogates (names that are not
    UTF-8).

    Raises: ValueError (pydantic's ValidationError) for a value of another type.
    """

    model_config = ConfigDict(
        frozen=True, extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    schema_version: int = Field(SCHEMA_VERSION, ge=1)
    run_id: str = Field(description="one id for all rows of a run")
    timestamp: str = Field(description="UTC, ISO 8601")
    src: str
    src_sha256: str | None
    width: int = Field(description="pixels, of the source")
    height: int = Field(description="pixels, of the source")
    pix_fmt: str
    framerate: float = Field(description="frames per second")
    duration_s: float = Field(description="seconds of the source that were used")
    encoder: str
    encoder_version: str | None
    preset: str | None
    crf: float = Field(description="value of the encoder's quality knob")
    extra_params: list[str]
    encode_path: str | None = Field(description="null when the encode was not kept")
    encode_size_bytes: int | None = Field(description="of the whole file, container included")
    bitrate_kbps: float | None = Field(description="1000 bits of video per second")
    encode_time_ms: float | None
    vmaf_score: float | None = Field(description="0 to 100, pooled as vmaf_pooling says")
    vmaf_model: str | None
    score_time_ms: float | None
    ffmpeg_version: str | None
    vmaf_binary_version: str | None
    exit_status: int = Field(description="0 for a whole result")

    trial_key: str | None = Field(None, description="equal for equal trials")
    source_frame_count: int | None = Field(None, description="frames of the window, counted")
    window: str | None = Field(None, description="'full' or 'start+frames', both in frames")
    clip_mode: str | None = Field(None, description="'full' or 'sample_<seconds>s'")
    display_width: int | None = Field(None, description="pixels, where it was scored")
    display_height: int | None = Field(None, description="pixels, where it was scored")
    codec: str | None = None
    quality_knob: str | None = Field(None, description="the encoder's own name for crf's value")
    argv: list[str] | None = Field(None, description="the encoder's command, paths as names")
    score_filter: str | None = None
    vmaf_pooling: str | None = Field(None, description="'mean'")
    vmaf_min: float | None = None
    vmaf_harmonic_mean: float | None = None
    vmaf_p1: float | None = None
    vmaf_p5: float | None = None
    vmaf_p10: float | None = None
    vmaf_median: float | None = None
    vmaf_stddev: float | None = None
    scores: dict[str, dict[str, float]] | None = Field(
        None, description="metric or model id to its pooled statistics"
    )
    features: dict[str, dict[str, float]] | None = Field(
        None, description="feature to its mean, std, min and max"
    )
    video_bits: int | None = Field(None, description="sum of the video packets, in bits")
    video_bytes: int | None = Field(None, description="sum of the video packets, in bytes")
    libvmaf_version: str | None = None
    tool_version: str | None = None
    threads: int | None = None
    encode_cpu_s: float | None = None
    score_cpu_s: float | None = None
    error: str | None = None
    error_code: str | None = None
    model_note: str | None = None
    score_backend: str | None = Field(None, description="'libvmaf', 'engine' or 'vmaf-binary'")
    score_backend_note: str | None = Field(None, description="why it was not the engine")
    checksum: str | None = Field(None, description="set when the row is written")


CORPUS_ROW_KEYS: tuple[str, ...] = tuple(CorpusRow.model_fields)
V1_KEYS: tuple[str, ...] = CORPUS_ROW_KEYS[:25]


def to_line(row: CorpusRow) -> bytes:
    """The row as one line of strict JSON with its checksum, keys in order, then a newline."""
    values: dict[str, Any] = {key: getattr(row, key) for key in CORPUS_ROW_KEYS}
    values |= row.model_extra or {}
    values["schema_version"] = SCHEMA_VERSION
    if row.crf.is_integer() and abs(row.crf) < 2**53:
        values["crf"] = int(row.crf)
    values["checksum"] = ""
    values = strictjson.escape(values)
    values["checksum"] = _checksum(values)
    return strictjson.dumps(values, escaped=True) + b"\n"


def from_line(line: bytes, *, where: str = "corpus row") -> CorpusRow:
    """Reads a row of any version up to this one.

    Args:
        where: `file:line`, for the message.

    Raises: StoreCorrupt when the line is no row or disagrees with its checksum; SchemaTooNew.
    """
    try:
        values, version = _parse(line)
        _verify(values, version, where)
        if version > SCHEMA_VERSION:
            raise SchemaTooNew(
                f"{where} has schema version {version}; this version reads up to {SCHEMA_VERSION}",
                hint="install a newer vmafkit",
            )
        if version == SCHEMA_VERSION and b"\\" in line:
            values = strictjson.unescape(values)
        return CorpusRow.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise StoreCorrupt(f"{where} is not a corpus row: {name}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise StoreCorrupt(f"{where} is not a corpus row: {error}") from None


def _parse(line: bytes) -> tuple[dict[str, Any], int]:
    try:
        raw, has_nan = strictjson.loads(line), False
    except ValueError:
        raw, has_nan = strictjson.loads(line, nan_as_null=True), True
    if not isinstance(raw, dict):
        raise ValueError("it is not an object")
    values = cast("dict[str, Any]", raw)
    version: object = values.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError("schema_version is not a version")
    if has_nan and version > _LAST_WITH_NAN:
        raise ValueError("NaN and Infinity are not JSON")
    return values, version


def _verify(values: dict[str, Any], version: int, where: str) -> None:
    stored = values.get("checksum")
    if stored is None and version != SCHEMA_VERSION:
        return
    if stored != _checksum(values):
        raise StoreCorrupt(f"{where} does not agree with its checksum")


def _checksum(values: dict[str, Any]) -> str:
    rest = {key: value for key, value in values.items() if key != "checksum"}
    return hashlib.sha256(strictjson.dumps(rest, sort_keys=True, escaped=True)).hexdigest()[:16]
