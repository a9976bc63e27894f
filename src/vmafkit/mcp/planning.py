"""What a verb would run, and the most that it would cost: dry runs, counted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmafkit import api
from vmafkit.media.probe import open_source

# A search asks for at most so many values, each measured on the windows and once in full.
_SEARCH_TRIALS = 12


def plan(
    verb: str,
    source: Path,
    target: Sequence[str],
    encoder: str,
    preset: str | None,
    *,
    model: str | None,
    samples: int | None,
    full: bool,
    cancel: threading.Event,
) -> dict[str, Any]:
    """A dry run's record with the trials and frames that it stands for.

    Raises:
        VmafkitError: as the verb itself.
    """
    common: dict[str, Any] = {"model": model, "cancel": cancel}
    sampled: dict[str, Any] = {**common, "samples": samples, "full": full}
    one: dict[str, Any] = {"encoder": encoder, "preset": preset, "dry_run": True}
    if verb == "recommend":
        record = api.recommend(source, target=target, **one, **sampled).record()
        trials, window = _SEARCH_TRIALS, str(record["window"])
    elif verb == "ladder":
        record = api.ladder(source, **one, **sampled).record()
        trials, window = int(record["encodes"]["grid"]), str(record["window"])
    elif verb == "tune_per_shot":
        aim = target[0] if target else None
        record = api.tune_per_shot(source, target=aim, **one, **common).record()
        # Each shot's probes make up about the whole title once for each value.
        trials, window = _SEARCH_TRIALS, "full"
    else:
        words = [preset] if preset else []
        found = api.auto(source, target=target, allow_codecs=[encoder], preset=words, **sampled)
        record = found.plan.record()
        trials, window = _SEARCH_TRIALS, str(record["metadata"]["source_meta"]["window"])
    frames = open_source(source).frame_count
    measured = _frames_of(window, frames)
    return {
        "verb": verb,
        "frames": frames,
        "measured_frames": measured,
        "trials_at_most": trials,
        "frames_at_most": trials * measured,
        "record": record,
    }


def _frames_of(window: str, frames: int) -> int:
    """Frames of `full`, or of `start+frames` words."""
    if window == "full":
        return frames
    parts = [part.partition("+")[2] for part in window.replace(";", ",").split(",")]
    counted = sum(int(part) for part in parts if part.isdigit())
    return counted or frames
