"""Any result as text for printing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vmafkit.schema.per_shot import PerShotResult
from vmafkit.schema.recommendation import Recommendation
from vmafkit.schema.zones import ZonesResult

if TYPE_CHECKING:
    from vmafkit.api._auto import AutoRun
    from vmafkit.report.data import ReportData

Form = Literal["markdown", "csv", "json"]


def result_text(
    found: Recommendation | AutoRun | PerShotResult | ZonesResult, form: Form = "markdown"
) -> str:
    """The tables of a result's report as Markdown or as one CSV, or its record as JSON.

    Returns: text that ends in a newline.
    """
    if form == "json":
        return json.dumps(found.record(), allow_nan=False) + "\n"
    return _rendered(report_of_result(found), form)


def corpus_text(path: str | Path, form: Form = "markdown") -> str:
    """The newest rows of a corpus in the same forms; as JSON the tables of its report.

    Raises:
        InputError, StoreError: it cannot be read.
    """
    from vmafkit.report.formats import to_json
    from vmafkit.report.from_records import corpus_report
    from vmafkit.store.corpus_file import latest, read_corpus

    data = corpus_report(latest(read_corpus(Path(path))))
    return to_json(data) if form == "json" else _rendered(data, form)


def report_of_result(
    found: Recommendation | AutoRun | PerShotResult | ZonesResult,
) -> ReportData:
    """A result as a report."""
    if isinstance(found, Recommendation):
        from vmafkit.report.from_records import recommendation_report

        return recommendation_report(found)
    if isinstance(found, PerShotResult):
        from vmafkit.report.from_per_shot import per_shot_report

        return per_shot_report(found)
    if isinstance(found, ZonesResult):
        from vmafkit.report.from_zones import zones_report

        return zones_report(found)
    from vmafkit.report.from_auto import auto_report

    return auto_report(found.plan, found.results, commands=found.commands)


def _rendered(data: ReportData, form: Any) -> str:
    from vmafkit.report.formats import to_csv, to_markdown

    return to_csv(data) if form == "csv" else to_markdown(data)
