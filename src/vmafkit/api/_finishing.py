"""Runs a ready search, verifies it on the whole source, and makes the final file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from vmafkit import fsio
from vmafkit.api._searching import Ready
from vmafkit.decide.prior import KnownRow, bits_per_pixel
from vmafkit.decide.samples import full
from vmafkit.errors import ResultInvalid
from vmafkit.execute.events import OnEvent, ignore
from vmafkit.execute.final import Final, make_final
from vmafkit.execute.search import Found, Setup, known_probes, run_search, run_widening
from vmafkit.execute.streams import Streams
from vmafkit.execute.trial import run_trial
from vmafkit.media.hashing import show
from vmafkit.schema.recommendation import OutputRecord
from vmafkit.scoring.vmaf_models import TABLE

# More points than these teach the prior nothing new.
_MOST_ROWS = 60
# Windows give a curve near that of the whole source, but not the same.
_OF_WINDOWS = "windows"


@dataclass(frozen=True, slots=True)
class Finished:
    """A final file, and how its video came about.

    Attributes:
        encoded_again: no probe's file was at hand.
        encode_s: CPU seconds of that encode.
    """

    final: Final
    encoded_again: bool
    encode_s: float

    def record(self) -> OutputRecord:
        """What users and programs read of it."""
        return output_record(self.final, encoded_again=self.encoded_again)


def output_record(final: Final, *, encoded_again: bool) -> OutputRecord:
    """What users and programs read of a final file."""
    return OutputRecord(
        path=show(final.path),
        size_bytes=final.size_bytes,
        video_bytes=final.video_bytes,
        carried=final.carried,
        dropped=list(final.dropped),
        encoded_again=encoded_again,
    )


def widening_search(
    ready: Ready,
    setup: Setup,
    rows: Sequence[KnownRow],
    on_event: OnEvent = ignore,
    *,
    start: float | None = None,
) -> Found:
    """The search on the source's samples, from `start` where something has to be measured."""
    new_search = ready.new_search(setup.encoder, setup.preset, rows=rows)
    return run_widening(setup, new_search, ready.weights, ready.tolerance, on_event, start)


def verify(ready: Ready, found: Found, on_event: OnEvent = ignore) -> Found:
    """Go on from a decision on windows until it holds on the whole source.

    The setting found is measured on the whole source; if it misses there, or meets by more than
    the tolerance, the search goes on from that point.
    """
    before = found.setup
    whole = full(ready.source.frame_count)
    setup = replace(before, samples=whole, keep=before.bench.scratch)
    new_search = ready.new_search(setup.encoder, setup.preset, rows=rows_of(ready, found))
    return run_search(setup, new_search, known_probes(setup), on_event, found.decision.quality)


def finish(found: Found, streams: Streams, output: Path, on_event: OnEvent = ignore) -> Finished:
    """Make the final file of a decision that was measured on the whole source."""
    setup, quality = found.setup, found.decision.quality
    if quality is None or not setup.samples.is_full or setup.bench.scratch is None:
        raise ResultInvalid("only what was measured on the whole source is made into a file")
    cell = setup.cells(quality)[0]
    measured = found.measured[quality]
    video = measured.path
    again = video is None or not video.is_file()
    if video is None or again:
        video = setup.bench.scratch / f"{cell.spec.key}.{cell.encoder.container}"
        run_trial(setup.bench, cell, keep=video)
    final = make_final(setup.bench, cell, video, streams, output, on_event=on_event)
    fsio.remove(video)
    return Finished(final, again, measured.encode_s if again else 0.0)


def rows_of(ready: Ready, found: Found) -> list[KnownRow]:
    """The probes of a search as rows for the prior of another search of this source."""
    setup = found.setup
    preset = setup.preset if setup.samples.is_full else _OF_WINDOWS
    rows: list[KnownRow] = []
    for measured in found.measured.values():
        probe = measured.probe
        common = KnownRow(
            setup.encoder.name,
            preset,
            probe.quality,
            None,
            bits_per_pixel=bits_per_pixel(probe.bitrate_kbps, ready.pixel_rate) or None,
        )
        rows.append(common)
        rows += [
            replace(
                common, score=score, metric=target.metric, statistic=target.statistic,
                model=target.model, bits_per_pixel=None,
            )
            for target, score in zip(setup.targets, probe.scores, strict=True)
        ]  # fmt: skip
    return rows


def stored_rows(ready: Ready, setup: Setup) -> list[KnownRow]:
    """What the store knows of this source from other searches and sweeps, the newest last."""
    records = setup.bench.store.find(source_sha256=ready.known.sha256)
    rows: list[KnownRow] = []
    for record in records[-_MOST_ROWS:]:
        facts = cast("dict[str, Any]", json.loads(record.row_json))
        same = (record.encoder, record.preset) == (setup.encoder.name, setup.preset)
        if same or facts.get("window") != "full" or json.loads(record.spec_json)["scale"]:
            continue
        rows += _rows_of_facts(facts)
    return rows


def _rows_of_facts(facts: dict[str, Any]) -> list[KnownRow]:
    pixels = facts["width"] * facts["height"] * facts["source_frame_count"]
    common = KnownRow(
        facts["encoder"],
        facts["preset"],
        float(facts["crf"]),
        None,
        bits_per_pixel=facts["video_bits"] / pixels if pixels else None,
    )
    scores = cast("dict[str, dict[str, float]]", facts.get("scores") or {})
    return [common] + [
        replace(common, score=pooled["mean"], model=model, bits_per_pixel=None)
        for model, pooled in scores.items()
        if model in TABLE and "mean" in pooled
    ]
