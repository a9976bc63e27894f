"""The page: one HTML file that needs no network and runs no script but its own.

The policy in its head allows the two scripts by their hashes and pictures inside the file. Styles
are allowed inline, since plotly sets them on what it draws; nothing that a style can load is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vmafkit.errors import UsageError
from vmafkit.report import figures
from vmafkit.report.data import FramePair, ReportData
from vmafkit.report.text import clean

_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_MOST_ROWS = 2000


def to_html(data: ReportData) -> str:
    """The page as text; equal data give equal text.

    Raises:
        UsageError: a picture is neither PNG nor JPEG.
    """
    drawn = [
        *map(figures.shot_quality, data.shot_quality),
        *map(figures.rate_quality, data.rate_quality),
        *map(figures.search, data.searches),
        *map(figures.frame_quality, data.frame_quality),
    ]
    scripts = [_plotly() if drawn else "", _asset("page.js")]
    return _environment().get_template("page.html.j2").render(
        data=data,
        figures=[(figure, _json(figure.spec)) for figure in drawn],
        pairs=[(pair, _data_uri(pair.reference), _data_uri(pair.distorted))
               for pair in data.worst_frames],
        policy=_policy(scripts),
        style=Markup(_asset("page.css")),
        scripts=[Markup(script) for script in scripts if script],
        caption_of=_pair_caption,
        most_rows=_MOST_ROWS,
    )  # fmt: skip


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("vmafkit.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = cast("dict[str, Any]", made.filters)  # pyright: ignore[reportUnknownMemberType]
    filters["clean"] = clean
    return made


def _json(value: dict[str, Any]) -> Markup:
    """JSON that no HTML parser takes for a tag."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
        if script
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # pyright: ignore[reportMissingTypeStubs]

    return str(get_plotlyjs()).strip()


@cache
def _asset(name: str) -> str:
    return resources.files("vmafkit.report").joinpath("assets", name).read_text("utf-8").strip()


def _data_uri(picture: bytes) -> str:
    kind = next((kind for start, kind in _KINDS.items() if picture.startswith(start)), None)
    if kind is None:
        raise UsageError("a picture of a report is neither PNG nor JPEG")
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"


def _pair_caption(pair: FramePair) -> str:
    score = "" if pair.score is None else f": {pair.score:.2f}"
    return f"Frame {pair.frame}{score}"
