"""Turns a measured ladder into the record that users and programs read, and into a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vmafkit.api._recommendation import command_of, scored_with
from vmafkit.api._searching import Ready
from vmafkit.decide.hull import RatePoint
from vmafkit.decide.ladder import LadderCell, LadderSearch
from vmafkit.decide.rungs import unmet
from vmafkit.execute.ladder import RungSetup, Setups
from vmafkit.execute.search import Measured
from vmafkit.media.hashing import show
from vmafkit.media.manifests import Variant
from vmafkit.report.data import RateQuality, ReportData, Table
from vmafkit.report.from_records import ladder_report
from vmafkit.schema.ladder import Encodes, LadderPoint, LadderRecord, Rung, Takeover
from vmafkit.version import __version__

_OF_WINDOWS = "Measured on windows of the source, not on the whole of it."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a ladder's record says beside its points."""

    ready: Ready
    display: tuple[int, int]
    segment_s: float
    gop_frames: int
    spacing: str


def ladder_record(
    outcome: Outcome,
    setups: Setups,
    search: LadderSearch,
    measured: Mapping[LadderCell, Measured],
    rungs: Sequence[LadderCell],
    *,
    whole: Sequence[Measured] = (),
    variants: Sequence[Variant] = (),
    packages: Mapping[str, str] | None = None,
    dropped: Sequence[str] = (),
) -> LadderRecord:
    """The record.

    Args:
        rungs: best first.
        whole: the rungs measured on the whole source, where they were packaged.
        variants: what the manifests say of them.
        packages: manifests by kind.
        dropped: what of the source they do not carry, in words.
    """
    points = {cell: _point(cell, each) for cell, each in measured.items()}
    by_key = {cell.key: point for cell, point in points.items()}
    new = [each for each in measured.values() if not each.probe.known]
    return LadderRecord(
        **_head(outcome, setups, measured),
        renditions=[
            _rung(
                number,
                _point(cell, whole[number - 1]) if whole else points[cell],
                variants[number - 1] if variants else None,
                verified=bool(whole) or outcome.ready.samples.is_full,
            )
            for number, cell in enumerate(rungs, 1)
        ],
        hull=[by_key[point.key] for point in _as_measured(search).hull()],
        crossovers=_takeovers(search),
        points=sorted(points.values(), key=lambda p: (-p.width, p.bitrate_kbps)),
        encodes=Encodes(
            grid=len(search.renditions) * len(search.values),
            used=len(measured),
            measured=len(new),
            known=len(measured) - len(new),
            encode_s=sum(each.encode_s for each in new),
            score_s=sum(each.score_s for each in new),
        ),
        packages=dict(packages or {}),
        commands=[command_of(setups[cell.width, cell.height], cell.value) for cell in rungs],
        notes=[*_notes(search, rungs), *_window_notes(outcome, search), *dropped],
    )


def dry_ladder(
    outcome: Outcome, setups: Setups, search: LadderSearch, *, exhaustive: bool
) -> LadderRecord:
    """The record of a ladder that was not run: the commands of the first encodes."""
    cells = search.ask()
    if exhaustive:
        sizes = search.renditions
        cells = [LadderCell(h, w, value) for w, h in sizes for value in search.values]
    return LadderRecord(
        **_head(outcome, setups, {}),
        renditions=[], hull=[], crossovers=[], points=[],
        encodes=Encodes(
            grid=len(search.renditions) * len(search.values),
            used=0, measured=0, known=0, encode_s=0.0, score_s=0.0,
        ),
        packages={},
        commands=[command_of(setups[cell.width, cell.height], cell.value) for cell in cells],
        notes=["dry run: nothing was measured"],
    )  # fmt: skip


def report_of(record: LadderRecord) -> ReportData:
    """A ladder's record as a report."""
    knob = record.quality_knob

    def point(each: LadderPoint) -> RatePoint:
        key = f"{each.width}x{each.height} {knob} {each.crf:g}"
        return RatePoint(each.bitrate_kbps, each.vmaf, key)

    curves: dict[str, list[RatePoint]] = {}
    for each in record.points:
        curves.setdefault(f"{each.width}x{each.height}", []).append(point(each))
    data = ladder_report(
        curves,
        [point(each) for each in record.hull],
        [point(each) for each in record.renditions],
        metric=f"{record.vmaf_model} mean",
        title=f"Ladder of {record.source.rpartition('/')[2]}",
        versions=tuple(record.versions.items()),
        commands=record.commands,
    )
    is_sampled = record.window != "full"
    tables = [*data.tables]
    if is_sampled:
        tables[0] = replace(tables[0], note=_rungs_note(record))
        data = replace(data, rate_quality=tuple(map(_on_windows, data.rate_quality)))
    if record.packages:
        tables.append(_packaged(record))
    more = [_crossovers(record), _everything(record)]
    tables += [replace(table, note=_OF_WINDOWS) if is_sampled else table for table in more]
    facts = (
        ("source", record.source),
        ("encoder", f"{record.encoder} {record.preset}"),
        ("compared at", f"{record.display_width}x{record.display_height}"),
        ("window", record.window),
        ("encodes", f"{record.encodes.used} of a grid of {record.encodes.grid}"),
        *record.packages.items(),
    )
    return replace(data, tables=tuple(tables), facts=facts, notes=tuple(record.notes))


def _rungs_note(record: LadderRecord) -> str:
    if all(each.verified for each in record.renditions):
        return "Measured on the whole source."
    return _OF_WINDOWS


def _on_windows(section: RateQuality) -> RateQuality:
    return replace(section, title=f"{section.title}; curves and hull are of windows")


def _head(
    outcome: Outcome, setups: Setups, measured: Mapping[LadderCell, Measured]
) -> dict[str, Any]:
    ready, setup = outcome.ready, _first(setups)
    facts: Mapping[str, Any] = next(iter(measured.values())).facts[0] if measured else {}
    versions = {
        "vmafkit": __version__,
        "ffmpeg": ready.capabilities.version,
        "encoder": facts.get("encoder_version"),
        "libvmaf": facts.get("libvmaf_version"),
        **scored_with(setup, next(iter(measured)).value if measured else None),
    }
    return {
        "source": show(ready.source.path),
        "src_sha256": ready.known.sha256,
        "encoder": setup.encoder.name,
        "preset": setup.preset,
        "quality_knob": setup.encoder.quality.knob,
        "vmaf_model": ready.models[0].id,
        "display_width": outcome.display[0],
        "display_height": outcome.display[1],
        "window": ready.samples.word(),
        "segment_duration_s": float(outcome.segment_s),
        "gop_frames": outcome.gop_frames,
        "spacing": outcome.spacing,
        "versions": {name: value for name, value in versions.items() if value},
    }


def _first(setups: Setups) -> RungSetup:
    return next(iter(setups.values()))


def _point(cell: LadderCell, measured: Measured) -> LadderPoint:
    probe = measured.probe
    return LadderPoint(
        width=cell.width,
        height=cell.height,
        crf=float(cell.value),
        bitrate_kbps=probe.bitrate_kbps,
        vmaf=measured.scores[0],
        known=probe.known,
        trial_key=probe.key,
    )


def _rung(number: int, point: LadderPoint, variant: Variant | None, *, verified: bool) -> Rung:
    return Rung(
        **point.model_dump(),
        rung=number,
        verified=verified,
        bandwidth_bps=variant.peak_bps if variant else None,
        average_bandwidth_bps=variant.average_bps if variant else None,
        codecs=variant.codecs if variant else None,
    )


def _as_measured(search: LadderSearch) -> LadderSearch:
    """A search without what whole encodes told, so that its figures are those of the windows."""
    if not search.whole:
        return search
    rule = replace(search.rule, min_kbps=0.0, max_kbps=math.inf, min_quality=0.0)
    return replace(search, rule=rule, whole={}, is_spent=False)


def _takeovers(search: LadderSearch) -> list[Takeover]:
    within = {(each.below, each.above) for each in search.takeovers()}
    return [
        Takeover(bitrate_kbps=c.bitrate_kbps, vmaf=c.quality, below=c.below, above=c.above)
        for c in _as_measured(search).takeovers()
        if (c.below, c.above) in within
    ]


def _notes(search: LadderSearch, rungs: Sequence[LadderCell]) -> list[str]:
    rule = search.rule
    notes = unmet(search.hull(), rule)
    wanted = rule.count or len(rule.qualities) or len(rule.bitrates_kbps)
    if len(rungs) + sum(note.startswith("no rung") for note in notes) < wanted:
        notes.append(f"{len(rungs)} rungs instead of {wanted}: several fell on the same setting")
    return notes


def _window_notes(outcome: Outcome, search: LadderSearch) -> list[str]:
    if outcome.ready.samples.is_full:
        return []
    if not search.whole:
        return [
            "all bitrates and scores are of windows, caps and floors too; the whole source may "
            "have others: --output, or --full, measures it"
        ]
    factors = [
        point.bitrate_kbps / search.measured[cell].bitrate_kbps
        for cell, point in search.whole.items()
    ]
    notes = [
        f"rungs were measured on the whole source, in {len(factors)} encodes: their bitrates are "
        f"{min(factors):.2f} to {max(factors):.2f} times those of the windows; points, hull and "
        "crossovers are of the windows"
    ]
    if search.is_spent:
        notes.append("the rungs are the best of those encodes; no more were made")
    return notes


def _packaged(record: LadderRecord) -> Table:
    rows = tuple(
        (each.rung, f"{each.width}x{each.height}", each.codecs, each.bandwidth_bps,
         each.average_bandwidth_bps)
        for each in record.renditions
    )  # fmt: skip
    columns = ("rung", "rendition", "codecs", "peak bits/s", "average bits/s")
    return Table("Packaged", columns, rows, note="Measured from the video's segments.")


def _crossovers(record: LadderRecord) -> Table:
    rows = tuple((c.below, c.above, c.bitrate_kbps, c.vmaf) for c in record.crossovers)
    columns = ("below", "above", "kbps", f"{record.vmaf_model} mean")
    return Table("Where one rendition takes over from another", columns, rows)


def _everything(record: LadderRecord) -> Table:
    knob = record.quality_knob
    rows = tuple(
        (f"{each.width}x{each.height}", f"{knob} {each.crf:g}", each.bitrate_kbps, each.vmaf)
        for each in record.points
    )
    columns = ("rendition", "setting", "kbps", f"{record.vmaf_model} mean")
    return Table("Everything measured", columns, rows)
