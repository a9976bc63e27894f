"""The verb `recommend`: the cheapest setting that meets a target, measured."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vmafkit.api._finishing import (
    Finished,
    finish,
    rows_of,
    stored_rows,
    verify,
    widening_search,
)
from vmafkit.api._from_corpus import recommend_from_corpus
from vmafkit.api._pictures import Seen, seen_of
from vmafkit.api._recommendation import dry_record, found_record, predicted_record
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._searching import Goal, Ready, Sampling, means_of, prepare
from vmafkit.decide.expect import expect
from vmafkit.encoders import Encoder
from vmafkit.errors import UsageError
from vmafkit.execute.events import OnEvent, ignore
from vmafkit.execute.final import prepare_output
from vmafkit.execute.search import Found, Setup
from vmafkit.execute.streams import Streams
from vmafkit.schema.recommendation import Recommendation


def recommend(
    source: str | Path | None = None,
    *,
    encoder: str = "libx264",
    preset: str | None = None,
    target: Sequence[str] = (),
    target_vmaf: float | None = None,
    model: str | None = None,
    enc: Sequence[str] = (),
    max_bitrate: str | None = None,
    max_size: str | None = None,
    max_encoded_percent: str | None = None,
    tolerance: float | None = None,
    strategy: str = "interpolate",
    probes_at_once: int = 1,
    samples: int | None = None,
    sample_duration_s: float | None = None,
    full: bool = False,
    proxy_preset: str | None = None,
    from_corpus: str | Path | None = None,
    predict_only: bool = False,
    output: str | Path | None = None,
    report: str | Path | None = None,
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
    dry_run: bool = False,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> Recommendation:
    """Find the cheapest setting that meets every target within the caps, by measuring.

    Args:
        source: a video; may be None with `from_corpus`.
        target: `93`, `vmaf:p5>=90`, `xpsnr>=42`; all must hold. Without one the caps alone
            count, and the best quality within them is found.
        max_bitrate, max_size, max_encoded_percent: such as `2.5M`, `700M`, `80`; of the video.
        tolerance: overshoot that is good enough, in the first target's unit.
        probes_at_once: settings measured side by side; more probes in fewer rounds.
        samples, sample_duration_s, full: so many windows of so many seconds, or all of it.
        proxy_preset: a faster preset for the first look; the answer is measured all the same.
        from_corpus: decide from the rows of a corpus file alone.
        predict_only: measure nothing, say what is expected.
        output: the final file, .mkv or .mp4; written when the whole source meets the target.
        report: an HTML file to write; not with `dry_run`.
        threads: of each encode; results depend on it.

    Returns:
        The record. Where `met` is false it holds the best attempt, the probes and the reason.

    Raises:
        UsageError, InputError, OutputError, ToolMissing, ToolFailed, ResultInvalid, StoreError,
        Cancelled.
    """
    goal = Goal(
        tuple(target), target_vmaf, model, max_bitrate, max_size, max_encoded_percent, tolerance
    )
    page = prepare_report(report, [each for each in (source, output, from_corpus) if each])
    if from_corpus is not None:
        _only_rows(output, predict_only, proxy_preset)
        return _told(page, recommend_from_corpus(Path(from_corpus), source, encoder, preset, goal))
    means = means_of(
        enc=enc, threads=threads, workers=workers, allow_hdr=allow_hdr, ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout_s, geometry=(width, height, pix_fmt, framerate),
        score_backend=score_backend, vmaf_binary=vmaf_binary,
    )  # fmt: skip
    sampling = Sampling(samples, sample_duration_s, full)
    ready = prepare(
        source, goal, sampling, means,
        strategy=strategy, probes_at_once=probes_at_once, cancel=cancel,
    )  # fmt: skip
    chosen, words = _presets(ready, encoder, preset, proxy_preset)
    if predict_only:
        return _told(page, _predicted(ready, chosen, words))
    target_file = Path(output).absolute() if output is not None else None
    streams = prepare_output(target_file, ready.source) if target_file else None
    with ready.bench() as bench:
        keep = bench.scratch if target_file else None
        setup = ready.setup(bench, chosen, words, ready.samples, keep=keep)
        if dry_run:
            return dry_record(ready, setup)
        found, seen = _search(
            ready, setup, proxy_preset, (target_file, streams), on_event, look=page is not None
        )
    return _told(page, found, seen)


def _told(page: Path | None, found: Recommendation, seen: Seen | None = None) -> Recommendation:
    if page is not None:
        from vmafkit.report.from_records import recommendation_report

        seen = seen or Seen()
        data = recommendation_report(found, frames=seen.frames, pictures=seen.pictures)
        write_report(page, data)
    return found


def _presets(
    ready: Ready, encoder: str, preset: str | None, proxy_preset: str | None
) -> tuple[Encoder, str]:
    chosen = ready.encoder(encoder)
    if proxy_preset is not None:
        chosen.check_preset(proxy_preset)
    return chosen, chosen.check_preset(preset or chosen.default_preset)


def _predicted(ready: Ready, encoder: Encoder, preset: str) -> Recommendation:
    expected = expect(
        ready.prior(encoder, preset), ready.targets, ready.caps, ready.source.duration_s
    )
    reason = "predicted, not measured"
    if not expected.reaches:
        reason += "; no setting is expected to reach it"
    return predicted_record(
        ready,
        encoder,
        preset,
        quality=expected.quality,
        predicted={
            "scores": list(expected.scores),
            "score_intervals": [list(ends) for ends in expected.score_intervals],
            "bitrate_kbps": expected.bitrate_kbps,
            "bitrate_interval": list(expected.bitrate_interval),
            "interval_level": 0.9,
            "reaches": expected.reaches,
        },
        reason=reason,
    )


def _only_rows(output: object, predict_only: bool, proxy_preset: object) -> None:
    for flag, given in (
        ("--output", output is not None),
        ("--predict-only", predict_only),
        ("--proxy-preset", proxy_preset is not None),
    ):
        if given:
            raise UsageError(f"--from-corpus measures nothing and contradicts {flag}")


def _search(
    ready: Ready,
    setup: Setup,
    proxy_preset: str | None,
    output: tuple[Path | None, Streams | None],
    on_event: OnEvent,
    *,
    look: bool,
) -> tuple[Recommendation, Seen]:
    rows = stored_rows(ready, setup)
    proxy = None
    if proxy_preset is not None and proxy_preset != setup.preset:
        proxy = widening_search(
            ready, replace(setup, preset=proxy_preset, keep=None), rows, on_event
        )
        rows = [*rows, *rows_of(ready, proxy)]
    found = widening_search(ready, setup, rows, on_event)
    sampled: Found | None = None
    path, streams = output
    if path is not None and found.decision.met and not found.setup.samples.is_full:
        sampled, found = found, verify(ready, found, on_event)
    final: Finished | None = None
    if path is not None and streams is not None and found.decision.met:
        final = finish(found, streams, path, on_event)
    record = found_record(ready, found, sampled=sampled, proxy=proxy, final=final)
    best = found.decision.best_attempt
    if not look or best is None or not found.setup.samples.is_full:
        return record, Seen()
    return record, seen_of(found.setup, best.quality, final.final.path if final else None)
