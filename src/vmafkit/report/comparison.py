"""A comparison of encoders as a report, and as one JSON object."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vmafkit.decide.compare import Comparison, Delta, Matched, Mean, points_of
from vmafkit.decide.compare_rows import Curve
from vmafkit.decide.hull import upper_hull
from vmafkit.report.data import RateCurve, RateQuality, ReportData, Table
from vmafkit.report.text import Cell
from vmafkit.schema.corpus import CorpusRow

_MOST_HIGHLIGHTS = 4
_URL = re.compile(r"[a-z0-9]+://")
_STORED = (
    "The commands hold the encoder's words as the rows keep them. How a source was cut, scaled or "
    "read as raw video is not in them."
)


def comparison_report(
    found: Comparison,
    *,
    title: str = "Encoders compared",
    commands: Sequence[str] = (),
    stored: bool = False,
) -> ReportData:
    """Summary, BD table, settings at equal quality, and a figure for each source.

    Args:
        commands: of the encodes.
        stored: the commands are those of `commands_of`.
    """
    sources = list(dict.fromkeys(curve.source for curve in found.curves))
    tables = [_summary(found), _deltas(found)]
    tables += [_matched(found)] if found.matched else []
    tables += [Table("Failed", ("encoder", "error"), found.failed)] if found.failed else []
    return ReportData(
        title=title,
        lead=_lead(found),
        highlights=tuple(
            (f"{mean.name}, BD-rate", f"{mean.rate_percent:+.1f} %")
            for mean in found.means
            if mean.rate_percent is not None and mean.name != found.anchor
        )[:_MOST_HIGHLIGHTS],
        facts=(
            ("sources", ", ".join(sources)),
            ("scores", found.metric),
            ("anchor", found.anchor),
        ),
        rate_quality=tuple(_figure(found, source) for source in sources),
        tables=(*tables, _cells(found)),
        versions=found.versions,
        commands=tuple(commands),
        notes=(*found.notes, *([_STORED] if stored and commands else [])),
    )


def commands_of(rows: Sequence[CorpusRow]) -> list[str]:
    """What the rows know of the commands that encoded them: the source and the encoder's words."""
    words = [
        ("ffmpeg", "-i", _input(row.src), "-an", *row.argv, "out.mkv")
        for row in rows
        if row.argv and row.exit_status == 0
    ]
    return list(dict.fromkeys(map(shlex.join, words)))


def _input(src: str) -> str:
    return src if _URL.match(src) else f"file:{src}"


def comparison_record(found: Comparison) -> dict[str, Any]:
    """A comparison as one JSON-ready object."""
    values = asdict(found)
    values["versions"] = [list(pair) for pair in found.versions]
    values["failed"] = [{"encoder": name, "error": why} for name, why in found.failed]
    return {"type": "comparison", **values}


def _lead(found: Comparison) -> str:
    judged = [mean for mean in found.means if mean.rate_percent is not None]
    if not judged:
        return "No Bjontegaard delta could be computed; the tables say why."
    best = min(judged, key=lambda mean: mean.rate_percent or 0.0)
    rate = best.rate_percent or 0.0
    if rate >= 0:
        return f"Nothing needs fewer bits than {found.anchor} at equal quality."
    return f"{best.name} needs {-rate:.1f} % fewer bits than {found.anchor} at equal quality."


def _figure(found: Comparison, source: str) -> RateQuality:
    curves = [curve for curve in found.curves if curve.source == source]
    points = [point for curve in curves for point in points_of(curve)]
    return RateQuality(
        title=f"Quality over bitrate: {source}",
        metric=found.metric,
        curves=tuple(RateCurve(curve.name, tuple(points_of(curve))) for curve in curves),
        hull=tuple(upper_hull(points)),
        target=found.target,
    )


def _summary(found: Comparison) -> Table:
    columns = ["encoder", "sources", "BD-rate %", "BD-quality"]
    columns += [f"bitrate change % at {found.target:g}"] if found.target is not None else []
    return Table(
        f"Mean over sources, against {found.anchor}",
        (*columns, "frames per second"),
        tuple(_summary_row(found, mean) for mean in found.means),
        note="BD-rate below 0: fewer bits at equal quality. Speed is of encoding alone.",
    )


def _summary_row(found: Comparison, mean: Mean) -> tuple[Cell, ...]:
    change = [mean.change_percent] if found.target is not None else []
    sources: Cell = mean.sources
    if mean.name != found.anchor and mean.rate_sources != mean.sources:
        sources = f"{mean.rate_sources} of {mean.sources}"
    return (mean.name, sources, mean.rate_percent, mean.gain, *change, mean.frames_per_s)


def _deltas(found: Comparison) -> Table:
    columns = ("source", "encoder", "BD-rate %", "overlap %", "from score", "to score",
               "BD-quality", "quality overlap %", "left out because")  # fmt: skip
    return Table("Bjontegaard deltas", columns, tuple(_delta_row(each) for each in found.deltas))


def _delta_row(delta: Delta) -> tuple[Cell, ...]:
    rate, gain = delta.rate, delta.gain
    return (
        delta.source,
        delta.name,
        rate.value if rate else None,
        rate.overlap * 100 if rate else None,
        rate.low if rate else None,
        rate.high if rate else None,
        gain.value if gain else None,
        gain.overlap * 100 if gain else None,
        delta.reason,
    )


def _matched(found: Comparison) -> Table:
    columns = (
        *("source", "encoder", "interpolated kbps", "change %", "interpolated setting"),
        *("measured setting", "measured kbps", "measured score", "reaches it", "note"),
    )
    knobs = {(curve.source, curve.name): curve.knob for curve in found.curves}
    return Table(
        f"At a score of {found.target:g}",
        columns,
        tuple(_matched_row(each, knobs[each.source, each.name]) for each in found.matched),
        note="Interpolated: between measured settings, by PCHIP over the logarithm of the "
        "bitrate. Measured: the cheapest setting that reaches the score, else the best one.",
    )


def _matched_row(each: Matched, knob: str) -> tuple[Cell, ...]:
    value, point = each.interpolated_value, each.measured
    return (
        each.source,
        each.name,
        each.interpolated_kbps,
        each.change_percent,
        None if value is None else f"{knob} {value:.2f}",
        f"{knob} {point.value:g}",
        point.bitrate_kbps,
        point.score,
        each.meets,
        each.reason,
    )


def _cells(found: Comparison) -> Table:
    columns = ("source", "encoder", "setting", "kbps", found.metric, "frames per second")
    return Table("Everything measured", columns, tuple(
        row for curve in found.curves for row in _cell_rows(curve)
    ))  # fmt: skip


def _cell_rows(curve: Curve) -> list[tuple[Cell, ...]]:
    return [
        (curve.source, curve.name, f"{curve.knob} {point.value:g}", point.bitrate_kbps,
         point.score, point.frames_per_s)
        for point in curve.points
    ]  # fmt: skip
