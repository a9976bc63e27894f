"""Shows how a search goes on, and what it found, to people."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from vmafkit.cli import output
from vmafkit.execute.events import Event
from vmafkit.schema.recommendation import ProbeRecord, Recommendation

_MB = 1_000_000


@contextmanager
def shown(program: str, *, as_json: bool, quiet: bool) -> Generator[Callable[[Event], None]]:
    """Takes events: JSON lines on standard error, or a bar and a line for each probe.

    The record itself is all that goes to standard output.
    """
    lock = threading.Lock()
    with output.frames_shown(program, quiet=quiet or as_json) as frames:

        def show(event: Event) -> None:
            with lock:
                if as_json:
                    output.note(json.dumps(event.record(), allow_nan=False))
                elif not quiet:
                    _show(event, frames)

        yield show


def _show(event: Event, frames: output.OnFrames | None) -> None:
    payload = event.payload
    if event.type == "trial-progress" and frames is not None:
        half = payload["frames"] if payload["stage"] == "score" else 0
        frames(half + min(payload["frame"], payload["frames"]), 2 * payload["frames"])
    elif event.type == "probe-finished":
        scores = ", ".join(f"{score:.3f}" for score in payload["scores"])
        known = " (known)" if payload["known"] else ""
        name = f"{payload['encoder']} {payload['preset']} {payload['quality']:g}"
        name += f" at {payload['rendition']}" if "rendition" in payload else ""
        output.note(f"{name}: {scores}, {payload['bitrate_kbps']:.0f} kbps{known}")
    elif event.type == "samples-widened":
        output.note(
            f"{payload['windows']} windows now: sampling added more error than the tolerance"
        )
    elif event.type in ("final-started", "final-progress"):
        output.note(f"{payload['output']}: {payload['step']}")


def recommendation_text(found: Recommendation) -> str:
    """A recommendation as a short table, what it means, and how to repeat it."""
    if found.predicted is not None:
        return _predicted_text(found)
    quality = found.quality
    setting = f"{quality.knob} {quality.value:g}" if quality else "nothing measured"
    lines = [f"{output.short_path(found.source)}: {found.encoder} {found.preset}, {setting}"]
    lines += _table(found.probes, quality.value if quality else None)
    lines.append(_verdict(found))
    if found.bracket.failing is not None:
        failing = found.bracket.failing_score
        told = f" with {failing:.3f}" if failing is not None else ""
        lines.append(f"{found.bracket.failing:g} fails{told}; {found.reason}")
    else:
        lines.append(found.reason)
    lines += _gain(found)
    lines += [f"note: {note}" for note in found.notes]
    if found.output is not None:
        kept = ", ".join(f"{count} {kind}" for kind, count in found.output.carried.items())
        lines.append(
            f"wrote {output.short_path(found.output.path)}: "
            f"{_size(found.output.size_bytes)}, checked" + (f"; carried {kept}" if kept else "")
        )
        lines += [f"note: {dropped}" for dropped in found.output.dropped]
    elif found.command:
        lines.append(f"encode it: {found.command}")
    return "\n".join(lines)


def _table(probes: list[ProbeRecord], chosen: float | None) -> list[str]:
    lines = [f"  {'setting':>9} {'score':>9} {'kbps':>9}"] if probes else []
    for probe in probes:
        own = probe.preset is None and probe.window is None
        mark = "*" if own and probe.quality == chosen else " "
        score = "" if probe.score is None else f"{probe.score:.3f}"
        words = [word for word in (probe.preset, "known" if probe.known else None) if word]
        if probe.window:
            words.append("on windows")
        note = f"  {', '.join(words)}" if words else ""
        lines.append(f"{mark} {probe.quality:>9g} {score:>9} {probe.bitrate_kbps:>9.0f}{note}")
    return lines


def _verdict(found: Recommendation) -> str:
    score = "nothing" if found.score is None else f"{found.score:.3f}"
    sampling = found.sampling
    where = "on the whole source"
    if sampling is not None and sampling.share < 1.0:
        error = "an unknown error" if sampling.half_width is None else f"±{sampling.half_width:.2g}"
        where = f"on {sampling.windows} windows, {sampling.share:.1%} of the source, {error}"
    word = "met" if found.met else "NOT met"
    measured = "from the rows" if found.strategy == "rows" else f"measured {where}"
    return f"{found.target}: {word} with {score}, {measured}"


def _gain(found: Recommendation) -> list[str]:
    lines: list[str] = []
    if found.size_bytes is not None:
        text = f"video: {_size(found.size_bytes)}"
        if found.bitrate_kbps is not None:
            text += f", {found.bitrate_kbps:.0f} kbps"
        if found.size_percent is not None:
            saved = found.size_bytes * (100.0 / found.size_percent - 1.0)
            text += f", {found.size_percent:.1f} % of the source's"
            text += f" ({_size(round(saved))} saved)" if saved > 0 else ""
        lines.append(text)
    cost = found.cost
    if cost is not None:
        text = f"probes: {cost.probes_measured} measured in {cost.encode_s + cost.score_s:.1f} s"
        if cost.probes_known:
            text += f", {cost.probes_known} known ({cost.saved_s:.1f} s saved)"
        lines.append(f"{text} of processor time")
    return lines


def _predicted_text(found: Recommendation) -> str:
    predicted: dict[str, Any] = found.predicted or {}
    quality = found.quality
    setting = f"{quality.knob} {quality.value:g}" if quality else "?"
    low, high = predicted["bitrate_interval"]
    source = output.short_path(found.source)
    lines = [f"{source}: {found.encoder} {found.preset}, {setting} is predicted"]
    for target, score, ends in zip(
        found.targets, predicted["scores"], predicted["score_intervals"], strict=True
    ):
        lines.append(
            f"{target}: predicted {score:.2f}, 90 % between {ends[0]:.2f} and {ends[1]:.2f}"
        )
    lines.append(
        f"bitrate: predicted {predicted['bitrate_kbps']:.0f} kbps, 90 % between {low:.0f} and "
        f"{high:.0f}"
    )
    lines.append(found.reason)
    return "\n".join(lines)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _MB:.2f} MB" if size_bytes >= _MB / 10 else f"{size_bytes} bytes"
