"""The page: whole, the same for the same data, and complete."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import unescape

import pytest

from report_kit import every_part, png
from vmafkit.errors import UsageError
from vmafkit.report.data import FramePair, FrameQuality, RateQuality, ReportData, Table
from vmafkit.report.page import to_html


def specs(page: str) -> list[dict[str, list[dict[str, object]]]]:
    found = re.findall(r'<script type="application/json" class="spec">(.*?)</script>', page, re.S)
    return [json.loads(text) for text in found]


def test_equal_data_give_equal_bytes() -> None:
    assert to_html(every_part()) == to_html(every_part())


def test_a_title_alone_is_a_page_without_plotly() -> None:
    page = to_html(ReportData("Nothing"))
    assert "<h1>Nothing</h1>" in page
    assert len(page) < 20_000


def test_every_part_is_there() -> None:
    page = to_html(every_part("one thing"))
    assert page.count("<h2>one thing</h2>") == 5
    assert [len(spec["data"]) for spec in specs(page)] == [2, 5, 3, 6]
    assert page.count('type="range"') == 1
    assert page.count(base64.b64encode(png()).decode()) == 1
    assert page.index("<h2>Versions") < page.index("<h2>Commands")


def test_the_policy_names_the_scripts_that_are_there() -> None:
    page = to_html(every_part())
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    policy = unescape(re.search(r'Policy" content="([^"]+)"', page)[1])  # type: ignore[index]
    digests = [hashlib.sha256(text.encode()).digest() for text in scripts]
    assert len(digests) == 2
    for digest in digests:
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_a_picture_that_is_none_is_refused() -> None:
    bad = FramePair(1, None, b"<svg onload=alert(1)>", png())
    with pytest.raises(UsageError, match="PNG"):
        to_html(ReportData("x", worst_frames=(bad,)))


def test_a_long_table_is_cut_and_says_so() -> None:
    table = Table("Rows", ("n",), tuple((n,) for n in range(2500)))
    page = to_html(ReportData("x", tables=(table,)))
    assert "The first 2000 of 2500 rows." in page
    assert page.count("<tr>") == 2001


def test_parts_without_points_are_drawn_empty() -> None:
    empty = RateQuality("No curve", "vmaf mean", ())
    frames = FrameQuality("No frame", "vmaf", (), ())
    page = to_html(ReportData("x", rate_quality=(empty,), frame_quality=(frames,)))
    assert [len(spec["data"]) for spec in specs(page)] == [0, 1]


def test_numbers_of_a_column_share_their_decimals() -> None:
    rows = ((812.34, 0.98765, 93.456, 24.0, True), (12345.6, 0.9, 7.0, 25.0, None))
    table = Table("x", ("kbps", "ssim", "score", "crf", "met"), rows)
    assert table.texts() == [
        ("812", "0.9877", "93.46", "24", "yes"),
        ("12346", "0.9000", "7.00", "25", ""),
    ]
    assert table.numeric() == [True, True, True, True, False]
