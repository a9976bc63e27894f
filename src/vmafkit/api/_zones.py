"""The verb `zones`: an encode whose bits are moved between frames or places, and proof of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from vmafkit import fsio
from vmafkit.api._finishing import output_record
from vmafkit.api._report import prepare_report, write_report
from vmafkit.api._searching import Goal, Ready, Sampling, means_of, prepare
from vmafkit.decide.samples import full
from vmafkit.decide.zones import parse_region, parse_zones, zone_lines
from vmafkit.errors import UsageError
from vmafkit.execute.events import OnEvent, ignore
from vmafkit.execute.final import Final, make_final, prepare_output
from vmafkit.execute.zones import Zoned, encode_zoned
from vmafkit.media.hashing import show
from vmafkit.schema.zones import RegionRecord, ZoneRecord, ZonesResult
from vmafkit.version import __version__

_MOST_FILE_BYTES = 1_000_000


def zones(
    source: str | Path | None = None,
    *,
    encoder: str = "libx264",
    preset: str | None = None,
    crf: float | None = None,
    zone: Sequence[str] = (),
    zones: str | Path | None = None,
    roi: Sequence[str] = (),
    enc: Sequence[str] = (),
    output: str | Path | None = None,
    allow_hdr: bool = False,
    threads: int = 1,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    framerate: str | None = None,
    ffmpeg_bin: str | Path | None = None,
    timeout_s: float | None = None,
    report: str | Path | None = None,
    cancel: threading.Event | None = None,
    on_event: OnEvent = ignore,
) -> ZonesResult:
    """Encode with and without zones and regions, and refuse what an encoder ignores.

    Zones are measured against the plain encode, before any region; regions against the encode
    with the zones alone, or against the plain one where there are none.

    Args:
        crf: of the encoder's quality knob; None for its default.
        zone: such as `0-50:q=40` (a fixed quantizer) or `0-50:b=0.5` (half the bits).
        zones: a file of these, one on a line.
        roi: such as `0,0,64,64,-0.3`: x, y, width, height, and an offset from -1 (best) to 1.
        output: the final file, .mkv or .mp4.
        report: an HTML file to write.

    Raises:
        CapabilityMissing: the encoder ignores zones or regions: not a bit is different.
        ResultInvalid: something changed, but not there, or the wrong way.
        UsageError, InputError, OutputError, ToolMissing, ToolFailed, StoreError, Cancelled.
    """
    page = prepare_report(report, [each for each in (source, output, zones) if each])
    means = means_of(
        enc=enc, threads=threads, workers=1, allow_hdr=allow_hdr, ffmpeg_bin=ffmpeg_bin,
        timeout_s=timeout_s, geometry=(width, height, pix_fmt, framerate),
    )  # fmt: skip
    # Nothing is scored; the target only satisfies what a search must have.
    ready = prepare(source, Goal(("psnr>=0",)), Sampling(full=True), means, cancel=cancel)
    words = [*zone, *(_lines(Path(zones)) if zones is not None else ())]
    parsed = parse_zones(words, ready.source.frame_count)
    regions = tuple(parse_region(word, *ready.source.display_size) for word in roi)
    if not parsed and not regions:
        raise UsageError("there is no zone and no region", hint="give --zone 0-50:q=40 or --roi")
    if regions and ready.source.rotation:
        raise UsageError("--roi does not work on a rotated video", hint="turn its frames first")
    chosen = ready.encoder(encoder)
    chosen_preset = chosen.check_preset(preset or chosen.default_preset)
    quality = chosen.check_quality(chosen.quality.default if crf is None else crf)
    path = Path(output).absolute() if output is not None else None
    streams = prepare_output(path, ready.source) if path else None
    with ready.bench() as bench:
        samples = full(ready.source.frame_count)
        cell = ready.setup(bench, chosen, chosen_preset, samples).cells(quality)[0]
        made = encode_zoned(bench, cell, parsed, regions, bench.scratch or Path())
        final = None
        if path is not None and streams is not None:
            final = make_final(bench, made.cell, made.path, streams, path, on_event=on_event)
        found = _record(ready, made, final)
    if page is not None:
        from vmafkit.report.from_zones import zones_report

        write_report(page, zones_report(found))
    return found


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MOST_FILE_BYTES:
            raise UsageError(f"--zones {show(path)} is too large to be a list of zones")
        return zone_lines(fsio.read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--zones {show(path)} cannot be read", detail=str(error)) from None


def _record(ready: Ready, made: Zoned, final: Final | None) -> ZonesResult:
    return ZonesResult(
        source=show(ready.source.path),
        encoder=made.cell.encoder.name,
        preset=made.cell.spec.preset,
        crf=made.cell.quality,
        zones=[
            ZoneRecord(
                zone=each.zone.word(),
                first_frame=each.zone.first_frame,
                last_frame=each.zone.last_frame,
                bits_plain=each.bits_plain,
                bits=each.bits,
                change_percent=100.0 * each.change,
            )
            for each in made.zones
        ],
        rois=[
            RegionRecord(
                roi=each.region.word(),
                inside_plain_db=each.inside_plain,
                inside_db=each.inside,
                outside_plain_db=each.outside_plain,
                outside_db=each.outside,
                gain_db=each.gain_db,
            )
            for each in made.regions
        ],
        video_bytes_plain=made.plain_bits // 8,
        video_bytes=made.bits // 8,
        change_percent=100.0 * (made.bits / made.plain_bits - 1.0),
        output=output_record(final, encoded_again=False) if final else None,
        command=[ready.capabilities.path, *made.words],
        versions={"vmafkit": __version__, "ffmpeg": ready.capabilities.version},
    )
