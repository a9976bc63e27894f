"""The verb `plan`: what another verb would run, and what it would cost; nothing is encoded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vmafkit import encoders, settings
from vmafkit.api._auto import auto
from vmafkit.api._compare import compare_trials
from vmafkit.api._ladder import ladder
from vmafkit.api._recommend import recommend
from vmafkit.api._tune_per_shot import tune_per_shot
from vmafkit.api._words import raw_geometry
from vmafkit.decide.plan_cost import (
    NEWEST,
    SEARCH_PROBES,
    Cost,
    Rates,
    assumed_rates,
    cost_of,
    measured_rates,
)
from vmafkit.decide.renditions import renditions
from vmafkit.decide.search import MOST_PROBES
from vmafkit.errors import UsageError
from vmafkit.media.hashing import content_hash, show
from vmafkit.media.probe import open_source
from vmafkit.media.source import Source
from vmafkit.store.hashes import StoredHashes
from vmafkit.store.trials import TrialStore

PlannedVerb = Literal["recommend", "auto", "ladder", "tune_per_shot", "compare"]
Words = dict[str, Any]
_TARGET = ("93",)
_CAPS = ("target", "target_vmaf", "max_bitrate", "max_size", "max_encoded_percent")
_RUNGS = 5


@dataclass(frozen=True, slots=True)
class _Part:
    """Trials of one encoder and preset on one source.

    Attributes:
        sizes: (width, height) of the encodes.
        display: (width, height) that each is compared at.
        frames: of one trial.
        likely, most: trials; `most` is None where the verb has no fixed bound.
    """

    source: Source
    encoder: str
    preset: str
    sizes: Sequence[tuple[int, int]]
    display: tuple[int, int]
    frames: int
    likely: int
    most: int | None


@dataclass(frozen=True, slots=True)
class _Work:
    """What a verb would do.

    Attributes:
        record: of its dry run.
        notes: what a reader of the costs must know.
    """

    parts: list[_Part]
    record: dict[str, Any]
    notes: tuple[str, ...] = ()


def plan(
    verb: PlannedVerb,
    source: str | Path | None = None,
    *,
    cancel: threading.Event | None = None,
    **words: Any,
) -> dict[str, Any]:
    """Say what a verb would run and what it would cost.

    Args:
        verb: the one that would be called with the same words.
        words: its own; `recommend` and `auto` take a target of 93 where none is given. What
            would be written is checked and not written, and a report is left out.

    Returns:
        `estimate` in CPU seconds with its `basis`, `at_most` where the verb has a bound,
        `whole_source` for one encode and score of all frames, and the dry run's `record`.
        `parts` tells the same for each encoder and preset.

    Raises:
        UsageError: there is no such verb.
        VmafkitError: as the verb itself.
    """
    if verb not in get_args(PlannedVerb):
        raise UsageError(f"{verb!r} cannot be planned", hint=", ".join(get_args(PlannedVerb)))
    own: Words = {name: value for name, value in words.items() if name != "report"}
    if verb in ("recommend", "auto") and not any(own.get(name) for name in _CAPS):
        own["target"] = _TARGET
    work = _compare(own) if verb == "compare" else _of_one(verb, source, own, cancel)
    parts = [(part, *_rates(part)) for part in work.parts]
    likely = [_cost(part, rates, part.likely) for part, rates, _ in parts]
    most = [_cost(part, rates, part.most) for part, rates, _ in parts if part.most is not None]
    first = parts[0] if parts else None
    basis = "; ".join(dict.fromkeys(rates.basis for _, rates, _ in parts))
    return {
        "type": "plan",
        "verb": verb,
        "source": show(first[0].source.path) if first else None,
        "encoder": ", ".join(dict.fromkeys(part.encoder for part in work.parts)),
        "preset": ", ".join(dict.fromkeys(part.preset for part in work.parts)),
        "frames": first[0].source.frame_count if first else 0,
        "measured_frames": first[0].frames if first else 0,
        "known_trials": _known(parts),
        "estimate": _told(likely)
        | {"is_estimate": True, "basis": basis or "nothing would be encoded"},
        "at_most": _told(most) if len(most) == len(parts) else None,
        "whole_source": _told([_whole(first[0], first[1])]) if first else None,
        "parts": [
            {"source": show(part.source.path), "encoder": part.encoder, "preset": part.preset,
             "frames": part.frames, "basis": rates.basis, **_told([cost])}
            for (part, rates, _), cost in zip(parts, likely, strict=True)
        ],
        "notes": list(work.notes),
        "record": work.record,
    }  # fmt: skip


def _of_one(verb: str, path: str | Path | None, words: Words, cancel: Any) -> _Work:
    """The work of a verb that takes one source."""
    given = words | {"cancel": cancel}
    if verb == "recommend" and words.get("from_corpus") is not None:
        return _Work([], recommend(path, **given).record(), ("it decides from rows alone",))
    if path is None:
        raise UsageError("there is no source", hint="name a video")
    geometry = (words.get(name) for name in ("width", "height", "pix_fmt", "framerate"))
    source = open_source(path, raw=raw_geometry(*geometry))
    works = {"recommend": _recommend, "auto": _auto, "ladder": _ladder}
    return works.get(verb, _per_shot)(source, given)


def _recommend(source: Source, words: Words) -> _Work:
    is_only_told = bool(words.pop("predict_only", False))
    record = recommend(source.path, **words, dry_run=True).record()
    encoder, preset = _chosen(words)
    part = _search(source, encoder, preset, str(record["window"]))
    if is_only_told:
        told = replace(part, likely=0, most=0)
        return _Work([told], record, ("it predicts and encodes nothing",))
    written = [_once(part)] if words.get("output") and part.frames < source.frame_count else []
    return _Work([part, *written], record)


def _auto(source: Source, words: Words) -> _Work:
    is_executed = bool(words.pop("execute", False))
    words.pop("runs_dir", None)
    record = auto(source.path, **words).plan.record()
    cells = record["cells"]
    if not cells:
        return _Work([], record, ("no encoder is left to choose",))
    cell = next((each for each in cells if each["selected"]), cells[0])
    window = str(record["metadata"]["source_meta"]["window"])
    part = _search(source, cell["codec"], cell["preset"], window)
    written = [_once(part)] if part.frames < source.frame_count else []
    note = "without execute it encodes nothing; these are the costs with it"
    return _Work([part, *written], record, () if is_executed else (note,))


def _ladder(source: Source, words: Words) -> _Work:
    record = ladder(source.path, **words, dry_run=True).record()
    encoder, preset = _chosen(words)
    grid = int(record["encodes"]["grid"])
    multiple = encoders.get(encoder).size_multiple_px
    sizes = list(renditions(source.display_size, words.get("resolutions") or (), multiple))
    display = words.get("display") or source.display_size
    frames = _frames_of(str(record["window"]), source.frame_count)
    # A ladder stops to refine when half of its grid is measured.
    part = _Part(source, encoder, preset, sizes, display, frames, -(-grid // 2), grid)
    if not words.get("output"):
        return _Work([part], record)
    rungs = words.get("quality_tiers") or _RUNGS
    made = replace(part, frames=source.frame_count, likely=rungs, most=None)
    return _Work([part, made], record, (f"for the packages, {rungs} rungs are counted as whole",))


def _per_shot(source: Source, words: Words) -> _Work:
    record = tune_per_shot(source.path, **words, dry_run=True).record()
    encoder, preset = _chosen(words)
    # The first values of every shot, which make up the title once each; then the joined title,
    # and the search for one setting that it is held against.
    likely = words.get("probes", 4) + 1 + SEARCH_PROBES
    size = source.display_size
    part = _Part(source, encoder, preset, [size], size, source.frame_count, likely, None)
    return _Work([part], record)


def _compare(words: Words) -> _Work:
    trials, failed = compare_trials(**words)
    parts = [
        _Part(each.source, each.encoder, each.preset, [each.source.display_size],
              words.get("display") or each.source.display_size, each.source.frame_count,
              each.values + SEARCH_PROBES * each.is_searched,
              each.values + MOST_PROBES * each.is_searched)
        for each in trials
    ]  # fmt: skip
    return _Work(parts, {"failed": failed}, tuple(f"{name}: {why}" for name, why in failed.items()))


def _search(source: Source, encoder: str, preset: str, window: str) -> _Part:
    size, frames = source.display_size, _frames_of(window, source.frame_count)
    return _Part(source, encoder, preset, [size], size, frames, SEARCH_PROBES, MOST_PROBES)


def _once(part: _Part) -> _Part:
    """One encode of the whole source, after what was measured on windows."""
    return replace(part, frames=part.source.frame_count, likely=1, most=MOST_PROBES)


def _chosen(words: Words) -> tuple[str, str]:
    encoder = encoders.get(words.get("encoder", "libx264"))
    return encoder.name, encoder.check_preset(words.get("preset") or encoder.default_preset)


def _rates(part: _Part) -> tuple[Rates, int]:
    """The rates, and how many trials of this source, encoder and preset are known."""
    cache = settings.cache_folder()
    encoder, preset = part.encoder, part.preset
    sha256 = content_hash(part.source.path, StoredHashes(cache))
    with TrialStore(cache) as store:
        known = store.count(encoder=encoder, preset=preset, source_sha256=sha256)

        def rows(source_sha256: str | None) -> list[dict[str, Any]]:
            return store.newest_rows(
                encoder=encoder, preset=preset, source_sha256=source_sha256, most=NEWEST
            )

        name = f"{encoder} {preset}"
        found = measured_rates(rows(sha256), f"{name} on this source") if known else None
        if found is None:
            found = measured_rates(rows(None), name)
    return found or assumed_rates(encoder, preset), known


def _known(parts: Sequence[tuple[_Part, Rates, int]]) -> int:
    counts = {(part.source.path, part.encoder, part.preset): known for part, _, known in parts}
    return sum(counts.values())


def _cost(part: _Part, rates: Rates, encodes: int) -> Cost:
    return cost_of(rates, part.sizes, part.display, frames=part.frames, encodes=encodes)


def _whole(part: _Part, rates: Rates) -> Cost:
    return _cost(replace(part, frames=part.source.frame_count), rates, 1)


def _told(costs: Sequence[Cost]) -> dict[str, Any]:
    cores = settings.core_count()
    cpu_s = sum(cost.cpu_s for cost in costs)
    return {
        "encodes": sum(cost.encodes for cost in costs),
        "encode_s": round(sum(cost.encode_s for cost in costs), 1),
        "score_s": round(sum(cost.score_s for cost in costs), 1),
        "cpu_s": round(cpu_s, 1),
        "wall_s": round(cpu_s / cores, 1),
        "cores": cores,
    }


def _frames_of(window: str, frames: int) -> int:
    """Frames of `full`, or of `start+frames` words."""
    if window == "full":
        return frames
    parts = [part.partition("+")[2] for part in window.replace(";", ",").split(",")]
    return sum(int(part) for part in parts if part.isdigit()) or frames
