"""The verb `verify`: run a sample of a corpus again and compare."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vmafkit import encoders, fsio, settings
from vmafkit.decide.sweep import Cell, Grid, Known, Scoring, make_cell
from vmafkit.decide.verify import (
    Checked,
    compare_facts,
    features_of,
    is_trial,
    pick,
    subsample_of,
    version_differences,
)
from vmafkit.errors import (
    Cancelled,
    CapabilityMissing,
    InputError,
    OutputError,
    Refused,
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
from vmafkit.media import remote
from vmafkit.media.hashing import content_hash, show
from vmafkit.media.probe import open_source
from vmafkit.media.source import RawGeometry, Source
from vmafkit.media.window import Window, whole
from vmafkit.proc import Limits
from vmafkit.schema.corpus import CorpusRow
from vmafkit.scoring.backend import Backend, find_backend
from vmafkit.scoring.vmaf_models import VmafModel, model_by_id, model_key
from vmafkit.scoring.words import parse_model
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
    model: Sequence[str] = (),
    fetch: bool = False,
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
        model: `path=FILE` of each model of the rows that is a file. It is used for rows that name
            it and whose trial key has its hash.
        fetch: fetch the sources that rows name by a URL; a corpus of somebody else may name any.
        timeout_s: bound on each ffmpeg process, in seconds.
        on_event: told of each row as it is done, with its number and how many there are.

    Raises:
        UsageError: a negative sample or tolerance, or a model that is no `path=FILE`.
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
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g} is not above 0")
    files = _model_files(model)
    path = Path(corpus_file)
    rows = latest(read_corpus(path))
    measured = len(pick(rows, 0, seed))
    chosen = pick(rows, sample, seed)
    if not chosen:
        raise Unreadable(f"{path} holds no measured row", hint="run vmaf-tune corpus first")
    capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin), timeout_s=timeout_s)
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
            checked.append(_check(bench, capabilities, row, tolerance, files, fetch=fetch))
            if on_event is not None:
                on_event(checked[-1], number, len(chosen))
    return Verification(path, measured, tuple(checked))


def _model_files(words: Sequence[str]) -> dict[str, VmafModel]:
    found = [parse_model(word) for word in words]
    for word, model in zip(words, found, strict=True):
        if model.path is None:
            raise UsageError(
                f"--model {word} is no file",
                hint="write --model path=FILE; models that come with libvmaf are found by name",
            )
    files = {model.id: model for model in found}
    if len(files) != len(found):
        raise UsageError("two --model have the same name", hint="verify their rows one by one")
    return files


def _check(
    bench: Bench,
    capabilities: Capabilities,
    row: CorpusRow,
    tolerance: float,
    files: Mapping[str, VmafModel],
    *,
    fetch: bool,
) -> Checked:
    missing = _source_trouble(row, fetch=fetch)
    if missing is not None:
        return missing
    try:
        cell = _cell(capabilities, row, files, bench.limits.wall_s)
        _refuse_other_model(cell, row, capabilities.version)
        facts = run_trial(bench, cell).facts
    except (Cancelled, StoreError, OutputError):
        raise
    except VmafkitError as error:
        here = {"ffmpeg_version": capabilities.version}
        versions = version_differences(row, here)
        return Checked(row, "failed", versions=versions, message=error.sentence())
    again = row_of(cell, Run("", capabilities.version), facts, None)
    result = compare_facts(row, again.model_dump(), tolerance, cell.spec)
    if result.outcome == "differs" and row.argv and list(row.argv) != facts["argv"]:
        return replace(result, message="the encoder is given other words now")
    return result


def _source_trouble(row: CorpusRow, *, fetch: bool) -> Checked | None:
    if remote.is_url(row.src) and not fetch:
        said = f"{remote.shown(row.src)} was not fetched (--fetch fetches it)"
        return Checked(row, "source-missing", message=said)
    try:
        path = _place(row)
        # No hash of an earlier run is trusted here: the file itself is read.
        found = content_hash(path)
    except (InputError, UsageError, CapabilityMissing) as error:
        return Checked(row, "source-missing", message=error.sentence())
    if row.src_sha256 is not None and found != row.src_sha256:
        return Checked(
            row,
            "source-changed",
            message=f"{show(path)} does not hold the bytes that were measured",
        )
    return None


def _refuse_other_model(cell: Cell, row: CorpusRow, version: str) -> None:
    """A row holds the hash of a model's file in its key alone, together with the versions."""
    paths = [show(model.path) for model in cell.models if model.path]
    if paths and row.ffmpeg_version == version and not is_trial(row, cell.spec):
        raise Refused(
            f"{', '.join(paths)} is not the file that the row was scored with, by its trial key",
            hint="name that file with --model path=FILE",
        )


def _cell(
    capabilities: Capabilities,
    row: CorpusRow,
    files: Mapping[str, VmafModel],
    timeout_s: float | None,
) -> Cell:
    encoder = encoders.get(row.encoder)
    source = _source(row)
    models = _models(row, files)
    scoring = Scoring(
        models=models,
        model_keys=tuple(model_key(model) for model in models),
        features=features_of(row, models),
        display=_display(row),
        subsample=subsample_of(row),
        allow_hdr=True,
        backend=_backend(row),
    )
    grid = Grid((encoder,), options=tuple(row.extra_params), threads=row.threads or 1)
    known = Known(source, row.src_sha256 or content_hash(source.path))
    setting = (encoder, row.preset or encoder.default_preset, row.crf)
    tools = toolchain(capabilities, encoder, timeout_s=timeout_s)
    return make_cell(known, setting, grid, scoring, tools, window=_window(row, source))


def _place(row: CorpusRow) -> Path:
    """Where the row's source lies; one behind a URL is fetched, if the row has its hash."""
    if not remote.is_url(row.src):
        return Path(row.src)
    if row.src_sha256 is None:
        raise Unreadable(f"the row has no src_sha256, by which to know {remote.shown(row.src)}")
    return remote.fetch(row.src, settings.cache_folder(), sha256=row.src_sha256)


def _source(row: CorpusRow) -> Source:
    path = _place(row)
    try:
        return open_source(path)
    except UsageError:
        rate = Fraction(row.framerate).limit_denominator(1001)
        return open_source(path, raw=RawGeometry(row.width, row.height, row.pix_fmt, rate))


def _models(row: CorpusRow, files: Mapping[str, VmafModel]) -> tuple[VmafModel, ...]:
    names = [row.vmaf_model or "", *(row.scores or {})]
    try:
        return tuple(dict.fromkeys(files.get(name) or model_by_id(name) for name in names if name))
    except UsageError as error:
        raise ToolMissing(
            f"{error.message}: it came from a file, and a row does not hold the file",
            hint="name that file with --model path=FILE",
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
