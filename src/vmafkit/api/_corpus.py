"""The verb `corpus`: fill a corpus with measured trials."""

from __future__ import annotations

import os
import shlex
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vmafkit import encoders, fsio, settings
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._words import model_of, raw_geometry
from vmafkit.decide.space import kept_bytes, sweep_bytes
from vmafkit.decide.sweep import Cell, Grid, Known, Scoring, plan_sweep
from vmafkit.decide.values import parse_values
from vmafkit.decide.workers import trial_bytes, worker_count
from vmafkit.errors import UsageError
from vmafkit.execute.encode import encode_words
from vmafkit.execute.events import OnEvent, ignore
from vmafkit.execute.machine import free_memory_bytes
from vmafkit.execute.rows import Run
from vmafkit.execute.space import ensure_space
from vmafkit.execute.sweep import SweepResult, run_sweep
from vmafkit.execute.toolchain import require_working, toolchain
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.capabilities import Capabilities, read_capabilities
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.media.hashing import content_hash
from vmafkit.media.probe import open_source
from vmafkit.proc import Limits
from vmafkit.schema.corpus import CorpusRow
from vmafkit.scoring.backend import find_backend
from vmafkit.scoring.metrics import feature_or_metric
from vmafkit.scoring.vmaf_models import model_key
from vmafkit.store.corpus_file import CorpusFile, latest, refuse_unwritable
from vmafkit.store.hashes import StoredHashes
from vmafkit.store.trials import TrialStore

_STRAY_AGE_S = 3600.0


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep that is ready to run.

    Attributes:
        cells: in order.
        commands: the ffmpeg command that encodes each cell, as one would type it.
        capabilities: of the ffmpeg that runs them.
    """

    cells: tuple[Cell, ...]
    commands: tuple[str, ...]
    capabilities: Capabilities


def plan_corpus(
    sources: Sequence[str | Path],
    *,
    encoder: Sequence[str] = ("libx264",),
    preset: Sequence[str] = (),
    crf: Sequence[str] = (),
    enc: Sequence[str] = (),
    model: Sequence[str] = (),
    feature: Sequence[str] = (),
    display: tuple[int, int] | None = None,
    subsample: int = 1,
    allow_hdr: bool = False,
    threads: int = 1,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
    ffmpeg_bin: str | Path | None = None,
    score_backend: str = "auto",
    vmaf_binary: str | Path | None = None,
    output: str | Path | None = None,
    timeout_s: float | None = None,
) -> SweepPlan:
    """The cells of sources x encoders x presets x quality values, checked before any work.

    Args:
        sources: videos; raw YUV needs width and height.
        encoder: names or aliases.
        preset: words of the encoders; empty for each one's default.
        crf: values, lists and ranges on the encoders' own knobs, such as `18:40:2`.
        enc: `k=v` options of the encoder.
        model: ids or `path=FILE`; the first is the row's score.
        feature: of libvmaf, or a metric such as `xpsnr`.
        threads: of each encode, at least 1; results depend on it.
        score_backend: `auto`, `engine`, `libvmaf` or `vmaf-binary`; a part of each trial's key.
        vmaf_binary: libvmaf's own tool, which then scores.
        output: the corpus file that the rows are meant for, to be checked with the rest.
        timeout_s: bound on each ffmpeg that is asked what it can do, in seconds.

    Raises:
        UsageError, InputError, ToolMissing: something named is wrong or not here.
        OutputError: the output could not be written.
    """
    if threads < 1:
        raise UsageError(f"--threads {threads} is below 1")
    if subsample < 1:
        raise UsageError(f"--subsample {subsample} is below 1")
    _check_timeout(timeout_s)
    capabilities = read_capabilities(find_ffmpeg(ffmpeg_bin), timeout_s=timeout_s)
    raw = raw_geometry(width, height, pix_fmt, framerate)
    hashes = StoredHashes(settings.cache_folder())
    known = [
        Known(source, content_hash(source.path, hashes))
        for source in (open_source(path, raw=raw) for path in sources)
    ]
    grid = Grid(
        encoders=tuple(encoders.get(name) for name in _split(encoder)),
        presets=tuple(_split(preset)),
        qualities=parse_values(crf, "--crf"),
        options=tuple(enc),
        threads=threads,
    )
    for each in grid.encoders:
        require_working(capabilities, each, timeout_s=timeout_s)
    backend = find_backend(score_backend, vmaf_binary)
    models = tuple(model_of(name) for name in model)
    scoring = Scoring(
        models=models,
        model_keys=tuple(model_key(each) for each in models),
        features=tuple(feature_or_metric(name) for name in _split(feature)),
        display=display,
        subsample=subsample,
        allow_hdr=allow_hdr,
        backend=backend,
    )
    if output is not None:
        _refuse_output(Path(output).absolute(), {each.source.path for each in known})
    cells = plan_sweep(
        known, grid, scoring, lambda each: toolchain(capabilities, each, timeout_s=timeout_s)
    )
    program = Path(capabilities.path)
    return SweepPlan(cells, tuple(_command(program, cell) for cell in cells), capabilities)


def corpus(
    plan: SweepPlan,
    output: str | Path,
    *,
    keep_encodes: bool = False,
    encode_dir: str | Path | None = None,
    workers: int | None = None,
    timeout_s: float | None = None,
    report: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> SweepResult:
    """Run a plan and append its rows to a JSON Lines file; cells already there are skipped.

    Args:
        output: the corpus file; an existing one is continued.
        keep_encodes: keep every encode, in `encode_dir` or in `encodes` beside the output.
        workers: trials at once; None for as many as cores and memory allow.
        timeout_s: bound on each ffmpeg process, in seconds.
        report: an HTML file to write, of every row of the corpus file.

    Raises:
        UsageError: the output is one of the sources.
        OutputError, StoreError: the output or the store cannot be written.
        Cancelled: stopped; a later call goes on where this one was.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} is below 1", hint="leave it out for the default")
    _check_timeout(timeout_s)
    path = Path(output).absolute()
    sources = {cell.source.path for cell in plan.cells}
    _refuse_output(path, sources)
    page = prepare_report(report, [path, *sources])
    corpus_file = CorpusFile(path)
    folder = _encode_folder(path, keep_encodes, encode_dir, plan)
    workers = workers or _workers(plan)
    _ensure_space(plan, corpus_file, folder, workers)
    threads = plan.cells[0].spec.threads
    with (
        TrialStore(settings.cache_folder()) as store,
        fsio.scratch_folder(within=settings.scratch_room()) as scratch,
    ):
        bench = Bench(
            program=Path(plan.capabilities.path),
            version=plan.capabilities.version,
            store=store,
            score_threads=threads,
            limits=Limits(wall_s=timeout_s),
            cancel=cancel or threading.Event(),
            scratch=scratch,
        )
        done = run_sweep(
            bench,
            plan.cells,
            corpus_file,
            Run(uuid.uuid4().hex, plan.capabilities.version),
            workers=workers,
            keep_in=folder,
            on_event=on_event,
        )
    if page is not None:
        # The report's curves need scipy, which takes longer to load than a known cell costs.
        from vmafkit.report.from_records import corpus_report

        data = corpus_report(latest(corpus_file.rows()), title=path.name, commands=plan.commands)
        write_report(page, data)
    return done


def export(corpus_file: str | Path, output: str | Path) -> int:
    """Write a corpus as Parquet, CSV or JSON Lines by the output's suffix; returns the rows.

    Nested columns become JSON text in CSV.

    Raises:
        UsageError: another suffix, or the output is the corpus itself.
        Unreadable, StoreCorrupt, SchemaTooNew: the corpus cannot be read.
        OutputError: the output cannot be written.
    """
    from vmafkit.store.corpus_file import read_corpus
    from vmafkit.store.export import export_rows

    source, target = Path(corpus_file), Path(output)
    fsio.refuse_same_file(target, [source])
    return export_rows(read_corpus(source), target)


def read_corpus(path: str | Path) -> list[CorpusRow]:
    """Every row of a corpus file, of this schema version and all before it.

    Raises:
        Unreadable, StoreCorrupt, SchemaTooNew.
    """
    from vmafkit.store.corpus_file import read_corpus as read

    return read(Path(path))


def _check_timeout(timeout_s: float | None) -> None:
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g} is not above 0")


def _refuse_output(path: Path, sources: set[Path]) -> None:
    fsio.refuse_same_file(path, sources)
    refuse_unwritable(path)


def _encode_folder(
    output: Path, keep: bool, encode_dir: str | Path | None, plan: SweepPlan
) -> Path | None:
    if not keep and encode_dir is None:
        return None
    folder = Path(encode_dir).absolute() if encode_dir else output.parent / "encodes"
    fsio.ensure_output_folder(folder, "--encode-dir")
    fsio.remove_strays(folder, older_than_s=_STRAY_AGE_S)
    sources = {cell.source.path for cell in plan.cells}
    for cell in plan.cells:
        kept = folder / cell.file_name
        if os.path.lexists(kept):
            fsio.refuse_same_file(kept, sources)
    return folder


def _ensure_space(
    plan: SweepPlan, corpus_file: CorpusFile, folder: Path | None, workers: int
) -> None:
    done = corpus_file.done_keys()
    todo = [cell for cell in plan.cells if cell.spec.key not in done]
    ensure_space(settings.scratch_room(), sweep_bytes(todo, workers), "this sweep")
    if folder is not None:
        ensure_space(folder, kept_bytes(todo), "keeping every encode")


def _workers(plan: SweepPlan) -> int:
    largest = max(
        trial_bytes(*max(cell.spec.display, cell.source.display_size), cell.source.bit_depth)
        for cell in plan.cells
    )
    return worker_count(
        settings.core_count(),
        plan.cells[0].spec.threads,
        free_bytes=free_memory_bytes(),
        trial_bytes=largest,
    )


def _command(program: Path, cell: Cell) -> str:
    return shlex.join((str(program), *encode_words(cell, Path(cell.file_name))))


def _split(words: Sequence[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",") if part.strip()]
