"""A plan of `auto`, and what was executed of it, as a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vmafkit.decide.hull import RatePoint
from vmafkit.report.data import FramePair, FrameQuality, RateCurve, RateQuality, ReportData, Table
from vmafkit.report.text import Cell
from vmafkit.schema.auto_plan import AutoPlan, PlanCell, TuneResult

_COLUMNS_OF_PLAN = ("encoder", "preset", "setting", "lines", "expected score", "score from",
                    "score to", "expected kbps", "kbps from", "kbps to", "chosen",
                    "why")  # fmt: skip
_COLUMNS_OF_RESULTS = ("encoder", "preset", "setting", "planned", "score", "kbps", "bytes",
                       "target met", "probes", "why")  # fmt: skip


def auto_report(
    plan: AutoPlan,
    results: Sequence[TuneResult] = (),
    *,
    commands: Sequence[str] = (),
    frames: Sequence[float] = (),
    pictures: Sequence[FramePair] = (),
) -> ReportData:
    """What was expected of each candidate, and beside it what was measured.

    Args:
        commands: of the encodes of the results.
        frames: scores of all frames of the chosen cell's encode, where they are known.
        pictures: its worst frames.
    """
    about = plan.metadata
    knobs = {cell.cell_index: cell.quality_knob for cell in plan.cells}
    expected = Table(
        "Expected, not measured",
        _COLUMNS_OF_PLAN,
        tuple(_planned(cell) for cell in plan.cells),
        note="From and to hold nine of ten outcomes.",
    )
    measured = Table(
        "Measured on the whole source",
        _COLUMNS_OF_RESULTS,
        tuple(_executed(row, knobs.get(row.cell_index, "crf")) for row in results),
    )
    left_out = Table(
        "Left out",
        ("encoder", "why"),
        tuple((each.get("codec", ""), each.get("why", "")) for each in about.skipped),
    )
    tables = [*([measured] if results else []), expected, *([left_out] if about.skipped else [])]
    return ReportData(
        title=f"What to encode for {' and '.join(about.targets)}",
        lead=_lead(plan, results),
        highlights=_highlights(plan, results),
        facts=(
            ("source", about.src),
            ("target", " and ".join(about.targets)),
            *((("caps", about.caps),) if about.caps else ()),
            ("encoders", ", ".join(about.allow_codecs)),
        ),
        rate_quality=_figures(plan, results, knobs),
        frame_quality=FrameQuality.of(
            "Frame by frame, the chosen encode",
            _goal(plan)[0].partition(" ")[0],
            frames,
            pictures=pictures,
        ),
        worst_frames=tuple(pictures),
        tables=tuple(tables),
        versions=(
            *((name, value) for name, value in about.versions.items() if value),
            ("model", about.model),
        ),
        commands=tuple(commands),
        notes=tuple(about.notes),
    )


def _lead(plan: AutoPlan, results: Sequence[TuneResult]) -> str:
    if not results:
        return f"{plan.metadata.winner.reason} Nothing was encoded.".strip()
    met = [row for row in results if row.met and row.bitrate_kbps is not None]
    if not met:
        return "Nothing that was encoded reaches the target."
    best = min(met, key=lambda row: row.bitrate_kbps or 0.0)
    score = "" if best.vmaf_score is None else f", measured {best.vmaf_score:.2f}"
    return (
        f"{best.codec} {best.preset} at {best.crf:g} reaches the target with "
        f"{best.bitrate_kbps:.0f} kbps{score}."
    )


def _highlights(plan: AutoPlan, results: Sequence[TuneResult]) -> tuple[tuple[str, str], ...]:
    winner = plan.metadata.winner
    if winner.codec is None or winner.crf is None:
        return ()
    measured = [row for row in results if row.cell_index == winner.cell_index and row.scores]
    chosen = ("chosen", f"{winner.codec} {winner.crf:g}")
    if measured:
        row = measured[0]
        return (
            ("chosen", f"{row.codec} {row.crf:g}"),
            ("measured score", f"{row.scores[0]:.2f}"),
            *((("kbps", f"{row.bitrate_kbps:.0f}"),) if row.bitrate_kbps else ()),
        )
    if winner.estimated_vmaf is None or winner.estimated_bitrate_kbps is None:
        return (chosen,)
    return (
        chosen,
        ("expected score", f"{winner.estimated_vmaf:.1f}"),
        ("expected kbps", f"{winner.estimated_bitrate_kbps:.0f}"),
    )


def _planned(cell: PlanCell) -> tuple[Cell, ...]:
    scores = cell.estimated_vmaf_interval or [None, None]
    rates = cell.estimated_bitrate_interval or [None, None]
    return (cell.codec, cell.preset, f"{cell.quality_knob} {cell.crf:g}", cell.rung,
            cell.estimated_vmaf, scores[0], scores[1], cell.estimated_bitrate_kbps, rates[0],
            rates[1], cell.selected, cell.why)  # fmt: skip


def _executed(row: TuneResult, knob: str) -> tuple[Cell, ...]:
    score = row.scores[0] if row.scores else row.vmaf_score
    return (row.codec, row.preset, f"{knob} {row.crf:g}", f"{knob} {row.planned_crf:g}", score,
            row.bitrate_kbps, row.video_bytes, row.met, len(row.probes),
            f"failed: {row.error}" if row.error else row.reason)  # fmt: skip


def _figures(
    plan: AutoPlan, results: Sequence[TuneResult], knobs: dict[int, str]
) -> tuple[RateQuality, ...]:
    goal, target = _goal(plan)
    # A sampled score and a whole one are not on one scale, so only whole ones are drawn.
    curves: list[RateCurve] = []
    chosen: list[RatePoint] = []
    for row in results:
        knob = knobs.get(row.cell_index, "crf")
        points = [_point(probe, knob) for probe in row.probes if probe.get("window") == "full"]
        if row.scores and row.bitrate_kbps:
            final = RatePoint(row.bitrate_kbps, row.scores[0], f"{knob} {row.crf:g}")
            chosen.append(final)
            points = [point for point in points if point.key != final.key] + [final]
        if points:
            points.sort(key=lambda point: point.bitrate_kbps)
            curves.append(RateCurve(f"{row.codec} {row.preset}", tuple(points)))
    found = [RateQuality("Measured", goal, tuple(curves), (), tuple(chosen), target)]
    expected = [
        (cell, RatePoint(cell.estimated_bitrate_kbps, cell.estimated_scores[0],
                         f"{cell.quality_knob} {cell.crf:g}"))
        for cell in plan.cells
        if cell.estimated_bitrate_kbps and cell.estimated_scores
    ]  # fmt: skip
    found.append(
        RateQuality(
            "Expected score over expected bitrate",
            goal,
            tuple(RateCurve(f"{cell.codec} {cell.preset}", (point,)) for cell, point in expected),
            (),
            tuple(point for cell, point in expected if cell.selected),
            target,
        )
    )
    return tuple(figure for figure in found if figure.curves)


def _point(probe: dict[str, Any], knob: str) -> RatePoint:
    value, score, rate = probe["quality"], probe["scores"][0], probe["bitrate_kbps"]
    return RatePoint(float(rate), float(score), f"{knob} {float(value):g}")


def _goal(plan: AutoPlan) -> tuple[str, float | None]:
    """(metric and statistic, the score to reach) of the first target."""
    text = plan.metadata.targets[0] if plan.metadata.targets else "score"
    for relation in (">=", "<="):
        name, found, value = text.partition(relation)
        if found:
            return name.replace(":", " "), float(value)
    return text, None
