"""Text that users gave, made safe for where it is shown."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence

_MARKDOWN = re.compile(r"([\\`*\[\]<>|!&~#]|(?<!\w)_|_(?!\w))")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | float | int | bool | None


def clean(text: str) -> str:
    """Text with every character written out that cannot be seen: escapes, controls, lone
    surrogates, and the marks that reorder what is read."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def shortened(text: str, most: int = 44) -> str:
    """Text of at most so many characters, cut in the middle."""
    shown = clean(text)
    if len(shown) <= most:
        return shown
    tail = (most - 1) // 2
    return f"{shown[: most - 1 - tail]}…{shown[-tail:]}"


def in_figure(text: str, most: int = 44) -> str:
    """Text for plotly, which reads its labels as a kind of HTML with links."""
    return html.escape(shortened(text, most), quote=False)


def in_markdown(text: str) -> str:
    """Text for one cell or line of Markdown: no markup, no HTML, no link."""
    escaped = _MARKDOWN.sub(r"\\\1", clean(text))
    return escaped.replace("://", ":\\//").replace("www.", "www\\.")


def in_csv(text: str) -> str:
    """Text for a spreadsheet, which must not take it for a formula."""
    shown = clean(text)
    return (
        f"'{shown}" if text.startswith(_FORMULA) or shown.lstrip().startswith(_FORMULA) else shown
    )


def shown(cell: Cell, decimals: int = 2) -> str:
    """A value as people read it; nothing for None and for what is not finite."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return f"{cell:.{decimals}f}" if math.isfinite(cell) else ""
    return clean(cell)


def column_shown(cells: Sequence[Cell]) -> list[str]:
    """The cells of a column, its numbers with as many decimals as suit their size."""
    numbers = [abs(c) for c in cells if isinstance(c, float) and math.isfinite(c)]
    if all(number.is_integer() for number in numbers):
        decimals = 0
    else:
        largest = max(numbers)
        decimals = 0 if largest >= 1000 else 4 if largest <= 1.5 else 2
    return [shown(cell, decimals) for cell in cells]


def is_number(cell: Cell) -> bool:
    """Whether a cell is a number; yes and no are words."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)
