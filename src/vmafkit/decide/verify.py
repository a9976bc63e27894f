"""What a corpus row says against what the same trial gives when it is run again."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from vmafkit.schema.corpus import CorpusRow

Outcome = Literal["same", "differs", "source-missing", "source-changed", "failed"]

# Counts of an encode: the same program gives the same ones.
EXACT = ("encode_size_bytes", "video_bits", "source_frame_count")
CLOSE = (
    "bitrate_kbps", "vmaf_score", "vmaf_min", "vmaf_harmonic_mean", "vmaf_p1", "vmaf_p5",
    "vmaf_p10", "vmaf_median", "vmaf_stddev",
)  # fmt: skip
VERSIONS = (
    "ffmpeg_version", "encoder_version", "libvmaf_version", "score_backend", "tool_version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One column with two values.

    Attributes:
        name: of the column; `scores.<model>` for a further model's mean.
        recorded: what the row says.
        found: what is so now.
    """

    name: str
    recorded: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Checked:
    """One row of the sample.

    Attributes:
        outcome: `same`, `differs`, `source-missing`, `source-changed`, or `failed` when the
            trial could not be run again.
        differences: the measured columns that are not the same.
        versions: the versions that are not the same; they may explain the differences.
        message: why it could not be run; empty else.
    """

    row: CorpusRow
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    versions: tuple[Difference, ...] = ()
    message: str = ""

    def record(self) -> dict[str, Any]:
        """The result as JSON-ready values."""
        row = self.row
        return {
            "outcome": self.outcome,
            "trial_key": row.trial_key,
            "src": row.src,
            "encoder": row.encoder,
            "preset": row.preset,
            "crf": row.crf,
            "window": row.window or "full",
            "differences": [_values(each) for each in self.differences],
            "versions": [_values(each) for each in self.versions],
            "message": self.message,
        }


def pick(rows: Sequence[CorpusRow], sample: int, seed: int) -> list[CorpusRow]:
    """The measured rows to run again, in the order of the file.

    Args:
        rows: of a corpus file, one for each trial.
        sample: how many, at least 1; 0 for all.
        seed: equal seeds pick equal rows, whatever the order of the file.
    """
    measured = [row for row in rows if row.exit_status == 0 and row.vmaf_score is not None]
    if not sample or sample >= len(measured):
        return measured
    order = sorted(range(len(measured)), key=lambda index: (_name(measured[index]), index))
    chosen = random.Random(seed).sample(order, sample)
    return [measured[index] for index in sorted(chosen)]


def compare_facts(row: CorpusRow, facts: Mapping[str, Any], tolerance: float) -> Checked:
    """The row against the facts of the same trial, run again.

    Args:
        facts: columns of a row.
        tolerance: largest difference of a score, in points.

    Returns: `same` or `differs`. A column that the row leaves empty is not compared.
    """
    found: list[Difference] = []
    for name in (*EXACT, *CLOSE):
        recorded, now = getattr(row, name), facts.get(name)
        if recorded is not None and not _agree(name, recorded, now, tolerance):
            found.append(Difference(name, recorded, now))
    found += _models(row, facts, tolerance)
    outcome: Outcome = "differs" if found else "same"
    return Checked(row, outcome, tuple(found), version_differences(row, facts))


def version_differences(row: CorpusRow, facts: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The versions that the row and the facts both name, differently."""
    pairs = [(name, getattr(row, name), facts.get(name)) for name in VERSIONS]
    return tuple(Difference(*pair) for pair in pairs if None not in pair and pair[1] != pair[2])


def subsample_of(row: CorpusRow) -> int:
    """Every how many frames the row was scored; 1 where it does not say."""
    for step in (row.score_filter or "").split("; "):
        words = step.split()
        if words[:3] == ["one", "frame", "in"] and words[3:] and words[3].isdigit():
            return max(1, int(words[3]))
    return 1


def _models(row: CorpusRow, facts: Mapping[str, Any], tolerance: float) -> list[Difference]:
    again = cast("Mapping[str, Mapping[str, float]]", facts.get("scores") or {})
    found: list[Difference] = []
    for name, statistics in (row.scores or {}).items():
        recorded, now = statistics.get("mean"), again.get(name, {}).get("mean")
        if name == row.vmaf_model or recorded is None:
            continue
        if now is None or abs(recorded - now) > tolerance:
            found.append(Difference(f"scores.{name}", recorded, now))
    return found


def _agree(name: str, recorded: Any, now: Any, tolerance: float) -> bool:
    if now is None or name in EXACT:
        return bool(recorded == now)
    if name == "bitrate_kbps":
        return math.isclose(recorded, now, rel_tol=1e-6)
    return abs(recorded - now) <= tolerance


def _name(row: CorpusRow) -> str:
    return row.trial_key or f"{row.src} {row.encoder} {row.preset} {row.crf}"


def _values(difference: Difference) -> dict[str, Any]:
    return {
        "name": difference.name,
        "recorded": difference.recorded,
        "found": difference.found,
    }
