"""The verb `verify`: run a sample of a corpus again and compare."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vmafkit import encoders, fsio, settings
from vmafkit.decide.sweep import Cell, Grid, Known, Scoring, make_cell
from vmafkit.decide.verify import Checked, compare_facts, pick, subsample_of, version_differences
from vmafkit.errors import (
    Cancelled,
    CapabilityMissing,
    InputError,
    OutputError,
    StoreError,
    ToolMissing,
    Unreadable,
    UsageError,
    VmafkitError,
)
from vmafkit.execute.rows import Run, row_of
from vmafkit.execute.toolchain import toolchain
from vmafkit.execute.trial import Bench, run_trial
from vmafkit.ffmpeg.capabilities import Capabilities, read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.hashing import content_hash, show
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry, Source
from vmafkit.media.window import Window, whole
from vmafkit.proc import Limits
from vmafkit.schema.corpus import CorpusRow
from vmafkit.scoring.backend import Backend, find_backend
from vmafkit.scoring.vmaf_models import VmafModel, model_by_id, model_key
from vmafkit.store.corpus_file import latest, read_corpus
from vmafkit.store.trials import TrialStore

OnChecked = Callable[[Checked, int, int], None]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it.

    Attributes:
        path: the corpus file.
        rows: measured rows that it holds.
        checked: the sample, each row with its outcome.
    """

    path: Path
    rows: int
    checked: tuple[Checked, ...]

    @property
    def holds(self) -> bool:
        """Every row of the sample came out the same."""
        return all(each.outcome == "same" for each in self.checked)

    def record(self) -> dict[str, Any]:
        """The result as one JSON-ready object."""
        return {
            "type": "verified",
            "corpus": str(self.path),
            "holds": self.holds,
            "measured_rows": self.rows,
            "sample": len(self.checked),
            "outcomes": dict(Counter(each.outcome for each in self.checked)),
            "rows": [each.record() for each in self.checked],
        }


def verify(
    corpus_file: str | Path,
    *,
    sample: int = 5,
    seed: int = 0,
    tolerance: float = 1e-4,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    cancel: threading.Event | None = None,
    on_event: Callable[[Checked, int, int], None] | None = None,
) -> Verification:
    """Encode and score a sample of a corpus's rows again, without the store, and compare.

    Bytes and bits have to be equal and scores within the tolerance. A difference comes with the
    versions that differ, which may explain it.

    Args:
        corpus_file: JSON Lines.
        sample: rows to check; 0 for every measured row.
        seed: equal seeds pick equal rows.
        tolerance: largest difference of a score, in points.
        timeout_s: bound on each ffmpeg process, in seconds.
        on_event: told of each row as it is done, with its number and how many there are.

    Raises:
        UsageError: a negative sample or tolerance.
        Unreadable, StoreCorrupt, SchemaTooNew: the corpus cannot be read, or nothing in it
            was measured.
        ToolMissing: there is no ffmpeg.
        StoreError: the cache folder cannot be written.
        Cancelled: stopped.
    """
    if sample < 0:
        raise UsageError(f"--sample {sample} is below 0", hint="0 checks every row")
    if not tolerance >= 0:
        raise UsageError(f"--tolerance {tolerance:g} is below 0")
    path = Path(corpus_file)
    rows = latest(read_corpus(path))
    measured = len(pick(rows, 0, seed))
    chosen = pick(rows, sample, seed)
    if not chosen:
        raise Unreadable(f"{path} holds no measured row", hint="run vmaf-tune corpus first")
    capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin))
    checked: list[Checked] = []
    with (
        fsio.scratch_folder(within=settings.scratch_room()) as scratch,
        TrialStore(scratch / "store") as store,
    ):
        bench = Bench(
            program=Path(capabilities.path),
            version=capabilities.version,
            store=store,
            score_threads=settings.core_count(),
            limits=Limits(wall_s=timeout_s),
            cancel=cancel or threading.Event(),
            scratch=scratch,
        )
        for number, row in enumerate(chosen, 1):
            checked.append(_check(bench, capabilities, row, tolerance))
            if on_event is not None:
                on_event(checked[-1], number, len(chosen))
    return Verification(path, measured, tuple(checked))


def _check(bench: Bench, capabilities: Capabilities, row: CorpusRow, tolerance: float) -> Checked:
    missing = _source_trouble(row)
    if missing is not None:
        return missing
    try:
        cell = _cell(capabilities, row)
        facts = run_trial(bench, cell).facts
    except (Cancelled, StoreError, OutputError):
        raise
    except VmafkitError as error:
        here = {"ffmpeg_version": capabilities.version}
        versions = version_differences(row, here)
        return Checked(row, "failed", versions=versions, message=error.sentence())
    again = row_of(cell, Run("", capabilities.version), facts, None)
    result = compare_facts(row, again.model_dump(), tolerance)
    if result.outcome == "differs" and row.argv and list(row.argv) != facts["argv"]:
        return replace(result, message="the encoder is given other words now")
    return result


def _source_trouble(row: CorpusRow) -> Checked | None:
    path = Path(row.src)
    try:
        # No hash of an earlier run is trusted here: the file itself is read.
        found = content_hash(path)
    except InputError as error:
        return Checked(row, "source-missing", message=error.sentence())
    if row.src_sha256 is not None and found != row.src_sha256:
        return Checked(
            row,
            "source-changed",
            message=f"{show(path)} does not hold the bytes that were measured",
        )
    return None


def _cell(capabilities: Capabilities, row: CorpusRow) -> Cell:
    encoder = encoders.get(row.encoder)
    source = _source(row)
    models = _models(row)
    scoring = Scoring(
        models=models,
        model_keys=tuple(model_key(model) for model in models),
        display=_display(row),
        subsample=subsample_of(row),
        allow_hdr=True,
        backend=_backend(row),
    )
    grid = Grid((encoder,), options=tuple(row.extra_params), threads=row.threads or 1)
    known = Known(source, row.src_sha256 or content_hash(source.path))
    setting = (encoder, row.preset or encoder.default_preset, row.crf)
    tools = toolchain(capabilities, encoder)
    return make_cell(known, setting, grid, scoring, tools, window=_window(row, source))


def _source(row: CorpusRow) -> Source:
    try:
        return open_source(Path(row.src))
    except UsageError:
        rate = Fraction(row.framerate).limit_denominator(1001)
        return open_source(Path(row.src), raw=RawGeometry(row.width, row.height, row.pix_fmt, rate))


def _models(row: CorpusRow) -> tuple[VmafModel, ...]:
    names = [row.vmaf_model or "", *(row.scores or {})]
    try:
        return tuple(dict.fromkeys(model_by_id(name) for name in names if name))
    except UsageError as error:
        raise ToolMissing(
            f"{error.message}: it came from a file, and a row does not hold the file",
            hint="rows of models that come with libvmaf can be verified",
        ) from None


def _backend(row: CorpusRow) -> Backend:
    """The row's own backend where it is here; else libvmaf, which the versions then tell."""
    if row.score_backend != "engine":
        return Backend()
    try:
        return find_backend("engine")
    except CapabilityMissing:
        return Backend()


def _display(row: CorpusRow) -> tuple[int, int] | None:
    if row.display_width is None or row.display_height is None:
        return None
    return row.display_width, row.display_height


def _window(row: CorpusRow, source: Source) -> Window:
    word = row.window or "full"
    if word == "full":
        return whole(source)
    start, _, frames = word.partition("+")
    if not (start.isdigit() and frames.isdigit()):
        raise Unreadable(f"the window {word!r} of a row is none", hint="write it as start+frames")
    return Window(int(start), int(frames))
