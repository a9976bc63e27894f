"""Draws rate against quality from a corpus, as an SVG of its own.

vmaf-tune corpus VIDEO --encoder libx264 --preset medium --crf 18:38:4 -o corpus.jsonl
python benchmarks/rate_quality.py corpus.jsonl docs/figures/rate_quality.svg "title" "credit"
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import vmafkit

WIDTH_PX, HEIGHT_PX = 720, 420
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 64, 150, 48, 76
COLOURS = ("#1f77b4", "#d95f02", "#1b7837", "#7b3294", "#a6761d")
TICKS_KBPS = (100, 200, 500, 1000, 2000, 5000, 10000, 20000)

Curves = dict[str, list[tuple[float, float, float]]]


def curves(path: Path) -> Curves:
    """(kbps, score, CRF) of every whole row, by encoder and preset, in order of rate."""
    points: dict[str, dict[float, tuple[float, float, float]]] = defaultdict(dict)
    for row in vmafkit.read_corpus(path):
        if row.exit_status == 0 and row.bitrate_kbps and row.vmaf_score is not None:
            name = f"{row.encoder.removeprefix('lib')} {row.preset}"
            points[name][row.crf] = (row.bitrate_kbps, row.vmaf_score, row.crf)
    return {name: sorted(each.values()) for name, each in points.items()}


class Drawing:
    """The frame of the figure: logarithmic rate across, score upwards."""

    def __init__(self, made: Curves) -> None:
        every = [point for each in made.values() for point in each]
        rates, scores = [point[0] for point in every], [point[1] for point in every]
        self.lo, self.hi = math.log(min(rates) / 1.15), math.log(max(rates) * 1.15)
        self.bottom = math.floor(min(scores) / 10) * 10
        self.root = ET.Element(
            "svg",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH_PX} {HEIGHT_PX}",
            attrib={"font-family": "sans-serif", "font-size": "13"},
        )
        self.add("rect", width=WIDTH_PX, height=HEIGHT_PX, fill="#ffffff")

    def add(self, tag: str, text: str = "", **words: object) -> ET.Element:
        """One element; `_` in a word's name stands for `-`."""
        attributes = {name.replace("_", "-"): _short(value) for name, value in words.items()}
        element = ET.SubElement(self.root, tag, attributes)
        element.text = text or None
        return element

    def x(self, kbps: float) -> float:
        """Pixels from the left."""
        share = (math.log(kbps) - self.lo) / (self.hi - self.lo)
        return LEFT_PX + share * (WIDTH_PX - LEFT_PX - RIGHT_PX)

    def y(self, score: float) -> float:
        """Pixels from the top."""
        share = (score - self.bottom) / (100 - self.bottom)
        return HEIGHT_PX - BOTTOM_PX - share * (HEIGHT_PX - TOP_PX - BOTTOM_PX)

    def axes(self) -> None:
        """Grid lines, their numbers and the names of the axes."""
        left, right = LEFT_PX, WIDTH_PX - RIGHT_PX
        floor = HEIGHT_PX - BOTTOM_PX
        for score in range(self.bottom, 101, 10):
            y = self.y(score)
            self.add("path", d=f"M{left} {_short(y)}H{right}", stroke="#dddddd")
            self.add("text", str(score), x=left - 8, y=y + 4, text_anchor="end", fill="#333333")
        for kbps in TICKS_KBPS:
            if self.lo <= math.log(kbps) <= self.hi:
                x = self.x(kbps)
                self.add("path", d=f"M{_short(x)} {TOP_PX}V{floor}", stroke="#eeeeee")
                self.add("text", str(kbps), x=x, y=floor + 18, text_anchor="middle", fill="#333333")
        self.add(
            "text", "video bitrate in kbps (log)", x=(left + right) / 2, y=floor + 38,
            text_anchor="middle", fill="#333333",
        )  # fmt: skip
        self.add("text", "VMAF", x=left - 8, y=TOP_PX - 12, text_anchor="end", fill="#333333")

    def curve(self, name: str, points: Iterable[tuple[float, float, float]], colour: str) -> None:
        """One encoder's line, its points and its name at the upper end."""
        placed = [(self.x(kbps), self.y(score), crf) for kbps, score, crf in points]
        words = " ".join(f"{_short(x)},{_short(y)}" for x, y, _ in placed)
        self.add("polyline", points=words, fill="none", stroke=colour, stroke_width=2)
        for x, y, crf in placed:
            dot = self.add("circle", cx=x, cy=y, r=3.5, fill=colour)
            ET.SubElement(dot, "title").text = f"{name}, CRF {crf:g}"


def _short(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def draw(made: Curves, title: str, credit: str) -> str:
    """The figure as text."""
    drawing = Drawing(made)
    drawing.axes()
    drawing.add("text", title, x=LEFT_PX, y=20, font_size=15, fill="#111111")
    drawing.add("text", credit, x=LEFT_PX, y=HEIGHT_PX - 12, font_size=11, fill="#666666")
    for index, (name, points) in enumerate(sorted(made.items())):
        colour, y = COLOURS[index % len(COLOURS)], TOP_PX + 14 + 22 * index
        drawing.curve(name, points, colour)
        x = WIDTH_PX - RIGHT_PX + 14
        drawing.add("rect", x=x, y=y - 9, width=14, height=4, fill=colour)
        drawing.add("text", name, x=x + 20, y=y, fill="#111111")
    ET.indent(drawing.root)
    return ET.tostring(drawing.root, encoding="unicode") + "\n"


def main() -> None:
    """Read a corpus, write the figure."""
    corpus, target, title, credit = sys.argv[1:]
    made = curves(Path(corpus))
    Path(target).write_text(draw(made, title, credit), "utf-8")
    for name, points in sorted(made.items()):
        for kbps, score, crf in points:
            print(f"{name:18} CRF {crf:4g}  {kbps:8.1f} kbps  VMAF {score:6.2f}")


if __name__ == "__main__":
    main()
