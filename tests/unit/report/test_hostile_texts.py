"""Names and tags that would run, load, reorder or redraw something: shown as text, everywhere."""

from __future__ import annotations

import csv
import io
import json
import re

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_kit import PAYLOADS, dangers, every_part
from vmafkit.cli import output
from vmafkit.report import page
from vmafkit.report.formats import to_csv, to_json, to_markdown
from vmafkit.report.text import in_csv, in_figure, in_markdown


@pytest.fixture(autouse=True)
def _short_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is the same in every page, and long to read again and again."""
    monkeypatch.setattr(page, "_plotly", lambda: "const Plotly = {};")


def test_there_are_enough_of_them() -> None:
    assert len(set(PAYLOADS)) >= 30


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_page_shows_them_as_text(text: str) -> None:
    made = page.to_html(every_part(text))
    assert dangers(made) == []
    made.encode("utf-8")


def test_a_page_that_trusts_its_texts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting() -> jinja2.Environment:
        made = page_environment()
        made.autoescape = False
        return made

    page_environment = page._environment
    monkeypatch.setattr(page, "_environment", trusting)
    missed = [text for text in PAYLOADS[:17] if not dangers(page.to_html(every_part(text)))]
    # This one needs an attribute in single quotes, and the page has none.
    assert missed == ["' onmouseover='alert(1)"]


def test_a_figure_that_trusts_its_texts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_json", lambda spec: page.Markup(json.dumps(spec)))
    monkeypatch.setattr("vmafkit.report.figures.in_figure", lambda text, most=0: text)
    assert dangers(page.to_html(every_part("</script><script>alert(1)</script>")))


def test_the_policy_allows_no_network_and_only_the_scripts_of_the_page() -> None:
    made = page.to_html(every_part())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', made)
    assert policy is not None
    rules = policy[1].replace("&#39;", "'")
    assert rules.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in rules
    assert "unsafe-eval" not in rules
    assert re.search(r"script-src[^;]*unsafe", rules) is None
    assert "img-src data:;" in rules


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_figure_label_is_no_markup(text: str) -> None:
    assert "<" not in in_figure(text)
    assert "\x1b" not in in_figure(text)


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_spreadsheet_takes_none_for_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(to_csv(every_part(text)))))
    assert len(rows) == 3
    for cell in (rows[0][1], rows[1][0], rows[1][1]):
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert "\x1b" not in cell
    assert float(rows[2][2]) == -7.25, "a number below 0 stays a number"


@pytest.mark.parametrize("text", PAYLOADS)
def test_markdown_shows_them_as_text(text: str) -> None:
    made = to_markdown(every_part(text))
    plain = re.sub(r"\\.", "", made)
    assert "<" not in plain
    assert "](" not in plain
    assert "://" not in made
    assert "\x1b" not in made
    assert all(line.count("|") == 3 for line in plain.splitlines() if line.startswith("|"))


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_terminal_and_json_get_no_control_characters(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output.result(to_markdown(every_part(text)))
    output.result(to_json(every_part(text)))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert json.loads(to_json(every_part(text)))["tables"]


@given(st.text())
def test_any_text_is_safe_in_a_cell(text: str) -> None:
    assert not in_csv(text).lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "\n" not in in_markdown(text)
    assert "<" not in re.sub(r"\\.", "", in_markdown(text))
    assert not re.search(r"[<>]", in_figure(text))
