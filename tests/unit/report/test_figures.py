"""Figures say what the data say, and are read without colour."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np

from report_kit import every_part
from vmafkit.report import figures
from vmafkit.report.data import FrameQuality


def test_curves_differ_without_colour() -> None:
    section = every_part(curves=8).rate_quality[0]
    traces = [t for t in figures.rate_quality(section).spec["data"] if "marker" in t][:8]
    looks = {(t["line"]["dash"], t["marker"]["symbol"]) for t in traces}
    assert len(looks) == 8
    labels = figures.rate_quality(section).spec["layout"]["annotations"]
    assert [label["text"] for label in labels[:8]] == [trace["name"] for trace in traces]


def test_a_rate_figure_holds_the_points_the_hull_and_what_was_chosen() -> None:
    section = every_part().rate_quality[0]
    figure = figures.rate_quality(section)
    traces = {trace["name"]: trace for trace in figure.spec["data"]}
    assert traces["hull"]["x"] == [p.bitrate_kbps for p in section.hull]
    assert traces["chosen"]["y"] == [p.quality for p in section.chosen]
    first = section.curves[0]
    assert traces[first.name]["x"] == [p.bitrate_kbps for p in first.points]
    assert sum(bool(row[5]) for row in figure.table.rows) == len(section.chosen)
    low, high = min(t["x"][0] for t in traces.values()), max(t["x"][-1] for t in traces.values())
    axis = figure.spec["layout"]["xaxis"]
    assert 10 ** axis["range"][0] < low
    assert 10 ** axis["range"][1] > high
    inside = [tick for tick in axis["tickvals"] if low <= tick <= high]
    assert len(inside) >= 3
    assert all(1.9 < b / a < 2.6 for a, b in itertools.pairwise(axis["tickvals"]))


def test_percentile_lines_are_numpys() -> None:
    section = every_part().frame_quality[0]
    figure = figures.frame_quality(section)
    expected = [np.percentile(section.scores, rank) for rank in (1, 5, 25, 50)]
    assert np.allclose([row[1] for row in figure.table.rows], expected)
    lines = [t for t in figure.spec["data"] if "%" in t["name"]]
    assert np.allclose([t["y"][0] for t in lines], expected)
    assert [s["x0"] for s in figure.spec["layout"]["shapes"]] == [0, 60, 130]


def test_a_long_clip_is_thinned_and_keeps_its_worst_frame() -> None:
    scores = np.random.default_rng(1).uniform(60, 99, 100_000)
    scores[77_777] = 1.5
    section = FrameQuality("x", "vmaf", tuple(range(100_000)), tuple(map(float, scores)))
    figure = figures.frame_quality(section)
    trace = figure.spec["data"][0]
    assert len(trace["x"]) <= 6000
    assert trace["x"] == sorted(trace["x"])
    assert trace["y"][trace["x"].index(77_777)] == 1.5
    assert max(trace["y"]) == scores.max()
    assert "of each stretch" in figure.caption
    assert np.isclose(figure.table.rows[0][1], np.percentile(scores, 1)), "percentiles are of all"


def test_a_search_shows_its_probes_in_order_with_target_and_bracket() -> None:
    figure = figures.search(every_part().searches[0])
    traces = {trace["name"]: trace for trace in figure.spec["data"]}
    assert traces["measured"]["text"] == ["1", "2", "3"]
    assert traces["known before"]["text"] == ["4"]
    assert traces["measured"]["marker"]["symbol"] != traces["known before"]["marker"]["symbol"]
    assert traces["found"]["x"] == [24]
    line, band = figure.spec["layout"]["shapes"]
    assert line["y0"] == 93.0
    assert (band["x0"], band["x1"]) == (24, 25)


def test_figures_are_strict_json() -> None:
    for made in (
        figures.rate_quality(every_part().rate_quality[0]),
        figures.search(every_part().searches[0]),
        figures.frame_quality(every_part().frame_quality[0]),
    ):
        json.dumps(made.spec, allow_nan=False)


def test_a_figure_of_frames_leaves_out_what_is_not_finite() -> None:
    (figure,) = FrameQuality.of("title", "psnr_y", [40.0, math.inf, 30.0], [0, 2])
    assert (figure.frames, figure.scores, figure.shots) == ((0, 2), (40.0, 30.0), (0, 2))
    assert FrameQuality.of("title", "psnr_y", [math.nan]) == ()
    assert FrameQuality.of("title", "psnr_y", []) == ()
