"""Every kind of report in a real browser: drawn, within a phone's width, dark, and not on line."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from report_kit import (
    EXECUTED,
    PAYLOADS,
    PER_SHOT,
    PLAN,
    RECORD,
    ZONES,
    every_part,
    row,
    score,
    sweep,
)
from vmafkit.decide.compare import compare
from vmafkit.decide.compare_rows import curves_of
from vmafkit.decide.hull import RatePoint, upper_hull
from vmafkit.decide.target import Target
from vmafkit.report.comparison import comparison_report
from vmafkit.report.data import FramePair, ReportData
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

pytestmark = pytest.mark.slow

PHONE_PX, DESKTOP_PX = 390, 1200

# Reads what each frame shows, moves a slider as a key would, and writes the facts down.
PROBE = """
<!DOCTYPE html><meta charset="utf-8">
<style>body { margin: 0 } iframe { border: 0; height: HEIGHTpx; display: inline-block }</style>
FRAMES
<pre id="facts"></pre>
<script>
const facts = (frame) => {
  const inside = frame.contentDocument, root = inside.documentElement;
  const slider = inside.querySelector(".pair input");
  if (slider) {
    slider.value = 80;
    slider.dispatchEvent(new frame.contentWindow.Event("input"));
  }
  const top = inside.querySelector(".pair .top");
  const all = (query) => [...inside.querySelectorAll(query)];
  return {
    name: frame.name,
    drawn: root.dataset.drawn ?? null,
    overflow: root.scrollWidth - frame.clientWidth,
    legends: all(".legendtext").map((each) => each.textContent),
    annotations: all(".annotation-text").map((each) => each.textContent),
    traces: all(".scatterlayer .trace").length,
    points: all(".scatterlayer .point").length,
    links: all("a, .plot a").length,
    pictures: all("img").map((each) => each.naturalWidth),
    cut: top && frame.contentWindow.getComputedStyle(top).clipPath,
    background: frame.contentWindow.getComputedStyle(root).backgroundColor,
    plot_text: all(".plot text").map((e) => frame.contentWindow.getComputedStyle(e).fill)[0],
    loaded: frame.contentWindow.performance.getEntriesByType("resource")
      .map((each) => each.name).filter((name) => !name.startsWith("data:")),
    ran: frame.contentWindow.ran === true,
  };
};
const wait = () => {
  const frames = [...document.querySelectorAll("iframe")];
  const ready = frames.every((each) => each.contentDocument?.documentElement?.dataset.drawn);
  if (!ready) return setTimeout(wait, 50);
  document.getElementById("facts").textContent = JSON.stringify(frames.map(facts));
};
wait();
</script>
"""


def ladder() -> ReportData:
    small = [RatePoint(200.0 * 1.5**i, 60 + 5 * i, f"320x180 crf {40 - 4 * i}") for i in range(4)]
    large = [RatePoint(500.0 * 1.5**i, 66 + 6 * i, f"640x360 crf {40 - 4 * i}") for i in range(5)]
    hull = upper_hull([*small, *large])
    curves = {"320x180": small, "640x360": large}
    return ladder_report(curves, hull, [hull[-1], hull[-3], hull[0]], metric="vmaf mean")


def comparison() -> ReportData:
    rows = [*sweep("libx264", 1.0), *sweep("libx265", 0.7), *sweep("libsvtav1", 0.55)]
    curves = curves_of(rows, Target("vmaf", "mean", ">=", 0.0))
    return comparison_report(compare(curves, metric="vmaf_v0.6.1 mean", target=90.0))


def corpus() -> ReportData:
    return corpus_report([*sweep("libx264", 1.0), *sweep("libx265", 0.7), row(crf=51.0)])


def plan() -> ReportData:
    rows = [TuneResult.model_validate(EXECUTED)]
    return auto_report(AutoPlan.model_validate(PLAN), rows, frames=SEEN, pictures=pictures())


def search() -> ReportData:
    found = Recommendation.model_validate(RECORD)
    return recommendation_report(found, frames=SEEN, pictures=pictures())


def by_shot() -> ReportData:
    return per_shot_report(PerShotResult.model_validate(PER_SHOT), SEEN, pictures())


SEEN = [90.0 - number % 7 for number in range(100)]


def pictures() -> tuple[FramePair, ...]:
    return every_part().worst_frames


KINDS: dict[str, Callable[[], ReportData]] = {
    "every part": every_part,
    "hostile": lambda: every_part("<img src=x onerror=window.ran=true>" + PAYLOADS[1]),
    "comparison": comparison,
    "corpus": corpus,
    "ladder": ladder,
    "search": search,
    "by shot": by_shot,
    "plan": plan,
    "zones": lambda: zones_report(ZonesResult.model_validate(ZONES)),
    "score": lambda: score_report(score(), reference="a.mkv", distorted="b.mkv", shots=(0, 20)),
}


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and os.environ.get("VMAFKIT_REQUIRE_CHROMIUM") == "1":
        pytest.fail("VMAFKIT_REQUIRE_CHROMIUM is set and there is no chromium")
    if found is None:
        pytest.skip("there is no chromium")
    return found


def browse(chromium: str, folder: Path, page: Path, *words: str) -> tuple[str, str]:
    """Open a page; its text afterwards, and what the browser logged."""
    finished = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--allow-file-access-from-files", "--enable-logging=stderr",
            "--virtual-time-budget=60000", f"--user-data-dir={folder}", *words, page.as_uri(),
        ],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240, check=True,
    )  # fmt: skip
    return finished.stdout, finished.stderr


def opened(chromium: str, folder: Path, kinds: list[str], width: int) -> list[dict[str, Any]]:
    """The facts of several pages side by side in one browser."""
    for kind in kinds:
        (folder / f"{kind}.html").write_text(to_html(KINDS[kind]()), "utf-8")
    frames = "".join(
        f'<iframe name="{kind}" width="{width}" src="{kind}.html"></iframe>' for kind in kinds
    )
    page = folder / f"probe{width}.html"
    page.write_text(PROBE.replace("FRAMES", frames).replace("HEIGHT", "3000"), "utf-8")
    shown, log = browse(chromium, folder / f"user{width}", page, "--dump-dom")
    assert [line for line in log.splitlines() if "CONSOLE" in line] == []
    text = re.search(r'<pre id="facts">(.*?)</pre>', shown, re.S)
    assert text is not None, shown[-2000:]
    return json.loads(html.unescape(text[1]))


@pytest.fixture(scope="module")
def facts(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, Any]]]:
    """Every kind of page on a phone, by name."""
    folder = tmp_path_factory.mktemp("pages")
    yield {each["name"]: each for each in opened(chromium, folder, list(KINDS), PHONE_PX)}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_drawn_and_fits_a_phone(
    facts: dict[str, dict[str, Any]], kind: str
) -> None:
    seen, data = facts[kind], KINDS[kind]()
    parts = (data.rate_quality, data.searches, data.frame_quality, data.shot_quality)
    expected = sum(map(len, parts))
    assert seen["drawn"] == str(expected)
    assert seen["overflow"] <= 0
    curves = [curve for each in data.rate_quality for curve in each.curves]
    assert seen["traces"] >= len(curves)
    assert seen["points"] >= sum(len(curve.points) for curve in curves)
    assert seen["loaded"] == []


def test_the_figures_say_their_values(facts: dict[str, dict[str, Any]]) -> None:
    seen = facts["every part"]
    names = [curve.name for curve in every_part().rate_quality[0].curves]
    assert set(names) <= set(seen["legends"])
    assert {*names, "target 93"} <= set(seen["annotations"])
    lowest = np.percentile(every_part().frame_quality[0].scores, 1)
    assert f"1 %: {lowest:.2f}" in seen["legends"]
    assert {"measured", "known before", "found", "hull", "chosen"} <= set(seen["legends"])


@pytest.mark.parametrize("kind", ["every part", "search", "by shot", "plan"])
def test_the_pictures_load_and_the_slider_moves(
    facts: dict[str, dict[str, Any]], kind: str
) -> None:
    seen = facts[kind]
    assert seen["pictures"] == [96, 96]
    assert "20%" in seen["cut"], "at 80, a fifth of the reference is cut off"


def test_hostile_texts_run_nothing_and_lead_nowhere(facts: dict[str, dict[str, Any]]) -> None:
    seen = facts["hostile"]
    assert not seen["ran"]
    assert seen["links"] == 0
    assert seen["pictures"] == [96, 96]
    assert any("<img src=x" in text for text in seen["legends"])


def shot(
    chromium: str, folder: Path, page: Path, width: int, *, dark: bool
) -> np.ndarray[Any, Any]:
    """What a page looks like; shape (2200, width, 3)."""
    picture = folder / "shot.png"
    # 0 asks for the dark scheme and 1 for the light one.
    browse(
        chromium, folder / "user", page, f"--screenshot={picture}",
        f"--window-size={width},2200", f"--blink-settings=preferredColorScheme={int(not dark)}",
    )  # fmt: skip
    with av.open(str(picture)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def busy(picture: np.ndarray[Any, Any]) -> float:
    """The share of the lines that are not plain background."""
    return float((picture.reshape(len(picture), -1).std(axis=1) > 1).mean())


def test_every_kind_is_dark_on_a_dark_phone(chromium: str, tmp_path: Path) -> None:
    frames = [
        f'<iframe width="{PHONE_PX}" height="2200" style="border:0" src="{kind}.html"></iframe>'
        for kind in KINDS
    ]
    for kind, make in KINDS.items():
        (tmp_path / f"{kind}.html").write_text(to_html(make()), "utf-8")
    page = tmp_path / "all.html"
    page.write_text(f'<body style="margin:0;white-space:nowrap;font-size:0">{"".join(frames)}')
    picture = shot(chromium, tmp_path, page, PHONE_PX * len(KINDS), dark=True)
    for place, kind in enumerate(KINDS):
        strip = picture[:, place * PHONE_PX : (place + 1) * PHONE_PX]
        assert strip[5, 5].tolist() == [20, 24, 29], kind
        assert np.median(strip) < 60, kind
        assert busy(strip) > 0.25, kind


def test_a_desktop_page_is_light_and_full_of_figures(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(to_html(every_part()), "utf-8")
    picture = shot(chromium, tmp_path, page, DESKTOP_PX, dark=False)
    assert picture.shape == (2200, DESKTOP_PX, 3)
    assert picture[5, 5].tolist() == [255, 255, 255]
    assert busy(picture) > 0.5
