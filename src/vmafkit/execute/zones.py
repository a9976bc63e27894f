"""Encodes with and without zones and regions, and measures what they changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vmafkit.decide.sweep import Cell
from vmafkit.decide.zones import Region, RegionEffect, ZoneEffect, zone_effects
from vmafkit.encoders import EncodeSettings, Zone, encoder_options
from vmafkit.errors import CapabilityMissing, EncodeFailed, FrameCount, ResultInvalid
from vmafkit.execute.encode import accept_encode, encode_words
from vmafkit.execute.final import packet_hash
from vmafkit.execute.trial import Bench
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.media.demux import opened
from vmafkit.media.hashing import ensure_unchanged
from vmafkit.media.probe import open_source
from vmafkit.media.shots import open_video
from vmafkit.media.source import Source

_Luma = npt.NDArray[np.uint8]
_MOST_DB = 99.0


@dataclass(frozen=True, slots=True)
class Zoned:
    """An encode with zones and regions beside the plain one.

    Attributes:
        cell: of the zoned encode.
        path: its file.
        plain_bits, bits: of all video packets.
        zones: what each did to the plain encode, before any region.
        regions: what each did to the encode with the zones alone, or to the plain one.
        words: ffmpeg's words that made it.
    """

    cell: Cell
    path: Path
    plain_bits: int
    bits: int
    zones: tuple[ZoneEffect, ...]
    regions: tuple[RegionEffect, ...]
    words: tuple[str, ...]


def encode_zoned(
    bench: Bench, cell: Cell, zones: Sequence[Zone], regions: Sequence[Region], folder: Path
) -> Zoned:
    """Encode the whole source plain, then with the zones, then with the regions too.

    Each step is compared with the one before it, so neither zones nor regions can pass, or
    fail, for what the other did. The last step is the result.

    Args:
        cell: a trial of the whole source.
        folder: a private one.

    Raises:
        UsageError: the encoder has no zones.
        CapabilityMissing: the encoder ignores zones or regions: not a bit is different.
        ResultInvalid: something changed, but not in the zone or region, or the wrong way.
    """
    settings = EncodeSettings(
        preset=cell.spec.preset,
        quality=cell.quality,
        pix_fmt=cell.pix_fmt,
        extra=encoder_options(cell.options),
        threads=cell.spec.threads,
    )
    zoned = replace(
        cell, spec=replace(cell.spec, encode_argv=cell.encoder.argv(settings, tuple(zones)))
    )
    suffix = cell.encoder.container
    before = made = folder / f"plain.{suffix}"
    words = encode_words(cell, made)
    plain_source = made_source = _encode(bench, cell, words, made)
    moved: tuple[ZoneEffect, ...] = ()
    seen: tuple[RegionEffect, ...] = ()
    if zones:
        made = folder / f"zones.{suffix}"
        words = encode_words(zoned, made)
        made_source = _encode(bench, zoned, words, made)
        _ensure_different(cell, "zones", before, made)
        moved = zone_effects(zones, frame_bits(before), frame_bits(made))
        _ensure_done(cell, [effect.fault() for effect in moved])
        before = made
    if regions:
        made = folder / f"regions.{suffix}"
        words = _with_regions(encode_words(zoned, made), regions)
        made_source = _encode(bench, zoned, words, made)
        _ensure_different(cell, "regions", before, made)
        seen = region_effects(cell.source, before, made, regions)
        _ensure_done(cell, [effect.fault() for effect in seen])
    return Zoned(zoned, made, plain_source.video_bits, made_source.video_bits, moved, seen, words)


def frame_bits(path: Path) -> list[int]:
    """Bits of every frame of an encode, in the order of showing."""
    sizes: list[tuple[int, int]] = []
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                sizes.append((packet.pts, 8 * packet.size))
    return [bits for _, bits in sorted(sizes)]


def region_effects(
    source: Source, plain: Path, made: Path, regions: Sequence[Region]
) -> tuple[RegionEffect, ...]:
    """Luma PSNR inside and outside of each region, of both encodes against the source.

    Args:
        plain, made: encodes without and with the regions, the same in all else.
    """
    if not regions:
        return ()
    errors = np.zeros((len(regions), 2, 2))
    frames = 0
    with (
        open_video(source) as (container, stream),
        open_video(open_source(plain)) as (one, one_stream),
        open_video(open_source(made)) as (two, two_stream),
    ):
        pictures = (
            container.decode(stream), one.decode(one_stream), two.decode(two_stream)
        )  # fmt: skip
        for original, *encodes in zip(*pictures, strict=False):
            luma = _luma(original).astype(np.int32)
            frames += 1
            for which, encode in enumerate(encodes):
                square = (_luma(encode) - luma).astype(np.float64) ** 2
                for number, region in enumerate(regions):
                    part = square[
                        region.y : region.y + region.height, region.x : region.x + region.width
                    ]
                    errors[number, which] += part.sum(), square.sum() - part.sum()
    if frames != source.frame_count:
        raise FrameCount(f"{frames} frames were compared, not {source.frame_count}")
    size = source.width * source.height
    return tuple(
        RegionEffect(
            region,
            inside_plain=_psnr(errors[n, 0, 0], frames * region.width * region.height),
            inside=_psnr(errors[n, 1, 0], frames * region.width * region.height),
            outside_plain=_psnr(errors[n, 0, 1], frames * (size - region.width * region.height)),
            outside=_psnr(errors[n, 1, 1], frames * (size - region.width * region.height)),
        )
        for n, region in enumerate(regions)
    )


def _encode(bench: Bench, cell: Cell, words: tuple[str, ...], output: Path) -> Source:
    ensure_unchanged(cell.source)
    run_ffmpeg(
        bench.program, words, cwd=output.parent, failure=EncodeFailed,
        job=Job(cancel=bench.cancel, limits=bench.limits),
        what=f"{cell.encoder.name} on {cell.source.path.name}",
    )  # fmt: skip
    return accept_encode(output, cell.source.frame_count)


def _ensure_different(cell: Cell, what: str, before: Path, made: Path) -> None:
    if packet_hash(before) == packet_hash(made):
        raise CapabilityMissing(
            f"{cell.encoder.name} {cell.spec.preset} ignores {what}: the video is the same",
            hint="use libx264 or libx265 with a preset from veryfast on",
        )


def _ensure_done(cell: Cell, faults: Sequence[str]) -> None:
    told = "; ".join(fault for fault in faults if fault)
    if told:
        raise ResultInvalid(
            f"{cell.encoder.name} does not do what was asked for: {told}",
            hint="ask for more, or use libx264 or libx265",
        )


def _with_regions(words: tuple[str, ...], regions: Sequence[Region]) -> tuple[str, ...]:
    if not regions:
        return words
    at = words.index("-an")
    return (*words[:at], "-vf", ",".join(region.filter() for region in regions), *words[at:])


def _luma(frame: object) -> _Luma:
    from av.video.frame import VideoFrame

    assert isinstance(frame, VideoFrame)
    return np.asarray(frame.reformat(format="gray").to_ndarray(), dtype=np.uint8)


def _psnr(squares: float, samples: int) -> float:
    if not samples or squares <= 0.0:
        return _MOST_DB
    return min(_MOST_DB, 10.0 * float(np.log10(255.0**2 * samples / squares)))
