"""Figures as plotly's JSON: traces and a layout, with colours named by role.

A colour `theme:NAME` is filled in by the page from its light or dark palette. Curves differ in
dash and marker too and carry their names, so that a figure is read without colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vmafkit import pooling
from vmafkit.decide.hull import RatePoint
from vmafkit.report.data import (
    FrameQuality,
    RateCurve,
    RateQuality,
    SearchTrace,
    ShotQuality,
    Table,
)
from vmafkit.report.text import in_figure

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")
COLOURS = 8
PERCENTILES = (1, 5, 25, 50)
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
_MOST_LABELLED = 8
_MOST_FRAMES = 6000
# The room of a label on a phone, as shares of the figure's width and height.
_LABEL = (0.25, 0.045)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure and the table that says the same.

    Attributes:
        caption: what is seen, in a sentence; also for those who cannot see it.
        spec: plotly's `data` and `layout`.
    """

    title: str
    caption: str
    spec: dict[str, Any]
    table: Table


def rate_quality(section: RateQuality) -> Figure:
    """Quality over the logarithm of the bitrate, with hull and chosen points."""
    many = len(section.curves)
    traces = [_curve(curve, index) for index, curve in enumerate(section.curves)]
    if section.hull:
        traces.insert(0, _hull(section.hull))
    if section.chosen:
        traces.append(_chosen(section))
    layout = _layout("Bitrate (kbps)", section.metric)
    layout["xaxis"] |= _log_axis([p.bitrate_kbps for c in section.curves for p in c.points])
    layout["annotations"] = _names(section) if many <= _MOST_LABELLED else []
    if section.target is not None:
        layout["shapes"] = [_target_line(section.target)]
        layout["annotations"].append(_target_label(section.target))
    caption = f"{section.metric} over bitrate, {_count(many, 'curve')}"
    caption += f", and the hull of {_count(len(section.hull), 'point')}" if section.hull else ""
    caption += f"; {len(section.chosen)} chosen" if section.chosen else ""
    return Figure(section.title, f"{caption}.", {"data": traces, "layout": layout}, _rates(section))


def frame_quality(section: FrameQuality) -> Figure:
    """Quality over the frames, with percentiles and shots."""
    frames, scores, is_thinned = thinned(section.frames, section.scores)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "name": "frames", "x": frames, "y": scores,
            "line": {"color": "theme:c0", "width": 1.5}, "hovertemplate": "frame %{x}: %{y:.2f}",
        }
    ]  # fmt: skip
    ends = [section.frames[0], section.frames[-1]] if section.frames else []
    ranks: list[tuple[float, float]] = []
    for index, rank in enumerate(PERCENTILES if section.frames else ()):
        value = pooling.pool(section.scores, f"p{rank}")
        ranks.append((rank, value))
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": f"{rank} %: {value:.2f}", "x": ends,
                "y": [value, value], "hoverinfo": "skip",
                "line": {"color": f"theme:c{index + 1}", "width": 1.5, "dash": DASHES[index + 1]},
            }
        )  # fmt: skip
    if section.marked:
        traces.append(_marked(section))
    layout = _layout("Frame", section.metric)
    layout["xaxis"]["showgrid"] = False
    if section.shots:
        layout["shapes"] = [_shot(frame) for frame in section.shots]
    caption = f"{section.metric} of {_count(len(section.frames), 'frame')}"
    if ranks:
        caption += ", with the score that 1, 5, 25 and 50 % of them do not pass"
    caption += f"; {_count(len(section.shots), 'shot')} start at the thin lines" * bool(
        section.shots
    )
    caption += "; lowest and highest of each stretch" * is_thinned
    table = Table("Percentiles", ("percent of frames", section.metric), tuple(ranks))
    return Figure(section.title, f"{caption}.", {"data": traces, "layout": layout}, table)


def shot_quality(section: ShotQuality) -> Figure:
    """A step for each shot, and one line for each way to encode the title."""
    traces: list[dict[str, Any]] = []
    for index, (name, scores) in enumerate(section.series):
        colour = f"theme:c{index % COLOURS}"
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": in_figure(name),
                "x": list(section.bounds), "y": [*scores, *scores[-1:]],
                "hovertemplate": "frame %{x}: %{y:.2f}",
                "line": {"color": colour, "width": 2.5, "shape": "hv",
                         "dash": DASHES[index % len(DASHES)]},
            }
        )  # fmt: skip
    layout = _layout("Frame", section.metric)
    layout["xaxis"]["showgrid"] = False
    layout["shapes"] = [_shot(frame) for frame in section.bounds[1:-1]]
    if section.target is not None:
        layout["shapes"].append(_target_line(section.target))
        layout["annotations"] = [_target_label(section.target)]
    caption = f"{section.metric} of {_count(len(section.bounds) - 1, 'shot')}"
    caption += f": {' and '.join(name for name, _ in section.series)}"
    rows = tuple(
        (number, first, *(scores[number - 1] for _, scores in section.series))
        for number, first in enumerate(section.bounds[:-1], 1)
    )
    columns = ("shot", "first frame", *(name for name, _ in section.series))
    table = Table("Scores by shot", columns, rows)
    return Figure(section.title, f"{caption}.", {"data": traces, "layout": layout}, table)


def search(section: SearchTrace) -> Figure:
    """The probes of a search over the knob, numbered in their order, with the bracket."""
    traces: list[dict[str, Any]] = []
    for known, name, symbol in ((False, "measured", "circle"), (True, "known before", "diamond")):
        own = [(n, p) for n, p in enumerate(section.probes, 1) if p.known == known]
        if own:
            traces.append(
                {
                    "type": "scatter", "mode": "markers+text", "name": name,
                    "x": [p.value for _, p in own], "y": [p.score for _, p in own],
                    "text": [str(n) for n, _ in own], "textposition": "top right",
                    "customdata": [p.bitrate_kbps for _, p in own], "cliponaxis": False,
                    "hovertemplate": "%{x}: %{y:.3f}, %{customdata:.0f} kbps",
                    "marker": {"symbol": symbol, "size": 11, "color": f"theme:c{int(known)}"},
                }
            )  # fmt: skip
    traces += [
        {
            "type": "scatter", "mode": "markers", "name": "found", "hoverinfo": "skip",
            "x": [p.value], "y": [p.score],
            "marker": {"symbol": "circle-open", "size": 22, "color": "theme:text",
                       "line": {"width": 2.5, "color": "theme:text"}},
        }
        for p in [p for p in section.probes if p.value == section.found][:1]
    ]  # fmt: skip
    layout = _layout(section.knob, section.metric)
    shapes: list[dict[str, Any]] = []
    if section.target is not None:
        shapes.append(_target_line(section.target))
        layout["annotations"] = [_target_label(section.target)]
    if section.passing is not None and section.failing is not None:
        shapes.append(_bracket(section.passing, section.failing))
    layout["shapes"] = shapes
    caption = f"{_count(len(section.probes), 'probe')}, numbered in their order"
    caption += "; the band is the bracket" * (len(shapes) == 2)
    rows = tuple(
        (n, p.value, p.score, p.bitrate_kbps, "known" if p.known else "measured", p.note)
        for n, p in enumerate(section.probes, 1)
    )
    columns = ("probe", section.knob, section.metric, "kbps", "how", "note")
    table = Table("Probes", columns, rows)
    return Figure(section.title, f"{caption}.", {"data": traces, "layout": layout}, table)


def thinned(
    frames: Sequence[int], scores: Sequence[float], most: int = _MOST_FRAMES
) -> tuple[list[int], list[float], bool]:
    """At most so many frames: the lowest and the highest of each stretch, in their order."""
    if len(frames) <= most:
        return list(frames), list(scores), False
    width = math.ceil(len(frames) / (most // 2))
    kept: list[int] = []
    for start in range(0, len(frames), width):
        stretch = range(start, min(start + width, len(frames)))
        ends = {min(stretch, key=scores.__getitem__), max(stretch, key=scores.__getitem__)}
        kept += sorted(ends)
    return [frames[i] for i in kept], [scores[i] for i in kept], True


def _curve(curve: RateCurve, index: int) -> dict[str, Any]:
    points, colour = curve.points, f"theme:c{index % COLOURS}"
    return {
        "type": "scatter", "mode": "lines+markers", "name": in_figure(curve.name),
        "x": [p.bitrate_kbps for p in points], "y": [p.quality for p in points],
        "customdata": [in_figure(p.key) for p in points], "cliponaxis": False,
        "hovertemplate": "%{customdata}: %{y:.2f} at %{x:.0f} kbps",
        "line": {"color": colour, "width": 2, "dash": DASHES[index % len(DASHES)]},
        "marker": {"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 8, "color": colour},
    }  # fmt: skip


def _names(section: RateQuality) -> list[dict[str, Any]]:
    """Each curve's name beside it, at another height for each since their ends lie close."""
    curves = section.curves
    chosen = {(point.bitrate_kbps, point.quality) for point in section.chosen}
    labels: list[dict[str, Any]] = []
    for index, curve in enumerate(curves):
        if not curve.points:
            continue
        place = round((index + 0.5) / len(curves) * (len(curve.points) - 1))
        point = curve.points[place]
        # What is chosen has a label of its own beside it.
        room = 18 if (point.bitrate_kbps, point.quality) in chosen else 0
        is_late = place > 0.6 * len(curve.points)
        labels.append(
            {
                # On a logarithmic axis plotly places annotations by the exponent.
                "x": math.log10(point.bitrate_kbps), "y": point.quality, "showarrow": False,
                "xanchor": "right" if is_late else "left",
                "yanchor": "bottom" if is_late else "top",
                "xshift": -8 if is_late else 8, "borderpad": 1,
                "yshift": 2 + room if is_late else -2 - room,
                "text": in_figure(curve.name, 26), "bgcolor": "theme:paper", "opacity": 0.9,
                "font": {"color": f"theme:c{index % COLOURS}", "size": 12},
            }
        )  # fmt: skip
    return labels


def _log_axis(rates: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis around all rates, with ticks at 1, 2 and 5 times a power of ten."""
    if not rates:
        return {"type": "log"}
    low, high = min(rates) / 1.35, max(rates) * 1.35
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [f"{tick:,g}" for tick in ticks],
    }


def _hull(points: Sequence[RatePoint]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": "hull", "hoverinfo": "skip",
        "x": [p.bitrate_kbps for p in points], "y": [p.quality for p in points],
        "line": {"color": "theme:band", "width": 9},
    }  # fmt: skip


def _chosen(section: RateQuality) -> dict[str, Any]:
    points = section.chosen
    lowest = min(p.bitrate_kbps for curve in section.curves for p in curve.points)
    return {
        "type": "scatter", "mode": "markers+text", "name": "chosen",
        "x": [p.bitrate_kbps for p in points], "y": [p.quality for p in points],
        "text": _labels(section),
        "customdata": [in_figure(p.key, 26) for p in points],
        "textposition": [
            # A label to the left of the leftmost point would leave the figure.
            "bottom right" if p.bitrate_kbps < 1.3 * lowest else "top left"
            for p in points
        ],
        "hovertemplate": "%{customdata}: %{y:.2f} at %{x:.0f} kbps", "cliponaxis": False,
        "marker": {"symbol": "circle-open", "size": 16, "color": "theme:text",
                   "line": {"width": 2.5, "color": "theme:text"}},
    }  # fmt: skip


def _labels(section: RateQuality) -> list[str]:
    """The setting of each chosen point; nothing where it would lie on another's."""
    every = [point for curve in section.curves for point in curve.points]
    wide = math.log(max(p.bitrate_kbps for p in every) / min(p.bitrate_kbps for p in every)) or 1.0
    high = max(p.quality for p in every) - min(p.quality for p in every) or 1.0
    shown: list[tuple[float, float]] = []
    labels: list[str] = []
    for point in section.chosen:
        at = math.log(point.bitrate_kbps) / wide, point.quality / high
        is_free = all(abs(at[0] - x) > _LABEL[0] or abs(at[1] - y) > _LABEL[1] for x, y in shown)
        labels.append(in_figure(point.key, 26) if is_free else "")
        shown += [at] if is_free else []
    return labels


def _marked(section: FrameQuality) -> dict[str, Any]:
    place = dict(zip(section.frames, section.scores, strict=True))
    own = [frame for frame in section.marked if frame in place]
    return {
        "type": "scatter", "mode": "markers+text", "name": "shown below", "x": own,
        "y": [place[frame] for frame in own], "text": [str(frame) for frame in own],
        "textposition": "bottom center", "hoverinfo": "skip", "cliponaxis": False,
        "marker": {"symbol": "triangle-up", "size": 11, "color": "theme:text"},
    }  # fmt: skip


def _shot(frame: int) -> dict[str, Any]:
    return {
        "type": "line", "x0": frame, "x1": frame, "y0": 0, "y1": 1, "yref": "paper",
        "layer": "below", "line": {"color": "theme:soft", "width": 1},
    }  # fmt: skip


def _target_line(score: float) -> dict[str, Any]:
    return {
        "type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": score, "y1": score,
        "layer": "below", "line": {"color": "theme:text", "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def _target_label(score: float) -> dict[str, Any]:
    return {
        "x": 0, "xref": "paper", "xanchor": "left", "y": score, "yanchor": "bottom",
        "text": f"target {score:g}", "showarrow": False,
    }  # fmt: skip


def _bracket(passing: float, failing: float) -> dict[str, Any]:
    return {
        "type": "rect", "x0": min(passing, failing), "x1": max(passing, failing),
        "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
        "fillcolor": "theme:band", "opacity": 0.5, "line": {"width": 0},
    }  # fmt: skip


def _layout(x_title: str, y_title: str) -> dict[str, Any]:
    axis = {"gridcolor": "theme:line", "linecolor": "theme:line", "zeroline": False,
            "automargin": True}  # fmt: skip
    return {
        "autosize": True, "height": 440, "hovermode": "closest",
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "paper_bgcolor": "theme:paper", "plot_bgcolor": "theme:paper",
        "font": {"color": "theme:text", "size": 13, "family": _FONT},
        "hoverlabel": {"bgcolor": "theme:paper", "font": {"color": "theme:text"}},
        "legend": {"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top"},
        "showlegend": True,
        "xaxis": {**axis, "title": {"text": in_figure(x_title)}},
        "yaxis": {**axis, "title": {"text": in_figure(y_title)}},
    }  # fmt: skip


def _rates(section: RateQuality) -> Table:
    hull = {(p.bitrate_kbps, p.quality) for p in section.hull}
    chosen = {(p.bitrate_kbps, p.quality) for p in section.chosen}
    rows = tuple(
        (
            curve.name,
            point.key,
            point.bitrate_kbps,
            point.quality,
            (point.bitrate_kbps, point.quality) in hull,
            (point.bitrate_kbps, point.quality) in chosen,
        )
        for curve in section.curves
        for point in curve.points
    )
    columns = ("curve", "setting", "kbps", section.metric, "on the hull", "chosen")
    keep = [0, 1, 2, 3, *([4] if hull else []), *([5] if chosen else [])]
    return Table(
        "Points",
        tuple(columns[i] for i in keep),
        tuple(tuple(row[i] for i in keep) for row in rows),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
