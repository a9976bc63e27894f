"""Plots of the harness as HTML pages that need no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmafkit import fsio
from vmafkit.errors import UsageError
from vmafkit.harness.agreement import Logistic
from vmafkit.harness.shapley import Explanation

_INCH_PX = 96


def size_of(word: str) -> tuple[int, int]:
    """`5x5` inches as (width, height) in pixels. Raises: UsageError."""
    width, mark, height = word.partition("x")
    try:
        size = (round(float(width) * _INCH_PX), round(float(height) * _INCH_PX))
    except (ValueError, OverflowError):
        size = (0, 0)
    if not mark or not all(100 <= side <= 10000 for side in size):
        raise UsageError(f"--plot-wh {word} is not a size in inches", hint="such as 5x5")
    return size


def scatter(report: dict[str, Any], folder: Path, *, size: tuple[int, int] = (800, 600)) -> Path:
    """Score against opinion, a colour for each content, with the mapping. Raises: OutputError."""
    points = [each for each in report["assets"] if each["score"] is not None]
    traces: list[dict[str, Any]] = []
    for content in dict.fromkeys(each["content"] for each in points):
        own = [each for each in points if each["content"] == content]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"content {content}",
                "x": [each["score"] for each in own],
                "y": [each["truth"] for each in own],
                "text": [each["asset"] for each in own],
            }
        )
    if report["mapping"]:
        facts = {name: value for name, value in report["mapping"].items() if name != "kind"}
        low, high = (f([each["score"] for each in points]) for f in (min, max))
        x = [low + (high - low) * step / 100 for step in range(101)]
        y = [float(value) for value in Logistic(**facts).of(x)]
        traces.append({"type": "scatter", "mode": "lines", "name": "logistic", "x": x, "y": y})
    title = f"{report['metric']} on {report['dataset']}, n {report['n']}"
    for part in ("raw", "mapped"):
        if report[part]:
            title += f"<br>{part}: " + ", ".join(
                f"{name.upper()} {_text(report[part][name])}" for name in ("srocc", "plcc", "rmse")
            )
    titles = (title, str(report["metric"]), str(report["subjective_model"]))
    name = f"test_{safe(report['dataset'])}_{safe(report['metric'])}.html"
    return _write(traces, titles, folder / name, size)


def lines(columns: dict[str, Sequence[float]], title: str, output: Path) -> Path:
    """Per-frame scores as lines. Raises: OutputError."""
    traces = [
        {"type": "scatter", "mode": "lines", "name": name, "y": [float(v) for v in values]}
        for name, values in columns.items()
    ]
    return _write(traces, (title, "frame", "score"), output, (1000, 600))


def parts(found: Explanation, output: Path) -> Path:
    """Shapley values per frame, stacked. Raises: OutputError."""
    frames = list(range(found.parts.shape[0]))
    traces: list[dict[str, Any]] = [
        {"type": "bar", "name": name, "x": frames, "y": [float(v) for v in found.parts[:, index]]}
        for index, name in enumerate(found.names)
    ]
    title = f"Points that each feature adds to {found.base:.2f}"
    return _write(traces, (title, "frame", "points"), output, (1000, 600), stacked=True)


def _write(
    traces: Sequence[dict[str, Any]],
    titles: tuple[str, str, str],
    output: Path,
    size: tuple[int, int],
    *,
    stacked: bool = False,
) -> Path:
    from plotly.io import to_html  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    title, x_title, y_title = (_plain(text) for text in titles)
    layout: dict[str, Any] = {
        "title": {"text": title},
        "xaxis": {"title": {"text": x_title}},
        "yaxis": {"title": {"text": y_title}},
        "width": size[0],
        "height": size[1],
    }
    if stacked:
        layout["barmode"] = "relative"
    figure = {"data": list(traces), "layout": layout}
    page = str(to_html(figure, include_plotlyjs=True, full_html=True, validate=False))
    fsio.ensure_folder(output.parent)
    fsio.write_atomic(output, page, user_output=True)
    return output


def _plain(text: str) -> str:
    """Text that a page shows as it is; our own line break stays."""
    return "<br>".join(part.replace("<", "&lt;") for part in text.split("<br>"))


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def safe(text: str) -> str:
    """A text as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)[:80]
