"""What a corpus row says against what the same trial gives when it is run again."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from vmafkit.schema.corpus import CORPUS_ROW_KEYS, V1_KEYS, CorpusRow
from vmafkit.scoring.features import TABLE, Feature
from vmafkit.scoring.vmaf_models import VmafModel
from vmafkit.store.spec import TrialSpec

Outcome = Literal["same", "differs", "source-missing", "source-changed", "failed"]

CLOSE = (
    "vmaf_score", "vmaf_min", "vmaf_harmonic_mean", "vmaf_p1", "vmaf_p5", "vmaf_p10",
    "vmaf_median", "vmaf_stddev",
)  # fmt: skip
TABLES = ("scores", "features")
VERSIONS = (
    "ffmpeg_version", "encoder_version", "libvmaf_version", "score_backend", "tool_version",
    "vmaf_binary_version",
)  # fmt: skip
# What running a trial again cannot tell, and why; every other column is compared.
NOT_COMPARED = {
    **dict.fromkeys(VERSIONS, "shown beside the differences, which they may explain"),
    **dict.fromkeys(("run_id", "timestamp"), "of one run"),
    **dict.fromkeys(("src", "encode_path"), "a place, which may have moved"),
    **dict.fromkeys(
        ("encode_time_ms", "score_time_ms", "encode_cpu_s", "score_cpu_s"), "never twice the same"
    ),
    "exit_status": "only rows that say 0 are run again",
    "model_note": "how the model came to be chosen",
    "score_backend_note": "what was built where it was measured",
    "schema_version": "of the file, which is read by it",
    "checksum": "of the line, which is checked when it is read",
}
# They hold the versions, so with other versions they have to differ.
_OF_VERSIONS = ("trial_key", "score_filter")
# All that a row of another tool tells of the result.
_MEASURED = (
    "encode_size_bytes",
    "bitrate_kbps",
    *CLOSE,
    *TABLES,
    "video_bits",
    "source_frame_count",
)
_ADDED = tuple(name for name in CORPUS_ROW_KEYS[len(V1_KEYS) :] if name not in NOT_COMPARED)
_MOST_KEYS = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """One column with two values.

    Attributes:
        name: of the column; `scores.<model>.<statistic>` and `features.<name>.<statistic>` too.
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


def compare_facts(
    row: CorpusRow, facts: Mapping[str, Any], tolerance: float, spec: TrialSpec
) -> Checked:
    """The row against the facts of the same trial, run again.

    Args:
        facts: columns of a row.
        tolerance: largest difference of a score or a feature.
        spec: of the trial that was run again.

    Returns: `same` or `differs`. Every column is compared that `NOT_COMPARED` does not name. Of a
        row without any column that this tool added, the measured ones are that it has.
    """
    versions = version_differences(row, facts)
    is_ours = any(getattr(row, name) is not None for name in _ADDED)
    found: list[Difference] = []
    for name in CORPUS_ROW_KEYS:
        recorded, now = getattr(row, name), facts.get(name)
        if name in NOT_COMPARED or (name in _OF_VERSIONS and versions):
            continue
        if not is_ours and (recorded is None or name not in _MEASURED):
            continue
        if name == "trial_key" and recorded in _keys(spec):
            continue
        if name in TABLES and recorded and now:
            found += _cells(name, recorded, now, tolerance, complete=not versions)
        elif not _agree(name, recorded, now, tolerance):
            found.append(Difference(name, recorded, now))
    return Checked(row, "differs" if found else "same", tuple(found), versions)


def is_trial(row: CorpusRow, spec: TrialSpec) -> bool:
    """Whether the row's key is that of the trial."""
    return row.trial_key is not None and row.trial_key in _keys(spec)


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


def features_of(row: CorpusRow, models: Sequence[VmafModel]) -> tuple[Feature, ...]:
    """The features that the row was scored by beside its models, in the table's order."""
    columns = row.features or {}
    own = {name for model in models for name in model.extractors}
    return tuple(
        each
        for each in TABLE.values()
        if each.name not in own and any(column in columns for column in each.columns)
    )


def _keys(spec: TrialSpec) -> Generator[str]:
    """The keys that the trial may have: a row does not tell the order its features had.

    Nor does it tell those that its models have too, or that were infinite on every frame.
    """
    yield spec.key
    if spec.toolchain.scorer.startswith("engine"):
        return
    beside = [name for name in TABLE if name not in spec.features]
    silent = [name for name in beside if TABLE[name].unbounded or name in ("vif", "adm", "motion")]
    orders = (
        order
        for count in range(len(silent) + 1)
        for more in itertools.combinations(silent, count)
        for order in itertools.permutations((*spec.features, *more))
    )
    for order in itertools.islice(orders, _MOST_KEYS):
        yield replace(spec, features=order).key


def _cells(
    table: str,
    recorded: Mapping[str, Mapping[str, float]],
    now: Mapping[str, Mapping[str, float]],
    tolerance: float,
    *,
    complete: bool,
) -> list[Difference]:
    """The cells of `scores` or `features` that differ.

    Args:
        complete: a cell that the row lacks is a difference too; another version may know more.
    """
    found: list[Difference] = []
    for name in dict.fromkeys((*recorded, *now)):
        ours, theirs = recorded.get(name, {}), now.get(name, {})
        for statistic in dict.fromkeys((*ours, *theirs)):
            old, new = ours.get(statistic), theirs.get(statistic)
            if old is None and not complete:
                continue
            if old is None or new is None or abs(old - new) > tolerance:
                found.append(Difference(f"{table}.{name}.{statistic}", old, new))
    return found


def _agree(name: str, recorded: Any, now: Any, tolerance: float) -> bool:
    if recorded is None or now is None:
        return recorded is now
    if name in CLOSE:
        return abs(recorded - now) <= tolerance
    if isinstance(now, float):
        return math.isclose(recorded, now, rel_tol=1e-6)
    return bool(recorded == now)


def _name(row: CorpusRow) -> str:
    return row.trial_key or f"{row.src} {row.encoder} {row.preset} {row.crf}"


def _values(difference: Difference) -> dict[str, Any]:
    return {
        "name": difference.name,
        "recorded": difference.recorded,
        "found": difference.found,
    }
