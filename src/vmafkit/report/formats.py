"""The tables of a report as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from vmafkit.report.data import ReportData, Table
from vmafkit.report.text import Cell, clean, in_csv, in_markdown, shown

Format = Literal["markdown", "csv", "json"]


def render(data: ReportData, form: Format) -> str:
    """A report's tables as text that ends in a newline."""
    makers: dict[str, Callable[[ReportData], str]] = {
        "markdown": to_markdown,
        "csv": to_csv,
        "json": to_json,
    }
    return makers[form](data)


def to_markdown(data: ReportData) -> str:
    """Title, result, tables, notes and versions."""
    parts = [f"# {in_markdown(data.title)}"]
    parts += [in_markdown(data.lead)] if data.lead else []
    if data.highlights:
        parts.append(_bullets(f"{name}: {value}" for name, value in data.highlights))
    if data.facts:
        parts.append(_bullets(f"{name}: {value}" for name, value in data.facts))
    parts += [table_markdown(table) for table in data.tables]
    parts += [_bullets(data.notes)] if data.notes else []
    if data.versions:
        parts.append("## Versions")
        parts.append(_bullets(f"{name}: {value}" for name, value in data.versions))
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """One table under its title."""
    lines = [_line([in_markdown(name) for name in table.columns])]
    lines.append(_line(["---:" if each else "---" for each in table.numeric()]))
    lines += [_line([in_markdown(cell) for cell in row]) for row in table.texts()]
    note = f"\n\n{in_markdown(table.note)}" if table.note else ""
    return f"## {in_markdown(table.title)}\n\n" + "\n".join(lines) + note


def to_csv(data: ReportData) -> str:
    """All tables, one after the other, as one CSV; nothing without one.

    The column `table` says which table a row is of. The others are those of all tables, equal
    names shared; a cell is empty where its table has no such column. Numbers are full; text that
    a spreadsheet would run starts with an apostrophe.
    """
    if not data.tables:
        return ""
    columns = tuple(dict.fromkeys(name for table in data.tables for name in table.columns))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["table", *map(in_csv, columns)])
    for table in data.tables:
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            known = [_csv_cell(cells.get(name)) for name in columns]
            writer.writerow([in_csv(table.title), *known])
    return buffer.getvalue()


def to_json(data: ReportData) -> str:
    """One object on one line: every table as a list of objects by column."""
    record = {
        "type": "report",
        "title": clean(data.title),
        "result": clean(data.lead),
        "highlights": {clean(name): clean(value) for name, value in data.highlights},
        "facts": {clean(name): clean(value) for name, value in data.facts},
        "tables": [
            {
                "title": clean(table.title),
                "rows": [
                    {
                        clean(name): _json_cell(cell)
                        for name, cell in zip(table.columns, row, strict=True)
                    }
                    for row in table.rows
                ],
                "note": clean(table.note),
            }
            for table in data.tables
        ],
        "notes": [clean(note) for note in data.notes],
        "versions": [[clean(name), clean(value)] for name, value in data.versions],
        "commands": [clean(command) for command in data.commands],
    }
    return json.dumps(record, allow_nan=False) + "\n"


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {in_markdown(line)}" for line in lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _csv_cell(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.10g}" if math.isfinite(cell) else ""
    return in_csv(cell) if isinstance(cell, str) else shown(cell)


def _json_cell(cell: Cell) -> Cell:
    if isinstance(cell, float):
        return round(cell, 6) if math.isfinite(cell) else None
    return clean(cell) if isinstance(cell, str) else cell
