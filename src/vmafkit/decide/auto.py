"""Plans `auto`: candidates with what is expected of each, and which one to run.

The winner is the cheapest candidate that is expected to reach every target within the caps; else
the one that is expected to reach the targets with the least beyond the caps; else the best
expected quality. Ties go to fewer bits, then to the higher rung, then to the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vmafkit.decide.expect import Expected
from vmafkit.decide.target import Caps, Target
from vmafkit.schema.auto_plan import PlanCell, Winner

# A source of so many lines is watched on smaller screens too.
LARGE_LINES = 2160
_RUNGS = (1440, 1080, 720)
_DIGITS = 4
_NOT_KNOWN = "nothing is known of scaled encodes before they are measured"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoder, preset and size that could be used.

    Attributes:
        codec: ffmpeg's name of the encoder.
        knob: of its quality.
        size: (width, height) of the encode.
        expected: None where nothing can be said before measuring.
        crf: the setting to start from.
        origin: what the estimates come from.
    """

    codec: str
    preset: str
    knob: str
    size: tuple[int, int]
    expected: Expected | None
    crf: float
    origin: str


def rungs(size: tuple[int, int], multiple: int = 2) -> tuple[tuple[int, int], ...]:
    """The sizes to consider: the source's own, and smaller ones of a large source.

    Args:
        size: (width, height) of the source.
        multiple: that both sides are rounded to.
    """
    width, height = size
    found = [size]
    if height >= LARGE_LINES:
        for lines in _RUNGS:
            across = round(width * lines / height / multiple) * multiple
            found.append((across, lines))
    return tuple(found)


def plan(
    candidates: Sequence[Candidate], targets: Sequence[Target], caps: Caps, duration_s: float
) -> tuple[list[PlanCell], Winner]:
    """The cells in the order of the candidates, one of them selected, and why."""
    known = [place for place, each in enumerate(candidates) if each.expected is not None]
    best: int | None = None
    if known:
        best = min(known, key=lambda place: _rank(candidates[place], targets, caps, duration_s))
    cells = [
        _cell(place, each, targets, caps, duration_s, selected=place == best)
        for place, each in enumerate(candidates)
    ]
    return cells, _winner(best, cells, candidates, targets, caps, duration_s)


def _over(expected: Expected, caps: Caps, duration_s: float) -> float:
    """How far beyond the caps an estimate is, in octaves; 0 within them."""
    kbps = expected.bitrate_kbps
    return max(0.0, caps.excess(kbps, kbps * duration_s * 125.0) - 1.0)


def _reaches(expected: Expected, targets: Sequence[Target]) -> bool:
    return all(t.met_by(s) for t, s in zip(targets, expected.scores, strict=True))


def _rank(
    each: Candidate, targets: Sequence[Target], caps: Caps, duration_s: float
) -> tuple[object, ...]:
    expected = each.expected
    assert expected is not None
    over = _over(expected, caps, duration_s)
    ties = (expected.bitrate_kbps, -each.size[1], each.codec, each.preset)
    if _reaches(expected, targets):
        return (0 if over == 0.0 else 1, over, *ties)
    margins = [t.margin(s) for t, s in zip(targets, expected.scores, strict=True)]
    return (2, -min(margins), *ties)


def _cell(
    place: int,
    each: Candidate,
    targets: Sequence[Target],
    caps: Caps,
    duration_s: float,
    *,
    selected: bool,
) -> PlanCell:
    expected = each.expected
    first = expected.scores[0] if expected and expected.scores else None
    ends = expected.score_intervals[0] if expected and expected.score_intervals else None
    within = expected is not None and _over(expected, caps, duration_s) == 0.0
    return PlanCell(
        cell_index=place,
        rung=each.size[1],
        width=each.size[0],
        height=each.size[1],
        codec=each.codec,
        preset=each.preset,
        quality_knob=each.knob,
        crf=each.crf,
        estimated_vmaf=_round(first),
        estimated_vmaf_interval=_rounded(ends),
        estimated_bitrate_kbps=_round(expected.bitrate_kbps if expected else None),
        estimated_bitrate_interval=_rounded(expected.bitrate_interval if expected else None),
        estimated_scores=_rounded(expected.scores if expected else ()) or [],
        prediction_source=each.origin,
        expected_to_reach=expected is not None and _reaches(expected, targets) and within,
        why=_why(expected, targets, caps, duration_s),
        selected=selected,
    )


def _why(
    expected: Expected | None, targets: Sequence[Target], caps: Caps, duration_s: float
) -> str:
    if expected is None:
        return _NOT_KNOWN
    words: list[str] = []
    for target, score in zip(targets, expected.scores, strict=True):
        verb = "expected to reach" if target.met_by(score) else "expected to miss"
        words.append(f"{verb} {target}")
    if caps:
        inside = _over(expected, caps, duration_s) == 0.0
        words.append(f"expected {'within' if inside else 'beyond'} {caps}")
    return ", ".join(words)


def _winner(
    best: int | None,
    cells: Sequence[PlanCell],
    candidates: Sequence[Candidate],
    targets: Sequence[Target],
    caps: Caps,
    duration_s: float,
) -> Winner:
    expected = candidates[best].expected if best is not None else None
    if best is None or expected is None:
        return Winner(
            status="none", cell_index=None, codec=None, preset=None, crf=None, rung=None,
            estimated_vmaf=None, estimated_bitrate_kbps=None, quality_margin=None,
            budget_margin_kbps=None, reason="no codec can be used",
        )  # fmt: skip
    cell = cells[best]
    over = _over(expected, caps, duration_s)
    margins = [t.margin(s) for t, s in zip(targets, expected.scores, strict=True)]
    if not _reaches(expected, targets):
        status, reason = "expected_short", "no codec is expected to reach the target; the nearest"
    elif over:
        status, reason = "expected_over_budget", "expected to reach the target, but not the caps"
    else:
        status, reason = "expected", "the fewest bits of those expected to reach the target"
    cap_kbps = caps.max_bitrate_kbps
    return Winner(
        status=status,
        cell_index=best,
        codec=cell.codec,
        preset=cell.preset,
        crf=cell.crf,
        rung=cell.rung,
        estimated_vmaf=cell.estimated_vmaf,
        estimated_bitrate_kbps=cell.estimated_bitrate_kbps,
        quality_margin=_round(margins[0]) if margins else None,
        budget_margin_kbps=_round(cap_kbps - expected.bitrate_kbps) if cap_kbps else None,
        reason=f"{reason}; an estimate, to be measured with --execute",
    )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _rounded(values: Sequence[float] | None) -> list[float] | None:
    return None if values is None else [round(value, _DIGITS) for value in values]
