"""Executes one cell of an `auto` plan: search, verify, final file, row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vmafkit import encoders, fsio
from vmafkit.api._finishing import Finished, finish, stored_rows, verify, widening_search
from vmafkit.api._searching import Ready
from vmafkit.errors import (
    Cancelled,
    Changed,
    OutputError,
    Refused,
    StoreError,
    ToolFailed,
    UsageError,
    VmafkitError,
)
from vmafkit.execute.auto import ResultsFile
from vmafkit.execute.events import OnEvent
from vmafkit.execute.final import prepare_output
from vmafkit.execute.search import Found, Measured, Setup
from vmafkit.execute.streams import Streams
from vmafkit.execute.trial import Bench
from vmafkit.media.hashing import show
from vmafkit.schema.auto_plan import PlanCell, TuneResult

# What ends the whole run: the other cells would meet it too.
_FOR_ALL = (Cancelled, Changed, StoreError, OutputError, Refused)


def execute_cell(
    ready: Ready, bench: Bench, cell: PlanCell, results: ResultsFile, on_event: OnEvent
) -> tuple[TuneResult, bool]:
    """The cell's row, and whether an earlier run had made it.

    Raises:
        StoreError, OutputError, Refused, Changed, Cancelled: no other cell would fare better.
    """
    setup = setup_of(ready, bench, cell)
    key = cell_key(ready, setup, cell)
    done = results.done(key)
    if done is not None:
        return done, True
    try:
        row = _run(ready, setup, cell, key, results, on_event)
    except _FOR_ALL:
        raise
    except VmafkitError as error:
        row = _failed(ready, cell, key, error)
    results.append(row)
    return row, False


def cell_key(ready: Ready, setup: Setup, cell: PlanCell) -> str:
    """A hash of all that a cell's result depends on, as far as it is known before."""
    spec = setup.cells(cell.crf)[0].spec
    words = {
        "spec": replace(spec, quality="", encode_argv=()).canonical(),
        "window": setup.samples.word(),
        "targets": [str(target) for target in ready.targets],
        "caps": str(ready.caps),
        "tolerance": ready.tolerance,
        "strategy": ready.strategy,
        "knob": setup.encoder.quality.knob,
    }
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def setup_of(ready: Ready, bench: Bench, cell: PlanCell) -> Setup:
    """How a cell's trials are made, on the samples of the plan."""
    encoder = encoders.get(cell.codec)
    setup = ready.setup(bench, encoder, cell.preset, ready.samples, keep=bench.scratch)
    own = (cell.width, cell.height) == ready.source.display_size
    return setup if own else replace(setup, scale=(cell.width, cell.height))


def _run(
    ready: Ready, setup: Setup, cell: PlanCell, key: str, results: ResultsFile, on_event: OnEvent
) -> TuneResult:
    rows = stored_rows(ready, setup) if setup.scale is None else []
    found = widening_search(ready, setup, rows, on_event, start=cell.crf)
    searches = [found]
    if found.decision.met and not found.setup.samples.is_full:
        found = verify(ready, found, on_event)
        searches.append(found)
    finished: Finished | None = None
    if found.decision.quality is not None:
        output, streams = _output(ready, results, key, found)
        finished = finish(found, streams, output, on_event)
    return _row(ready, cell, key, searches, finished)


def _output(ready: Ready, results: ResultsFile, key: str, found: Found) -> tuple[Path, Streams]:
    """Where the encode goes: .mp4 for an MP4 whose streams all fit one, else .mkv."""
    quality = found.decision.quality
    stem = Path(found.setup.cells(quality or 0.0)[0].file_name).stem
    if found.setup.scale is not None:
        stem += f"__{found.setup.scale[1]}"
    if ready.source.path.suffix.lower() in (".mp4", ".m4v"):
        output = results.path_for(key, stem, ".mp4")
        try:
            return output, prepare_output(output, ready.source)
        except UsageError:
            pass
    output = results.path_for(key, stem, ".mkv")
    return output, prepare_output(output, ready.source)


def _row(
    ready: Ready, cell: PlanCell, key: str, searches: list[Found], finished: Finished | None
) -> TuneResult:
    found = searches[-1]
    best = found.decision.best_attempt
    measured = found.measured.get(best.quality) if best else None
    facts: Mapping[str, Any] = measured.facts[0] if measured else {}
    final = finished.final if finished else None
    whole = found.setup.samples.is_full
    return TuneResult.model_validate(
        {
            **_plan_words(ready, cell, key),
            **_feature_words(facts),
            "crf": best.quality if best else cell.crf,
            "encode_size_bytes": final.size_bytes if final else None,
            "encode_time_ms": facts.get("encode_time_ms"),
            "encode_exit_status": 0,
            "encoder_version": facts.get("encoder_version"),
            "encode_path": str(final.path) if final else None,
            "vmaf_score": facts.get("vmaf_score") if whole else None,
            "score_time_ms": facts.get("score_time_ms"),
            "score_exit_status": 0,
            "scores": list(measured.scores) if measured else [],
            "met": finished is not None and found.decision.met,
            "reason": found.decision.reason,
            "vmaf_model": facts.get("vmaf_model"),
            "bitrate_kbps": best.bitrate_kbps if best else None,
            "video_bytes": final.video_bytes if final else None,
            "encode_sha256": fsio.sha256_file(final.path) if final else None,
            "libvmaf_version": facts.get("libvmaf_version"),
            "probes": [_probe(search, each) for search in searches for each in _all(search)],
            "cpu_s": _cpu_s(searches, finished),
        }
    )


def _failed(ready: Ready, cell: PlanCell, key: str, error: VmafkitError) -> TuneResult:
    status = error.exit_status if isinstance(error, ToolFailed) else error.exit_code
    scoring = error.code == "score-failed"
    nothing = (
        "encode_size_bytes", "encode_time_ms", "encoder_version", "encode_path", "vmaf_score",
        "score_time_ms", "vmaf_model", "bitrate_kbps", "video_bytes", "encode_sha256",
        "libvmaf_version",
    )  # fmt: skip
    return TuneResult.model_validate(
        {
            **_plan_words(ready, cell, key),
            **dict.fromkeys(nothing),
            "crf": cell.crf,
            "encode_exit_status": 0 if scoring else status or 1,
            "score_exit_status": (status or 1) if scoring else 0,
            "scores": [],
            "met": False,
            "reason": error.sentence(),
            "probes": [],
            "cpu_s": 0.0,
            "error": error.sentence(),
            "error_code": error.code,
        }
    )


def _plan_words(ready: Ready, cell: PlanCell, key: str) -> dict[str, Any]:
    return {
        "cell_index": cell.cell_index,
        "codec": cell.codec,
        "preset": cell.preset,
        "selected": cell.selected,
        "estimated_vmaf": cell.estimated_vmaf,
        "estimated_bitrate_kbps": cell.estimated_bitrate_kbps,
        "prediction_source": cell.prediction_source,
        "ffmpeg_version": ready.capabilities.version,
        "vmaf_binary_version": None,
        "cell_key": key,
        "src": show(ready.source.path),
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "planned_crf": cell.crf,
        "rung": cell.rung,
        "targets": [str(target) for target in ready.targets],
    }


def _feature_words(facts: Mapping[str, Any]) -> dict[str, float]:
    features: Mapping[str, Mapping[str, float]] = facts.get("features") or {}
    return {
        f"feature_{name.removeprefix('integer_')}_{short}": values[short]
        for name, values in sorted(features.items())
        for short in ("mean", "std")
        if short in values
    }


def _all(search: Found) -> list[Measured]:
    return list(search.measured.values())


def _probe(search: Found, each: Measured) -> dict[str, Any]:
    return {
        "quality": each.probe.quality,
        "scores": list(each.scores),
        "bitrate_kbps": each.probe.bitrate_kbps,
        "known": each.probe.known,
        "window": search.setup.samples.word(),
    }


def _cpu_s(searches: list[Found], finished: Finished | None) -> float:
    probes = [each for search in searches for each in (*search.earlier, *_all(search))]
    spent = sum(each.encode_s + each.score_s for each in probes if not each.probe.known)
    return round(spent + (finished.encode_s + finished.final.cpu_s if finished else 0.0), 3)
