"""The verb `plan`: what another verb would run, and what it would cost; nothing is encoded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from vmafkit import encoders, settings
from vmafkit.api._auto import auto
from vmafkit.api._ladder import ladder
from vmafkit.api._recommend import recommend
from vmafkit.api._tune_per_shot import tune_per_shot
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

PlannedVerb = Literal["recommend", "auto", "ladder", "tune_per_shot"]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a verb would do.

    Attributes:
        encoder, preset: of its encodes.
        window: of one trial: `full`, or `start+frames` words.
        sizes: (width, height) of the encodes.
        likely, most: trials; `most` is None where the verb has no fixed bound.
        record: of its dry run.
    """

    encoder: str
    preset: str
    window: str
    sizes: list[tuple[int, int]]
    likely: int
    most: int | None
    record: dict[str, Any]


def plan(
    verb: PlannedVerb,
    source: str | Path,
    *,
    target: Sequence[str] = ("93",),
    encoder: str = "libx264",
    preset: str | None = None,
    model: str | None = None,
    samples: int | None = None,
    full: bool = False,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """Say what a verb would run and what it would cost.

    Args:
        verb: the one that would be called with the same words.
        target: of `recommend` and `auto`; its first word is that of `tune_per_shot`.

    Returns:
        `estimate` in CPU seconds with its `basis`, `at_most` where the verb has a bound,
        `whole_source` for one encode and score of all frames, and the dry run's `record`.

    Raises:
        UsageError: there is no such verb.
        VmafkitError: as the verb itself.
    """
    if verb not in get_args(PlannedVerb):
        raise UsageError(f"{verb!r} cannot be planned", hint=", ".join(get_args(PlannedVerb)))
    opened = open_source(source)
    words: dict[str, Any] = {"model": model, "cancel": cancel}
    if verb == "tune_per_shot":
        work = _per_shot(opened, target, encoder, preset, words)
    else:
        words |= {"samples": samples, "full": full}
        work = _sampled(verb, opened, target, encoder, preset, words)
    rates, known = _rates(opened, work)
    frames = _frames_of(work.window, opened.frame_count)

    def cost(encodes: int, frames: int = frames) -> Cost:
        return cost_of(rates, work.sizes, opened.display_size, frames=frames, encodes=encodes)

    return {
        "type": "plan",
        "verb": verb,
        "source": show(opened.path),
        "encoder": work.encoder,
        "preset": work.preset,
        "frames": opened.frame_count,
        "measured_frames": frames,
        "known_trials": known,
        "estimate": _told(cost(work.likely)) | {"is_estimate": True, "basis": rates.basis},
        "at_most": None if work.most is None else _told(cost(work.most)),
        "whole_source": _told(cost(1, opened.frame_count)),
        "record": work.record,
    }


def _sampled(verb: str, source: Source, target: Sequence[str], encoder: str, preset: str | None,
             words: dict[str, Any]) -> _Work:  # fmt: skip
    chosen = encoders.get(encoder)
    own = [source.display_size]
    name, preset_word = chosen.name, chosen.check_preset(preset or chosen.default_preset)
    if verb == "recommend":
        asked: dict[str, Any] = {"target": target, "encoder": encoder, "preset": preset}
        record = recommend(source.path, **asked, **words, dry_run=True).record()
        window = str(record["window"])
        return _Work(name, preset_word, window, own, SEARCH_PROBES, MOST_PROBES, record)
    if verb == "ladder":
        record = ladder(source.path, encoder=encoder, preset=preset, **words, dry_run=True).record()
        grid, window = int(record["encodes"]["grid"]), str(record["window"])
        sizes = list(renditions(source.display_size, (), chosen.size_multiple_px))
        # A ladder stops to refine when half of its grid is measured.
        return _Work(name, preset_word, window, sizes, -(-grid // 2), grid, record)
    presets = [preset] if preset else []
    made = auto(source.path, target=target, allow_codecs=[encoder], preset=presets, **words)
    record = made.plan.record()
    window = str(record["metadata"]["source_meta"]["window"])
    return _Work(name, preset_word, window, own, SEARCH_PROBES, MOST_PROBES, record)


def _per_shot(source: Source, target: Sequence[str], encoder: str, preset: str | None,
              words: dict[str, Any]) -> _Work:  # fmt: skip
    chosen = encoders.get(encoder)
    record = tune_per_shot(
        source.path, target=target[0] if target else None, encoder=encoder, preset=preset,
        **words, dry_run=True,
    ).record()  # fmt: skip
    # Four values of every shot, which make up the title once each; then the joined title, and
    # the search for one setting that it is held against.
    likely = 4 + 1 + SEARCH_PROBES
    preset_word = chosen.check_preset(preset or chosen.default_preset)
    return _Work(
        chosen.name, preset_word, "full", [source.display_size], likely, None, record
    )  # fmt: skip


def _rates(source: Source, work: _Work) -> tuple[Rates, int]:
    """The rates, and how many trials of this source, encoder and preset are known."""
    cache = settings.cache_folder()
    encoder, preset = work.encoder, work.preset
    sha256 = content_hash(source.path, StoredHashes(cache))
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


def _told(cost: Cost) -> dict[str, Any]:
    cores = settings.core_count()
    return {
        "encodes": cost.encodes,
        "encode_s": round(cost.encode_s, 1),
        "score_s": round(cost.score_s, 1),
        "cpu_s": round(cost.cpu_s, 1),
        "wall_s": round(cost.cpu_s / cores, 1),
        "cores": cores,
    }


def _frames_of(window: str, frames: int) -> int:
    """Frames of `full`, or of `start+frames` words."""
    if window == "full":
        return frames
    parts = [part.partition("+")[2] for part in window.replace(";", ",").split(",")]
    return sum(int(part) for part in parts if part.isdigit()) or frames
