"""Output files in libvmaf's own layouts: JSON, XML, CSV and subtitles.

Layouts and number form are those of libvmaf's writers; a model's column has the
name asked for, `vmaf` when it is the only model, and else its id.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Literal, get_args
from xml.sax.saxutils import quoteattr

from vmafkit.errors import UsageError
from vmafkit.scoring.score import FloatArray, Score, pool_frames

LogFormat = Literal["xml", "json", "csv", "sub"]
FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
_STATISTICS = ("min", "max", "mean", "harmonic_mean")
_PARTS = ("stddev", "ci_p95_lo", "ci_p95_hi")


def log_columns(score: Score) -> dict[str, FloatArray]:
    """The columns under the names that they have in libvmaf's files.

    Raises:
        UsageError: a name is taken by another column.
    """
    names: dict[str, str] = {}
    for model in score.models:
        name = model.name or ("vmaf" if len(score.models) == 1 else model.id)
        names[model.id] = f"{name}_bagging" if model.ensemble else name
        if model.ensemble:
            names |= {f"{model.id}_{part}": f"{name}_{part}" for part in _PARTS}
    result = {names.get(column, column): values for column, values in score.columns.items()}
    if len(result) != len(score.columns):
        raise UsageError("two columns have one name", hint="give a model another name=")
    return result


def render(score: Score, form: LogFormat, *, precision: int = 6) -> str:
    """The text of an output file.

    Args:
        precision: digits after the point, 0 to 17.
    """
    columns = log_columns(score)
    if form == "json":
        return _json(score, columns, precision)
    if form == "csv":
        return _csv(score, columns, precision)
    return _sub(score, columns, precision) if form == "sub" else _xml(score, columns, precision)


def _fps(score: Score) -> str:
    return f"{score.frame_count / score.wall_s if score.wall_s > 0 else 0.0:.2f}"


def _number(value: float, precision: int) -> str:
    # With libvmaf's own six digits, what lies just above 1 is written in full, as there.
    if precision == 6 and 1.0 < value < 1.000001:
        return f"{value:.16f}"
    return f"{value:.{precision}f}"


def _pooled(values: FloatArray, precision: int) -> Mapping[str, str]:
    # libvmaf leaves the harmonic mean of scores below -1 as it comes out; it means nothing.
    known = _STATISTICS if float(values.min()) > -1.0 else _STATISTICS[:3]
    return {name: _number(pool_frames(values, name), precision) for name in known}


def _object(pairs: Mapping[str, str], indent: str) -> str:
    # JSON has no infinity; libvmaf writes null.
    lines = [
        f"{indent}  {json.dumps(name)}: {'null' if value == 'inf' else value}"
        for name, value in pairs.items()
    ]
    return (
        "{\n"
        + "".join(f"{line},\n" for line in lines[:-1])
        + "".join(f"{line}\n" for line in lines[-1:])
        + indent
        + "}"
    )


def _json(score: Score, columns: Mapping[str, FloatArray], precision: int) -> str:
    frames = [
        "    {\n"
        f'      "frameNum": {number},\n'
        f'      "metrics": {_object(_row(columns, index, precision), "      ")}\n'
        "    }"
        for index, number in enumerate(score.frame_numbers)
    ]
    pooled = {name: _object(_pooled(values, precision), "    ") for name, values in columns.items()}
    aggregates = {name: _number(value, precision) for name, value in score.aggregates.items()}
    body = ",\n".join(frames)
    return (
        "{\n"
        f'  "version": {json.dumps(score.libvmaf_version)},\n'
        f'  "fps": {_fps(score)},\n'
        f'  "frames": [\n{body}\n  ],\n'
        f'  "pooled_metrics": {_object(pooled, "  ")},\n'
        f'  "aggregate_metrics": {_object(aggregates, "  ")}\n'
        "}\n"
    )


def _row(columns: Mapping[str, FloatArray], index: int, precision: int) -> dict[str, str]:
    return {name: _number(float(values[index]), precision) for name, values in columns.items()}


def _attributes(pairs: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in pairs.items())


def _xml(score: Score, columns: Mapping[str, FloatArray], precision: int) -> str:
    width, height = (str(side) for side in score.display)
    lines = [
        f"<VMAF{_attributes({'version': score.libvmaf_version})}>",
        f"  <params{_attributes({'qualityWidth': width, 'qualityHeight': height})} />",
        f"  <fyi{_attributes({'fps': _fps(score)})} />",
        "  <frames>",
    ]
    for index, number in enumerate(score.frame_numbers):
        row = {"frameNum": str(number), **_row(columns, index, precision)}
        lines.append(f"    <frame{_attributes(row)} />")
    lines += ["  </frames>", "  <pooled_metrics>"]
    for name, values in columns.items():
        row = {"name": name, **_pooled(values, precision)}
        lines.append(f"    <metric{_attributes(row)} />")
    aggregates = {name: _number(value, precision) for name, value in score.aggregates.items()}
    lines += ["  </pooled_metrics>", f"  <aggregate_metrics{_attributes(aggregates)} />", "</VMAF>"]
    return "\n".join(lines) + "\n"


def _csv(score: Score, columns: Mapping[str, FloatArray], precision: int) -> str:
    text = io.StringIO()
    # libvmaf ends every line with a comma, hence the empty last field.
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Frame", *columns, ""])
    for index, number in enumerate(score.frame_numbers):
        writer.writerow([number, *_row(columns, index, precision).values(), ""])
    return text.getvalue()


def _sub(score: Score, columns: Mapping[str, FloatArray], precision: int) -> str:
    lines: list[str] = []
    for index, number in enumerate(score.frame_numbers):
        row = _row(columns, index, precision)
        values = "".join(f"{name}: {value}|" for name, value in row.items())
        lines.append(f"{{{number}}}{{{number + 1}}}frame: {number}|{values}")
    return "\n".join(lines) + "\n"
