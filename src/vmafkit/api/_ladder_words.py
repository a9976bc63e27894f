"""The words of `vmaf-tune ladder`, turned into a rule, values and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from vmafkit.decide.rungs import Axis, RungRule
from vmafkit.decide.spread import spread_values
from vmafkit.decide.values import parse_values
from vmafkit.encoders import Encoder
from vmafkit.errors import UsageError
from vmafkit.execute.package import KINDS, Kind

Spacing = Literal["vmaf", "log_bitrate", "uniform", "list"]
TEXTS = ("markdown", "csv", "json")
_VALUES = 13
_TIERS = 5
_LEAST_QUALITY, _ENOUGH = 30.0, 95.0
_FEWEST_VALUES = 3


def rule_of(
    spacing: Spacing,
    step: float | None,
    qualities: tuple[float, ...],
    tiers: int | None,
    bitrates: tuple[float, ...],
    limits: tuple[float | None, float | None, float | None, float | None],
) -> RungRule:
    """The rule that the flags say.

    Args:
        limits: lowest and highest bitrate in kbps, least quality, and enough of it; None for
            the usual ones.

    Raises:
        UsageError: they contradict each other, or are no numbers.
    """
    _check_ways(spacing, step, qualities, tiers, bitrates)
    _check_limits(limits, qualities, bitrates)
    lowest, highest, least, most = limits
    rule = RungRule(
        min_kbps=lowest or 0.0,
        max_kbps=math.inf if highest is None else highest,
        min_quality=_LEAST_QUALITY if least is None else least,
        max_quality=_ENOUGH if most is None else most,
    )
    if qualities:
        floor = rule.min_quality if least is not None else min(rule.min_quality, *qualities)
        return replace(
            rule, spacing="targets", qualities=qualities, min_quality=floor, max_quality=None
        )
    if bitrates or spacing == "list":
        # Bitrates that were asked for by name are given whatever quality they have.
        return replace(rule, spacing="list", bitrates_kbps=bitrates, min_quality=least or 0.0,
                       max_quality=most)  # fmt: skip
    if tiers is not None or spacing == "uniform":
        axes: dict[str, Axis] = {"log_bitrate": "log_bitrate", "uniform": "bitrate"}
        axis = axes.get(spacing, "quality")
        return replace(rule, spacing="even", count=_TIERS if tiers is None else tiers, axis=axis)
    return replace(rule, spacing="quality" if spacing == "vmaf" else "bitrate", step=step)


def _check_ways(
    spacing: Spacing,
    step: float | None,
    qualities: tuple[float, ...],
    tiers: int | None,
    bitrates: tuple[float, ...],
) -> None:
    """Refuse flags that choose rungs in different ways."""
    ways = {
        "--target-vmafs": bool(qualities),
        "--quality-tiers": tiers is not None,
        "--rungs-kbps": bool(bitrates),
        "--step": step is not None,
    }
    given = [flag for flag, is_given in ways.items() if is_given]
    fitting = {
        "vmaf": set(ways),
        "log_bitrate": {"--quality-tiers", "--step"},
        "uniform": {"--quality-tiers"},
        "list": {"--rungs-kbps"},
    }[spacing]
    if not fitting.issuperset(given):
        given.append(f"--spacing {spacing}")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} choose rungs in different ways", hint="give one")
    if step is not None and not math.isfinite(step):
        raise UsageError(f"--step {step:g} is not a number")


def _check_limits(
    limits: tuple[float | None, float | None, float | None, float | None],
    qualities: tuple[float, ...],
    bitrates: tuple[float, ...],
) -> None:
    """Refuse limits that are no numbers, or that something asked for lies outside of."""
    flags = ("--min-kbps", "--max-kbps", "--min-quality", "--max-quality")
    for flag, limit in zip(flags, limits, strict=True):
        if limit is not None and not (math.isfinite(limit) and limit >= 0):
            raise UsageError(
                f"{flag} {limit:g} is not a number of at least 0", hint="leave it out for the usual"
            )
    lowest, highest, least, most = limits
    floor = _LEAST_QUALITY if least is None else least
    enough = _ENOUGH if most is None else most
    if (least is not None or most is not None) and floor > enough:
        raise UsageError(f"--min-quality {floor:g} is above --max-quality {enough:g}")
    for flag, limit, word, asked in (
        ("--min-kbps", lowest, "--rungs-kbps", min(bitrates, default=math.inf)),
        ("--min-quality", least, "--target-vmafs", min(qualities, default=math.inf)),
    ):
        if limit is not None and asked < limit:
            raise UsageError(f"{word} {asked:g} is below {flag} {limit:g}", hint="leave one out")
    for flag, limit, word, asked in (
        ("--max-kbps", highest, "--rungs-kbps", max(bitrates, default=-math.inf)),
        ("--max-quality", most, "--target-vmafs", max(qualities, default=-math.inf)),
    ):
        if limit is not None and asked > limit:
            raise UsageError(f"{word} {asked:g} is above {flag} {limit:g}", hint="leave one out")


def numbers(words: Sequence[str], flag: str) -> tuple[float, ...]:
    """Numbers above 0. Raises: UsageError."""
    found = parse_values(words, flag)
    for value in found:
        if value <= 0:
            raise UsageError(f"{flag} {value:g} is not above 0")
    return found


def values_of(encoder: Encoder, words: Sequence[str]) -> tuple[float, ...]:
    """The values of the knob to choose from, rising. Raises: UsageError."""
    values = parse_values(words, "--crf") or spread_values(encoder, _VALUES)
    if len(values) < _FEWEST_VALUES:
        raise UsageError(
            f"--crf names {len(values)} values; a ladder needs {_FEWEST_VALUES} at least",
            hint="write 18:42:3, or leave it out",
        )
    for value in values:
        encoder.check_quality(value)
    return tuple(sorted(values))


def gop_frames_of(segment_s: float, framerate: Fraction) -> int:
    """Frames of one segment. Raises: UsageError."""
    if not (math.isfinite(segment_s) and 0 < segment_s <= 60):
        raise UsageError(
            f"--segment-duration {segment_s:g} is not above 0 and at most 60", hint="4 is usual"
        )
    # A group is never shorter than asked for; 1e-6 keeps 24000/1001 x 4.004 at 96.
    return max(1, math.ceil(segment_s * float(framerate) - 1e-6))


def split(words: Sequence[str]) -> list[str]:
    """The words of lists, in lower case."""
    return [part.strip().lower() for word in words for part in word.split(",") if part.strip()]


def kinds_of(words: Sequence[str], output: Path | None) -> tuple[Kind, ...]:
    """The packages to make. Raises: UsageError."""
    named = split(words)
    for word in named:
        if word not in (*KINDS, *TEXTS):
            raise UsageError(
                f"--format {word} is none", hint=f"one of: {', '.join((*KINDS, *TEXTS))}"
            )
    kinds: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind in named)
    if kinds and output is None:
        raise UsageError(f"--format {kinds[0]} needs a folder", hint="name a new one as --output")
    if kinds or output is None:
        return kinds
    return KINDS
