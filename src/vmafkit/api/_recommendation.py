"""Turns what a search found into the record that users and programs read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vmafkit.api._finishing import Finished
from vmafkit.api._searching import Ready
from vmafkit.api._words import source_notes
from vmafkit.decide.samples import Samples, full
from vmafkit.decide.search import Bracket, Probe
from vmafkit.encoders import Encoder
from vmafkit.execute.encode import encode_words
from vmafkit.execute.search import Found, Measured, Setup
from vmafkit.media.hashing import show
from vmafkit.schema.recommendation import (
    BracketRecord,
    CostRecord,
    ProbeRecord,
    QualityValue,
    Recommendation,
    SamplingRecord,
)
from vmafkit.version import __version__


def found_record(
    ready: Ready,
    found: Found,
    *,
    sampled: Found | None = None,
    proxy: Found | None = None,
    final: Finished | None = None,
) -> Recommendation:
    """The record of a search.

    Args:
        found: the search that decides.
        sampled: the one on windows before it, where there was one.
        proxy: the one with a stand-in preset before it, where there was one.
        final: the final file, where one was made.
    """
    setup, decision = found.setup, found.decision
    best = decision.best_attempt
    measured = found.measured.get(best.quality) if best else None
    facts: Mapping[str, Any] = measured.facts[0] if measured else {}
    earlier = [each for each in (proxy, sampled) if each is not None]
    searches = [*earlier, found]
    return Recommendation(
        source=show(ready.source.path),
        encoder=setup.encoder.name,
        preset=setup.preset,
        quality=_quality(setup.encoder, best.quality if best else None),
        target=_target_text(ready),
        score=measured.scores[0] if measured else None,
        met=decision.met,
        exact=decision.exact,
        bracket=bracket_record(decision.bracket),
        bitrate_kbps=best.bitrate_kbps if best else None,
        probes=[record for each in searches for record in _probes(each, found)],
        window=setup.samples.word(),
        model=ready.models[0].id,
        versions=_versions(ready, facts) | scored_with(setup, best and best.quality),
        command=command_of(setup, best.quality) if best else "",
        reason=decision.reason,
        targets=[str(target) for target in ready.targets],
        scores=list(measured.scores) if measured else [],
        caps=str(ready.caps),
        size_bytes=round(best.size_bytes) if best else None,
        size_percent=_percent(ready, best),
        tolerance=ready.tolerance,
        strategy=ready.strategy,
        sampling=_sampling(ready, found, setup.samples),
        proxy_preset=proxy.setup.preset if proxy else None,
        output=final and final.record(),
        cost=_cost(searches, final),
        notes=_notes(ready, found, facts),
    )


def dry_record(ready: Ready, setup: Setup) -> Recommendation:
    """The record of a search that was not run: the windows and the first command."""
    quality = setup.encoder.quality.default
    return _empty(
        ready,
        setup.encoder,
        setup.preset,
        setup.samples,
        reason="dry run: nothing was measured",
        quality=_quality(setup.encoder, quality),
        command=command_of(setup, quality),
        strategy=ready.strategy,
    )


def predicted_record(
    ready: Ready,
    encoder: Encoder,
    preset: str,
    *,
    quality: float | None,
    predicted: dict[str, Any],
    reason: str,
) -> Recommendation:
    """The record of a prediction; nothing in it was measured, so nothing is met."""
    return _empty(
        ready,
        encoder,
        preset,
        full(ready.source.frame_count),
        reason=reason,
        quality=_quality(encoder, quality),
        predicted=predicted,
    )


def bracket_record(bracket: Bracket) -> BracketRecord:
    """The setting found and the neighbour that fails."""
    passing, failing = bracket.passing, bracket.failing
    return BracketRecord(
        passing=passing.quality if passing else None,
        passing_score=passing.scores[0] if passing and passing.scores else None,
        failing=failing.quality if failing else None,
        failing_score=failing.scores[0] if failing and failing.scores else None,
    )


def command_of(setup: Setup, quality: float) -> str:
    """The ffmpeg command that encodes the whole source's video with this setting."""
    whole = replace(setup, samples=full(setup.known.source.frame_count))
    cell = whole.cells(quality)[0]
    return shlex.join((str(setup.bench.program), *encode_words(cell, Path(cell.file_name))))


def _empty(
    ready: Ready, encoder: Encoder, preset: str, samples: Samples, **known: Any
) -> Recommendation:
    nothing = Bracket(None, None)
    filled: dict[str, Any] = {
        "source": show(ready.source.path),
        "encoder": encoder.name,
        "preset": preset,
        "quality": None,
        "target": _target_text(ready),
        "score": None,
        "met": False,
        "exact": False,
        "bracket": bracket_record(nothing),
        "bitrate_kbps": None,
        "probes": [],
        "window": samples.word(),
        "model": ready.models[0].id,
        "versions": _versions(ready, {}),
        "command": "",
        "targets": [str(target) for target in ready.targets],
        "caps": str(ready.caps),
        "tolerance": ready.tolerance,
    }
    return Recommendation(**{**filled, **known})


def _quality(encoder: Encoder, value: float | None) -> QualityValue | None:
    return None if value is None else QualityValue(knob=encoder.quality.knob, value=value)


def _target_text(ready: Ready) -> str:
    return " and ".join(str(target) for target in ready.targets) or str(ready.caps)


def _probes(search: Found, last: Found) -> list[ProbeRecord]:
    order = {probe.quality: place for place, probe in enumerate(search.decision.probes)}
    probes = sorted(search.measured.values(), key=lambda each: order.get(each.probe.quality, -1))
    same_preset = search.setup.preset == last.setup.preset
    window = search.setup.samples.word()
    same_window = window == last.setup.samples.word()
    return [
        ProbeRecord(
            quality=each.probe.quality,
            score=each.scores[0] if each.scores else None,
            scores=list(each.scores),
            bitrate_kbps=each.probe.bitrate_kbps,
            known=each.probe.known,
            preset=None if same_preset else search.setup.preset,
            window=None if same_window else window,
        )
        for each in probes
    ]


def scored_with(setup: Setup, quality: float | None) -> dict[str, str]:
    """What scored a probe, beside the versions; nothing where none was measured."""
    return {} if quality is None else {"score_backend": setup.cells(quality)[0].scorer.name}


def _versions(ready: Ready, facts: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "vmafkit": __version__,
        "ffmpeg": ready.capabilities.version,
        "encoder": facts.get("encoder_version"),
        "libvmaf": facts.get("libvmaf_version"),
    }


def _percent(ready: Ready, best: Probe | None) -> float | None:
    source_bytes = ready.source.video_bits / 8
    return 100.0 * best.size_bytes / source_bytes if best and source_bytes else None


def _sampling(ready: Ready, found: Found, samples: Samples) -> SamplingRecord:
    error = found.sampling_error
    return SamplingRecord(
        windows=len(samples.windows),
        share=samples.share,
        half_width=error,
        inside_tolerance=error is not None and error <= ready.tolerance,
    )


def _cost(searches: list[Found], final: Finished | None) -> CostRecord:
    probes: list[Measured] = []
    for search in searches:
        probes += [*search.earlier, *search.measured.values()]
    fresh = [each for each in probes if not each.probe.known]
    known = [each for each in probes if each.probe.known]
    return CostRecord(
        probes_measured=len(fresh),
        probes_known=len(known),
        encode_s=round(sum(each.encode_s for each in fresh), 3),
        score_s=round(sum(each.score_s for each in fresh), 3),
        saved_s=round(sum(each.encode_s + each.score_s for each in known), 3),
        final_s=round(final.encode_s + final.final.cpu_s, 3) if final else 0.0,
    )


def _notes(ready: Ready, found: Found, facts: Mapping[str, Any]) -> list[str]:
    notes = source_notes(ready.source)
    notes += [
        f"{found.setup.encoder.quality.knob} {quality:g} could not be measured: {why}"
        for quality, why in found.broken.items()
    ]
    samples = found.setup.samples
    if not samples.is_full:
        error = found.sampling_error
        if error is None:
            notes.append("one window cannot tell how far it is from the whole source")
        elif error > ready.tolerance:
            notes.append(
                f"sampling adds an error of {error:.3g}, outside of the tolerance of "
                f"{ready.tolerance:g}; --full measures the whole source"
            )
    note = facts.get("model_note")
    return [*notes, str(note)] if note else notes
