"""The verb `auto`: plan what to encode, and on request encode, score and correct it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmafkit import encoders, fsio
from vmafkit.api._executing import execute_cell, setup_of
from vmafkit.api._pictures import Seen, seen_of
from vmafkit.api._recommendation import command_of
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._searching import Goal, Ready, Sampling, means_of, prepare
from vmafkit.decide.auto import Candidate, plan, rungs
from vmafkit.decide.expect import expect
from vmafkit.encoders import Encoder
from vmafkit.errors import UsageError, VmafkitError
from vmafkit.execute.auto import ResultsFile, made_path
from vmafkit.execute.events import Event, OnEvent, ignore
from vmafkit.media.hashing import show
from vmafkit.schema.auto_plan import AutoPlan, PlanCell, PlanMetadata, TuneResult
from vmafkit.version import __version__

if TYPE_CHECKING:
    from vmafkit.report.data import FramePair

DEFAULT_CODECS = ("libx264", "libx265", "libsvtav1")


@dataclass(frozen=True, slots=True)
class AutoRun:
    """A plan and what was executed of it.

    Attributes:
        plan: the same for the same source and words, whatever was executed.
        results: rows of the executed cells, also those that an earlier run made.
        skipped: how many of them were done already.
        commands: the ffmpeg command of each encode that was made.
        frames: scores of all frames of the selected cell's encode; empty where not known.
        pictures: its worst frames; taken for a report alone.
    """

    plan: AutoPlan
    results: tuple[TuneResult, ...] = ()
    skipped: int = 0
    commands: tuple[str, ...] = ()
    frames: tuple[float, ...] = ()
    pictures: tuple[FramePair, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every executed cell was measured to reach the target."""
        return bool(self.results) and all(row.met for row in self.results)

    def record(self) -> dict[str, Any]:
        """The plan, or the plan with the rows, as one JSON-ready object."""
        if not self.results:
            return self.plan.record()
        rows = [row.model_dump(mode="json") for row in self.results]
        return {"type": "auto", "met": self.met, "plan": self.plan.record(), "results": rows}


def auto(
    source: str | Path | None = None,
    *,
    target: Sequence[str] = (),
    target_vmaf: float | None = None,
    model: str | None = None,
    allow_codecs: Sequence[str] = (),
    preset: Sequence[str] = (),
    max_bitrate: str | None = None,
    max_size: str | None = None,
    max_encoded_percent: str | None = None,
    tolerance: float | None = None,
    strategy: str = "interpolate",
    probes_at_once: int = 1,
    samples: int | None = None,
    sample_duration_s: float | None = None,
    full: bool = False,
    execute: bool = False,
    execute_all: bool = False,
    runs_dir: str | Path = "runs",
    output: str | Path | None = None,
    allow_hdr: bool = False,
    threads: int = 1,
    workers: int | None = None,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
    ffmpeg_bin: str | Path | None = None,
    score_backend: str = "auto",
    vmaf_binary: str | Path | None = None,
    timeout_s: float | None = None,
    report: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> AutoRun:
    """Plan codec, preset and setting for a target; with `execute` also encode and score it.

    Args:
        target: as in `recommend`; at least one, or `target_vmaf`.
        allow_codecs: encoders to choose from; empty for x264, x265 and SVT-AV1.
        preset: words of the encoders; each goes to those that have it.
        execute, execute_all: the selected cell, or every cell. The search goes on from the
            plan's setting until a measurement of the whole source reaches the target, or none
            can.
        runs_dir: gets the encodes and `tune_results.jsonl`; what is there already is not redone.
        output: a file for the plan.
        report: an HTML file to write: the plan, and what was measured.

    Raises:
        UsageError, InputError, OutputError, ToolMissing, StoreError, Cancelled; failures of one
        cell become its row.
    """
    goal = Goal(
        tuple(target), target_vmaf, model, max_bitrate, max_size, max_encoded_percent, tolerance
    )
    page = prepare_report(report, [each for each in (source, output) if each])
    means = means_of(
        enc=(), threads=threads, workers=workers, allow_hdr=allow_hdr, ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout_s, geometry=(width, height, pix_fmt, framerate),
        score_backend=score_backend, vmaf_binary=vmaf_binary,
    )  # fmt: skip
    sampling = Sampling(samples, sample_duration_s, full)
    ready = prepare(
        source, goal, sampling, means,
        strategy=strategy, probes_at_once=probes_at_once, cancel=cancel,
    )  # fmt: skip
    if not ready.targets:
        raise UsageError("auto needs a quality target", hint="give --target 93")
    made = _plan(ready, allow_codecs, preset)
    if output is not None:
        fsio.refuse_same_file(Path(output), [ready.source.path])
        fsio.write_atomic(Path(output).absolute(), made.text(), user_output=True)
    done = AutoRun(made)
    if execute or execute_all:
        wanted = [cell for cell in made.cells if execute_all or cell.selected]
        done = _execute(
            ready, made, wanted, Path(runs_dir).absolute(), on_event, look=page is not None
        )
    if page is not None:
        from vmafkit.report.from_auto import auto_report

        data = auto_report(
            done.plan, done.results, commands=done.commands, frames=done.frames,
            pictures=done.pictures,
        )  # fmt: skip
        write_report(page, data)
    return done


def _execute(
    ready: Ready,
    made: AutoPlan,
    wanted: Sequence[PlanCell],
    folder: Path,
    on_event: OnEvent,
    *,
    look: bool,
) -> AutoRun:
    results = ResultsFile(folder)
    rows: list[TuneResult] = []
    commands: list[str] = []
    seen = Seen()
    skipped = 0
    with ready.bench() as bench:
        for cell in wanted:
            name = {"cell_index": cell.cell_index, "codec": cell.codec, "preset": cell.preset}
            on_event(Event("cell-started", name))
            row, was_done = execute_cell(ready, bench, cell, results, on_event)
            skipped += was_done
            rows.append(row)
            if row.encode_path is not None:
                setup = setup_of(ready, bench, cell)
                commands.append(command_of(setup, row.crf))
                if cell.selected:
                    path = made_path(row.encode_path) if was_done else Path(row.encode_path)
                    seen = seen_of(setup, row.crf, path if look else None)
            on_event(
                Event("cell-finished", {**name, "met": row.met, "skipped": was_done,
                                        "encode_path": row.encode_path, "error": row.error})
            )  # fmt: skip
    return AutoRun(made, tuple(rows), skipped, tuple(commands), seen.frames, seen.pictures)


def _plan(ready: Ready, allow_codecs: Sequence[str], presets: Sequence[str]) -> AutoPlan:
    asked = [part for word in allow_codecs for part in word.replace(" ", "").split(",") if part]
    wanted = [part for word in presets for part in word.replace(" ", "").split(",") if part]
    skipped: list[dict[str, str]] = []
    chosen = _codecs(ready, asked, skipped)
    _check_presets(chosen, wanted)
    candidates = [each for encoder in chosen for each in _candidates(ready, encoder, wanted)]
    cells, winner = plan(candidates, ready.targets, ready.caps, ready.source.duration_s)
    return AutoPlan(
        cells=cells,
        metadata=PlanMetadata(
            src=show(ready.source.path),
            src_sha256=ready.known.sha256,
            targets=[str(target) for target in ready.targets],
            caps=str(ready.caps),
            model=ready.models[0].id,
            allow_codecs=[encoder.name for encoder in chosen],
            skipped=skipped,
            source_meta=_source_meta(ready),
            versions={"vmafkit": __version__, "ffmpeg": ready.capabilities.version},
            notes=_notes(ready),
            winner=winner,
        ),
    )


def _codecs(ready: Ready, asked: list[str], skipped: list[dict[str, str]]) -> list[Encoder]:
    """Those asked for, all of which must work here; else the usual ones that do."""
    found: dict[str, Encoder] = {}
    for name in asked or DEFAULT_CODECS:
        try:
            encoder = ready.encoder(name) if asked else encoders.get(name)
            ready.capabilities.require_encoder(encoder.name)
            encoder.check_pix_fmt(ready.source.pix_fmt)
            found[encoder.name] = encoder
        except VmafkitError as error:
            if asked:
                raise
            skipped.append({"codec": name, "why": error.sentence()})
    if not found:
        raise UsageError("no codec can be used", hint="name others with --allow-codecs")
    return list(found.values())


def _check_presets(chosen: Sequence[Encoder], wanted: Sequence[str]) -> None:
    for word in wanted:
        if not any(word in encoder.presets for encoder in chosen):
            chosen[0].check_preset(word)


def _candidates(ready: Ready, encoder: Encoder, wanted: Sequence[str]) -> list[Candidate]:
    own = [word for word in wanted if word in encoder.presets] or [encoder.default_preset]
    source = ready.source
    found: list[Candidate] = []
    for preset in own:
        prior = ready.prior(encoder, preset)
        expected = expect(prior, ready.targets, ready.caps, source.duration_s)
        family = "fitted curves" if prior.family else "wide guess"
        origin = f"{family} and source features" if prior.factors else family
        for size in rungs(source.display_size, encoder.size_multiple_px):
            known = size == source.display_size
            found.append(
                Candidate(
                    codec=encoder.name,
                    preset=preset,
                    knob=encoder.quality.knob,
                    size=size,
                    expected=expected if known else None,
                    crf=expected.quality,
                    origin=origin if known else "none",
                )
            )
    return found


def _source_meta(ready: Ready) -> dict[str, Any]:
    source = ready.source
    return {
        "width": source.display_size[0],
        "height": source.display_size[1],
        "framerate": str(source.framerate),
        "is_vfr": source.is_vfr,
        "frame_count": source.frame_count,
        "duration_s": round(source.duration_s, 6),
        "pix_fmt": source.pix_fmt,
        "bitrate_kbps": round(source.bitrate_kbps, 3),
        "is_hdr": source.hdr.kind != "sdr",
        "hdr": source.hdr.kind,
        "mastering_display": source.hdr.mastering_display,
        "max_cll": source.hdr.max_cll,
        "max_fall": source.hdr.max_fall,
        "color_range": source.color.range,
        "color_primaries": source.color.primaries,
        "color_transfer": source.color.transfer,
        "color_matrix": source.color.matrix,
        "sampled": not ready.samples.is_full,
        "window": ready.samples.word(),
    }


def _notes(ready: Ready) -> list[str]:
    notes: list[str] = []
    if ready.source.hdr.kind != "sdr":
        notes.append("the models are made for SDR video: --execute needs --allow-hdr")
    if ready.source.is_vfr:
        notes.append("the frame rate varies: frames are matched by number and keep their times")
    return notes
