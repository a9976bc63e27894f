"""Turns trials into corpus rows."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from vmafkit import fsio, settings
from vmafkit.decide.sweep import Cell
from vmafkit.errors import InputError, ToolFailed, VmafkitError
from vmafkit.execute.encode import Encode
from vmafkit.media import remote
from vmafkit.media.shots import frame_times_s
from vmafkit.media.source import Source
from vmafkit.schema.corpus import SCHEMA_VERSION, CorpusRow
from vmafkit.scoring.score import Score
from vmafkit.version import __version__

_FEATURE_STATISTICS = {"mean": "mean", "std": "stddev", "min": "min", "max": "max"}
_NOT_OF_A_ROW = ("encode_sha256", "model_note")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command.

    Attributes:
        run_id: 32 hexadecimal digits, the same for all its rows.
        ffmpeg_version: of the program it uses.
    """

    run_id: str
    ffmpeg_version: str


def measured_facts(cell: Cell, encode: Encode, score: Score) -> dict[str, Any]:
    """The columns of a row that are the same whoever asks for the trial."""
    summary = score.summary
    model_id = score.model_id
    pooled = summary[model_id]
    model_ids = {model.id for model in cell.models}
    frames = cell.window.frames
    duration_s = _duration_s(cell)
    tool = {"vmaf_binary_version": score.tool_version} if cell.scorer.tool else {}
    return {
        **_cell_facts(cell),
        **tool,
        "ffmpeg_version": cell.spec.toolchain.ffmpeg_version,
        "encoder_version": encode.encoder_version,
        "encode_size_bytes": encode.source.size_bytes,
        "bitrate_kbps": encode.source.video_bits / duration_s / 1000 if duration_s else None,
        "encode_time_ms": round(encode.wall_s * 1000, 3),
        "vmaf_score": pooled["mean"],
        "vmaf_model": model_id,
        "score_time_ms": round(score.wall_s * 1000, 3),
        "exit_status": 0,
        "source_frame_count": frames,
        "argv": list(encode.argv),
        "score_filter": "; ".join(
            (f"{score.backend} in {score.pix_fmt}", *_thinned(cell), *score.steps)
        ),
        "vmaf_pooling": "mean",
        "vmaf_min": pooled["min"],
        "vmaf_harmonic_mean": pooled.get("harmonic_mean"),
        "vmaf_p1": pooled["p1"],
        "vmaf_p5": pooled["p5"],
        "vmaf_p10": pooled["p10"],
        "vmaf_median": pooled["median"],
        "vmaf_stddev": pooled["stddev"],
        "scores": {name: dict(values) for name, values in summary.items() if name in model_ids},
        "features": {
            name: {
                short: values[name_]
                for short, name_ in _FEATURE_STATISTICS.items()
                if name_ in values
            }
            for name, values in summary.items()
            if name not in model_ids
        },
        "video_bits": encode.source.video_bits,
        "video_bytes": encode.source.video_bits // 8,
        "libvmaf_version": score.libvmaf_version,
        "encode_cpu_s": round(encode.cpu_s, 3),
        "score_cpu_s": round(score.cpu_s, 3),
    }


def row_of(cell: Cell, run: Run, facts: dict[str, Any], encode_path: str | None) -> CorpusRow:
    """A row of a trial that worked."""
    # Older stores hold the note of whoever measured first.
    known = {name: value for name, value in facts.items() if name not in _NOT_OF_A_ROW}
    return CorpusRow.model_validate({**_run_facts(cell, run), **known, "encode_path": encode_path})


def failed_row(cell: Cell, run: Run, error: VmafkitError) -> CorpusRow:
    """A row of a trial that failed: nothing measured, and why."""
    status = error.exit_status if isinstance(error, ToolFailed) else error.exit_code
    empty = (
        "encoder_version", "encode_path", "encode_size_bytes", "bitrate_kbps", "encode_time_ms",
        "vmaf_score", "score_time_ms",
    )  # fmt: skip
    return CorpusRow.model_validate(
        {
            **dict.fromkeys(empty),
            **_run_facts(cell, run),
            **_cell_facts(cell),
            "vmaf_model": cell.models[0].id,
            "exit_status": status or 1,
            "error": fsio.without_scratch(error.sentence(), settings.scratch_room()),
            "error_code": error.code,
        }
    )


def _duration_s(cell: Cell) -> float:
    source, window = cell.source, cell.window
    if window.is_full:
        return source.duration_s
    if source.is_vfr:
        # A source that has gone since has a failed row, which needs no exact length.
        with contextlib.suppress(InputError):
            times = _times_s(source)
            return times[window.end_frame] - times[window.start_frame]
    return source.duration_s * window.frames / source.frame_count


@lru_cache(maxsize=8)
def _times_s(source: Source) -> tuple[float, ...]:
    return tuple(frame_times_s(source))


def _thinned(cell: Cell) -> tuple[str, ...]:
    n = cell.spec.subsample
    return (f"one frame in {n} scored",) if n > 1 else ()


def _cell_facts(cell: Cell) -> dict[str, Any]:
    source, spec = cell.source, cell.spec
    return {
        "src_sha256": spec.source_sha256,
        "width": source.display_size[0],
        "height": source.display_size[1],
        "pix_fmt": source.pix_fmt,
        "framerate": float(source.framerate),
        "duration_s": _duration_s(cell),
        "encoder": spec.encoder,
        "preset": spec.preset,
        "crf": cell.quality,
        "extra_params": list(cell.options),
        "trial_key": spec.key,
        "window": spec.window,
        "clip_mode": "full" if cell.window.is_full else f"sample_{_duration_s(cell):g}s",
        "display_width": spec.display[0],
        "display_height": spec.display[1],
        "codec": cell.encoder.codec,
        "quality_knob": cell.encoder.quality.knob,
        "threads": spec.threads,
    }


def _run_facts(cell: Cell, run: Run) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "src": remote.address_of(cell.source.path) or str(cell.source.path),
        "ffmpeg_version": run.ffmpeg_version,
        "vmaf_binary_version": None,
        "tool_version": __version__,
        "model_note": cell.model_note or None,
        "score_backend": cell.scorer.name,
        "score_backend_note": cell.scorer.note or None,
    }
