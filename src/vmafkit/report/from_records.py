"""Reports of a corpus, of a target search, of one score and of a ladder."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from vmafkit import pooling
from vmafkit.decide.compare import points_of
from vmafkit.decide.compare_rows import Curve, curves_of, mixed, versions_of
from vmafkit.decide.hull import RatePoint, upper_hull
from vmafkit.decide.target import Target
from vmafkit.report.data import (
    FramePair,
    FrameQuality,
    RateCurve,
    RateQuality,
    ReportData,
    SearchProbe,
    SearchTrace,
    Table,
)
from vmafkit.report.text import Cell, shown
from vmafkit.schema.corpus import CorpusRow
from vmafkit.schema.recommendation import Recommendation
from vmafkit.scoring.score import Score

_COLUMNS_OF_CURVES = ("source", "encoder", "model", "settings", "kbps from", "kbps to",
                      "score from", "score to", "frames per second")  # fmt: skip
_COLUMNS_OF_ROWS = ("source", "encoder", "preset", "setting", "kbps", "vmaf mean", "vmaf p5",
                   "model", "encode s", "status")  # fmt: skip


def corpus_report(
    rows: Sequence[CorpusRow], *, title: str = "Corpus", commands: Sequence[str] = ()
) -> ReportData:
    """A corpus: rate-quality curves of every source and model, and all rows.

    Rows of another model or size get a figure of their own, never one curve with the others.
    """
    figures: list[RateQuality] = []
    summary: list[tuple[Cell, ...]] = []
    any_model = Target("vmaf", "mean", ">=", 0.0)
    whole = [row for row in rows if row.exit_status == 0 and row.vmaf_score is not None]

    def scale(row: CorpusRow) -> tuple[str, int, int]:
        size = (row.display_width or row.width, row.display_height or row.height)
        return (row.vmaf_model or "vmaf", *size)

    for (model, width, height), group in itertools.groupby(sorted(whole, key=scale), scale):
        curves = curves_of(list(group), any_model)
        for source in dict.fromkeys(curve.source for curve in curves):
            own = [curve for curve in curves if curve.source == source]
            summary += [_curve_row(curve, model) for curve in own]
            points = [point for curve in own for point in points_of(curve)]
            figures.append(
                RateQuality(
                    title=f"{source} at {width}x{height}",
                    metric=f"{model} mean",
                    curves=tuple(RateCurve(c.name, tuple(points_of(c))) for c in own),
                    hull=tuple(upper_hull(points)),
                )
            )
    failed = len(rows) - len([row for row in rows if row.exit_status == 0])
    return ReportData(
        title=title,
        lead=f"{len(rows)} rows, {failed} of them failed.",
        notes=tuple(f"The rows were made with several {each}." for each in mixed(rows, any_model)),
        rate_quality=tuple(figures),
        tables=(
            Table("Curves", _COLUMNS_OF_CURVES, tuple(summary)),
            Table("Rows", _COLUMNS_OF_ROWS, tuple(_row(row) for row in rows)),
        ),
        versions=tuple(versions_of(rows)),
        commands=tuple(commands),
    )


def recommendation_report(
    found: Recommendation,
    *,
    title: str | None = None,
    frames: Sequence[float] = (),
    pictures: Sequence[FramePair] = (),
) -> ReportData:
    """A target search: what was found, the probes and the bracket.

    Args:
        frames: scores of all frames with the setting found, where they are known.
        pictures: the worst frames of the final file.
    """
    quality, knob = found.quality, found.quality.knob if found.quality else "quality"
    own = [probe for probe in found.probes if probe.score is not None and probe.preset is None]
    probes = tuple(
        SearchProbe(p.quality, p.score or 0.0, p.bitrate_kbps, p.known, p.window or "") for p in own
    )
    # A record names its first target as text, and a sampled search has one goal a figure.
    metric, target = _goal(found.targets[0] if found.targets else found.target)
    curve = RateCurve(
        " ".join(word for word in (found.encoder, found.preset) if word),
        tuple(
            RatePoint(p.bitrate_kbps, p.score, f"{knob} {p.value:g}")
            for p in sorted(probes, key=lambda p: p.bitrate_kbps)
        ),
    )
    picked = [p for p in curve.points if quality and p.key == f"{knob} {quality.value:g}"]
    trace = SearchTrace("The search", metric, knob, probes, target, found.bracket.passing,
                        found.bracket.failing, quality.value if quality else None)  # fmt: skip
    result: list[tuple[Cell, ...]] = [
        ("setting", f"{knob} {quality.value:g}" if quality else "none"),
        (metric, shown(found.score)),
        ("kbps", shown(found.bitrate_kbps, 0)),
        ("met", shown(found.met)),
        ("bytes", shown(found.size_bytes)),
    ]
    return ReportData(
        title=title or f"{found.encoder} for {found.target}",
        lead=_found_sentence(found, knob),
        highlights=_found_highlights(found, knob),
        facts=(
            ("source", found.source),
            ("encoder", curve.name),
            ("target", found.target),
            ("window", found.window),
        ),
        searches=(trace,) if probes else (),
        rate_quality=(
            (RateQuality("Quality over bitrate", metric, (curve,), (), tuple(picked), target),)
            if probes
            else ()
        ),
        frame_quality=FrameQuality.of(
            f"Frame by frame at {picked[0].key}" if picked else "Frame by frame",
            metric.partition(" ")[0] if found.targets else found.model or "vmaf",
            frames,
            pictures=pictures,
        ),
        worst_frames=tuple(pictures),
        tables=(Table("Result", ("what", "value"), tuple(result)),),
        versions=tuple((name, value) for name, value in found.versions.items() if value),
        commands=(found.command,) if found.command else (),
        notes=tuple(found.notes),
    )


def score_report(
    result: Score,
    *,
    reference: str,
    distorted: str,
    pictures: Sequence[FramePair] = (),
    shots: Sequence[int] = (),
) -> ReportData:
    """One score: its frames, pooled values, shots and worst frames.

    Args:
        shots: the first frame of each shot; none where they are not known or there is one.
    """
    columns = list(result.columns)
    main = result.model_id or columns[0]
    # An infinite frame has no place in a figure; the notes count them.
    finite = [
        (int(number), float(value))
        for number, value in zip(result.frame_numbers, result.columns[main], strict=True)
        if math.isfinite(value)
    ]
    frames, values = tuple(each[0] for each in finite), tuple(each[1] for each in finite)
    # The model's own column comes first: the others are what it was made of.
    summary = {main: result.summary[main], **result.summary}
    statistics = list(dict.fromkeys(name for each in summary.values() for name in each))
    pooled = tuple(
        (column, *(summary[column].get(name) for name in statistics)) for column in summary
    )
    versions = [("libvmaf", result.libvmaf_version), ("tool", result.tool_version)]
    marked = tuple(pair.frame for pair in pictures)
    value = shown(result.pooled(main, result.statistic)) or "infinite"
    return ReportData(
        title=f"{_name(distorted)} against {_name(reference)}",
        lead=f"{main} {result.statistic}: {value}",
        highlights=_score_highlights(values, frames),
        facts=(
            ("reference", reference),
            ("distorted", distorted),
            ("frames", str(result.frame_count)),
            ("compared at", f"{result.display[0]}x{result.display[1]} {result.pix_fmt}"),
        ),
        frame_quality=(
            FrameQuality("Quality by frame", main, frames, values, tuple(shots), marked),
        ),
        worst_frames=tuple(pictures),
        tables=(
            Table("Pooled", ("column", *statistics), pooled),
            *((_by_shot(shots, finite, main),) if shots else ()),
        ),
        versions=tuple((name, value) for name, value in versions if value),
        notes=(*result.steps, *result.notes),
    )


def _score_highlights(
    values: Sequence[float], frames: Sequence[int]
) -> tuple[tuple[str, str], ...]:
    """Mean, the score that one frame in twenty does not pass, and the worst frame."""
    if not values:
        return ()
    worst = min(range(len(values)), key=values.__getitem__)
    return (
        ("mean", shown(pooling.pool(values, "mean"))),
        ("5 % of the frames at most", shown(pooling.pool(values, "p5"))),
        (f"worst frame, number {frames[worst]}", shown(values[worst])),
    )


def _by_shot(shots: Sequence[int], scores: Sequence[tuple[int, float]], column: str) -> Table:
    """The mean and the worst frame of each shot; of its finite frames."""
    rows: list[tuple[Cell, ...]] = []
    for number, (first, after) in enumerate(itertools.pairwise((*shots, math.inf)), 1):
        own = [(score, frame) for frame, score in scores if first <= frame < after]
        if own:
            mean = sum(score for score, _ in own) / len(own)
            rows.append((number, first, len(own), mean, *min(own)))
    columns = ("shot", "first frame", "frames scored", f"{column} mean", "worst", "worst frame")
    return Table("Shots", columns, tuple(rows))


def ladder_report(
    curves: Mapping[str, Sequence[RatePoint]],
    hull: Sequence[RatePoint],
    rungs: Sequence[RatePoint],
    *,
    metric: str,
    title: str = "Ladder",
    versions: Sequence[tuple[str, str]] = (),
    commands: Sequence[str] = (),
) -> ReportData:
    """A ladder: the curve of each rendition, their hull, and the rungs picked on it.

    Args:
        curves: rendition to its measured points; a point's key is its setting.
        rungs: best first.
    """
    rows: list[tuple[Cell, ...]] = []
    for number, rung in enumerate(rungs, 1):
        below = rungs[number] if number < len(rungs) else None
        step = rung.quality - below.quality if below else None
        share = rung.bitrate_kbps / below.bitrate_kbps if below else None
        rows.append((number, rung.key, rung.bitrate_kbps, rung.quality, step, share))
    columns = ("rung", "setting", "kbps", metric, "score step", "bitrate factor")
    section = RateQuality(
        "Renditions, hull and rungs",
        metric,
        tuple(RateCurve(name, tuple(points)) for name, points in curves.items()),
        tuple(hull),
        tuple(rungs),
    )
    return ReportData(
        title=title,
        lead=f"{len(rungs)} rungs on the hull of {len(curves)} renditions.",
        highlights=_ladder_highlights(rungs),
        rate_quality=(section,),
        tables=(Table("Rungs", columns, tuple(rows)),),
        versions=tuple(versions),
        commands=tuple(commands),
    )


def _ladder_highlights(rungs: Sequence[RatePoint]) -> tuple[tuple[str, str], ...]:
    if not rungs:
        return ()
    ends = (("best rung", rungs[0]), ("last rung", rungs[-1]))
    return (
        ("rungs", str(len(rungs))),
        *((name, f"{rung.quality:.1f} at {rung.bitrate_kbps:.0f} kbps") for name, rung in ends),
    )


def _found_highlights(found: Recommendation, knob: str) -> tuple[tuple[str, str], ...]:
    if found.quality is None:
        return ()
    named = (
        (f"{found.encoder} {found.preset or ''}".strip(), f"{knob} {found.quality.value:g}"),
        (found.target, "" if found.score is None else f"{found.score:.2f}"),
        ("kbps", "" if found.bitrate_kbps is None else f"{found.bitrate_kbps:.0f}"),
        ("of the source's video", "" if found.size_percent is None
         else f"{found.size_percent:.0f} %"),
        ("probes", str(len(found.probes))),
    )  # fmt: skip
    return tuple((name, value) for name, value in named if value)


def _name(path: str) -> str:
    """The last part of a path as it is shown."""
    return path.replace("\\", "/").rpartition("/")[2] or path


def _goal(text: str) -> tuple[str, float | None]:
    for relation in (">=", "<="):
        name, found, value = text.partition(relation)
        if found:
            return name.replace(":", " "), float(value)
    return text, None


def _found_sentence(found: Recommendation, knob: str) -> str:
    if found.quality is None:
        return found.reason or "Nothing was found."
    score = "" if found.score is None else f" with {found.score:.2f}"
    rate = "" if found.bitrate_kbps is None else f" at {found.bitrate_kbps:.0f} kbps"
    verb = "meets" if found.met else "does not meet"
    reason = f": {found.reason}" if found.reason and not found.met else ""
    return f"{knob} {found.quality.value:g} {verb} {found.target}{score}{rate}{reason}."


def _curve_row(curve: Curve, model: str) -> tuple[Cell, ...]:
    rates = [point.bitrate_kbps for point in curve.points]
    scores = [point.score for point in curve.points]
    return (curve.source, curve.name, model, len(rates), min(rates), max(rates), min(scores),
            max(scores), curve.frames_per_s)  # fmt: skip


def _row(row: CorpusRow) -> tuple[Cell, ...]:
    knob = row.quality_knob or "crf"
    seconds = None if row.encode_time_ms is None else row.encode_time_ms / 1000
    status = "done" if row.exit_status == 0 else f"failed: {row.error or row.exit_status}"
    return (row.src, row.encoder, row.preset, f"{knob} {row.crf:g}", row.bitrate_kbps,
            row.vmaf_score, row.vmaf_p5, row.vmaf_model, seconds, status)  # fmt: skip
