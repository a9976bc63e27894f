"""A comparison, a corpus, a search and a ladder as reports."""

from __future__ import annotations

import csv
import io
import json

import pytest

from report_kit import EXECUTED, PER_SHOT, PLAN, RECORD, ZONES, dangers, row, score, sweep
from vmafkit.decide.compare import Comparison, compare
from vmafkit.decide.compare_rows import curves_of
from vmafkit.decide.hull import RatePoint, upper_hull
from vmafkit.decide.target import Target
from vmafkit.report.comparison import commands_of, comparison_record, comparison_report
from vmafkit.report.data import ReportData
from vmafkit.report.formats import to_csv, to_json, to_markdown
from vmafkit.report.from_auto import auto_report
from vmafkit.report.from_per_shot import per_shot_report
from vmafkit.report.from_records import (
    corpus_report,
    ladder_report,
    recommendation_report,
    score_report,
)
from vmafkit.report.from_zones import zones_report
from vmafkit.report.page import to_html
from vmafkit.schema.auto_plan import AutoPlan, TuneResult
from vmafkit.schema.per_shot import PerShotResult
from vmafkit.schema.recommendation import Recommendation
from vmafkit.schema.zones import ZonesResult


@pytest.fixture(scope="module")
def found() -> Comparison:
    rows = [*sweep("libx264", 1.0), *sweep("libx265", 0.6), *sweep("libx264", 1.0, source="b.mkv")]
    curves = curves_of(rows, Target("vmaf", "mean", ">=", 0.0))
    return compare(curves, metric="vmaf_v0.6.1 mean", target=90.0)


def test_a_comparison_is_one_figure_a_source_and_its_tables(found: Comparison) -> None:
    data = comparison_report(found)
    assert data.lead.startswith("libx265 medium needs 40.0 % fewer bits than libx264 medium")
    assert [len(each.curves) for each in data.rate_quality] == [2, 1]
    assert [len(table.rows) for table in data.tables] == [2, 1, 3, 18]
    assert dangers(to_html(data)) == []


def csv_rows(data: ReportData) -> dict[str, list[dict[str, str]]]:
    """The rows of a report's CSV by the name of their table."""
    rows = list(csv.DictReader(io.StringIO(to_csv(data)), strict=True))
    assert all(None not in row and None not in row.values() for row in rows), "one width"
    names = dict.fromkeys(row["table"] for row in rows)
    return {name: [row for row in rows if row["table"] == name] for name in names}


def test_a_csv_holds_every_table_in_one() -> None:
    for data in (
        per_shot_report(PerShotResult.model_validate(PER_SHOT)),
        zones_report(ZonesResult.model_validate(ZONES)),
        auto_report(AutoPlan.model_validate(PLAN), [TuneResult.model_validate(EXECUTED)]),
        recommendation_report(Recommendation.model_validate(RECORD)),
    ):
        found = csv_rows(data)
        assert list(found) == [table.title for table in data.tables if table.rows]
        for table in data.tables:
            rows = found.get(table.title, [])
            assert len(rows) == len(table.rows)
            for each, cells in zip(rows, table.rows, strict=True):
                filled = {name for name, text in each.items() if text} - {"table"}
                assert filled <= set(table.columns)
                for name, cell in zip(table.columns, cells, strict=True):
                    if isinstance(cell, float | int) and not isinstance(cell, bool):
                        assert float(each[name]) == pytest.approx(cell)
    assert to_csv(ReportData("nothing")) == ""


def test_the_csv_of_a_title_by_shot_has_its_shots() -> None:
    found = csv_rows(per_shot_report(PerShotResult.model_validate(PER_SHOT)))
    assert [(row["shot"], row["first frame"], row["crf"]) for row in found["Shots"]] == [
        ("0", "0", "25"), ("1", "50", "20")
    ]  # fmt: skip
    assert found["Shots"][0]["worst shot"] == ""


def test_a_comparison_as_csv_has_every_table(found: Comparison) -> None:
    every = csv_rows(comparison_report(found))
    assert list(every) == [
        "Mean over sources, against libx264 medium", "Bjontegaard deltas", "At a score of 90",
        "Everything measured",
    ]  # fmt: skip
    assert [len(rows) for rows in every.values()] == [2, 1, 3, 18]
    assert every["Bjontegaard deltas"][0]["source"] == "film.mkv"
    rows = every["Mean over sources, against libx264 medium"]
    assert [each["encoder"] for each in rows] == ["libx264 medium", "libx265 medium"]
    assert rows[0]["BD-rate %"] == ""
    assert float(rows[1]["BD-rate %"]) == pytest.approx(-40)
    assert float(rows[1]["bitrate change % at 90"]) == pytest.approx(-40)


def test_a_comparison_has_the_commands_that_its_rows_know(found: Comparison) -> None:
    own = row(src="a b.mkv", argv=["-c:v", "libx264", "-crf", "23"])
    rows = [own, own, row(argv=None), row(argv=["-c:v", "x"], exit_status=1, error="it broke")]
    commands = commands_of(rows)
    assert commands == ["ffmpeg -i 'file:a b.mkv' -an -c:v libx264 -crf 23 out.mkv"]
    data = comparison_report(found, commands=commands, stored=True)
    assert data.commands == tuple(commands)
    assert "as the rows keep them" in data.notes[-1]
    assert "-i &#39;file:a b.mkv&#39; -an" in to_html(data)
    assert comparison_report(found, stored=True).notes == found.notes


def test_a_comparison_as_json_holds_every_number(found: Comparison) -> None:
    record = json.loads(json.dumps(comparison_record(found), allow_nan=False))
    assert record["type"] == "comparison"
    assert record["deltas"][0]["rate"]["value"] == pytest.approx(-40)
    assert record["deltas"][0]["rate"]["overlap"] == pytest.approx(1)
    assert len(record["curves"][0]["points"]) == 6


def test_markdown_says_what_is_interpolated(found: Comparison) -> None:
    text = to_markdown(comparison_report(found))
    assert "Interpolated: between measured settings" in text
    assert "| libx265 medium | 1 | -40.00 |" in text


def test_a_corpus_gets_a_figure_for_each_source_and_model() -> None:
    rows = [
        *sweep("libx264", 1.0),
        *sweep("libx264", 1.0, vmaf_model="vmaf_v0.6.1neg"),
        *sweep("libx264", 1.0, source="b.mkv"),
        row(crf=60.0, exit_status=1, vmaf_score=None, bitrate_kbps=None, error="it broke"),
    ]
    data = corpus_report(rows)
    assert [each.metric for each in data.rate_quality] == [
        "vmaf_v0.6.1 mean", "vmaf_v0.6.1 mean", "vmaf_v0.6.1neg mean"
    ]  # fmt: skip
    assert data.lead == "19 rows, 1 of them failed."
    assert "vmaf_v0.6.1, vmaf_v0.6.1neg" in data.notes[0]
    assert data.tables[1].rows[-1][-1] == "failed: it broke"
    curve = dict(zip(data.tables[0].columns, data.tables[0].rows[0], strict=True))
    assert (curve["settings"], curve["kbps from"], curve["kbps to"]) == (6, 100.0, 3200.0)
    assert curve["frames per second"] == pytest.approx(200)


def test_an_empty_corpus_is_a_page_too() -> None:
    assert "0 rows" in to_html(corpus_report([]))


def test_a_search_shows_its_probes_bracket_and_result() -> None:
    data = recommendation_report(Recommendation.model_validate(RECORD))
    assert data.lead == "crf 24 meets vmaf>=93 with 93.40 at 2200 kbps."
    (trace,) = data.searches
    assert [p.value for p in trace.probes] == [28, 24, 25]
    assert (trace.passing, trace.failing, trace.found, trace.target) == (24, 25, 24, 93)
    assert [p.key for p in data.rate_quality[0].chosen] == ["crf 24"]
    assert data.versions == (("ffmpeg", "9.0"),)
    assert ("vmaf", "93.40") in data.tables[0].rows
    assert dangers(to_html(data)) == []


def test_a_search_that_fails_says_why() -> None:
    record = Recommendation.model_validate(RECORD | {"met": False, "reason": "nothing reaches it"})
    assert "does not meet vmaf>=93" in recommendation_report(record).lead
    assert "nothing reaches it" in recommendation_report(record).lead
    empty = RECORD | {"met": False, "quality": None, "score": None, "probes": [], "reason": "none"}
    data = recommendation_report(Recommendation.model_validate(empty))
    assert data.lead == "none"
    assert to_html(data)


def test_a_ladder_lists_its_rungs_with_their_steps() -> None:
    small = [RatePoint(200.0 * 1.5**i, 60 + 5 * i, f"320x180 {40 - i}") for i in range(4)]
    large = [RatePoint(500.0 * 1.5**i, 66 + 6 * i, f"640x360 {40 - i}") for i in range(5)]
    hull = upper_hull([*small, *large])
    rungs = [hull[-1], hull[-3], hull[0]]
    data = ladder_report({"320x180": small, "640x360": large}, hull, rungs, metric="vmaf mean")
    table = data.tables[0]
    assert [each[0] for each in table.rows] == [1, 2, 3]
    assert table.rows[0][4] == pytest.approx(hull[-1].quality - hull[-3].quality)
    assert table.rows[2][4] is None
    assert data.rate_quality[0].chosen == tuple(rungs)
    assert json.loads(to_json(data))["tables"][0]["rows"][0]["setting"] == hull[-1].key
    assert dangers(to_html(data)) == []


def test_a_title_by_shot_shows_both_titles_and_where_each_shot_lies() -> None:
    data = per_shot_report(PerShotResult.model_validate(PER_SHOT))
    assert "-15.0 % at equal score" in data.lead
    assert [each[0] for each in data.tables[0].rows] == ["setting by shot", "best single"]
    (along,) = data.shot_quality
    assert along.bounds == (0, 50, 100) and along.target == 93.0
    assert along.series == (("by shot", (93.0, 93.0)), ("one setting", (92.0, 92.0)))
    (section,) = data.rate_quality
    assert [point.key for point in section.chosen] == ["crf 25", "crf 20"]
    # 80,000 bits over 50 frames at 25 a second.
    assert section.curves[0].points[-1].bitrate_kbps == pytest.approx(40.0)
    assert data.commands[0] == "ffmpeg -i 'a b.mkv'"
    assert dangers(to_html(data)) == []


def test_a_title_by_shot_that_reaches_nothing_says_why() -> None:
    nothing = {"kept": None, "met": False, "per_shot": None, "single": None, "shots": [],
               "change_at_equal_score_percent": None, "reason": "no shot reaches it"}  # fmt: skip
    data = per_shot_report(PerShotResult.model_validate(PER_SHOT | nothing))
    assert data.lead == "no shot reaches it"
    assert to_html(data)


def test_shots_alone_are_a_page_of_their_places() -> None:
    shots = [
        shot | {"crf": None, "score": None, "score_single": None, "video_bits": None, "probes": []}
        for shot in PER_SHOT["shots"]
    ]
    nothing = {"kept": None, "met": False, "per_shot": None, "single": None, "shots": shots,
               "change_at_equal_score_percent": None, "segment_commands": [],
               "concat_command": [], "reason": "dry run: nothing was measured"}  # fmt: skip
    data = per_shot_report(PerShotResult.model_validate(PER_SHOT | nothing))
    assert data.lead == "The source has 2 shots. Nothing was encoded."
    assert data.highlights == (("shots", "2"),)
    (table,) = data.tables
    assert table.columns == ("shot", "first frame", "frames")
    assert table.rows == ((0, 0, 50), (1, 50, 50))
    assert dangers(to_html(data)) == []


def test_a_plan_keeps_what_is_expected_apart_from_what_was_measured() -> None:
    planned = auto_report(AutoPlan.model_validate(PLAN))
    assert planned.lead == "libx265 is cheapest. Nothing was encoded."
    assert [table.title for table in planned.tables] == ["Expected, not measured", "Left out"]
    (figure,) = planned.rate_quality
    assert figure.title.startswith("Expected")
    rows = [TuneResult.model_validate(EXECUTED)]
    data = auto_report(AutoPlan.model_validate(PLAN), rows, commands=["ffmpeg -i film.mkv"])
    assert data.commands == ("ffmpeg -i film.mkv",)
    assert data.lead == ("libx265 medium at 25 reaches the target with 1400 kbps, measured 93.20.")
    assert data.tables[0].rows[0][2:6] == ("crf 25", "crf 24", 93.2, 1400.0)
    measured = data.rate_quality[0]
    assert [point.key for point in measured.curves[0].points] == ["crf 26", "crf 25", "crf 24"]
    assert (measured.metric, measured.target) == ("vmaf", 93.0)
    assert dangers(to_html(data)) == []
    short = [TuneResult.model_validate(EXECUTED | {"met": False})]
    assert "Nothing" in auto_report(AutoPlan.model_validate(PLAN), short).lead


def test_zones_show_what_they_changed() -> None:
    data = zones_report(ZonesResult.model_validate(ZONES))
    assert data.lead.startswith("The video has -16.7 % bits")
    assert [table.title for table in data.tables] == ["Zones", "Regions", "The whole video"]
    assert "with the zones, without the regions" in data.tables[1].note
    assert data.tables[0].rows[0][3:] == (90.0, 50.0, -44.4)
    assert data.commands == ("ffmpeg -i 'a b.mkv'",)
    assert dangers(to_html(data)) == []


def test_a_report_of_zones_claims_no_more_than_was_measured() -> None:
    both = zones_report(ZonesResult.model_validate(ZONES))
    zones = zones_report(ZonesResult.model_validate(ZONES | {"rois": []}))
    regions = zones_report(ZonesResult.model_validate(ZONES | {"zones": []}))
    assert "Each zone" in both.lead and "Each region" in both.lead
    assert "region" not in zones.lead + zones.title
    fixed = ZONES["zones"][0] | {"zone": "0,49,q=40"}
    q_alone = zones_report(ZonesResult.model_validate(ZONES | {"zones": [fixed], "rois": []}))
    assert "way asked" in zones.lead and "way asked" not in q_alone.lead
    assert "zone" not in regions.lead + regions.title + regions.tables[0].note
    for data in (both, zones, regions):
        assert data.lead.endswith("the amount asked for was not checked.")


def test_a_score_shows_its_frames_and_pooled_values() -> None:
    result = score()
    data = score_report(result, reference="a.mkv", distorted="b.mkv", shots=(0, 20))
    (frames,) = data.frame_quality
    assert len(frames.frames) == 39, "an infinite frame has no place in a figure"
    assert 7 not in frames.frames
    assert data.lead == "psnr_y mean: infinite"
    assert frames.shots == (0, 20)
    assert any("infinite on 1 of 40" in note for note in data.notes)
    by_shot = data.tables[1]
    values = score().columns["psnr_y"]
    assert [row[:3] for row in by_shot.rows] == [(1, 0, 19), (2, 20, 20)]
    assert by_shot.rows[1][3] == pytest.approx(values[20:].mean())
    assert by_shot.rows[1][4:] == (values[20:].min(), 20 + int(values[20:].argmin()))
    assert len(score_report(result, reference="a", distorted="b").tables) == 1
    assert dangers(to_html(data)) == []
